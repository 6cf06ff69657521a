"""Runs the curl lines of the README, docs/control.md and docs/serving.md, and compares their output with the page.

`python tests/docs/test_readme.py URL [FILE]` writes the outputs of a fresh server at URL into the README, or
into FILE.
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

from docs.test_testing import pytest_in, written
from flowise_mock import cli

pytestmark = pytest.mark.server

README = Path(__file__).parents[2] / "README.md"
DOCUMENTED_URL = "http://127.0.0.1:3000"
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def blocks(text: str) -> Iterator[list[str]]:
    """The commands of each console block."""
    for block in _BLOCK.findall(text):
        yield [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def curl(client: httpx.Client, command: str) -> str:
    """The output of a curl line. Supports only the flags that the README uses."""
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
            request.setdefault("files", []).append((name, form_value(value)))
        elif word not in ("-s", "-N", "-sN"):
            url = word
    response = client.request(method or ("POST" if request else "GET"), url, headers=headers, **request)
    return response.text


def form_value(value: str) -> tuple[str | None, bytes, str] | tuple[None, bytes]:
    if not value.startswith("@"):
        return None, value.encode()
    path = README.parent / value[1:]
    return path.name, path.read_bytes(), "text/plain"


def with_outputs(text: str, url: str) -> str:
    """The text with the outputs of the server at `url` in its console blocks."""
    outputs = []
    with httpx.Client(timeout=30) as client:
        for commands in blocks(text):
            lines = [
                f"$ {each}\n{end_line(curl(client, each.replace(DOCUMENTED_URL, url)))}" for each in commands
            ]
            outputs.append("```console\n" + "".join(lines) + "```")
    remaining = iter(outputs)
    return _BLOCK.sub(lambda _: next(remaining), text)


def end_line(output: str) -> str:
    return output.rstrip("\n") + "\n" if output.strip() else ""


def plain(text: str) -> str:
    """The text without values that differ in every run: ids, numbers of rules, dates, milliseconds."""
    text = re.sub(r'"id":"\d+"', '"id":"N"', re.sub(r'"added:\d+"', '"added:N"', text))
    text = re.sub(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", "ID", text)
    return re.sub(r'"timeTaken":\d+', '"timeTaken":N', re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "DATE", text))


@pytest.mark.parametrize("page", ["README.md", "docs/control.md", "docs/serving.md"])
def test_the_page_has_the_real_outputs(page: str, fresh_default: Any) -> None:
    text = (README.parent / page).read_text()
    assert plain(with_outputs(text, fresh_default.url)) == plain(text)


def test_the_example_of_the_readme(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    written(tmp_path)
    (tmp_path / "test_bot.py").write_text(example)
    assert "1 passed" in pytest_in(tmp_path, "test_bot.py")


def test_the_commands_of_the_readme() -> None:
    """`serve` and `conform` are parsed here; tests/cli and tests/conform run them."""
    commands = re.findall(r"^    (flowise-mock .*)$", README.read_text(), re.MULTILINE)
    assert [command.split()[1] for command in commands] == ["serve", "changes", "conform", "proxy", "lint"]
    for command in commands:
        cli.parser().parse_args(shlex.split(command)[1:])
    assert cli.main(["lint", str(README.parent / "openapi.yaml")]) == 0


def test_the_readme_is_short() -> None:
    assert len(README.read_bytes()) < 8192
    assert len(README.read_text().splitlines()) < 120


if __name__ == "__main__":
    page = Path(sys.argv[2]) if len(sys.argv) > 2 else README
    page.write_text(with_outputs(page.read_text(), sys.argv[1]))


def test_the_python_of_the_page_runs() -> None:
    blocks = re.findall(
        r"```python\n(.*?)```", (README.parent / "docs" / "serving.md").read_text(), re.DOTALL
    )
    assert blocks
    for block in blocks:
        names: dict[str, Any] = {}
        exec(block, names)
        assert callable(names["mock"].app)
