"""The server that `serve` runs: a socket, uvicorn, a banner."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

from flowise_mock.control.guard import is_loopback
from flowise_mock.engine import private_api, seed
from flowise_mock.server import garbage
from flowise_mock.server.build import Mock, Options, build

if TYPE_CHECKING:
    import uvicorn


SWITCH = 0.001
"""Seconds that a thread beside the event loop works on while that waits; a request may wait several times."""


GENERATIONS = (50_000, 2, 1000)
"""Thresholds of garbage collection. Requests leave nothing for it; 10,000 streams have a million objects."""
STOP = 3.0
"""Seconds from a signal to the end of the process, whatever its threads still do: all of it is in memory."""


class ServerError(Exception):
    """The server cannot start; the message says why and what to do."""


def run(options: Options) -> None:
    """Serve until SIGINT or SIGTERM. Raises ServerError if the address is not available."""
    sys.setswitchinterval(SWITCH)
    gc.disable()  # what is built stays until the end, and need not be looked at again
    try:
        mock = build(options)
        gc.freeze()
        garbage.keep_short()
    finally:
        gc.enable()
        gc.set_threshold(*GENERATIONS)
    bound = listen(options.host, options.port)
    for line in banner(options, mock, bound.getsockname()[1]):
        print(line, flush=True)
    logging.basicConfig(level=options.log_level.upper(), format="%(message)s")
    logging.getLogger("flowise_mock.access").setLevel("INFO" if options.access_log else "WARNING")
    server = make_server(mock)
    private_api.stop_on_signal(server, partial(_stop, mock))
    if options.stop_at_eof:
        threading.Thread(target=_stop_at_eof, daemon=True).start()
    server.run(sockets=[bound])


def make_server(mock: Mock) -> uvicorn.Server:
    """A uvicorn server for a mock, with the limits of its options, ready to run."""
    import uvicorn

    from flowise_mock.engine.http_protocol import Protocol
    from flowise_mock.engine.server_profile import server_profile
    from flowise_mock.engine.unsent import Outbox

    options = mock.options
    config = uvicorn.Config(
        mock.app,
        http=partial(  # type: ignore[arg-type]
            Protocol,
            limits=options.limits,
            stalled=set(),
            outbox=Outbox(),
            bare=server_profile(mock.contract).bare_refusals,
        ),
        ws="none",
        log_config=None,
        log_level="warning" if options.log_level == "info" else options.log_level,
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    return uvicorn.Server(config)


def _stop(mock: Mock) -> None:
    """End the streams now, and the process soon: Python would wait for threads that read a large body."""
    mock.streams.close()
    timer = threading.Timer(STOP, os._exit, (0,))
    timer.daemon = True
    timer.start()


def _stop_at_eof() -> None:
    """Stop this process when its standard input ends. os.read, because sys.stdin is locked while it reads."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    os.kill(os.getpid(), signal.SIGTERM)


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Raises ServerError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(2048)
    except (OSError, OverflowError) as error:
        bound.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise ServerError(f"cannot listen on {host}:{port}: {reason}; choose another --port") from None
    return bound


def banner(options: Options, mock: Mock, port: int) -> list[str]:
    """The text printed at the start: address, contract, operations, seed, key, and an example that works."""
    host = f"[{options.host}]" if ":" in options.host else options.host
    base = f"http://{host}:{port}"
    records = f"{mock.records} records of {options.seed}" if options.seed else "empty"
    key = (options.keys or [seed.DEFAULT_KEY])[0]
    header = "" if options.open else f' -H "Authorization: Bearer {key}"'
    return [
        f"flowise-mock on {base}/api/v1, contract {options.contract}, {mock.operations} operations",
        f"  seed  {records}",
        f"  key   {'not required' if options.open else key}",
        f"  try   curl{header} {base}/api/v1/chatflows",
        f"  docs  {base}/docs",
        *_exposure(options),
    ]


def _exposure(options: Options) -> list[str]:
    """A line about who can reach a server that other machines can."""
    if is_loopback(options.host):
        return []
    control = "needs the token" if options.control_token else "answers this machine only"
    if not options.control:
        control = "is off"
    return [f"  note  other machines can reach this server, by any host name; the control API {control}"]
