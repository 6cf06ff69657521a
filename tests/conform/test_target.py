"""What stands there instead of a Flowise: one clear line each, and the exit status 2."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from flask import Flask, Response, redirect

from conform.judged import judge
from conform.right import KEY, Served, World, build
from flowise_mock.cli import main
from flowise_mock.conform.target import TargetError, address, reach


def nothing(app: Flask) -> None:
    app.register_error_handler(404, lambda error: ("nothing here", 404))


def page(app: Flask) -> None:
    app.register_error_handler(404, lambda error: Response("<!DOCTYPE html><html>", mimetype="text/html"))


def other(app: Flask) -> None:
    app.add_url_rule("/api/v1/ping", "ping", lambda: {"status": "ok"})


def elsewhere(app: Flask) -> None:
    app.add_url_rule("/api/v1/ping", "ping", lambda: redirect("https://flows.example.com/api/v1/ping"))


def closed(app: Flask) -> None:
    app.register_error_handler(404, lambda error: ({"error": "login"}, 401))


def broken_proxy(app: Flask) -> None:
    app.register_error_handler(404, lambda error: ("<html>502</html>", 502))


OTHERS: dict[str, tuple[Callable[[Flask], None], str]] = {
    "nothing": (nothing, "is not a Flowise: GET /ping answers 404"),
    "a page": (page, "with a web page"),
    "another server": (other, "is not a Flowise: GET /ping answers 200"),
    "a redirect": (elsewhere, "redirects to https://flows.example.com"),
    "everything is 401": (closed, "refuses even /ping with 401"),
    "a proxy without server": (broken_proxy, "a proxy answers 502"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_flowise(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    make, message = OTHERS[name]
    app = Flask("other")
    make(app)
    with Served(app) as served:
        assert main(["conform", served.url, "--api-key", "k"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conform", "http://127.0.0.1:9"]) == 2
    assert "no server" in capsys.readouterr().err


@pytest.mark.parametrize("key", [None, "wrong"])
def test_a_wrong_key_is_not_a_missing_one(key: str | None) -> None:
    message = "needs a key" if key is None else "refuses this key"
    with Served(build(World())) as served, pytest.raises(TargetError, match=message):
        reach(served.url, key)


def test_a_key_without_permission() -> None:
    app = build(World())
    app.view_functions["getAllTools"] = lambda: ({"message": "Forbidden"}, 403)
    with Served(app) as served, pytest.raises(TargetError, match="lacks permissions"):
        reach(served.url, KEY)


class Pong(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def test_a_certificate_that_nobody_signed(tmp_path: Path) -> None:
    pem = tmp_path / "own.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-keyout", str(pem), "-out", str(tmp_path / "cert.pem")], check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", pem)
    server = HTTPServer(("127.0.0.1", 0), Pong)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with pytest.raises(TargetError, match="no safe connection"):
            reach(f"https://127.0.0.1:{server.server_port}", KEY)
        with pytest.raises(TargetError, match="is not a Flowise"):
            reach(f"https://127.0.0.1:{server.server_port}", KEY, verify=False)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.mark.parametrize("url", ["http://h:3000", "http://h:3000/", "h:3000", "http://h:3000/api/v1/"])
def test_an_address_with_or_without_its_path(url: str) -> None:
    assert address(url) == "http://h:3000/api/v1"


@pytest.mark.parametrize("url", ["ftp://h", "http://", "http://user:secret@h:3000"])
def test_no_address(url: str) -> None:
    with pytest.raises(TargetError) as error:
        address(url)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["conform"], "give the address"),
        (["conform", "http://127.0.0.1:9", "--contract", "nope"], "there is no contract 'nope'"),
        (["conform", "http://127.0.0.1:9", "--document", "nope.yaml"], "cannot be read"),
        (["conform", "http://127.0.0.1:9", "--phases", "walks,dances"], "there is no phase dances"),
        (["conform", "http://127.0.0.1:9", "--update-baseline"], "needs --baseline"),
        (["conform", "--clean", "nope.jsonl"], "cannot be read"),
        (["matrix", "nope.json"], "is not a report"),
    ],
)
def test_usage(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_an_invalid_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("paths: [")
    assert main(["conform", "http://127.0.0.1:9", "--document", str(file)]) == 2
    assert "is not YAML or JSON" in capsys.readouterr().err


def test_a_server_that_dies_in_the_middle(tmp_path: Path) -> None:
    """What was seen is kept, and the run proves nothing."""
    app = build(World())
    count = 0

    @app.before_request
    def die() -> None:
        nonlocal count
        count += 1
        if count == 60:  # by then a walk has made something
            threading.Thread(target=served._server.shutdown).start()
            served._server.socket.close()

    with Served(app) as served:
        run = judge(served.url, tmp_path, phases=("walks",), seconds=1.0)
    assert run["phases"]["walks"]["cases"] > 10
    assert any("the server answers no more" in doubt for doubt in run["doubts"])
    assert run["verdict"] != "conforms"
    assert run["records"]["left"]


@pytest.mark.parametrize("option", ["--url=http://127.0.0.1:1", "--report-ndjson-path=x", "--config-file=x"])
def test_options_that_the_judge_sets_itself(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conform", "http://127.0.0.1:9", option]) == 2
    assert f"{option.partition('=')[0]} is set by the judge itself" in capsys.readouterr().err
