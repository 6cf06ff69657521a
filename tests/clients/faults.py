"""Measures how three clients behave at each fault. `make client-faults` writes the table into docs/faults.md.

flowise (PyPI) runs in a process of its own. flowise-sdk and flowise-embed (npm) run in Node, the latter with
headless Chromium (`CHROMIUM` is its path if it is not /usr/bin/chromium). The server leaves endless responses
open for a minute; a client that has not ended after a few seconds "waits for ever".
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from clients.faulty import SUPPORT, Reading, name_of, write_script
from flowise_mock.faults import spec

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs" / "faults.md"
PATIENCE = 4.0
"""Seconds after which a client counts as waiting."""
HEAD = "| fault | flowise-sdk | flowise for Python | flowise-embed |\n|---|---|---|---|\n"


def main() -> int:
    if sys.argv[1:2] == ["python"]:
        return read(sys.argv[2], sys.argv[3])
    if not (HERE / "node_modules").is_dir():
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"], cwd=HERE, check=True
        )
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "faults.json"
        write_script(script)
        table = measure(script)
    text = DOCS.read_text()
    DOCS.write_text(re.sub(re.escape(HEAD) + r"(?:\|.*\n)*", lambda _: HEAD + table, text))
    print(HEAD + table, end="")
    return 0


def measure(script: Path) -> str:
    """The rows of the measured table."""
    command = [sys.executable, "-m", "flowise_mock", "serve", "--port", "0", "--no-access-log"]
    command += ["--script", str(script), "--token-delay", "10"]
    names = ["none", *spec.catalogue()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = re.search(r"http://[\d.:]+", server.stdout.readline())
            assert address
            sdk = {name: str(reading) for name, reading in run_in_node("sdk", address[0], names).items()}
            python = {name: run_in_python(address[0], name) for name in names}
            embed = run_in_node("embed", address[0], names)
        finally:
            server.terminate()
    return "".join(f"| {name} | {sdk[name]} | {python[name]} | {embed[name]} |\n" for name in names)


def run_in_node(client: str, address: str, names: list[str]) -> dict[str, Any]:
    command = ["node", "faults.mjs", client, address, str(int(PATIENCE * 1000)), *names]
    process = subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True, timeout=600)
    results = [json.loads(line) for line in process.stdout.splitlines()]
    if client == "embed":
        return {each["name"]: describe_widget(each["texts"], each["waits"]) for each in results}
    return {each["name"]: Reading(each["events"], each["error"], each["done"]) for each in results}


def describe_widget(texts: list[str], waits: bool) -> str:
    """Describe what the widget shows."""
    visible = [text for text in texts if text]
    return (f"shows `{' / '.join(visible)}`" if visible else "shows nothing") + (
        ", goes on waiting" if waits else ""
    )


def run_in_python(address: str, name: str) -> str:
    command = [sys.executable, "-m", "clients.faults", "python", address, name]
    try:
        process = subprocess.run(
            command, cwd=HERE.parent, capture_output=True, text=True, timeout=PATIENCE, check=True
        )
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b"").decode()
        return str(Reading([json.loads(line) for line in output.splitlines()], None, False))
    *lines, error = process.stdout.splitlines()
    return str(Reading([json.loads(line) for line in lines], json.loads(error), True))


def read(address: str, name: str) -> int:
    """Print each event that flowise for Python yields, and at the end the name of its exception as JSON."""
    from flowise import Flowise, PredictionData

    error = None
    try:
        data = PredictionData(chatflowId=SUPPORT, question=name, streaming=True)
        for event in Flowise(address).create_prediction(data):
            print(event, flush=True)
    except Exception as raised:
        error = name_of(raised)
    print(json.dumps(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
