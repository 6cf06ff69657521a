"""The balancer's configuration: HAProxy accepts it, and namespaces stick."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HAPROXY = shutil.which("haproxy", path=f"{os.environ.get('PATH')}:/usr/sbin")

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed (apt-get install haproxy)")


def test_haproxy_accepts_the_configuration() -> None:
    done = subprocess.run(
        [str(HAPROXY), "-c", "-f", str(ROOT / "deploy" / "haproxy.cfg")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr.lower()


@pytest.mark.slow
def test_namespaces_stick_and_only_those_of_a_dead_mock_move() -> None:
    command = [sys.executable, str(ROOT / "deploy" / "sharding.py"), "--seconds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "0 of" in done.stdout
