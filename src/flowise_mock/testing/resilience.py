"""The verdict on a client: what it does if its server limits, hangs, breaks off or refuses."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from flowise_mock.testing.mock import FlowiseMock
from flowise_mock.testing.requests import Request

Call = Callable[[FlowiseMock], Any]
_SETTLE = 2.0
"""Seconds in which a client may close a stream after its call has returned."""
_MARGIN = 0.1
_POLL = 0.15


@dataclass(frozen=True)
class Run:
    """One run of the call under a fault. `error` is what it raised; `seconds` how long it took.

    `ended` is false if it had not returned after three times `hang`.
    """

    requests: Sequence[Request]
    error: BaseException | None
    seconds: float
    ended: bool

    @property
    def failed(self) -> Request | None:
        """The first request that met the fault."""
        return next((each for each in self.requests if each.fault), None)

    @property
    def retry(self) -> Request | None:
        """The next request of the same operation."""
        failed = self.failed
        if failed is None:
            return None
        later = self.requests[self.requests.index(failed) + 1 :]
        return next((each for each in later if each.operation == failed.operation), None)

    @property
    def succeeded(self) -> bool:
        return self.ended and self.error is None

    def outcome(self) -> str:
        """What the call did, in words."""
        if not self.ended:
            return f"had not ended after {self.seconds:.1f} s"
        kind = "returned" if self.error is None else f"raised {type(self.error).__name__}"
        again = ", after a retry" if self.retry is not None else ""
        return f"{kind}{again}"


@dataclass(frozen=True)
class Finding:
    """One line of a report. `passed` is None if the call gave no occasion to see it."""

    name: str
    question: str
    passed: bool | None
    detail: str


@dataclass(frozen=True)
class Report:
    """What a client does under each fault; as a text it is a table."""

    findings: tuple[Finding, ...]

    def __getitem__(self, name: str) -> Finding:
        """The finding of that name. Raises KeyError, which lists the names."""
        for each in self.findings:
            if each.name == name:
                return each
        names = ", ".join(each.name for each in self.findings)
        raise KeyError(f"there is no finding {name}; there are {names}")

    def require(self, *names: str) -> None:
        """Raise AssertionError unless each of these passed. A name that is unknown raises KeyError."""
        __tracebackhide__ = True
        missed = [each for each in map(self.__getitem__, names) if not each.passed]
        if missed:
            lines = "\n".join(f"  {each.name}: {each.detail}" for each in missed)
            raise AssertionError(f"the client does not do what is required\n{lines}\n\n{self}")

    def __str__(self) -> str:
        width = max(len(each.name) for each in self.findings)
        words = {True: "yes", False: "NO", None: "-"}
        return "\n".join(
            f"{each.name:{width}}  {words[each.passed]:3}  {each.detail}" for each in self.findings
        )


@dataclass(frozen=True)
class Experiment:
    """A fault, and what a run under it shows: whether it passed, and why. `kind` is when it makes sense."""

    name: str
    question: str
    fault: dict[str, Any]
    judge: Callable[[Run, float], tuple[bool | None, str]]
    kind: str = "any"


def _retries(run: Run, hang: float) -> tuple[bool | None, str]:
    return run.succeeded and run.retry is not None, run.outcome()


def _waits(run: Run, hang: float) -> tuple[bool | None, str]:
    failed, retry = run.failed, run.retry
    if failed is None or retry is None:
        return None, "it does not retry"
    wanted = float(httpx.Headers(failed.response["headers"]).get("retry-after", 0))
    waited = _instant(retry) - _instant(failed) - failed.duration / 1000
    return waited >= wanted - _MARGIN, f"waited {waited:.1f} s of {wanted:g} s"


def _instant(request: Request) -> float:
    return datetime.fromisoformat(request.time).timestamp()


def _notices(run: Run, hang: float) -> tuple[bool | None, str]:
    return run.ended and (run.error is not None or run.retry is not None), run.outcome()


def _reports(run: Run, hang: float) -> tuple[bool | None, str]:
    return run.ended and run.error is not None, run.outcome()


def _gives_up(run: Run, hang: float) -> tuple[bool | None, str]:
    failed = run.failed
    first = failed.duration / 1000 if failed is not None else run.seconds
    return first < hang - _MARGIN, f"{run.outcome()}; the request lasted {first:.1f} s"


def _closes(run: Run, hang: float) -> tuple[bool | None, str]:
    failed = run.failed
    if not run.ended or run.seconds > hang - _MARGIN or failed is None:
        return False, f"{run.outcome()}; waited {run.seconds:.1f} s for the end of the connection"
    return (
        not failed.completed,
        f"{run.outcome()}; it was open for {failed.duration / 1000:.1f} s",
    )


EXPERIMENTS = (
    Experiment(
        "retries-429",
        "Does it retry after 429?",
        {"name": "rate-limited", "seconds": 1},
        _retries,
    ),
    Experiment(
        "obeys-retry-after",
        "Does it wait as Retry-After says?",
        {"name": "rate-limited", "seconds": 2},
        _waits,
    ),
    Experiment(
        "retries-503",
        "Does it retry after 503?",
        {"name": "status", "code": 503},
        _retries,
    ),
    Experiment(
        "retries-reset",
        "Does it retry after a connection that is reset?",
        {"name": "reset"},
        _retries,
    ),
    Experiment(
        "reports-401",
        "Does it report that its key is refused?",
        {"name": "unauthorized"},
        _reports,
    ),
    Experiment(
        "reports-500",
        "Does it report a flow that fails?",
        {"name": "server-error"},
        _notices,
    ),
    Experiment(
        "notices-truncated",
        "Does it notice an answer that is cut?",
        {"name": "truncated"},
        _notices,
        "json",
    ),
    Experiment(
        "notices-cut-stream",
        "Does it notice a stream that is cut?",
        {"name": "cut-frame"},
        _notices,
        "stream",
    ),
    Experiment(
        "notices-no-end",
        "Does it notice a stream without its end?",
        {"name": "no-end"},
        _notices,
        "stream",
    ),
    Experiment(
        "notices-error-event",
        "Does it report an error in a stream?",
        {"name": "error-midstream"},
        _reports,
        "stream",
    ),
    Experiment(
        "closes-stream",
        "Does it close a stream after its end?",
        {"name": "never-closed"},
        _closes,
        "stream",
    ),
    Experiment(
        "gives-up-on-hang",
        "Does it give up on a server that hangs?",
        {"name": "hang"},
        _gives_up,
    ),
)


def check_resilience(
    call: Call,
    faults: Collection[str] | None = None,
    hang: float = 5.0,
    *,
    contract: str = "clients",
    seed: Any = "default",
) -> Report:
    """Run a client under each fault that its operations can meet, and report what it does.

    `call` takes a FlowiseMock, whose `url` and `api_key` it uses, does what the client does, and raises if
    that fails; it may be a coroutine function. It runs once without a fault, then once for each fault, each
    time in a new namespace, in which the first request of each of its operations meets the fault. `faults`
    names the faults to try, or the findings; None tries all. `hang` is how long a server hangs, in seconds.
    Raises ValueError if the call fails without a fault, or a name is unknown.
    """
    chosen = list(_chosen(faults))
    with FlowiseMock(contract=contract, seed=seed, hang=hang) as server:
        usual = _run(call, server, None, (), hang)
        if usual.error is not None or not usual.ended:
            reason = usual.error or usual.outcome()
            raise ValueError(f"the call fails without a fault: {reason}") from usual.error
        operations = tuple(dict.fromkeys(each.operation for each in usual.requests if each.operation))
        if not operations:
            raise ValueError("the call sent no request to the mock; let it use mock.url")
        found = [_sends_key(usual, server)]
        for experiment in chosen:
            passed, detail = None, f"it reads no {experiment.kind}"
            if experiment.kind in ("any", _kind(usual)):
                passed, detail = experiment.judge(_run(call, server, experiment, operations, hang), hang)
            found.append(Finding(experiment.name, experiment.question, passed, detail))
    return Report(tuple(found))


def _chosen(faults: Collection[str] | None) -> Iterator[Experiment]:
    known = {name for each in EXPERIMENTS for name in (each.name, each.fault["name"])}
    for name in faults or ():
        if name not in known:
            raise ValueError(f"there is no experiment {name}; there are {', '.join(sorted(known))}")
    for each in EXPERIMENTS:
        if faults is None or each.name in faults or each.fault["name"] in faults:
            yield each


def _kind(run: Run) -> str:
    media = [str(each.response["headers"].get("content-type", "")) for each in run.requests]
    return "stream" if any(each.startswith("text/event-stream") for each in media) else "json"


def _sends_key(run: Run, server: FlowiseMock) -> Finding:
    """Whether each request had a key whose operation takes one."""
    document = httpx.get(f"{server.url}/openapi.json").json()
    methods = [each for path in document["paths"].values() for each in path.values()]
    public = {each["operationId"] for each in methods if "operationId" in each and each.get("security") == []}
    keyed = [each for each in run.requests if each.operation not in public]
    without = [each for each in keyed if "authorization" not in each.headers]
    refused = [each for each in keyed if each.status == 401]
    detail = f"{len(without)} of {len(keyed)} requests without a key, {len(refused)} refused"
    return Finding("sends-key", "Does it send its key?", not without and not refused, detail)


def _run(
    call: Call, server: FlowiseMock, experiment: Experiment | None, operations: Sequence[str], hang: float
) -> Run:
    """Run the call in a new namespace, in a thread that is left behind if it does not end."""
    with server.namespace() as mock:
        if experiment is not None:
            fault = dict(experiment.fault)
            if fault["name"] in ("hang", "never-closed"):
                fault["seconds"] = hang
            for operation in operations:
                mock.fail(fault, operation=operation, times=1)
        errors: list[BaseException] = []
        thread = threading.Thread(target=_called, args=(call, mock, errors), daemon=True)
        started = time.monotonic()
        thread.start()
        thread.join(3 * hang + 10)
        seconds, ended = time.monotonic() - started, not thread.is_alive()
        return Run(_settled(mock, experiment), errors[0] if errors else None, seconds, ended)


def _settled(mock: FlowiseMock, experiment: Experiment | None) -> list[Request]:
    """The requests of a run, some of which may end a moment after the call: when no more come."""
    until = time.monotonic() + _SETTLE
    found: list[Request] = []
    while time.monotonic() < until:
        before, found = found, mock.requests()
        met = experiment is None or any(each.fault for each in found)
        if found and len(found) == len(before) and met:
            break
        time.sleep(_POLL)
    return sorted(found, key=lambda each: int(each.id))


def _called(call: Call, mock: FlowiseMock, errors: list[BaseException]) -> None:
    try:
        result = call(mock)
        if inspect.iscoroutine(result):
            asyncio.run(_awaited(result))
    except BaseException as error:
        errors.append(error)


async def _awaited(result: Any) -> None:
    await result
