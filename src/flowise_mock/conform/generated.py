"""Generated requests: Schemathesis itself, its checks, and the judge on the responses that it got."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowise_mock.conform import probes
from flowise_mock.conform.client import Client
from flowise_mock.conform.contract import Contract
from flowise_mock.conform.events import Reader
from flowise_mock.conform.hooks import KEY, SETTINGS
from flowise_mock.conform.observations import DENIED
from flowise_mock.conform.session import Session

PHASES = ("examples", "coverage", "fuzzing")


@dataclass
class Generation:
    """How requests are generated: `passed` is for Schemathesis itself, its events are copied to `events`."""

    seed: int = 1
    max_examples: int = 3
    max_time: int | None = None
    verify: bool = True
    rate: float = 0.0
    passed: tuple[str, ...] = ()
    events: Path | None = None


class GeneratedError(Exception):
    """Schemathesis did not run; the text is its own message."""


def configuration(key: str | None) -> str:
    """Schemathesis' own settings. The key is not in them, but the name of the variable that holds it.

    No ID of a response is used, no undocumented method (methods.py sends those), and what Schemathesis
    writes down is complete: it would cut long bodies, and alter values whose names look secret.
    """
    lines = ["[headers]", f'Authorization = "Bearer ${{{KEY}}}"'] if key else []
    lines += [
        "[output.truncation]", "max-recorded-payload-size = 0",
        "[output.sanitization]",
        'keys-to-sanitize = ["authorization"]', 'sensitive-markers = ["authorization"]',
        "[phases.stateful]", "enabled = false",
        "[phases.coverage]", "unexpected-methods = []",
    ]  # fmt: skip
    for phase in PHASES:
        lines += [f"[phases.{phase}.extra-data-sources]", "responses = false"]
    return "\n".join(lines) + "\n"


def command(
    contract: Contract, client: Client, operations: list[str], wanted: Generation, folder: Path
) -> list[str]:
    """The command line of Schemathesis."""
    line = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml"),
        "run", str(folder / "contract.json"), "--url", client.url, "--checks", "all",
        "--seed", str(wanted.seed), "--max-examples", str(wanted.max_examples), "--generation-deterministic",
        "--continue-on-failure", "--no-color",
        "--request-timeout", f"{min(client.seconds, 10):g}", "--request-retries", "0", "--max-redirects", "0",
        "--report", "ndjson", "--report-ndjson-path", str(folder / "events.ndjson"),
        "--suppress-health-check", "all", "--output-sanitize", "true", "--warnings", "off",
    ]  # fmt: skip
    if not any(each.startswith("--phases") for each in wanted.passed):
        line += ["--phases", ",".join(PHASES)]
    if wanted.max_time:
        line += ["--max-time", str(wanted.max_time)]
    if not wanted.verify:
        line += ["--tls-verify", "false"]
    if wanted.rate:
        line += ["--rate-limit", f"{max(int(wanted.rate), 1)}/s"]
    return [*line, *_selection(contract, operations, wanted.passed), *wanted.passed]


def _selection(contract: Contract, operations: list[str], passed: tuple[str, ...]) -> list[str]:
    """Options that select operations. Schemathesis adds up what is included, so that a selection of the
    user can only be narrowed by what is excluded."""
    narrows = any(each.startswith("--include-") for each in passed)
    ids = [id for id in contract.operations if id not in operations] if narrows else operations
    return [f"--{'exclude' if narrows else 'include'}-operation-id={id}" for id in ids]


def operations(session: Session) -> list[str]:
    """The operations that requests are generated for."""
    contract, rules = session.contract, session.rules
    return [
        id for id in contract.operations
        if rules.generates(contract, id) and session.only in ("", id) and _can_answer(session, id)
    ]  # fmt: skip


def _can_answer(session: Session, operation: str) -> bool:
    """Whether an operation can answer: the key may call it, and the outside services are there."""
    if session.observations.unseen.get(operation) == DENIED:
        return False
    return not (session.missing and operation in NEEDS_MODEL)


NEEDS_MODEL = {
    "vectorUpsert", "upsertDocument", "refreshDocument", "queryVectorStore", "generateSpeech",
    "internalVectorUpsert", "insertIntoVectorStore",
}  # fmt: skip
"""Operations that wait for a model whatever they are sent; without one nothing is learned of them."""


def run(session: Session, wanted: Generation) -> None:
    """Run Schemathesis and take in what it saw, as it goes. Raises GeneratedError."""
    included = operations(session)
    if not included:
        return
    with tempfile.TemporaryDirectory(prefix="flowise-mock-") as name:
        folder = Path(name)
        (folder / "contract.json").write_text(json.dumps(session.contract.published()))
        (folder / "schemathesis.toml").write_text(configuration(session.client.key))
        (folder / "settings.json").write_text(json.dumps(_settings(session, wanted)))
        environment = {
            **os.environ, "SCHEMATHESIS_HOOKS": "flowise_mock.conform.hooks",
            SETTINGS: str(folder / "settings.json"), KEY: session.client.key or "",
            "HYPOTHESIS_STORAGE_DIRECTORY": str(Path(tempfile.gettempdir(), "flowise-mock", "hypothesis")),
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
        }  # fmt: skip
        output = folder / "output.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(  # noqa: S603 - our own command line
                command(session.contract, session.client, included, wanted, folder), cwd=folder,
                env=environment, stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            try:
                reader = Reader(session, len(included))
                for line in _follow(folder / "events.ndjson", process):
                    reader.take(json.loads(line))
            finally:
                _end(process)
                if wanted.events and (folder / "events.ndjson").exists():
                    shutil.copyfile(folder / "events.ndjson", wanted.events)
        if process.returncode not in (0, 1):
            raise GeneratedError(_last_words(output.read_text(errors="replace")))
        if wanted.passed:
            text = session.observations.masked(output.read_text(errors="replace"))
            print(text, file=sys.stderr)  # noqa: T201 - the user passed options to Schemathesis


def _settings(session: Session, wanted: Generation) -> dict[str, Any]:
    """What the hooks need to know. The file is readable by its owner alone."""
    return {
        "judge": os.getpid(), "writes": session.rules.writes, "ledger": str(session.ledger.path),
        "url": session.client.url, "seconds": session.client.seconds, "verify": wanted.verify,
        "rate": wanted.rate,
        "values": {name: value for name, value in session.values.items() if name in _PLAIN | session.given},
        "missing": list(session.missing), "makes": probes.makers(),
        "examples": sorted(_texts(session.contract.document)),
        "whole_forms": session.contract.ends_at_malformed_forms,
    }  # fmt: skip


_PLAIN = {
    "mark", "credential", "model_url", "vector_store", "vector_config", "record_manager", "record_config",
}  # fmt: skip


def _texts(node: Any) -> set[str]:
    """Every text in a document: what the run sends of it, others may send too."""
    if isinstance(node, str):
        return {node}
    if isinstance(node, (dict, list)):
        values = node.values() if isinstance(node, dict) else node
        return set().union(*map(_texts, values))
    return set()


def _follow(path: Path, process: subprocess.Popen[bytes]) -> Iterator[str]:
    """The complete lines of a file while a process writes it."""
    held = ""
    position = 0
    while True:
        ended = process.poll() is not None
        if path.exists():
            with path.open() as file:
                file.seek(position)
                held += file.read()
                position = file.tell()
        *lines, held = held.split("\n")
        yield from filter(None, lines)
        if ended:
            return
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _last_words(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return " / ".join(lines[-6:]) or "Schemathesis did not run"
