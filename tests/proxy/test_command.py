"""The command `proxy`, as a user runs it."""

from __future__ import annotations

import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowise_mock.testing import FlowiseMock

FLOW = "/api/v1/prediction/d290f1ee-6c54-4b01-90e6-d701748f0851"
KEY = {"Authorization": "Bearer flowise-mock"}


class Command:
    """A running command. `url` is the address of the proxy, `page` that of its journal."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "flowise_mock", "proxy", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.process.stdout is not None
        head = [self.process.stdout.readline(), self.process.stdout.readline()]
        self.head = "".join(head)
        self.url = re.findall(r"http://127\.0\.0\.1:\d+", self.head)[0]
        self.page = re.findall(r"http\S+__mock__/", self.head)[0]
        self.output = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line

    def journal(self, number: int) -> list[Any]:
        """The entries of the journal, when there are that many."""
        end = time.monotonic() + 5
        while True:
            found = httpx.get(f"{self.page}journal").json()
            if len(found) >= number or time.monotonic() > end:
                assert len(found) == number
                return list(found)
            time.sleep(0.02)

    def close(self) -> None:
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def end(self) -> tuple[int, str]:
        """The exit status and the output."""
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(20)
        self._reader.join()
        return status, self.output


@contextmanager
def proxy(*arguments: str) -> Iterator[Command]:
    command = Command(*arguments)
    try:
        yield command
    finally:
        if command.process.poll() is None:
            command.process.kill()
            command.process.wait()
        command.close()


@pytest.fixture(scope="module")
def server() -> Iterator[FlowiseMock]:
    with FlowiseMock() as mock:
        yield mock


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flowise_mock", "proxy", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_it_passes_judges_and_keeps(server: FlowiseMock, tmp_path: Path) -> None:
    har, report = tmp_path / "app.har", tmp_path / "proxy.json"
    with proxy(server.url, "--port", "0", "--har", str(har), "--report", f"json={report}") as command:
        direct = httpx.get(f"{server.url}/api/v1/chatflows", headers=KEY)
        through = httpx.get(f"{command.url}/api/v1/chatflows", headers=KEY)
        assert (through.content, through.status_code) == (direct.content, direct.status_code)
        sent = {"question": "hi", "streaming": True, "odd": 1}
        assert "event" in httpx.post(command.url + FLOW, json=sent).text
        entries = command.journal(2)
        assert [each["operation"] for each in entries] == ["listChatflows", "createPrediction"]
        assert entries[0]["headers"]["authorization"] == "Bearer ***"
        assert entries[1]["events"] > 3
        status, output = command.end()
    assert status == 1
    assert "deviates: request_field_is_known: body /odd" in output
    assert "deviates: 1 cause, 1 deviation" in output
    assert json.loads(report.read_text())["new"][0]["operation"] == "createPrediction"
    archive = har.read_text()
    assert [each["response"]["status"] for each in json.loads(archive)["log"]["entries"]] == [200, 200]
    assert f"{server.url}/api/v1/chatflows" in archive
    assert 'flowise-mock"' in archive
    assert "Bearer flowise-mock" not in archive


def test_the_journal_is_what_changes_reads(server: FlowiseMock, tmp_path: Path) -> None:
    journal = tmp_path / "journal.json"
    with proxy(server.url, "--port", "0") as command:
        httpx.post(command.url + FLOW, json={"question": "hi"})
        command.journal(1)
        journal.write_bytes(httpx.get(f"{command.page}journal").content)
        assert command.end()[0] == 0
    used = ["changes", "3.0.5", "3.1.4", "--used", str(journal)]
    found = subprocess.run(
        [sys.executable, "-m", "flowise_mock", *used], capture_output=True, text=True, check=False
    )
    assert "1 request" in found.stdout


def test_the_port_of_the_journal_serves_nothing_else(server: FlowiseMock) -> None:
    with proxy(server.url, "--port", "0") as command:
        base = command.page.partition("/__mock__")[0]
        assert httpx.get(f"{base}/api/v1/ping").status_code == 404
        assert "text/html" in httpx.get(command.page).headers["content-type"]


def test_a_command_runs_with_the_address_and_ends_it(server: FlowiseMock) -> None:
    ask = (
        "import os, urllib.request as u; print(u.urlopen(os.environ['FLOWISE_URL'] + '/api/v1/ping').read())"
    )
    found = run(server.url, "--port", "0", "--", sys.executable, "-c", ask)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "b'pong'" in found.stdout
    assert "conforms (1 exchange of 1 operation)" in found.stdout


def test_the_status_of_the_command_counts(server: FlowiseMock) -> None:
    found = run(server.url, "--port", "0", "--", sys.executable, "-c", "raise SystemExit(7)")
    assert found.returncode == 7
    missing = run(server.url, "--port", "0", "--", "no-such-command")
    assert missing.returncode == 2
    assert "no-such-command cannot be run" in missing.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["http://127.0.0.1:PORT", "--port", "PORT"], "is this proxy itself: choose another --port"),
        (["http://localhost:PORT", "--port", "PORT"], "is this proxy itself"),
        (["http://0.0.0.0:PORT", "--port", "PORT"], "is this proxy itself"),
        (["ftp://127.0.0.1"], "is not an address"),
        (["http://127.0.0.1:3000/flows"], "has a path"),
        (["http://127.0.0.1:99999"], "is not an address"),
        (["http://no-such-host.invalid"], "has no address"),
        (["http://127.0.0.1:3000", "--contract", "nothing"], "nothing"),
    ],
)
def test_what_cannot_be_the_server_is_refused(arguments: list[str], said: str) -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    found = run(*[each.replace("PORT", port) for each in arguments])
    assert (found.returncode, said in found.stderr) == (2, True), found.stderr
    assert "Traceback" not in found.stderr


def test_a_port_in_use_is_said(server: FlowiseMock) -> None:
    port = server.url.rpartition(":")[2]
    found = run("http://127.0.0.1:1", "--port", port)
    assert (found.returncode, "cannot listen on" in found.stderr) == (2, True)


def test_a_server_that_is_gone_resets_and_is_said() -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{free.getsockname()[1]}"
    with proxy(gone, "--port", "0") as command:
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{command.url}/api/v1/ping")
        status, output = command.end()
    assert status == 3
    assert f"{gone} does not answer" in output


def test_a_disk_that_is_full_is_said(server: FlowiseMock) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with proxy(server.url, "--port", "0", "--har", "/dev/full") as command:
        httpx.get(f"{command.url}/api/v1/ping")
        status, output = command.end()
    assert status == 2
    assert "cannot be written: No space left on device" in output


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that nobody signed, with its key."""
    folder = tmp_path_factory.mktemp("tls")
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("there is no openssl")
    return folder


@contextmanager
def tls_server(certificate: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        listening.settimeout(0.2)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    sock, _ = listening.accept()
                    with context.wrap_socket(sock, server_side=True) as secured:
                        secured.recv(4096)
                        secured.sendall(
                            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\npong"
                        )
                except OSError:
                    continue

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://localhost:{listening.getsockname()[1]}"
        stop.set()
        thread.join()


def test_certificates_are_checked(certificate: Path) -> None:
    with tls_server(certificate) as url:
        found = run(url, "--port", "0")
        assert (found.returncode, "with --insecure it is not checked" in found.stderr) == (2, True)
        with proxy(url, "--port", "0", "--insecure") as command:
            assert httpx.get(f"{command.url}/api/v1/ping").text == "pong"
            assert "is not checked" in command.end()[1]
