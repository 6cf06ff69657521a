"""Compares the answers of two revisions of the source to a few thousand odd requests.

    python -m engine.differential REVISION [--contract clients] [--seed 1] [--count 4000]

Both run in process, with reproducible ids and a frozen clock. Prints the first differences; the exit code is 1
if there is any. A change of the way that requests go through the server is compared with its parent by this.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import logging
import os
import random
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

ROOT = Path(__file__).parents[2]
SHOWN = 20
"""Differences that are printed."""
Headers = list[tuple[bytes, bytes]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("revision", nargs="?")
    parser.add_argument("--contract", default="clients")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--answers", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.answers:
        for line in answers(options.contract, options.seed, options.count):
            print(line)
        return
    arguments = ["--contract", options.contract, "--seed", str(options.seed), "--count", str(options.count)]
    with tempfile.TemporaryDirectory() as folder:
        extract(options.revision or "HEAD", folder)
        before = run(Path(folder), arguments)
        after = run(ROOT, arguments)
    different = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    for old, new in different[:SHOWN]:
        print(f"- {old[:1000]}\n+ {new[:1000]}")
    statuses = sorted({json.loads(line)["status"] for line in after if line.startswith("{")})
    print(f"{len(after)} requests, statuses {statuses}, {len(different)} differences")
    sys.exit(1 if different else 0)


def extract(revision: str, folder: str) -> None:
    """Write the files of a revision into a folder."""
    archive = subprocess.run(
        ["git", "archive", "--format=tar", revision], cwd=ROOT, check=True, capture_output=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")


def run(root: Path, arguments: list[str]) -> list[str]:
    """The answers of the source below `root`, one line of JSON each, by this script."""
    command = [sys.executable, str(Path(__file__)), "--answers", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


# --- requests --------------------------------------------------------------------------------------


def requests(document: dict[str, Any], seed: int, count: int) -> Iterator[tuple[str, str, Headers, bytes]]:
    """Method, target, headers and body of odd requests, the same for the same document and seed."""
    chance = random.Random(seed)
    base = document["servers"][0]["url"]
    base = "/" + base.partition("://")[2].partition("/")[2] if "://" in base else base
    found = [
        (method, path, item[method], [*item.get("parameters", []), *item[method].get("parameters", [])])
        for path, item in document["paths"].items()
        for method in ("get", "post", "put", "patch", "delete")
        if method in item
    ]
    for _ in range(count):
        method, path, operation, parameters = chance.choice(found)
        method = chance.choice([method.upper()] * 12 + ["HEAD", "OPTIONS", "PATCH", "GET", "DELETE", "BREW"])
        target = base + filled(chance, document, path, parameters)
        media, body = content(chance, document, operation)
        yield method, strange(chance, target), headers(chance, media, body), body


def filled(chance: random.Random, document: dict[str, Any], path: str, parameters: list[Any]) -> str:
    """A path and query with the examples of the document, or with values that are none."""
    query = []
    for given in parameters:
        parameter = resolved(document, given)
        value = example(parameter)
        if chance.random() < 0.15:
            value = chance.choice(["", "x", "%2F", "%00", "-1", "99999999999", "é", "true", "a b", "0", "[]"])
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", quote(str(value), safe="%"))
        elif parameter["in"] == "query" and chance.random() < 0.5:
            query.append(f"{parameter['name']}={quote(str(value), safe='%')}")
    if chance.random() < 0.1:
        query.append(chance.choice(["a=1", "page=1&limit=2", "page=2", "x[y]=1", "&&", "a=%ff", "%", "a"]))
    return path + ("?" + "&".join(query) if query else "")


def example(parameter: dict[str, Any]) -> Any:
    schema = parameter.get("schema", {})
    for place in (parameter, schema):
        if "example" in place:
            return place["example"]
        if place.get("examples"):
            first = place["examples"]
            return next(iter(first.values()))["value"] if isinstance(first, dict) else first[0]
    return schema.get("enum", ["1"])[0]


def resolved(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in value:
        found: Any = document
        for part in value["$ref"][2:].split("/"):
            found = found[part]
        value = found
    return value


def content(chance: random.Random, document: dict[str, Any], operation: dict[str, Any]) -> tuple[str, bytes]:
    """A media type and a body: the example of the document, or something that is none."""
    if "requestBody" not in operation and chance.random() < 0.9:
        return "", b""
    described = resolved(document, operation.get("requestBody", {"content": {}}))["content"]
    media = next(iter(described), "application/json")
    value = described.get(media, {}).get("example", {"name": "a", "question": "b"})
    for each in described.get(media, {}).get("examples", {}).values():
        value = each.get("value", value)
    body = json.dumps(value).encode()
    if media == "multipart/form-data" and isinstance(value, dict):
        media, body = form(value)
    if chance.random() < 0.3:
        body = chance.choice([
            b"", b"{", b"null", b"[]", b"1", b'"x"', b"{}", b"\xff", b"\xef\xbb\xbf{}", b"{" * 600, b"a=1&b=2",
            b'{"name": 1}', b'{"name": null, "x": true}', b'{"question": ["a"]}', b'{"question": "a", "streaming": true}',
            b'{"question": "a", "chatId": "c"}', b'{"id": "x"}', b'{"a": ' + b"9" * 400 + b"}", body[:-1],
        ])  # fmt: skip
    if chance.random() < 0.1:
        media = chance.choice(["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
            "application/json; charset=utf-16", "APPLICATION/JSON", "application/json;charset=latin-1", ";"])  # fmt: skip
    return media, body


def form(value: dict[str, Any]) -> tuple[str, bytes]:
    parts = [
        f'--b\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{json.dumps(each).strip(chr(34))}\r\n'
        for name, each in value.items()
    ]
    return "multipart/form-data; boundary=b", ("".join(parts) + "--b--\r\n").encode()


def strange(chance: random.Random, target: str) -> str:
    """A target, sometimes written in another way, or with something in it that no route has."""
    kind = chance.random()
    if kind < 0.85:
        return target
    path, question, query = target.partition("?")
    made = {
        0: path + "/",
        1: path.upper(),
        2: path.replace("/", "//", 1),
        3: path + "/x",
        4: path.rpartition("/")[0],
        5: "/",
        6: "/openapi.json",
        7: "/nowhere",
        8: path[:-1] + "%",
        9: path.replace("/api/v1", "/ns/other/api/v1"),
        10: path.replace("a", "%61", 1),
        11: "/docs",
        12: "/ns/!/api/v1/ping",
    }
    return made[chance.randrange(len(made))] + question + query


def headers(chance: random.Random, media: str, body: bytes) -> Headers:
    """Headers as clients send them, sometimes with special ones."""
    found: Headers = [(b"host", b"127.0.0.1:3000"), (b"user-agent", b"differential")]
    kind = chance.random()
    if kind < 0.9:
        found.append((b"authorization", b"Bearer flowise-mock-key"))
    elif kind < 0.97:
        shown = chance.choice(
            [b"Bearer x", b"x", b"", b"bearer flowise-mock-key", b"flowise-mock-key", b"Basic eA=="]
        )
        found.append((b"authorization", shown))
    if media:
        found.append((b"content-type", media.encode()))
    if body:
        found.append((b"content-length", b"%d" % len(body)))
    if chance.random() < 0.3:
        found.append(chance.choice(SPECIAL))
    return found


SPECIAL: Headers = [
    (b"origin", b"http://localhost:8080"),
    (b"origin", b"https://example.com"),
    (b"prefer", b"code=404"),
    (b"prefer", b"code=200, example=a"),
    (b"prefer", b"code=999"),
    (b"prefer", b"respond-async"),
    (b"flowise-mock-fault", b"status; code=503"),
    (b"flowise-mock-fault", b"rate-limited"),
    (b"flowise-mock-fault", b"not-found"),
    (b"flowise-mock-fault", b"truncated; bytes=5"),
    (b"flowise-mock-fault", b"lost-content"),
    (b"flowise-mock-fault", b"json-instead"),
    (b"flowise-mock-fault", b"nonsense"),
    (b"x-flowise-mock-fault", b"server-error"),
    (b"flowise-mock-time", b"2031-01-01T00:00:00Z"),
    (b"flowise-mock-namespace", b"other"),
    (b"flowise-mock-namespace", b"!"),
    (b"if-none-match", b"*"),
    (b"if-none-match", b'W/"4-DlFKBmK8tp3IY5U9HOJuPUDoGoc"'),
    (b"x-request-from", b"internal"),
    (b"access-control-request-method", b"PUT"),
    (b"accept", b"text/html"),
    (b"accept-language", b"de"),
    (b"cookie", b"a=b"),
    (b"expect", b"100-continue"),
    (b"host", b"evil.example"),
    (b"content-encoding", b"gzip"),
]


# --- answers ---------------------------------------------------------------------------------------


def answers(contract: str, seed: int, count: int) -> Iterator[str]:
    """What the source that is imported answers, as one line of JSON for each request."""
    from flowise_mock.control import entries
    from flowise_mock.server.build import Options, build

    logging.disable(logging.CRITICAL)
    with patch("time.time_ns", return_value=1_900_000_000_000_000_000):  # the date of the seed
        mock = build(
            Options(
                contract=contract, ids="reproducible", token_delay=0, hang=0.01, keys=["flowise-mock-key"]
            )
        )
    for world in (mock.worlds.default, mock.worlds.get("other")):
        world.store.set_clock("2030-01-01T00:00:00Z")
    loop = asyncio.new_event_loop()
    for method, target, sent, body in requests(mock.contract, seed, count):
        answer = loop.run_until_complete(answered(mock.app, method, target, sent, body))
        yield json.dumps({"request": f"{method} {target} {sent[2:]} {body[:200]!r}", **answer})
    for world in mock.worlds:
        journal = [{**entries.shown(each, world), "duration": 0} for each in world.journal]
        yield json.dumps({"request": f"journal of {world.name}", "status": 0, "journal": journal})
        records = sorted(dict(world.store).items())
        yield json.dumps(
            {"request": f"records of {world.name}", "status": 0, "records": records}, default=repr
        )


async def answered(app: Any, method: str, target: str, sent: Headers, body: bytes) -> dict[str, Any]:
    """The status, headers and body of a response."""
    path, _, query = target.partition("?")
    from urllib.parse import unquote_to_bytes

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": unquote_to_bytes(path).decode("utf-8", "replace"), "raw_path": path.encode(),
        "query_string": query.encode(), "root_path": "", "headers": sent, "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 3000),
    }  # fmt: skip
    messages: list[Any] = []
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        if pending:
            return pending.pop()
        await asyncio.sleep(5)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)

    await asyncio.wait_for(app(scope, receive, send), 10)
    start: dict[str, Any] = next((each for each in messages if each["type"] == "http.response.start"), {})
    whole = b"".join(each.get("body", b"") for each in messages if each["type"] == "http.response.body")
    return {
        "status": start.get("status", 0),
        "headers": [
            [name.decode("latin-1"), value.decode("latin-1")] for name, value in start.get("headers", [])
        ],
        "body": whole.decode("latin-1"),
    }


if __name__ == "__main__":
    main()
