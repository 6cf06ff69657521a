"""The README's curl lines, run as they are printed: what they print is what the README says.

`python tests/docs/test_readme.py URL` writes the outputs of a fresh server at URL into the README, or into the
file that is named after it.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.server

README = Path(__file__).parents[2] / "README.md"
PRINTED = "http://127.0.0.1:3000"
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def blocks(text: str) -> Iterator[list[str]]:
    """The commands of each console block."""
    for block in _BLOCK.findall(text):
        yield [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def curl(client: httpx.Client, command: str) -> str:
    """What a curl line prints. Only the flags that the README uses are known."""
    words = iter(shlex.split(command)[1:])
    method, url = "", ""
    headers: dict[str, str] = {}
    request: dict[str, Any] = {}
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-X":
            method = next(words)
        elif word == "-d":
            request["content"] = next(words).encode()
        elif word == "-F":
            name, _, value = next(words).partition("=")
            request.setdefault("files", []).append((name, file(value)))
        elif word not in ("-s", "-N", "-sN"):
            url = word
    response = client.request(method or ("POST" if request else "GET"), url, headers=headers, **request)
    return response.text


def file(value: str) -> tuple[str | None, bytes, str] | tuple[None, bytes]:
    if not value.startswith("@"):
        return None, value.encode()
    path = README.parent / value[1:]
    return path.name, path.read_bytes(), "text/plain"


def filled(text: str, url: str) -> str:
    """The README with the outputs of the server at `url`."""
    outputs = []
    with httpx.Client(timeout=30) as client:
        for commands in blocks(text):
            told = [f"$ {each}\n{ended(curl(client, each.replace(PRINTED, url)))}" for each in commands]
            outputs.append("```console\n" + "".join(told) + "```")
    made = iter(outputs)
    return _BLOCK.sub(lambda _: next(made), text)


def ended(output: str) -> str:
    return output.rstrip("\n") + "\n" if output.strip() else ""


def plain(text: str) -> str:
    """`text` without what differs from run to run: ids, dates, milliseconds."""
    text = re.sub(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", "ID", text)
    return re.sub(r'"timeTaken":\d+', '"timeTaken":N', re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "DATE", text))


def test_the_readme_prints_what_the_server_answers(fresh_default: Any) -> None:
    text = README.read_text()
    assert plain(filled(text, fresh_default.url)) == plain(text)


if __name__ == "__main__":
    page = Path(sys.argv[2]) if len(sys.argv) > 2 else README
    page.write_text(filled(page.read_text(), sys.argv[1]))
