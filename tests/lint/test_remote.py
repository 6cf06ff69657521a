"""A `$ref` to another machine: refused, or fetched with --allow-remote, within bounds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flowise_mock import cli
from flowise_mock.lint import remote
from flowise_mock.lint.findings import Finding
from flowise_mock.lint.remote import Remote
from flowise_mock.lint.run import lint
from flowise_mock.lint.settings import Settings

TEXT = """openapi: 3.0.3
info: {{title: a, version: '1'}}
servers: [{{url: /}}]
paths:
  /a:
    get:
      operationId: a
      summary: a
      responses:
        '200':
          description: a
          content:
            application/json:
              schema:
                $ref: '{reference}'
"""
SHARED = """Pet:
  type: object
  properties:
    tags: {type: array}
    home: {$ref: 'deeper/home.json#/Home'}
    twin: {$ref: '#/Pet'}
"""
HOME = '{"Home": {"type": "integer",\n "default": "none"}}'


IN = "A: {properties: {a: {$ref: 'file:///etc/hostname'}}}"
PAGES = {
    "/api/shared.yaml": SHARED, "/api/deeper/home.json": HOME, "/in.yaml": IN, "/empty": "",
    "/page": "<!doctype html>", "/other": "<p>a: b: c",
}  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """The files of the other machine."""

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
        elif self.path in ("/large", "/slow"):
            self.send_response(200)
            self.end_headers()
            self._pour()
        else:
            text = PAGES.get(self.path)
            self.send_response(404 if text is None else 200)
            self.end_headers()
            self.wfile.write((text or "").encode())

    def _pour(self) -> None:
        stop: threading.Event = self.server.stop  # type: ignore[attr-defined]
        try:
            while not stop.wait(0.02):
                self.wfile.write(b"a" * (1 if self.path == "/slow" else 10_000))
        except OSError:
            pass

    def log_message(self, format: str, *args: object) -> None:
        pass


class Machine(ThreadingHTTPServer):
    """Another machine, and the requests that it got."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.stop = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def machine() -> Iterator[Machine]:
    with Machine() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.stop.set()
        server.shutdown()
        thread.join()


def written(tmp_path: Path, reference: str) -> Path:
    file = tmp_path / "a.yaml"
    file.write_text(TEXT.format(reference=reference))
    return file


def fetched(file: Path) -> list[Finding]:
    return [each for each in lint([file], Settings(remote=Remote())) if each.severity == "error"]


def test_refused_without_the_option(machine: Machine, tmp_path: Path) -> None:
    file = written(tmp_path, f"{machine.url}/api/shared.yaml#/Pet")
    (only,) = [each for each in lint([file]) if each.rule == "no-remote-refs"]
    assert (only.severity, only.line) == ("warning", 15)
    assert "--allow-remote" in only.remedy
    assert machine.requests == []


def test_fetched_with_it_and_told_by_url(machine: Machine, tmp_path: Path) -> None:
    file = written(tmp_path, f"{machine.url}/api/shared.yaml#/Pet")
    assert [(each.rule, each.file, each.line, each.column, each.pointer) for each in fetched(file)] == [
        ("valid-default", f"{machine.url}/api/deeper/home.json", 2, 13, "/Home/default"),
        ("array-items", f"{machine.url}/api/shared.yaml", 4, 5, "/Pet/properties/tags"),
    ]


def test_each_file_once_a_run_and_without_credentials(
    machine: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    file = str(written(tmp_path, f"{machine.url}/api/shared.yaml#/Pet"))
    assert cli.main(["lint", file, file, "--allow-remote", "--format", "sarif"]) == 1
    assert f'"uri": "{machine.url}/api/shared.yaml"' in capsys.readouterr().out
    assert sorted(path for path, _ in machine.requests) == ["/api/deeper/home.json", "/api/shared.yaml"]
    sent = {name.lower() for _, headers in machine.requests for name in headers}
    assert sent & {"authorization", "cookie", "proxy-authorization"} == set()


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("{url}/none.yaml", "was answered 404"),
        ("{url}/empty", "is empty"),
        ("{url}/other", "is not YAML"),
        ("{url}/page", "is text, not a schema"),
        ("{url}/api/shared.yaml#/None", "names nothing"),
        ("{url}/to/ftp://127.0.0.1/a", "neither http nor https"),
        ("{url}/to/file:///etc/hostname", "was answered 302, which leads to a URL"),
        ("{url}/to//to//to/", "cannot be fetched|was answered"),
        ("file:///etc/hostname", "neither http nor https"),
        ("//127.0.0.1/a", "neither http nor https"),
        ("http://", "neither http nor https"),
        ("http://127.0.0.1:port/a", "invalid URL"),
        ("http://me:secret@127.0.0.1/a", "has credentials"),
        ("http://127.0.0.1:9/a", "cannot be fetched"),
        ("{url}/a b", "cannot be fetched"),
    ],
)
def test_what_cannot_be_fetched(reference: str, words: str, machine: Machine, tmp_path: Path) -> None:
    (only,) = fetched(written(tmp_path, reference.format(url=machine.url)))
    assert (only.rule, only.line) == ("no-unresolved-refs", 15)
    assert any(each in only.message for each in words.split("|")), only.message


def test_a_redirect_is_followed(machine: Machine, tmp_path: Path) -> None:
    file = written(tmp_path, f"{machine.url}/to/{machine.url}/api/deeper/home.json#/Home")
    assert [each.rule for each in fetched(file)] == ["valid-default"]


@pytest.mark.parametrize(
    ("path", "words"), [("large", "is larger than"), ("slow", "was not answered within")]
)
def test_bounds(
    path: str, words: str, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "MAX_BYTES", 50_000)
    monkeypatch.setattr(remote, "TIMEOUT", 5.0 if path == "large" else 0.3)
    (only,) = fetched(written(tmp_path, f"{machine.url}/{path}"))
    assert words in only.message


def test_a_remote_file_names_no_file_here(machine: Machine, tmp_path: Path) -> None:
    """A relative $ref in it is one of its machine, and file: is refused."""
    (only,) = fetched(written(tmp_path, f"{machine.url}/in.yaml#/A"))
    assert (only.rule, only.file) == ("no-unresolved-refs", f"{machine.url}/in.yaml")
