"""The relay in a process of its own, so that judging and recording never hold up a byte.

Standard output has the messages of `exchange.py`: `ready` with the port, `exchange`, `notice` with a text,
and `lost` with the number of exchanges that were dropped because the reader is too slow. The end of
standard input ends the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from flowise_mock.proxy import exchange
from flowise_mock.proxy.exchange import Exchange
from flowise_mock.proxy.relay import Relay
from flowise_mock.proxy.upstream import Upstream, UpstreamError, is_own

MAX_WAITING = 256 * 1024 * 1024
"""Bytes of messages that wait for the reader; more are dropped and counted."""


class RelayProcess:
    """Starts the relay, and reads what it reports. `port` is the one that it listens on."""

    def __init__(self, upstream: Upstream, host: str = "127.0.0.1", port: int = 0) -> None:
        options = {"upstream": vars(upstream), "host": host, "port": port}
        command = [sys.executable, "-m", __name__, json.dumps(options)]
        self._process = subprocess.Popen(  # noqa: S603 - this module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        assert self._process.stdout is not None
        self._stream = self._process.stdout
        first = exchange.unpacked(self._stream)  # type: ignore[arg-type]  # typeshed: IO, not BinaryIO
        if first is None or first[0] != "ready":
            self.stop()
            raise UpstreamError(first[1]["text"] if first else "the relay did not start")
        self.port: int = first[1]["port"]

    def messages(self) -> Iterator[tuple[str, dict[str, Any], list[bytes]]]:
        """The messages of the relay, until it ends."""
        while (message := exchange.unpacked(self._stream)) is not None:  # type: ignore[arg-type]  # as above
            yield message

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than by `stop`."""
        return self._process.poll() != 0

    def stop(self) -> None:
        """End the relay: it cuts what is open, and reports it."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def wait(self, seconds: float = 5.0) -> None:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()


# --- the process itself ------------------------------------------------------------------------------


class Reporter:
    """Writes messages to standard output without waiting for its reader."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport
        self._dropped = 0

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, sys.stdout.buffer)

    def exchange(self, found: Exchange) -> None:
        if self._transport.get_write_buffer_size() > MAX_WAITING:
            self._dropped += 1
            return
        if self._dropped:
            self.send("lost", {"count": self._dropped})
            self._dropped = 0
        self._transport.write(exchange.pack(found))

    def notice(self, text: str) -> None:
        self.send("notice", {"text": text})

    def send(self, kind: str, value: dict[str, Any]) -> None:
        self._transport.write(exchange.packed(kind, value))

    async def close(self) -> None:
        """Wait until all is written, then end."""
        if self._dropped:
            self.send("lost", {"count": self._dropped})
        while self._transport.get_write_buffer_size():
            await asyncio.sleep(0.01)
        self._transport.close()


async def serve(upstream: Upstream, host: str, port: int) -> None:
    reporter = Reporter()
    await reporter.open()
    relay = Relay(upstream, reporter.exchange, reporter.notice)
    try:
        bound = _bound(host, port)
        await _check(relay, bound.getsockname()[1], reporter)
        await relay.start(bound)
    except (OSError, UpstreamError) as error:
        reporter.send("failed", {"text": _reason(error, host, port)})
        await reporter.close()
        return
    reporter.send("ready", {"port": bound.getsockname()[1]})
    await _end_of_input()
    await relay.stop()
    await reporter.close()


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound


def _reason(error: Exception, host: str, port: int) -> str:
    if isinstance(error, UpstreamError):
        return str(error)
    return f"cannot listen on {host}:{port}: {getattr(error, 'strerror', error)}; choose another --port"


async def _check(relay: Relay, own_port: int, reporter: Reporter) -> None:
    """Refuse a server that is this proxy, or whose certificate is not valid. One that is gone may come."""
    upstream = relay.upstream
    try:
        addresses = await relay.connector.resolve()
    except OSError as error:
        raise UpstreamError(f"{upstream.host} has no address: {error.strerror}") from None
    if is_own(addresses, upstream.port, own_port):
        raise UpstreamError(f"{upstream.url} is this proxy itself: choose another --port")
    if upstream.scheme == "https" and not upstream.insecure:
        await _check_certificate(relay)


async def _check_certificate(relay: Relay) -> None:
    import ssl

    try:
        (await relay.connector.connect(asyncio.Protocol)).close()
    except ssl.SSLCertVerificationError as error:
        raise UpstreamError(
            f"the certificate of {relay.upstream.url} is not valid: {error.verify_message}; "
            "with --insecure it is not checked"
        ) from None
    except (OSError, TimeoutError):
        return


async def _end_of_input() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(4096):
        pass


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    options = json.loads(sys.argv[1])
    asyncio.run(serve(Upstream(**options["upstream"]), options["host"], options["port"]))


if __name__ == "__main__":
    main()
