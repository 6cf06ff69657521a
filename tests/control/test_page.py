"""The pages for people: shells without data, that anyone may see and nobody may frame."""

from __future__ import annotations

import re
import subprocess
import sys

import httpx
import pytest

from conftest import Running
from flowise_mock.server import build
from flowise_mock.server.build import Options

HTML = {"Accept": "text/html"}


def test_the_page_and_its_files(default: Running) -> None:
    page = httpx.get(f"{default.url}/__mock__/", headers=HTML)
    assert page.status_code == 200
    assert "contract clients" in page.text
    files = re.findall(r'(?:src|href)="(/__mock__/static/[^"]+)"', page.text)
    assert len(files) == 2
    for file in [*files, "/__mock__/static/api.js", "/__mock__/static/dom.js", "/__mock__/static/welcome.js"]:
        assert httpx.get(f"{default.url}{file}").status_code == 200
    assert httpx.get(f"{default.url}/__mock__/static/nothing.js").status_code == 404
    assert httpx.get(f"{default.url}/__mock__/static/..%2fapp.py").status_code == 404


@pytest.mark.parametrize("path", ["/", "/__mock__/", "/__mock__/static/style.css"])
def test_no_page_may_frame_them(default: Running, path: str) -> None:
    headers = httpx.get(f"{default.url}{path}", headers=HTML).headers
    assert headers.get_list("x-frame-options") == ["DENY"]
    assert "script" not in headers["content-security-policy"]
    assert "default-src 'self'" in headers["content-security-policy"]


def test_the_root_has_no_data_of_its_own(default: Running) -> None:
    page = httpx.get(default.url, headers=HTML)
    assert page.headers["content-type"].startswith("text/html")
    assert "flowise-mock</code>" not in page.text
    assert httpx.get(default.url).headers["content-type"].startswith("text/plain")
    assert httpx.post(default.url, headers=HTML).status_code != 200


def test_without_a_control_api_there_is_no_page() -> None:
    running = Running(build.build(Options(control=False)))
    try:
        assert httpx.get(f"{running.url}/__mock__/", headers=HTML).status_code == 404
        assert "a stand-in for Flowise" in httpx.get(running.url, headers=HTML).text
    finally:
        running.stop()


def test_a_real_version_keeps_its_own_root(real: Running) -> None:
    assert "/__mock__/static" not in httpx.get(real.url, headers=HTML).text
    assert httpx.get(f"{real.url}/__mock__/", headers=HTML).status_code == 200


def test_docs_fill_in_the_key(default: Running) -> None:
    assert 'preauthorizeApiKey("bearer' in httpx.get(f"{default.url}/docs/start.js").text
    assert 'src="/__mock__/docs/start.js"' in httpx.get(f"{default.url}/__mock__/docs").text
    assert "<script>" not in httpx.get(f"{default.url}/__mock__/docs").text


def test_the_pages_are_built_at_the_first_visit() -> None:
    code = (
        "import flask; flask.Flask = None\n"
        "from flowise_mock.server.build import Options, build\n"
        "build(Options())"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
