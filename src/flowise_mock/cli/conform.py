"""The commands `conform` and `matrix`, and their options."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowise_mock.cli.arguments import add_contract, add_reports
from flowise_mock.contract.document import DocumentError

if TYPE_CHECKING:
    from flowise_mock.conform.options import Options

FORMATS = ("terminal", "html", "json", "junit", "sarif", "md", "github", "har", "vcr", "ndjson")
BY_SCHEMATHESIS = ("har", "vcr")
RESERVED = ("--url", "--config-file", "--report-ndjson-path", "--include-operation-id")
"""Options of Schemathesis that the judge sets itself."""


def add(commands: Any) -> None:
    """Add the two commands to a command line."""
    _add_conform(commands)
    _add_matrix(commands)


def _add_conform(commands: Any) -> None:
    one = commands.add_parser(
        "conform",
        help="judge a server by a contract",
        description="Judge a Flowise, or this mock, by a contract: what breaks it and why, and how to repeat that. Options that are not listed go to Schemathesis.",
    )
    one.add_argument("url", nargs="?", metavar="URL", help="address of the server, with or without /api/v1")
    _add_contract(one.add_argument_group("contract and baseline"))
    _add_writing(one.add_argument_group("access and records"))
    _add_scope(one.add_argument_group("scope"))
    _add_bounds(one.add_argument_group("bounds"))
    reports = one.add_argument_group("reports")
    add_reports(reports, FORMATS)
    reports.add_argument("--no-progress", action="store_true", help="show no progress")
    one.set_defaults(run=conform, takes_more=True)


def _add_contract(one: argparse._ArgumentGroup) -> None:
    named = add_contract(one, "clients", "contract to judge by")
    named.add_argument("--document", type=Path, metavar="FILE", help="an OpenAPI 3.0 document to judge by")
    one.add_argument(
        "--overlay",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="an overlay for the contract; may be repeated",
    )
    one.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="known deviations; `3.0.5` and `3.1.4` are built in, for the contract `documented`",
    )
    one.add_argument("--update-baseline", action="store_true", help="write what was found into the baseline")


def _add_writing(one: argparse._ArgumentGroup) -> None:
    one.add_argument("--api-key", metavar="KEY", help="key of the server (default: $FLOWISE_API_KEY)")
    one.add_argument(
        "--allow-writes",
        action="store_true",
        help="write to a server that is not on this machine; only to records that the run makes",
    )
    one.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="OPERATION",
        help="send generated requests to this operation too; may be repeated",
    )
    one.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="NAME=VALUE",
        help="a value of the walks, such as model_url=http://127.0.0.1:11434/v1; may be repeated",
    )
    one.add_argument("--ledger", type=Path, metavar="FILE", help="where to write down what the run makes")
    one.add_argument(
        "--clean",
        type=Path,
        metavar="LEDGER",
        help="delete what an earlier run has left, and do nothing else",
    )


def _add_scope(one: argparse._ArgumentGroup) -> None:
    one.add_argument(
        "--only", metavar="ID", default="", help="repeat the deviation with this ID, and show the exchange"
    )
    one.add_argument(
        "--phases", default="walks,probes,generated", metavar="LIST", help="what to do (default: %(default)s)"
    )
    one.add_argument(
        "--expect-coverage",
        type=int,
        metavar="N",
        help="accept a run that sees at least N operations work (default: all)",
    )
    one.add_argument(
        "--max-examples",
        type=int,
        default=3,
        metavar="N",
        help="generated cases per operation in fuzzing (default: %(default)s)",
    )
    one.add_argument(
        "--seed", type=int, default=1, help="seed of the generated requests (default: %(default)s)"
    )


def _add_bounds(one: argparse._ArgumentGroup) -> None:
    one.add_argument("--max-time", type=int, metavar="SECONDS", help="time budget of the generated requests")
    one.add_argument(
        "--timeout",
        type=float,
        default=15.0,
        metavar="SECONDS",
        help="time for one answer (default: %(default)s)",
    )
    one.add_argument(
        "--rate",
        type=float,
        metavar="PER_SECOND",
        help="most requests per second, 0 for no limit (default: 10, on this machine 0)",
    )
    one.add_argument("--insecure", action="store_true", help="do not check the server's certificate")


def _add_matrix(commands: Any) -> None:
    one = commands.add_parser(
        "matrix",
        help="several runs in one table",
        description="Put the JSON reports of several runs into one table: operation by server.",
    )
    one.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN.json", help="reports of `conform --report json=FILE`"
    )
    one.add_argument("--html", type=Path, metavar="FILE", help="write the table as a page")
    one.add_argument(
        "--md", type=Path, metavar="FILE", help="write the table as Markdown (default: print it)"
    )
    one.set_defaults(run=matrix)


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    if value[:1] not in ("{", "["):
        return name, value
    try:
        return name, json.loads(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{name}: is not JSON: {error}") from None


# --- conform -----------------------------------------------------------------------------------------


def conform(arguments: argparse.Namespace) -> int:
    """Run and report; the exit status is the verdict: 0, 1, 2 or 3."""
    from flowise_mock.conform.baseline import BaselineError
    from flowise_mock.conform.generated import GeneratedError
    from flowise_mock.conform.ledger import LedgerError
    from flowise_mock.conform.target import TargetError

    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _clean(arguments) if arguments.clean else _conform(arguments)
    except (TargetError, LedgerError, BaselineError, DocumentError, GeneratedError) as error:
        print(f"flowise-mock: {error}", file=sys.stderr)
        return 2


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _key(arguments: argparse.Namespace) -> str | None:
    return arguments.api_key or os.environ.get("FLOWISE_API_KEY") or None


def _clean(arguments: argparse.Namespace) -> int:
    """Delete what an earlier run has left."""
    from flowise_mock.conform import cleanup, ledger, target
    from flowise_mock.conform.ownership import Ownership

    book = ledger.Ledger(arguments.clean)
    found = target.reach(
        arguments.url or book.url(), _key(arguments), seconds=arguments.timeout, verify=not arguments.insecure
    )
    before = len(book.left())
    done = cleanup.clean(found.client, book, Ownership(book.mark(), book.before()))
    print(f"{max(before - len(done.left), 0)} deleted, {len(done.left)} left")
    for each in done.left:
        print(f"left on the server: {each}")
    for each in done.lasting:
        print(f"no operation deletes {each}")
    return 1 if done.left else 0


def _conform(arguments: argparse.Namespace) -> int:
    from flowise_mock.conform import result, run
    from flowise_mock.conform.progress import Progress
    from flowise_mock.conform.reports import repeated, write

    options = _options(arguments)
    with Progress(sys.stderr, not arguments.no_progress, options.phases) as progress:
        done = run.run(options, progress)
    if options.only:
        print(repeated.text(done, options.only))
        return repeated.status(done, options.only)
    if arguments.update_baseline and not done["interrupted"]:
        number = result.update_baseline(options, done)
        print(f"{options.baseline}: {number} known deviations")
        write.write(done, arguments.report, options.contract, arguments.verbose)
        return 0
    write.write(done, arguments.report, options.contract, arguments.verbose)
    return int(done["status"])


def _options(arguments: argparse.Namespace) -> Options:
    """What the command line requests. Raises TargetError, BaselineError, DocumentError."""
    from flowise_mock.conform import contract, options
    from flowise_mock.conform.target import TargetError

    if not arguments.url:
        raise TargetError("give the address of a server, such as http://127.0.0.1:3000")
    phases = tuple(each for each in arguments.phases.split(",") if each)
    unknown = set(phases) - {*options.PHASES}
    if unknown:
        raise TargetError(
            f"--phases: there is no phase {', '.join(sorted(unknown))}; there are {', '.join(options.PHASES)}"
        )
    made = options.Options(
        url=arguments.url,
        contract=contract.load(arguments.contract, arguments.overlay, arguments.document),
        key=_key(arguments),
        allow_writes=arguments.allow_writes,
        allowed=tuple(arguments.allow),
        values=dict(arguments.set),
        phases=phases,
        only=arguments.only,
        expect_coverage=arguments.expect_coverage,
        seed=arguments.seed,
        max_examples=arguments.max_examples,
        max_time=arguments.max_time,
        seconds=arguments.timeout,
        rate=arguments.rate,
        verify=not arguments.insecure,
        ledger=arguments.ledger,
        baseline=_baseline(arguments),
        events=next((Path(file) for name, file in arguments.report if name == "ndjson"), None),
        filters=tuple(getattr(arguments, "more", ())),
        passed=(*getattr(arguments, "more", ()), *_by_schemathesis(arguments.report)),
    )
    _check_names(made)
    return made


def _check_names(options: Options) -> None:
    """Raises TargetError if an option names an operation that the contract does not have."""
    from flowise_mock.conform.target import TargetError

    for each in options.filters:
        if each.startswith(RESERVED):
            raise TargetError(f"{each.partition('=')[0]} is set by the judge itself; see --report, --only")
    named = [("--allow", each) for each in options.allowed]
    named += [("--only", options.only_operation)] if options.only else []
    for option, name in named:
        if name not in options.contract.operations:
            raise TargetError(
                f"{option}: the contract {options.contract.name} has no operation {name or options.only!r}; "
                "pass the ID of a deviation and the contract of its report"
                if option == "--only"
                else f"{option}: the contract {options.contract.name} has no operation {name!r}"
            )


def _baseline(arguments: argparse.Namespace) -> Path | None:
    """A baseline file, or the built-in one of a version. Raises BaselineError."""
    from flowise_mock.conform import baseline

    known: Path | None = arguments.baseline
    if known is None:
        if arguments.update_baseline:
            raise baseline.BaselineError("--update-baseline needs --baseline FILE")
        return None
    if not known.exists() and known.suffix not in (".yaml", ".yml", ".json"):
        built_in = baseline.bundled(str(known))
        known = built_in if built_in.exists() else known
    if not known.exists() and not arguments.update_baseline:
        raise baseline.BaselineError(f"{known}: there is no such baseline")
    return known


def _by_schemathesis(reports: list[tuple[str, str]]) -> list[str]:
    made: list[str] = []
    for name, file in reports:
        if name in BY_SCHEMATHESIS:
            made += ["--report", name, f"--report-{name}-path", str(Path(file).resolve())]
    return made


# --- matrix ------------------------------------------------------------------------------------------


def matrix(arguments: argparse.Namespace) -> int:
    from flowise_mock.conform import matrix as table

    try:
        runs = [table.read(path) for path in arguments.runs]
    except table.MatrixError as error:
        print(f"flowise-mock: {error}", file=sys.stderr)
        return 2
    if arguments.html:
        arguments.html.write_text(table.html(runs))
    if arguments.md:
        arguments.md.write_text(table.markdown(runs))
    if not arguments.html and not arguments.md:
        print(table.markdown(runs), end="")
    return 0
