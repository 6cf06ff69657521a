"""The command `proxy`: stands between an application and a real Flowise, judges and keeps what it sees."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowise_mock.cli.arguments import add_contract, add_reports, count, port

if TYPE_CHECKING:
    from flowise_mock.conform.client import Response
    from flowise_mock.conform.contract import Contract
    from flowise_mock.conform.deviations import Deviation
    from flowise_mock.conform.traffic import Traffic
    from flowise_mock.proxy.exchange import Exchange
    from flowise_mock.proxy.journal import ProxyJournal
    from flowise_mock.proxy.recorder import Recorder
    from flowise_mock.proxy.relay_process import RelayProcess

REPORTS = ("terminal", "html", "json", "junit", "sarif", "md", "github")


def add(commands: Any) -> None:
    """Add the command to a command line."""
    one = commands.add_parser(
        "proxy",
        help="watch the traffic between an application and a Flowise",
        description="Pass everything between an application and a real Flowise through unchanged, and judge it by a contract meanwhile. Ends with SIGINT, or when the command after -- ends, which has the address of the proxy in FLOWISE_URL.",
        usage="%(prog)s UPSTREAM [options] [-- COMMAND ...]",
    )
    one.add_argument("upstream", metavar="UPSTREAM", help="address of the real server")
    address = one.add_argument_group("address")
    address.add_argument(
        "--port", type=port, default=3100, help="port of the proxy, 0 for any (default: 3100)"
    )
    address.add_argument(
        "--insecure", action="store_true", help="do not check the certificate of an https server"
    )
    judge = one.add_argument_group("contract and baseline")
    add_contract(judge, "clients", "contract to judge by")
    judge.add_argument(
        "--overlay",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="an overlay for the contract; may be repeated",
    )
    judge.add_argument("--baseline", type=Path, metavar="FILE", help="known deviations, as of conform")
    add_reports(one.add_argument_group("reports"), REPORTS)
    _add_journal(one.add_argument_group("journal"))
    _add_recording(one.add_argument_group("recording"))
    one.set_defaults(run=_proxy, takes_program=True)


def _add_journal(group: Any) -> None:
    group.add_argument(
        "--journal",
        type=count,
        default=1000,
        metavar="N",
        help="exchanges that it keeps (default: %(default)s)",
    )
    group.add_argument(
        "--page-port",
        type=port,
        default=0,
        metavar="PORT",
        help="port of the page and the control API of the journal (default: any)",
    )
    group.add_argument("--no-page", action="store_true", help="serve no page")
    group.add_argument("--har", type=Path, metavar="FILE", help="write the journal at the end, as HAR")


def _add_recording(group: Any) -> None:
    group.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="record predictions to a file of rules, which `serve --script FILE` answers by",
    )
    group.add_argument(
        "--check",
        action="store_true",
        help="compare the answers with those in the file, and write nothing; exit status 1 if they differ",
    )
    group.add_argument(
        "--match",
        choices=("question", "turn"),
        default="question",
        help="what new rules match: the question, or the turn in its conversation (default: question)",
    )


def _proxy(arguments: argparse.Namespace) -> int:
    from flowise_mock.conform import baseline, contract
    from flowise_mock.conform.traffic import Traffic
    from flowise_mock.proxy.journal import ProxyJournal
    from flowise_mock.proxy.relay_process import RelayProcess
    from flowise_mock.proxy.upstream import Upstream, UpstreamError

    try:
        upstream = Upstream.of(arguments.upstream, insecure=arguments.insecure)
        loaded = contract.load(arguments.contract, arguments.overlay)
        entries = baseline.load(arguments.baseline, loaded.name) if arguments.baseline else []
        page = None if arguments.no_page else arguments.page_port
        recorder = _recorder(arguments, loaded)
        journal = ProxyJournal(loaded.document, loaded.name, upstream.url, arguments.journal, page)
        relay = RelayProcess(upstream, port=arguments.port)
    except (baseline.BaselineError, UpstreamError) as error:
        print(f"flowise-mock: {error}", file=sys.stderr)
        return 2
    watcher = Watcher(Traffic(loaded, upstream.url), journal, recorder, quiet=bool(arguments.program))
    for line in _banner(relay, journal, loaded, upstream):
        print(line, flush=True)
    status = _watch(relay, watcher, arguments.program)
    journal.stop()
    judged = _report(arguments, watcher, loaded, entries)
    return status or judged


def _recorder(arguments: argparse.Namespace, loaded: Contract) -> Recorder | None:
    """What records, if that is requested. Raises UpstreamError or ScriptError."""
    from flowise_mock.proxy.recorder import Recorder
    from flowise_mock.proxy.upstream import UpstreamError

    if arguments.out is None:
        if arguments.check:
            raise UpstreamError("--check needs --out FILE, the rules that were recorded before")
        return None
    if arguments.check and not arguments.out.exists():
        raise UpstreamError(f"{arguments.out}: there is no such file; record it first, without --check")
    if not arguments.out.parent.is_dir():
        raise UpstreamError(f"{arguments.out.parent}: there is no such folder; make it first")
    turn = arguments.match == "turn"
    return Recorder(loaded.document, arguments.out, by_turn=turn, check=arguments.check)


def _banner(relay: RelayProcess, journal: ProxyJournal, loaded: Contract, upstream: Any) -> list[str]:
    lines = [
        f"flowise-mock: proxy on http://127.0.0.1:{relay.port}, to {upstream.url}, contract {loaded.name}",
    ]
    if journal.url:
        lines.append(f"  journal  {journal.url}")
    if upstream.insecure:
        lines.append(f"  note     the certificate of {upstream.url} is not checked")
    return lines


# --- while it runs -----------------------------------------------------------------------------------


def _watch(relay: RelayProcess, watcher: Watcher, command: list[str]) -> int:
    """Take in what the relay reports, until it ends. Returns the exit status of the command."""

    def stop(number: int = 0, frame: object = None) -> None:
        relay.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    running = Running(command, relay.port, stop)
    if hasattr(os, "nice"):
        os.nice(10)  # the relay, the server and the application come first
    for kind, value, bodies in relay.messages():
        watcher.take(kind, value, bodies)
    relay.wait()
    if relay.failed:
        print("flowise-mock: the relay ended by itself", file=sys.stderr)
        return 2
    return running.status()


class Running:
    """A command that runs while the proxy does, and ends it."""

    def __init__(self, command: list[str], port: int, at_end: Any) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._failure = 0
        if not command:
            return
        environment = {**os.environ, "FLOWISE_URL": f"http://127.0.0.1:{port}"}
        try:
            self._process = subprocess.Popen(command, env=environment)  # noqa: S603 - what the user named
        except OSError as error:
            print(f"flowise-mock: {command[0]} cannot be run: {error.strerror}", file=sys.stderr)
            self._failure = 2
            at_end()
            return
        threading.Thread(target=self._wait, args=(at_end,), daemon=True).start()

    def _wait(self, at_end: Any) -> None:
        assert self._process is not None
        self._process.wait()
        at_end()

    def status(self) -> int:
        if self._process is None:
            return self._failure
        return abs(self._process.wait())


class Watcher:
    """Judges and keeps what the relay reports. `quiet`: a line for a deviation alone."""

    def __init__(
        self,
        traffic: Traffic,
        journal: ProxyJournal,
        recorder: Recorder | None = None,
        *,
        quiet: bool = False,
    ) -> None:
        self.traffic = traffic
        self.journal = journal
        self.recorder = recorder
        self._quiet = quiet

    def take(self, kind: str, value: dict[str, Any], bodies: list[bytes]) -> None:
        from flowise_mock.proxy.exchange import unpack

        if kind == "exchange":
            self._exchange(unpack(value, bodies))
        elif kind == "lost":
            self.traffic.unjudged += value["count"]
            print(f"{value['count']} exchanges were not seen: they came faster than they can be judged")
        else:
            print(value["text"], flush=True)

    def _exchange(self, exchange: Exchange) -> None:
        traffic = self.traffic
        operation = traffic.operation(exchange.method, exchange.path) or ""
        self.journal.add(exchange, operation)
        found = self._judged(exchange)
        if found or not self._quiet:
            status = exchange.status or "---"
            more = f"; {exchange.failure}" if exchange.failure else ""
            path = traffic.secrets.path(exchange.target)
            print(f"{exchange.method} {path} {status} {exchange.duration:.1f} ms{more}")
        for each in found:
            if not each.note:
                print(f"  deviates: {each.check}: {each.what}; expected {each.expected}")
        for line in self.recorder.saw(exchange) if self.recorder else ():
            print(f"  {line}")
        sys.stdout.flush()

    def _judged(self, exchange: Exchange) -> list[Deviation]:
        """The new findings of an exchange that can be judged."""
        response = response_of(exchange)
        if response is None:
            self.traffic.unjudged += not exchange.failure
            return []
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in exchange.request_headers
        }
        return self.traffic.saw(exchange.method, exchange.target, headers, exchange.request, response)


def response_of(exchange: Exchange) -> Response | None:
    """The response as the judge reads it; None if there is no saying what the server would have sent."""
    from flowise_mock.conform.client import Response

    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in exchange.response_headers}
    if exchange.by_server:
        return Response(
            exchange.status, headers, exchange.response, error=f"the connection broke: {exchange.failure}"
        )
    content = exchange.content
    if not exchange.whole or content is None:
        return None
    return Response(exchange.status, headers, content, exchange.duration / 1000)


# --- at the end --------------------------------------------------------------------------------------


def _report(arguments: argparse.Namespace, watcher: Watcher, loaded: Contract, entries: list[Any]) -> int:
    """Write the reports and the journal; the exit status."""
    from flowise_mock.conform.reports.write import write

    recorded = _finish(watcher.recorder)
    run = watcher.traffic.result(entries, str(arguments.baseline or ""))
    try:
        write(run, arguments.report, loaded, verbose=arguments.verbose)
        if arguments.har is not None:
            watcher.journal.write_har(arguments.har)
    except OSError as error:
        print(f"flowise-mock: {error.filename} cannot be written: {error.strerror}", file=sys.stderr)
        return 2
    return recorded or int(run["status"])


def _finish(recorder: Recorder | None) -> int:
    """Save what was recorded; 1 if answers have changed and none may, 2 if it cannot be saved."""
    if recorder is None:
        return 0
    lines, is_well = recorder.finish()
    for line in lines:
        print(line)
    if is_well:
        return 0
    return 1 if recorder.check else 2
