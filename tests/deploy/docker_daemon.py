"""A stand-in for Docker: the part of its API that testcontainers calls, with processes as containers.

A container runs `deploy/entrypoint.sh` with the environment and the command that it was created with, on a free
port of 127.0.0.1 in place of the port that it exposes.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
API = "1.47"


class Container:
    def __init__(self, wanted: dict[str, Any]) -> None:
        self.id, self.wanted = uuid.uuid4().hex * 2, wanted
        self.process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def start(self) -> None:
        """Run the entry point, as the image does."""
        given = dict(each.split("=", 1) for each in self.wanted.get("Env") or [])
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        own = {"PATH": path, "FLOWISE_MOCK_HOST": "127.0.0.1", "FLOWISE_MOCK_PORT": str(self.port)}
        self.process = subprocess.Popen(
            ["sh", str(ROOT / "deploy" / "entrypoint.sh"), *(self.wanted.get("Cmd") or [])],
            env={**own, **given}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(10)

    def shown(self) -> dict[str, Any]:
        running = self.process is not None and self.process.poll() is None
        bound = [{"HostIp": "127.0.0.1", "HostPort": str(self.port)}]
        exposed = self.wanted.get("ExposedPorts") or {}
        state = {"Status": "running" if running else "exited", "Running": running, "ExitCode": 0}
        return {
            "Id": self.id,
            "Name": f"/{self.id[:12]}",
            "Created": "2026-01-01T00:00:00Z",
            "State": state,
            "Config": {**self.wanted, "Labels": self.wanted.get("Labels") or {}, "Hostname": self.id[:12]},
            "HostConfig": self.wanted.get("HostConfig") or {},
            "NetworkSettings": {"Ports": dict.fromkeys(exposed, bound), "Networks": {}},
        }


class Daemon(ThreadingHTTPServer):
    """The stand-in; `url` is what DOCKER_HOST takes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.containers: dict[str, Container] = {}
        self.images: set[str] = {"flowise-mock", "flowise-mock:latest"}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self.server_address[1]}"

    def close(self) -> None:
        for each in self.containers.values():
            each.stop()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    server: Daemon
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.answer("GET")

    def do_HEAD(self) -> None:
        self.answer("GET")

    def do_POST(self) -> None:
        self.answer("POST")

    def do_DELETE(self) -> None:
        self.answer("DELETE")

    def answer(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = re.sub(r"^/v[\d.]+", "", urlsplit(self.path).path)
        status, answer = self.answered(method, path, json.loads(body) if body else {})
        self.sent(status, answer)

    def answered(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        known = {
            "/_ping": "OK",
            "/version": {"ApiVersion": API, "MinAPIVersion": "1.24", "Version": "27", "Os": "linux", "Arch": "amd64"},
            "/info": {"ServerVersion": "27", "OperatingSystem": "a stand-in", "OSType": "linux", "Labels": []},
            "/containers/json": [each.shown() for each in self.server.containers.values()],
        }  # fmt: skip
        if method == "GET" and path in known:
            return 200, known[path]
        if found := re.fullmatch(r"/images/(.+)/json", path):
            image = {"Id": "sha256:1", "RepoTags": [found[1]], "Config": {}}
            return (200, image) if found[1] in self.server.images else (404, {"message": "No such image"})
        if path == "/containers/create":
            made = Container(body)
            self.server.containers[made.id] = made
            return 201, {"Id": made.id, "Warnings": []}
        if found := re.fullmatch(r"/containers/(\w+)(?:/(\w+))?", path):
            return self.of_container(method, self.server.containers[found[1]], found[2])
        return 404, {"message": f"the stand-in has no {method} {path}"}

    def of_container(self, method: str, container: Container, part: str | None) -> tuple[int, Any]:
        if part == "start":
            container.start()
        elif method == "DELETE" or part in ("stop", "kill"):
            container.stop()
        elif part == "json":
            return 200, container.shown()
        elif part == "logs":
            return 200, ""
        return 204, None

    def sent(self, status: int, answer: Any) -> None:
        text = (
            b""
            if answer is None
            else answer.encode()
            if isinstance(answer, str)
            else json.dumps(answer).encode()
        )
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Api-Version", API)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)
