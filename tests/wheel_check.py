"""Checks that the built wheel, in an empty environment, serves from any folder with its own document and seed.

Run it with the path of the wheel; it exits 0, or fails with the reason.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import urllib.request
import venv
from pathlib import Path
from typing import Any

TESTING = Path(__file__).parents[1] / "docs" / "testing.md"


def main(wheel: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        pip = [f"{folder}/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        constraints = Path(__file__).parents[1] / "requirements.txt"
        further = ["httpx", "pytest-xdist", "pytest-repeat"]
        subprocess.run([*pip, "-c", str(constraints), wheel, *further], check=True)
        elsewhere = Path(folder, "elsewhere")
        elsewhere.mkdir()
        server = subprocess.Popen(
            [f"{folder}/bin/flowise-mock", "serve", "--port", "0"],
            cwd=elsewhere,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None
            banner = server.stdout.readline()
            address = re.search(r"http://[\d.:]+", banner)
            assert address, f"no address in the banner: {banner!r}"
            flows = get(f"{address[0]}/api/v1/chatflows")
            document = get(f"{address[0]}/openapi.json")
            assert flows, "the seed is not in the wheel"
            assert document["openapi"] == "3.0.3"
            print(f"{len(flows)} chatflows, {len(document['paths'])} paths, from {elsewhere.name}/")
            check_fixture(Path(folder, "bin", "python"), elsewhere, address[0])
        finally:
            server.terminate()
            status = server.wait(10)
        check_base(Path(folder))
        assert status == 0, f"SIGTERM ended it with {status}"
        print("1 passed, 0 failed")


def check_base(folder: Path) -> None:
    """The base install has no Schemathesis; `conform` names its extra."""
    command = [f"{folder}/bin/flowise-mock", "conform", "http://127.0.0.1:9"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done
    assert "pip install 'flowise-mock[conform]'" in done.stderr
    listed = subprocess.run(
        [f"{folder}/bin/python", "-m", "pip", "list", "--format", "freeze"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    ours = set(listed.stdout.split()) - {"pip", "setuptools"}
    size = sum(each.stat().st_size for each in folder.glob("lib/**/*") if each.is_file())
    print(f"{len(ours)} packages and {size / 1e6:.0f} MB, those of the checks among them")


def check_fixture(python: Path, folder: Path, url: str) -> None:
    """The example of docs/testing.md in an empty folder: alone, repeated, in parallel, on a server that runs."""
    blocks = re.findall(r"```python\n# (bot.py|test_bot.py)\n(.*?)```", TESTING.read_text(), re.DOTALL)
    for name, text in blocks:
        (folder / name).write_text(text)
    repeated = ["--count", "10"]
    for options in ([], repeated, [*repeated, "-n", "4"], [*repeated, "-n", "4", "--flowise-mock-url", url]):
        command = [str(python), "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *options]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        print(f"pytest {' '.join(options)}: {done.stdout.strip().splitlines()[-1]}")


def get(url: str) -> Any:
    request = urllib.request.Request(url, headers={"Authorization": "Bearer flowise-mock"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


if __name__ == "__main__":
    main(sys.argv[1])
