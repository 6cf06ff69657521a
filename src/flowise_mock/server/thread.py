"""A server in a thread of this process, for tests: a socket of its own, an event loop of its own."""

from __future__ import annotations

import asyncio
import threading

from flowise_mock.server.build import Mock
from flowise_mock.server.run import ServerError, listen, make_server

START_SECONDS = 30.0
STOP_SECONDS = 5.0


class ServerThread:
    """Listens from `start` to `stop`. `loop` is the event loop that the application runs on."""

    def __init__(self, mock: Mock, host: str = "127.0.0.1", port: int = 0) -> None:
        self.mock = mock
        self._socket = listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        self.loop: asyncio.AbstractEventLoop
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self.server = make_server(mock)
        self._thread = threading.Thread(target=self._run, name=f"flowise-mock:{self.port}", daemon=True)

    def start(self) -> None:
        """Begin to listen, and return when requests are answered. Raises ServerError."""
        self._thread.start()
        if not self._ready.wait(START_SECONDS) or self._failure is not None:
            raise ServerError(f"the server did not start: {self._failure or 'it is too slow'}")

    def stop(self) -> None:
        """End the open streams and the server."""
        if not self._thread.is_alive():
            return
        self.loop.call_soon_threadsafe(self.mock.streams.close)
        self.server.should_exit = True
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()
            self._socket.close()

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        serving = asyncio.ensure_future(self.server.serve(sockets=[self._socket]))
        while not self.server.started and not serving.done():
            await asyncio.sleep(0.002)
        self._ready.set()
        await serving
