"""Greedy clients: how long a ping waits beside them, and the memory of the server during and after.

python -m benchmarks.hostile
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from benchmarks.soak import memory, wait_for

PORT = 3989
AUTH = "Host: localhost\r\nAuthorization: Bearer flowise-mock\r\n"
CHAT = "d290f1ee-6c54-4b01-90e6-d701748f0851"


def head(method: str, path: str, *more: str) -> bytes:
    return f"{method} {path} HTTP/1.1\r\n{AUTH}{''.join(more)}\r\n".encode()


def post(path: str, body: bytes, media: str = "application/json") -> bytes:
    more = [f"Content-Type: {media}\r\n", f"Content-Length: {len(body)}\r\n", "Connection: close\r\n"]
    return head("POST", path, *more) + body


def exchange(raw: bytes) -> bytes:
    """The first line of the answer."""
    with socket.create_connection(("127.0.0.1", PORT), timeout=120) as connection:
        with suppress(OSError):
            connection.sendall(raw)
        received = connection.recv(65536)
        while connection.recv(65536):
            pass
        return received.partition(b"\r\n")[0]


def form(part: bytes, count: int) -> bytes:
    return (b"--b\r\nContent-Disposition: form-data; " + part) * count + b"--b--\r\n"


def uploads() -> set[bytes]:
    """Forms to a flow that does not exist, so that nothing of them is kept."""
    file = b'name="files"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n' + b"x" * 5_000_000
    body = form(b'name="question"\r\n\r\nq\r\n', 1).removesuffix(b"--b--\r\n") + form(file + b"\r\n", 1)
    raw = post("/api/v1/prediction/no-such-flow", body, "multipart/form-data; boundary=b")
    with ThreadPoolExecutor(100) as pool:
        return set(pool.map(exchange, [raw] * 100))


def fields() -> set[bytes]:
    body = form(b'name="a"\r\n\r\nx\r\n', 100_000)
    return {exchange(post(f"/api/v1/prediction/{CHAT}", body, "multipart/form-data; boundary=b"))}


def files() -> set[bytes]:
    body = form(b'name="files"; filename="a"\r\n\r\nx\r\n', 20_000)
    return {exchange(post(f"/api/v1/prediction/{CHAT}", body, "multipart/form-data; boundary=b"))}


def headers() -> set[bytes]:
    return {
        exchange(head("GET", "/api/v1/ping", f"X: {'x' * 1_000_000}\r\n")),
        exchange(head("GET", "/api/v1/ping", *["X: 1\r\n"] * 20_000)),
    }


def heads() -> set[bytes]:
    clients = [socket.create_connection(("127.0.0.1", PORT)) for _ in range(1000)]
    for each in clients:
        each.sendall(b"GET / HT")
    time.sleep(12)
    answers = {each.recv(100).partition(b"\r\n")[0] for each in clients}
    for each in clients:
        each.close()
    return answers


def readers() -> set[bytes]:
    """Lists of 20 MB for clients that never read."""
    tool = b'{"name": "t", "color": "#fff", "description": "' + b"x" * 400_000 + b'"}'
    made = {exchange(post("/api/v1/tools", tool)) for _ in range(50)}
    clients = []
    for _ in range(20):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", PORT))
        client.sendall(head("GET", "/api/v1/tools"))
        clients.append(client)
    time.sleep(5)
    for each in clients:
        each.close()
    return made


@contextmanager
def pings() -> Iterator[list[float]]:
    """How long each ping waited meanwhile, in seconds."""
    waits: list[float] = []
    stop = threading.Event()

    def ping() -> None:
        with socket.create_connection(("127.0.0.1", PORT)) as connection:
            while not stop.is_set():
                started = time.perf_counter()
                connection.sendall(head("GET", "/api/v1/ping"))
                connection.recv(65536)
                waits.append(time.perf_counter() - started)
                time.sleep(0.005)

    thread = threading.Thread(target=ping)
    thread.start()
    try:
        yield waits
    finally:
        stop.set()
        thread.join()


def nothing() -> set[bytes]:
    time.sleep(2)
    return set()


ATTACKS: dict[str, Callable[[], set[bytes]]] = {
    "nothing": nothing,
    "100,000 form fields": fields,
    "20,000 files": files,
    "1 MB of headers, 20,000 headers": headers,
    "1,000 half heads": heads,
    "20 readers that never read 20 MB": readers,
    "100 uploads of 5 MB": uploads,
}


def main() -> None:
    command = [sys.executable, "-m", "flowise_mock", "serve", "--port", str(PORT)]
    command += ["--no-access-log", "--journal", "0"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{PORT}")
        for name, attack in ATTACKS.items():
            most, stop = [0.0], threading.Event()

            def watch(most: list[float] = most, stop: threading.Event = stop) -> None:
                while not stop.wait(0.02):
                    most[0] = max(most[0], memory(server.pid))

            watcher = threading.Thread(target=watch)
            watcher.start()
            with pings() as waits:
                answers = attack()
            stop.set()
            watcher.join()
            time.sleep(1)
            said = ", ".join(sorted(each.decode() for each in answers))
            print(
                f"{name:32} ping at most {max(waits) * 1000:6.0f} ms, memory at most {most[0]:4.0f} MB, "
                f"after {memory(server.pid):4.0f} MB  {said}",
                flush=True,
            )
    finally:
        server.terminate()
        server.wait(60)


if __name__ == "__main__":
    main()
