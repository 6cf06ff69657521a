"""How long the server answers nobody else during requests that are much work: the longest wait of a ping.

python -m benchmarks.pauses [--only NAME]

Each request is sent once. Meanwhile another connection pings every 2 ms. The first row is a ping beside
nothing.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from benchmarks.servers import Server, mock, running
from benchmarks.workload import API, KEY

FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"
JSON = "application/json"
random.seed(1)
WORDS = ["".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(20_000)]


class Case(NamedTuple):
    """A request, and what is made before it."""

    method: str
    path: str
    body: bytes = b""
    media: str = JSON
    before: Callable[[Server], str] = lambda _: ""
    """Returns what replaces ID in the path and the body."""


def words(size: int) -> str:
    """A text of about `size` characters."""
    return " ".join(random.choices(WORDS, k=size // 7))


def store(size: int, chunk_size: int) -> Callable[[Server], str]:
    """A document store with the chunks of a text."""

    def make(server: Server) -> str:
        made: dict[str, str] = server.post(f"{API}/document-store/store", {"name": "pauses"})
        server.post(f"{API}/document-store/upsert/{made['id']}", upsert(size, chunk_size))
        return made["id"]

    return make


def upsert(size: int, chunk_size: int) -> dict[str, Any]:
    part = {"name": "openAIEmbeddings", "config": {}}
    return {
        "loader": {"name": "plainText", "config": {"text": words(size)}},
        "splitter": {
            "name": "recursiveCharacterTextSplitter", "config": {"chunkSize": chunk_size, "chunkOverlap": 0}
        },
        "embedding": part,
        "vectorStore": {"name": "memoryVectorStore", "config": {}},
    }  # fmt: skip


def empty_store(server: Server) -> str:
    made: dict[str, str] = server.post(f"{API}/document-store/store", {"name": "pauses"})
    return made["id"]


def variables(number: int) -> Callable[[Server], str]:
    def make(server: Server) -> str:
        for index in range(number):
            id = f"{index:08}-0000-4000-8000-000000000000"
            body = {"id": id, "name": f"v{index}", "value": "x", "type": "static"}
            server.post("/__mock__/records/variable", body)
        return ""

    return make


def messages(number: int) -> Callable[[Server], str]:
    def make(server: Server) -> str:
        for index in range(number):
            body = {"question": "a", "chatId": f"c{index % 50}"}
            server.post(f"{API}/prediction/{FLOW}", body)
        return ""

    return make


def predictions(size: int, number: int) -> Callable[[Server], str]:
    def make(server: Server) -> str:
        for _ in range(number):
            server.post(f"{API}/prediction/{FLOW}", {"question": words(size)})
        return ""

    return make


def form(fields: int, files: int, size: int) -> tuple[bytes, str]:
    part = '--b\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'
    text = "".join(part.format(f"f{index}", "", "x") for index in range(fields))
    content = words(size)
    text += "".join(part.format("files", f'; filename="{index}.txt"', content) for index in range(files))
    return f"{text}--b--\r\n".encode(), "multipart/form-data; boundary=b"


def posted(body: Any) -> bytes:
    return json.dumps(body).encode()


def cases() -> Iterator[tuple[str, Case]]:
    query = f"{API}/document-store/vectorstore/query"
    for size in (64_000, 2_000_000):
        asked = posted({"storeId": "ID", "query": words(size)})
        yield f"query of {size:,} B, 2,000 chunks", Case("POST", query, asked, before=store(2_000_000, 1000))
    asked = posted({"storeId": "ID", "query": words(2000)})
    yield "query, 10,000 chunks", Case("POST", query, asked, before=store(10_000_000, 1000))
    for size, chunk in ((2_000_000, 1000), (10_000_000, 1000), (40_000_000, 10_000)):
        path, body = f"{API}/document-store/upsert/ID", posted(upsert(size, chunk))
        yield f"upsert of {size:,} B, chunks of {chunk:,}", Case("POST", path, body, before=empty_store)
    asked = posted({"question": words(2_000_000)})
    yield "prediction of 2 MB", Case("POST", f"{API}/prediction/{FLOW}", asked)
    asked = posted({"question": "a", "history": [{"type": "userMessage", "message": "b"}] * 100_000})
    yield "prediction with 100,000 messages", Case("POST", f"{API}/prediction/{FLOW}", asked)
    body, media = form(1000, 0, 0)
    yield "form of 1,000 fields", Case("POST", f"{API}/prediction/{FLOW}", body, media)
    body, media = form(0, 10, 4_000_000)
    yield "10 files of 4 MB", Case("POST", f"{API}/attachments/{FLOW}/c1", body, media)
    body = posted({"name": "a", "value": words(40_000_000), "type": "static"})
    yield "variable of 40 MB", Case("POST", f"{API}/variables", body)
    yield "list of 10,000 variables", Case("GET", f"{API}/variables", before=variables(10_000))
    yield "list of 20,000 messages", Case("GET", f"{API}/chatmessage/{FLOW}", before=messages(10_000))
    yield "deletion of 20,000 messages", Case("DELETE", f"{API}/chatmessage/{FLOW}", before=messages(10_000))
    yield (
        "deletion of a store with 10,000 chunks",
        Case("DELETE", f"{API}/document-store/store/ID", before=store(10_000_000, 1000)),
    )
    large = predictions(60_000, 500)
    yield "journal of 500 large requests", Case("GET", "/__mock__/journal?limit=1000", before=large)
    yield "HAR of 500 large requests", Case("GET", "/__mock__/journal/har", before=large)
    yield "export of 20,000 messages", Case("GET", "/__mock__/export", before=messages(10_000))


class Pings(multiprocessing.Process):
    """Pings every 2 ms, in a process of its own: the client of a large request holds its own threads up.

    `longest` is the longest wait in milliseconds.
    """

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.over = multiprocessing.Event()
        self._longest = multiprocessing.Value("d", 0.0)
        self._port = port

    @property
    def longest(self) -> float:
        return float(self._longest.value)

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=300)
        while not self.over.is_set():
            began = time.perf_counter()
            connection.request("GET", f"{API}/ping")
            connection.getresponse().read()
            self._longest.value = max(self.longest, (time.perf_counter() - began) * 1000)
            time.sleep(0.002)


@contextmanager
def pinged(port: int) -> Iterator[Pings]:
    pings = Pings(port)
    pings.start()
    time.sleep(0.2)
    yield pings
    time.sleep(0.1)
    pings.over.set()
    pings.join()


def measured(server: Server, case: Case) -> tuple[int, float, float]:
    """The status, the seconds of the request, and the longest wait of a ping in milliseconds."""
    id = case.before(server)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": case.media}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
    body = case.body.replace(b'"ID"', f'"{id}"'.encode())
    with pinged(server.port) as pings:
        began = time.perf_counter()
        connection.request(case.method, case.path.replace("ID", id), body or None, headers)
        answer = connection.getresponse()
        answer.read()
        took = time.perf_counter() - began
    return answer.status, took, pings.longest


def main() -> None:
    parser = argparse.ArgumentParser(description="the longest wait of a ping beside large requests")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    only = parser.parse_args().only
    print("| request | status | s | longest wait of a ping, ms |\n|---|---|---|---|")
    with running(*mock("flowise-mock")) as server, pinged(server.port) as pings:
        time.sleep(2)
    print(f"| none | | | {pings.longest:.0f} |")
    for name, case in cases():
        if only in name:
            with running(*mock("flowise-mock", "--token-delay", "0")) as server:
                status, took, longest = measured(server, case)
            print(f"| {name} | {status} | {took:.2f} | {longest:.0f} |", flush=True)


if __name__ == "__main__":
    main()
