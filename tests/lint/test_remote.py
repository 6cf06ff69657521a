"""A `$ref` to another machine: refused, or fetched with --allow-remote, within bounds."""

from __future__ import annotations

import socket
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
    return [each for each in lint([file], Settings(remote=Remote(["127.0.0.1"]))) if each.severity == "error"]


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
    assert (
        cli.main(["lint", file, file, "--allow-remote", "--allow-host", "127.0.0.1", "--format", "sarif"])
        == 1
    )
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


# --- private networks ------------------------------------------------------------------------------


def problem(tmp_path: Path, url: str, *allowed: str) -> str:
    found = lint([written(tmp_path, url)], Settings(remote=Remote(allowed)))
    return " ".join(each.message for each in found if each.severity == "error")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "0.0.0.0", "[::1]", "10.0.0.1", "192.168.1.1", "169.254.169.254", "172.16.0.9",
     "100.64.0.1", "[::ffff:127.0.0.1]", "[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "2130706433",
     "0x7f000001", "224.0.0.1", "[::]"],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused(tmp_path: Path, host: str) -> None:
    assert "which is not public; name it: --allow-host" in problem(tmp_path, f"http://{host}:9/a.yaml")


def test_a_redirect_leads_to_no_private_address(machine: Machine, tmp_path: Path) -> None:
    """The host is allowed by one name; the redirect has another one."""
    port = machine.server_port
    url = f"{machine.url}/to/http://localhost:{port}/api/shared.yaml"
    assert "--allow-host localhost" in problem(tmp_path, url, "127.0.0.1")
    assert [path for path, _ in machine.requests] == [f"/to/http://localhost:{port}/api/shared.yaml"]


def test_a_name_that_leads_to_a_private_address(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS answers a public address first and a private one then; only what is checked is connected to."""
    answers = [[(2, 1, 6, "", ("127.0.0.1", machine.server_port))]]
    asked: list[str] = []

    def resolve(host: str, *_: object, **__: object) -> object:
        asked.append(host)
        return answers[0]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert "specs.example is 127.0.0.1" in problem(tmp_path, "http://specs.example/a.yaml")
    assert asked == ["specs.example"]
    assert machine.requests == []
    problem(tmp_path, "http://specs.example/a.yaml", "Specs.Example")
    assert [path for path, _ in machine.requests] == ["/a.yaml"]
