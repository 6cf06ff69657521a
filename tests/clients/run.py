"""The official clients from npm against `flowise-mock serve`: `make clients`.

Needs Node 20, npm and Chromium (`CHROMIUM` is its path if it is not /usr/bin/chromium).
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SCREENSHOT = HERE / "embed.png"
MODES = {
    "default": [],
    "3.0.5": ["--flowise", "3.0.5"],
    "3.1.4 --cors *": ["--flowise", "3.1.4", "--cors", "*"],
}
"""3.1.4 allows no origins by default. A rating from a page of another origin needs --cors, as CORS_ORIGINS."""


def main() -> int:
    if not (HERE / "node_modules").is_dir():
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"], cwd=HERE, check=True
        )
    failed = 0
    for mode, options in MODES.items():
        print(f"--- {mode}", flush=True)
        failed += count_failures(options)
    print(f"{2 * len(MODES) - failed} passed, {failed} failed")
    return failed


def count_failures(options: list[str]) -> int:
    """The number of clients, of two, that fail against a server with these options."""
    command = [sys.executable, "-m", "flowise_mock", "serve", "--port", "0", "--no-access-log", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = re.search(r"http://[\d.:]+", server.stdout.readline())
            assert address
            clients = [["sdk.mjs", address[0]], ["embed.mjs", address[0], str(SCREENSHOT)]]
            return sum(
                subprocess.run(["node", *each], cwd=HERE, check=False).returncode != 0 for each in clients
            )
        finally:
            server.terminate()


if __name__ == "__main__":
    sys.exit(main())
