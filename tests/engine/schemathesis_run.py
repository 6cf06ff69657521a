"""Schemathesis against a running server: all phases, all checks, no exclusion; and who was answered 2xx.

    python tests/engine/schemathesis_run.py [--contract NAME] [--script FILE] [--max-examples 200] [--seed 1]

It starts `flowise-mock serve` on a free port, runs, prints Schemathesis' summary and the operations that
were never answered in the 2xx range, and fails where there is a failure or such an operation. For the
contract of a real version only the checks count that ask whether server and contract agree, no body asks
for a stream, and an operation may go without a success.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

KEY = "schemathesis"
"""A key that no example of the document names: a run may take the permissions of the other one."""
PHASES = "examples,coverage,fuzzing,stateful"
HOOKS, PLAIN = "schemathesis_hooks", "schemathesis_plain"
AGREEMENT = (
    "status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,positive_data_acceptance,ignored_auth"
)
"""The checks that ask whether a server does what its contract says; others ask whether it is well made."""
REFUSALS = """[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "400", "401", "403", "404", "405", "409", "412", "429", "5xx"]
"""
"""A real server refuses by rules that no schema has: a message is of another flow, MCP has no sessions."""


class Run(NamedTuple):
    """What came of a run: exit status, what was printed, 2xx answers by `METHOD /path`."""

    status: int
    output: str
    successes: Counter[str]
    cases: int


def run(
    url: str,
    key: str,
    max_examples: int,
    seed: int,
    *more: str,
    checks: str = "all",
    hooks: str = HOOKS,
    folder: Path = Path(__file__).parent,
    phases: str = PHASES,
    configuration: str = "",
) -> Run:
    """Schemathesis over HTTP against the document that the server at `url` serves; `hooks` are in `folder`."""
    with tempfile.TemporaryDirectory() as reports:
        Path(reports, "schemathesis.toml").write_text(configuration)
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json",
             "-H", f"Authorization: Bearer {key}", "--checks", checks, "--phases", phases,
             "--max-examples", str(max_examples), "--seed", str(seed), "--no-color",
             "--report", "ndjson", "--report-dir", reports, *more],
            cwd=reports, capture_output=True, text=True, check=False,
            env={**os.environ, "SCHEMATHESIS_HOOKS": hooks, "PYTHONPATH": str(folder),
                 "HYPOTHESIS_STORAGE_DIRECTORY": str(Path(tempfile.gettempdir(), "flowise-mock", "hypothesis"))},
        )  # fmt: skip
        successes: Counter[str] = Counter()
        cases = 0
        for report in Path(reports).glob("*.ndjson"):
            for line in report.read_text().splitlines():
                event = json.loads(line).get("ScenarioFinished")
                if event:
                    cases += len(event["recorder"].get("interactions", {}))
                    successes.update(_successes(event["recorder"]))
    return Run(done.returncode, done.stdout + done.stderr, successes, cases)


def _successes(recorder: dict[str, dict[str, dict[str, object]]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for id, interaction in recorder.get("interactions", {}).items():
        response = interaction.get("response")
        if isinstance(response, dict) and 200 <= response["status_code"] < 300:
            case = recorder["cases"][id]["value"]
            assert isinstance(case, dict)
            found[f"{case['method']} {case['path']}"] += 1
    return found


def unanswered(document: dict[str, dict[str, dict[str, object]]], successes: Counter[str]) -> list[str]:
    """The operations of a document that were never answered in the 2xx range."""
    methods = ("get", "put", "post", "delete", "patch")
    labels = [
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in methods
        if method in item
    ]
    return [label for label in labels if not successes[label]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contract", default=None)
    parser.add_argument("--max-examples", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--all-checks", action="store_true", help="for a real version: also whether it is well made"
    )
    parser.add_argument("--phases", default=PHASES)
    parser.add_argument("--script", action="append", default=[], help="what flows answer, as for serve")
    options = parser.parse_args()
    scripts = [f"--script={each}" for each in options.script]
    contract = ["--contract", options.contract] if options.contract else []
    real = options.contract not in (None, "documented", "clients") and not options.all_checks
    asked: dict[str, Any] = {"checks": AGREEMENT, "hooks": PLAIN, "configuration": REFUSALS} if real else {}
    if options.all_checks:
        asked = {"hooks": PLAIN}
    command = [
        sys.executable,
        "-m",
        "flowise_mock",
        "serve",
        "--port",
        "0",
        "--no-access-log",
        "--token-delay",
        "0",
        "--api-key",
        "flowise-mock",
        "--api-key",
        KEY,
    ]
    with subprocess.Popen([*command, *contract, *scripts], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = re.search(r"http://[\d.:]+", server.stdout.readline())
            assert address
            done = run(
                address[0], "flowise-mock", options.max_examples, options.seed, phases=options.phases, **asked
            )
            from flowise_mock.contract import contracts, document

            loaded = contracts.load(options.contract or "clients")
        finally:
            server.terminate()
    starts = (done.output.find(start) for start in ("= ERRORS", "= FAILURES", "= SUMMARY"))
    print(done.output[min(start for start in starts if start >= 0) :])
    never = unanswered(loaded, done.successes)
    total = sum(1 for _ in document.operations(loaded))
    print(
        f"{done.cases} requests; {total - len(never)} of {total} operations answered in the 2xx range", *never
    )
    return done.status or (bool(never) and not real)


if __name__ == "__main__":
    sys.exit(main())
