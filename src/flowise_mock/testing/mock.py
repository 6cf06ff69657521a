"""FlowiseMock: what a test uses of a server."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from uuid import uuid4

from flowise_mock.engine import seed as seeds
from flowise_mock.server.build import Options, build
from flowise_mock.server.thread import ServerThread
from flowise_mock.testing.beginning import Ids, Scripts, Seed, beginning
from flowise_mock.testing.clock import Clock
from flowise_mock.testing.control_client import ControlClient, ControlError, LoopTransport
from flowise_mock.testing.requests import Request
from flowise_mock.testing.store import Store
from flowise_mock.testing.verdict import failure

Reply = str | Mapping[str, Any]
"""A text, or an object with the parts of an answer: docs/scripts.md lists them."""
Part = Literal["journal", "state", "rules", "faults", "clock"]
_POLL = 0.02
_LATE = 0.25
"""Seconds in which a stream that a client left may still end."""
_SESSION = uuid4().hex[:8]
_numbers = itertools.count(1)


class FlowiseMock:
    """A mock of Flowise: a server in this process, or, by `connect`, one that runs.

    Use it as a context manager, `with` or `async with`, or call `start` and `stop`. Its methods wait for the
    control API, which takes about a millisecond; they may be called from a test that runs in an event loop.

    `contract` is `clients`, `documented` or a version of Flowise such as `3.1.4`. `script` are files of
    rules; `seed` is `default`, `empty`, a folder, or records by table. If `strict`, a question that no rule
    answers is an error. `token_delay` is the pause between the tokens of a stream, in seconds. `hang` is how
    long a fault `hang` lasts, in seconds.
    """

    def __init__(
        self,
        *,
        contract: str = "clients",
        overlays: Sequence[str | PathLike[str]] = (),
        script: Scripts = (),
        seed: Seed = "default",
        ids: Ids = "reproducible",
        strict: bool = False,
        token_delay: float = 0.0,
        hang: float = 60.0,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.contract = contract
        self.name = "default"
        self._begins = beginning(script=script, seed=seed, ids=ids, strict=strict)
        self._options = Options(
            host=host, port=port, contract=contract, overlays=[Path(each) for each in overlays], ids=ids,
            token_delay=token_delay, hang=hang,
        )  # fmt: skip
        self._server: ServerThread | None = None
        self._owner: FlowiseMock | None = None
        self._client: ControlClient | None = None
        self._key: str | None = None

    @classmethod
    def connect(cls, url: str, api_key: str | None = None, control_token: str | None = None) -> FlowiseMock:
        """The same object for a server that runs at `url`; if no key is given, it shows one.

        `url` may end with `/ns/NAME`, a namespace. Raises ControlError if no flowise-mock answers there.
        """
        base = url.rstrip("/").removesuffix("/api/v1")
        self = cls()
        self._client = ControlClient(base, control_token)
        self._key = api_key
        self.name = base.partition("/ns/")[2] or "default"
        try:
            self.contract = self._client.get("/ready")["contract"]
        except BaseException:
            self._client.close()
            raise
        return self

    def __repr__(self) -> str:
        where = self._client.url if self._client is not None else "not started"
        return f"<FlowiseMock {where}, contract {self.contract}>"

    # --- life ---

    def start(self) -> Self:
        """Start the server. Raises ServerError, DocumentError or ScriptError."""
        if self._client is None:
            server = ServerThread(build(self._options), self._options.host, self._options.port)
            server.start()
            self._server = server
            self._client = ControlClient(server.url, transport=LoopTransport(server))
            self._begin_or_stop()
        return self

    def _begin_or_stop(self) -> None:
        try:
            self.begin(self._begins)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server; leave one that was not started here, and delete a namespace made here."""
        client, self._client = self._client, None
        if client is not None and self._owner is not None:
            _delete(client, self.name)
        if self._server is not None:
            self._server.stop()
        if client is not None:
            client.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    # --- where it is ---

    @property
    def url(self) -> str:
        """The base URL that SDKs take: without `/api/v1`, with `/ns/NAME` in a namespace."""
        return self._control.url

    @property
    def api_key(self) -> str:
        """A key that opens the API."""
        if self._key is None:
            keys = self._control.get("/keys")
            names = {key["name"]: key["key"] for key in keys if key["permissions"] is None}
            self._key = names.get(seeds.DEFAULT_KEY) or next(iter(names.values()), "")
        return self._key

    @property
    def _control(self) -> ControlClient:
        if self._client is None:
            raise RuntimeError("the mock is not started; use it in a with statement, or call start()")
        return self._client

    def namespace(
        self,
        name: str | None = None,
        *,
        script: Scripts = (),
        seed: Seed = "default",
        ids: Ids | None = None,
        strict: bool = False,
        begins: Mapping[str, Any] | None = None,
    ) -> FlowiseMock:
        """A world of its own on the same server, which `stop` or the end of `with` deletes.

        `name` is random if not given. The other arguments say how it begins, or `begins` does, which is a
        body of `PUT /__mock__/namespaces/NAME`. Without any, a namespace that is there stays as it is.
        """
        made = type(self)(contract=self.contract)
        made.name = name or f"{_SESSION}-{next(_numbers)}"
        made._owner = self
        given = beginning(script=script, seed=seed, ids=ids, strict=strict) if begins is None else begins
        self._control.put(f"/namespaces/{made.name}", given)
        made._client = self._control.in_namespace(made.name)
        return made

    def begin(self, begins: Mapping[str, Any]) -> None:
        """Let the namespace begin anew, with a body of `PUT /__mock__/namespaces/NAME`."""
        self._control.put(f"/namespaces/{self.name}", begins)

    # --- answers and failures ---

    def answer(
        self,
        first: Reply | Sequence[Reply],
        second: Reply | Sequence[Reply] | None = None,
        /,
        *,
        times: int | None = None,
        name: str | None = None,
        hold: str | None = None,
        **match: Any,
    ) -> str:
        """Answer questions: those that contain the first text, or all if there is only the answer.

        A list of answers is given one after the other in a conversation. `match` are the words of a rule's
        match: a plain text is the whole value. `times` bounds how often; under `hold` requests wait for
        `release`. Rules added later come first. Returns the id of the rule. Raises ControlError.
        """
        contains, reply = _split(first, second)
        many = isinstance(reply, Sequence) and not isinstance(reply, str)
        content = {"answers": list(reply)} if many else {"answer": reply}
        rule = {**_matched(contains, match), **content, **_given(times=times, name=name, hold=hold)}
        return str(self._control.post("/rules", rule)["id"])

    def fail(
        self,
        first: Reply | Sequence[Reply],
        second: Reply | Sequence[Reply] | None = None,
        /,
        *,
        times: int | None = None,
        name: str | None = None,
        hold: str | None = None,
        **match: Any,
    ) -> str:
        """Fail requests: predictions whose question contains the first text, or all that `match`.

        A fault is its name, or an object of its name and options: docs/faults.md lists them. Returns its id.
        Raises ControlError.
        """
        contains, fault = _split(first, second)
        armed = {**_matched(contains, match), "fault": fault, **_given(times=times, name=name, hold=hold)}
        return str(self._control.post("/faults", armed)["id"])

    def rules(self) -> list[dict[str, Any]]:
        """The rules in the order in which they are tried, with how often each answered."""
        return list(self._control.get("/rules"))

    def faults(self) -> list[dict[str, Any]]:
        """The faults that are armed, with how often each was triggered."""
        return list(self._control.get("/faults"))

    def remove(self, id: str) -> None:
        """Remove a rule or a fault that was added here."""
        self._control.delete(f"/rules/{id}")

    def release(self, name: str) -> int:
        """Let requests go on that wait under `hold`: those that wait, or the next one. Returns how many."""
        return int(self._control.post(f"/holds/{name}")["released"])

    # --- what was requested ---

    def requests(self, operation: str | None = None, **match: Any) -> list[Request]:
        """The requests that were answered, oldest first: of an operation, and that match."""
        words = _json(_matched(None, match).get("match"))
        entries = self._control.get("/journal", operation=operation, match=words, limit=100_000)
        return [Request.of(entry) for entry in entries]

    def wait_for(
        self, operation: str | None = None, *, count: int = 1, timeout: float = 5.0, **match: Any
    ) -> list[Request]:
        """Wait until so many requests were answered; AssertionError after `timeout` seconds."""
        until = time.monotonic() + timeout
        while len(found := self.requests(operation, **match)) < count:
            if time.monotonic() > until:
                self.verify(operation, at_least=count, **match)
            time.sleep(_POLL)
        return found

    def verify(
        self,
        operation: str | None = None,
        *,
        times: int | None = None,
        at_least: int | None = None,
        at_most: int | None = None,
        order: Sequence[Mapping[str, Any]] = (),
        **match: Any,
    ) -> None:
        """Check how often something was requested: exactly `times`, or between the bounds, or at least once.

        `order` are matches of requests that must have come one after the other. Raises AssertionError, which
        names the nearest request and the field that differs.
        """
        __tracebackhide__ = True
        words = dict(_matched(None, match).get("match", {}))
        if operation is not None:
            words["operation"] = operation
        bounds = _given(exactly=times, at_least=at_least, at_most=at_most)
        wanted: dict[str, Any] = {}
        if words or not order:
            wanted["match"] = words
        if bounds:
            wanted["times"] = bounds
        if order:
            wanted["order"] = [dict(each) for each in order]
        until = time.monotonic() + _LATE
        while not (verdict := self._control.post("/verify", wanted))["passed"] and time.monotonic() < until:
            time.sleep(_POLL)
        if not verdict["passed"]:
            raise AssertionError(failure(verdict, words, self.requests()))

    # --- state ---

    def reset(self, *parts: Part) -> None:
        """Begin anew: everything, or these parts."""
        self._control.post("/reset", {"parts": list(parts)} if parts else {})

    def snapshot(self, name: str = "snapshot") -> str:
        """Save the state under a name, which it returns."""
        self._control.put(f"/snapshots/{name}")
        return name

    def restore(self, name: str = "snapshot") -> None:
        """Bring a saved state back."""
        self._control.post(f"/snapshots/{name}/restore")

    def diff(self, since: str = "start", to: str = "now") -> dict[str, Any]:
        """The records that were added, removed or changed, by table, since the start or a snapshot."""
        found: dict[str, Any] = self._control.get("/snapshots/diff", **{"from": since, "to": to})
        return found

    @property
    def clock(self) -> Clock:
        """The time of the server."""
        return Clock(self._control)

    @property
    def store(self) -> Store:
        """The records of the server."""
        return Store(self._control)


def _split(first: Any, second: Any) -> tuple[str | None, Any]:
    """The text that a question contains, if there is one, and what comes back."""
    if second is None:
        return None, first
    if not isinstance(first, str):
        raise TypeError(f"the first value is a part of the question, a text, and not {first!r}")
    return first, second


def _matched(contains: str | None, match: Mapping[str, Any]) -> dict[str, Any]:
    if contains is not None:
        if "question" in match:
            raise TypeError("say the question once: as the first value or as question=")
        match = {"question": {"contains": contains}, **match}
    return {"match": dict(match)} if match else {}


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _delete(client: ControlClient, name: str) -> None:
    """Delete a namespace, if its server is still there."""
    try:
        client.delete(f"/namespaces/{name}")
    except ControlError as error:
        if error.status not in (0, 404):
            raise


def safe_name(text: str) -> str:
    """A text as the name of a namespace, random at its end."""
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', text)[:40]}-{_SESSION}-{next(_numbers)}"
