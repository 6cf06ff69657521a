"""The official clients from npm against `flowise-mock serve`: `make clients`.

Needs Node 20, npm and Chromium (`CHROMIUM` names it where it is not /usr/bin/chromium).
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SCREENSHOT = HERE / "embed.png"


def main() -> int:
    if not (HERE / "node_modules").is_dir():
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"], cwd=HERE, check=True
        )
    command = [sys.executable, "-m", "flowise_mock", "serve", "--port", "0", "--no-access-log"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = re.search(r"http://[\d.:]+", server.stdout.readline())
            assert address
            clients = [["sdk.mjs", address[0]], ["embed.mjs", address[0], str(SCREENSHOT)]]
            failed = sum(
                subprocess.run(["node", *each], cwd=HERE, check=False).returncode != 0 for each in clients
            )
        finally:
            server.terminate()
    print(f"{len(clients) - failed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(main())
