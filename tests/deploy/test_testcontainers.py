"""The modules for testcontainers, in Python and in Node, with a stand-in for Docker that starts processes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from clients.test_node import install, run
from deploy.docker_daemon import Daemon

FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"
PROGRAM = """
import { FlowiseMockContainer } from 'flowise-mock/container'

const container = await new FlowiseMockContainer('flowise-mock', { options: ['--flowise', '3.1.4'] }).start()
const mock = await container.connect()
await mock.answer('refund', 'Within 30 days.')
const answer = await fetch(`${mock.url}/api/v1/prediction/FLOW`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${mock.apiKey}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ question: 'A refund?' })
})
console.log((await answer.json()).text, mock.url === container.url)
await mock.verify('createPrediction', { times: 1 })
await container.stop()
""".replace("FLOW", FLOW)


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    started = Daemon()
    monkeypatch.setenv("DOCKER_HOST", started.url)
    monkeypatch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
    yield started
    started.close()


def test_a_container_in_python(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    from testcontainers.core.config import ConnectionMode, testcontainers_config

    from flowise_mock.testing.container import FlowiseMockContainer

    monkeypatch.setattr(testcontainers_config, "ryuk_disabled", True)
    monkeypatch.setattr(testcontainers_config, "connection_mode_override", ConnectionMode.docker_host)
    with FlowiseMockContainer("--flowise", "3.1.4", "--empty") as container, container.connect() as flowise:
        headers = {"Authorization": f"Bearer {flowise.api_key}"}
        assert httpx.get(f"{container.url}/api/v1/version", headers=headers).json() == {"version": "3.1.4"}
        assert httpx.get(f"{container.url}/api/v1/chatflows", headers=headers).json() == []
        flowise.verify("listChatflows", times=1)
        (made,) = daemon.containers.values()
        assert made.wanted["Image"] == "flowise-mock"
    assert made.process is not None
    assert made.process.poll() is not None


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("npm") is None, reason="npm is not installed; `make test` needs Python alone"
)
def test_a_container_in_node(daemon: Daemon, tmp_path: Path) -> None:
    install(tmp_path, "flowise-mock", "testcontainers@11")  # 12 needs Node 22
    (tmp_path / "program.mjs").write_text(PROGRAM)
    assert run("node", "program.mjs", cwd=tmp_path, **os.environ) == "Within 30 days. true\n"
