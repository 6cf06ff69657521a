"""Generated requests: Schemathesis itself, its checks, and the judge on the answers that it got."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flowise_mock.conform.contract import Contract
from flowise_mock.conform.evidence import Record
from flowise_mock.conform.judge import Fault, Judge
from flowise_mock.conform.ledger import Ledger
from flowise_mock.conform.safety import Rules
from flowise_mock.conform.wire import Answer, Request, Wire

OURS = {
    "status_code_conformance", "content_type_conformance", "response_schema_conformance",
}  # fmt: skip
"""Checks that the judge makes too; its words for what it finds are the same in every run."""
ECHOED = {"response_schema_conformance", "undocumented_field"}
KEY = "FLOWISE_MOCK_CONFORM_KEY"


class Asked(NamedTuple):
    """What the user asked of Schemathesis."""

    seed: int
    max_examples: int
    max_time: int | None
    verify: bool
    rate: float | None
    passed: tuple[str, ...] = ()


class GeneratedError(Exception):
    """Schemathesis did not run; the text is what it said."""


def configuration(rules: Rules, key: str | None) -> str:
    """Schemathesis' own settings: never an ID out of an answer, no surprising methods elsewhere.

    The key is not in it, but the name of the variable that holds it.
    """
    lines = ["[headers]", f'Authorization = "Bearer ${{{KEY}}}"'] if key else []
    lines += ["[phases.examples]", "enabled = true", "[phases.coverage]"]
    if not rules.local:
        lines.append("unexpected-methods = []")
        lines += ["[phases.stateful]", "enabled = false"]
    for phase in ("examples", "coverage", "fuzzing"):
        lines += [f"[phases.{phase}.extra-data-sources]", "responses = false"]
    return "\n".join(lines) + "\n"


def command(contract: Contract, wire: Wire, rules: Rules, asked: Asked, folder: Path) -> list[str]:
    """The command line of Schemathesis. The key is not in it: its settings name a variable."""
    line = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml"),
        "run", str(folder / "contract.json"), "--url", wire.url, "--checks", "all",
        "--seed", str(asked.seed), "--max-examples", str(asked.max_examples), "--generation-deterministic",
        "--continue-on-failure", "--no-color",
        "--request-timeout", f"{min(wire.seconds, 10):g}", "--request-retries", "0", "--max-redirects", "0",
        "--report", "ndjson", "--report-ndjson-path", str(folder / "events.ndjson"),
        "--suppress-health-check", "all", "--output-sanitize", "true", "--warnings", "off",
    ]  # fmt: skip
    if not any(each.startswith("--phases") for each in asked.passed):
        line += ["--phases", "examples,coverage,fuzzing"]
    if asked.max_time:
        line += ["--max-time", str(asked.max_time)]
    if not asked.verify:
        line += ["--tls-verify", "false"]
    if asked.rate or not rules.local:
        line += ["--rate-limit", f"{int(asked.rate or 10)}/s"]
    for id in contract.operations:
        if rules.generates(contract, id):
            line += ["--include-operation-id", id]
    return [*line, *asked.passed]


def run(
    contract: Contract, wire: Wire, judge: Judge, record: Record, ledger: Ledger, rules: Rules, mark: str,
    walks: dict[str, Any], asked: Asked, progress: Callable[[str], None] = lambda _: None,
) -> None:  # fmt: skip
    """Run Schemathesis and take in what it saw, as it goes. Raises GeneratedError."""
    from flowise_mock.conform.probes import makers

    with tempfile.TemporaryDirectory(prefix="flowise-mock-") as name:
        folder = Path(name)
        (folder / "contract.json").write_text(json.dumps(contract.published()))
        (folder / "schemathesis.toml").write_text(configuration(rules, wire.key))
        told = {
            "ledger": str(ledger.path) if rules.writes else "", "mark": mark,
            "makes": makers(walks), "undo": walks["undo"], "judge": os.getpid(),
        }  # fmt: skip
        environment = {
            **os.environ, "SCHEMATHESIS_HOOKS": "flowise_mock.conform.hooks",
            "FLOWISE_MOCK_CONFORM": json.dumps(told),
            KEY: wire.key or "",
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
        }  # fmt: skip
        output = folder / "output.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(  # noqa: S603 - our own command line
                command(contract, wire, rules, asked, folder), cwd=folder, env=environment,
                stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            try:
                reader = Reader(contract, judge, record, wire)
                for line in _follow(folder / "events.ndjson", process):
                    reader.take(json.loads(line), progress)
            finally:
                _end(process)
        if process.returncode not in (0, 1):
            raise GeneratedError(_said(output.read_text(errors="replace")))
        if asked.passed:
            print(output.read_text(errors="replace"), file=sys.stderr)  # noqa: T201 - what the user asked Schemathesis for


def _follow(path: Path, process: subprocess.Popen[bytes]) -> Iterator[str]:
    """The whole lines of a file while a process writes it."""
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


def _said(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return " / ".join(lines[-6:]) or "Schemathesis did not run"


class Reader:
    """Takes in the events of Schemathesis: counts cases, judges answers, names failures."""

    def __init__(self, contract: Contract, judge: Judge, record: Record, wire: Wire) -> None:
        self._judge, self._record = judge, record
        self._base = urlsplit(wire.url).path
        self._ids = {(each.method.upper(), each.path): id for id, each in contract.operations.items()}

    def take(self, event: dict[str, Any], progress: Callable[[str], None]) -> None:
        finished = event.get("ScenarioFinished")
        if finished is None:
            return
        recorder = finished["recorder"]
        progress(f"{finished['phase']} {recorder['label']}")
        for id, interaction in recorder.get("interactions", {}).items():
            case = recorder["cases"].get(id, {}).get("value", {})
            operation = self._ids.get((case.get("method"), case.get("path")))
            if operation:
                fits = case.get("meta", {}).get("generation", {}).get("mode") != "negative"
                self._exchange(
                    operation, finished["phase"], interaction, recorder["checks"].get(id, []), fits
                )

    def _exchange(
        self,
        operation: str,
        phase: str,
        interaction: dict[str, Any],
        checks: list[dict[str, Any]],
        fits: bool,
    ) -> None:
        """Take in a request and its answer. What comes back for data that do not fit is not judged by its
        schema: that they were taken is the fault."""
        answer = _answer(interaction.get("response"))
        asked = _request(operation, interaction["request"], self._base)
        if asked.method != self._method(operation):
            return self._failures(operation, phase, asked, answer, checks)
        self._record.saw(phase, operation, answer)
        for fault in self._judge.judge(operation, answer):
            if fits or fault.check not in ECHOED:
                self._record.fault(phase, asked, answer, fault)
        return self._failures(operation, phase, asked, answer, checks)

    def _method(self, operation: str) -> str:
        return next(method for (method, _), id in self._ids.items() if id == operation)

    def _failures(
        self, operation: str, phase: str, asked: Request, answer: Answer, checks: list[dict[str, Any]]
    ) -> None:
        if answer.trouble or self._judge.is_absent(answer):
            return
        for check in checks:
            if check["status"] == "failure" and check["name"] not in OURS:
                fault = _fault(check, asked, answer)
                if fault.check == "positive_data_acceptance":
                    fault = fault._replace(note=self._judge.may_refuse(operation, answer))
                if not (fault.check == "missing_required_header" and "'Authorization'" in fault.expected):
                    self._record.fault(phase, asked, answer, fault)


def _fault(check: dict[str, Any], asked: Request, answer: Answer) -> Fault:
    """A failure of Schemathesis, in words that stay the same."""
    failure = check["failure_info"]["failure"]
    name, title = check["name"], failure["title"]
    lines = [line for line in str(failure.get("message", "")).splitlines() if line.strip()]
    what = {
        "not_a_server_error": f"{answer.status} for generated data",
        "negative_data_rejection": f"{answer.status} for data outside the schema",
        "positive_data_acceptance": f"{answer.status} for data within the schema",
        "unsupported_method": f"{answer.status} for {asked.method}",
        "missing_required_header": f"{answer.status} without a required header",
        "ignored_auth": f"{answer.status} instead of 401",
    }.get(name, title)
    return Fault(name, what, f"{title}: {' '.join(lines)}"[:400])


def _answer(response: dict[str, Any] | None) -> Answer:
    if response is None:
        return Answer(trouble="no answer within the time")
    body = (response.get("content") or {}).get("$base64", "")
    headers = {name.lower(): ", ".join(values) for name, values in response["headers"].items()}
    return Answer(response["status_code"], headers, base64.b64decode(body), response.get("elapsed", 0.0))


def _request(operation: str, sent: dict[str, Any], base: str) -> Request:
    parts = urlsplit(sent["uri"])
    body = (sent.get("body") or {}).get("$base64")
    headers = {
        name: ", ".join(values)
        for name, values in sent["headers"].items()
        if name.lower() in ("content-type", "accept")
        or (name.lower() == "authorization" and "Filtered" not in str(values))
    }
    path = parts.path.removeprefix(base) + (f"?{parts.query}" if parts.query else "")
    return Request(
        operation, sent["method"], path, headers=headers, content=base64.b64decode(body) if body else None
    )
