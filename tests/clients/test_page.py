"""The pages in headless Chromium, and attacks of other pages. Needs Node, npm and Chromium."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from conftest import Running
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = [pytest.mark.server, pytest.mark.slow]
HERE = Path(__file__).parent


@pytest.mark.parametrize("script", ["page.mjs", "attack.mjs"])
def test_in_a_browser(script: str, tmp_path: Path) -> None:
    if not (HERE / "node_modules" / "axe-core").is_dir():
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"]
        subprocess.run(command, cwd=HERE, check=True)
    running = Running(build.build(Options(token_delay=0)))
    try:
        done = subprocess.run(
            ["node", script, running.url, str(tmp_path)],
            cwd=HERE, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
    finally:
        running.stop()
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
