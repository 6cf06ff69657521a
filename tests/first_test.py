"""Times the first green test of a new user: `python tests/first_test.py dist/flowise_mock-0.1.0-py3-none-any.whl`.

In an empty folder it makes an environment, installs the wheel with what it depends on, and runs the test of the
README against the application of docs/testing.md. Exits 1 if the test fails or all took longer than LIMIT.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT = 180.0
"""Seconds, from the empty folder to green."""


def files() -> dict[str, str]:
    """The test of the README, and the application that it tests."""
    readme, testing = ((ROOT / name).read_text() for name in ("README.md", "docs/testing.md"))
    found = dict(re.findall(r"```python\n# (bot\.py)\n(.*?)```", testing, re.DOTALL))
    found |= dict(re.findall(r"```python\n# (test_bot\.py)\n(.*?)```", readme, re.DOTALL))
    return found


def main(wheel: str) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in files().items():
            (folder / file).write_text(text)
        python = str(folder / ".venv" / "bin" / "python")
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if not (
            _step("make an environment", [sys.executable, "-m", "venv", ".venv"], folder)
            and _step("install", [*install, str(Path(wheel).resolve())], folder)
            and _step("pytest", [python, "-m", "pytest", "-q", "-W", "error"], folder)
        ):
            return 1
    took = time.monotonic() - began
    print(f"{took:6.1f} s  from an empty folder to a green test; the limit is {LIMIT:.0f} s")
    return int(took > LIMIT)


def _step(name: str, command: list[str], folder: Path) -> bool:
    began = time.monotonic()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    print(f"{time.monotonic() - began:6.1f} s  {name}", flush=True)
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
    elif name == "pytest" and "1 passed" not in done.stdout:
        print(f"no test ran: {done.stdout}", file=sys.stderr)
        return False
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
