"""What can happen to a request, in the domain's words: no status codes, no HTTP.

A handler returns a result (or plain data, which is `Ok`), raises what always ends (`NotFound`), and
reports a condition (`Malformed`), which a contract may answer or let pass. How an outcome is
answered stands in the contract under `x-outcomes`, by the name of its class; the fields of the
class are the words that an answer's text may use. Standard library only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass(eq=False)
class Outcome(Exception):
    """Anything that can happen. Raise it to end the request with it."""


class Result(Outcome):
    """The request did what it asked for."""


class Failure(Outcome):
    """The request ends without having done what it asked for."""


class Condition(Failure):
    """Something a contract may refuse or ignore: `call.report(...)` goes on where it is ignored."""


Report = Callable[[Outcome], None]
"""Ends the request if the contract answers the condition, and returns if the contract ignores it."""


def kinds() -> dict[str, type[Outcome]]:
    """Every outcome there is, by name."""
    return {
        name: kind
        for name, kind in globals().items()
        if isinstance(kind, type) and issubclass(kind, Outcome) and kind not in _ABSTRACT
    }


_ABSTRACT = (Outcome, Result, Failure, Condition)


# --- results ---------------------------------------------------------------------------------------


@dataclass(eq=False)
class Ok(Result):
    """A value to show, through the view that the contract's answer describes."""

    value: Any = None


@dataclass(eq=False)
class Page(Result):
    """A part of a list; `total` is how many there are in all."""

    value: Any
    total: int


@dataclass(eq=False)
class Deleted(Result):
    """`count` records are gone; `value` is what is left to show, where a contract shows it."""

    count: int
    value: Any = None


@dataclass(eq=False)
class Streamed(Result):
    """A prediction that is told as it happens; `events` yields (name, data) pairs."""

    events: AsyncIterator[tuple[str, Any]]
    named: bool = False
    """Whether each event has an `event:` line of its own, as speech has and predictions have not."""
    whole: Callable[[], Awaitable[Any]] | None = None
    """Tells it as JSON in place of `events`, where it can be told so."""


@dataclass(eq=False)
class FileSent(Result):
    """A file, byte for byte."""

    name: str
    data: bytes


@dataclass(eq=False)
class Options(Result):
    """What a path can do; `allow` lists its methods, `listed` does so without blanks."""

    allow: str
    listed: str


# --- failures of the request itself, found by the engine -------------------------------------------


@dataclass(eq=False)
class NoRoute(Failure):
    """No path of the contract matches."""

    method: str
    path: str


@dataclass(eq=False)
class NoMethod(Failure):
    """The path exists, the method does not; `allow` lists those that do, comma-separated."""

    method: str
    path: str
    allow: str


@dataclass(eq=False)
class Unauthorized(Failure):
    """The credentials are missing or wrong; `reason` tells which."""

    reason: str


@dataclass(eq=False)
class NoSession(Failure):
    """The request says that it comes from the web interface, and shows no session."""


@dataclass(eq=False)
class Forbidden(Failure):
    """The key is known and lacks each of the permissions that would do; `permission` names them."""

    permission: str


@dataclass(eq=False)
class Unparsable(Failure):
    """What was sent cannot be read: JSON, multipart, a percent-escape."""

    what: str
    detail: str
    place: str = ""


@dataclass(eq=False)
class Unsupported(Failure):
    """The body has a media type that the operation does not take."""

    media: str
    accepted: str


@dataclass(eq=False)
class UnknownCharset(Unsupported):
    """The body is written in a character set that is not read; `media` names it."""


@dataclass(eq=False)
class TooLarge(Failure):
    """The body is over the limit, in bytes."""

    limit: int


@dataclass(eq=False)
class NoBody(Failure):
    """A required body is missing or empty."""

    accepted: str


@dataclass(eq=False)
class Invalid(Failure):
    """A parameter or the body does not fit its schema; `where` is its place, `detail` the reason."""

    where: str
    detail: str


@dataclass(eq=False)
class BadHeader(Failure):
    """A `header` that asks this mock for something cannot be obeyed; `detail` says why, and what can be."""

    header: str
    detail: str


@dataclass(eq=False)
class Injected(Failure):
    """A failure that was asked for, and is none of a server's own; `told` is its text."""

    told: str


@dataclass(eq=False)
class Broken(Failure):
    """The mock itself failed, or its answer broke the contract. Always a defect of the mock."""

    detail: str


# --- failures that handlers and the store find -----------------------------------------------------


@dataclass(eq=False)
class NotFound(Failure):
    """There is no `noun` with that id."""

    noun: str
    id: str


@dataclass(eq=False)
class NoLoader(NotFound):
    """The document store of that `name` has no loader with that id."""

    store: str


@dataclass(eq=False)
class NoFlow(NotFound):
    """The chatflow that a file belongs to is not there."""


@dataclass(eq=False)
class NoStore(NotFound):
    """The document store that something should be written to is not there."""


@dataclass(eq=False)
class NoChunk(NotFound):
    """The loader has no such chunk."""


@dataclass(eq=False)
class NoMessage(NotFound):
    """The message that something refers to is not there."""


@dataclass(eq=False)
class NoKey(NotFound):
    """No API key has that value."""


@dataclass(eq=False)
class NotBound(NotFound):
    """No chatflow is bound to that API key."""


@dataclass(eq=False)
class Missing(Failure):
    """A record cannot be kept: its `column` in the table `entity` must have a value."""

    entity: str
    column: str


@dataclass(eq=False)
class NothingDeleted(Failure):
    """There was no `noun` with that id to delete."""

    noun: str
    id: str


@dataclass(eq=False)
class WrongKey(Failure):
    """The flow is bound to an API key, and the request did not show that one."""

    noun: str
    id: str


@dataclass(eq=False)
class NotPublic(Failure):
    """The `noun` is not one that anyone may see."""

    noun: str
    id: str


@dataclass(eq=False)
class NoExecution(Failure):
    """A decision came for a session of which no execution is known."""

    session: str


@dataclass(eq=False)
class NotResumable(Failure):
    """A decision came for an execution that waits for none."""

    id: str
    state: str


@dataclass(eq=False)
class NotStopped(NotResumable):
    """As NotResumable, of an execution that failed elsewhere than where it would wait for a decision."""


@dataclass(eq=False)
class NotExecuted(Failure):
    """A decision names a node that the execution, which waits for it, never came to."""

    id: str


@dataclass(eq=False)
class Aborted(Failure):
    """A run was ended from outside while a node of this `kind` was at work."""

    kind: str


@dataclass(eq=False)
class ModelFailed(Failure):
    """The model that a flow asked answered with an error; `reason` is what it said."""

    reason: str


@dataclass(eq=False)
class ModelRefused(ModelFailed):
    """As ModelFailed, of a model that did not take its key."""


@dataclass(eq=False)
class RunFailed(Failure):
    """A run that is told as a stream came to no good end; `reason` is why, in the contract's words."""

    reason: str


@dataclass(eq=False)
class Throttled(Failure):
    """The flow was asked too often: `most` times are allowed; in `wait` seconds it may be asked again."""

    told: str
    most: int
    wait: int
    reset: int


@dataclass(eq=False)
class OriginRefused(Failure):
    """The flow may not be asked from this origin; `told` is the flow's own sentence."""

    told: str


@dataclass(eq=False)
class NoRule(Failure):
    """No rule of the script answers, and nothing else may; `nearest` names the rule that nearly did."""

    nearest: str


@dataclass(eq=False)
class ScriptFailed(Failure):
    """The rule that should answer cannot; `reason` is why."""

    rule: str
    reason: str


# --- conditions ------------------------------------------------------------------------------------


@dataclass(eq=False)
class NoId(Condition):
    """The path stops where an id should stand, or has a blank there."""

    parameter: str


@dataclass(eq=False)
class Negative(Condition):
    """A number in the query that counts something is below zero."""

    field: str


@dataclass(eq=False)
class Malformed(Condition):
    """The id of a `noun` has not the form that ids have."""

    noun: str
    id: str


@dataclass(eq=False)
class Absent(Condition):
    """There is no `noun` with that id, and the work can be done without it."""

    noun: str
    id: str


@dataclass(eq=False)
class Unknown(Condition):
    """A field has a value that is none of those there are, or none at all."""

    field: str
    value: str


@dataclass(eq=False)
class Empty(Condition):
    """A field that the work needs is missing or empty."""

    field: str


@dataclass(eq=False)
class Several(Condition):
    """There are several of what should be one, and the request does not choose."""

    what: str


@dataclass(eq=False)
class Mistyped(Condition):
    """A field has another type than the work needs; `detail` is what JavaScript says, where that varies."""

    field: str
    detail: str = ""


@dataclass(eq=False)
class Undeclared(Condition):
    """The body has a field that no column takes."""

    field: str


@dataclass(eq=False)
class NotJson(Condition):
    """A text that should hold JSON does not; `detail` is what V8 says of it, `place` where."""

    detail: str
    place: str = ""


@dataclass(eq=False)
class BadLimits(NotJson):
    """The new `apiConfig` of a flow, in which its rate limit is, is no JSON."""


@dataclass(eq=False)
class BadConfig(NotJson):
    """The new `chatbotConfig` of a flow is no JSON."""


@dataclass(eq=False)
class Unreachable(Condition):
    """The work would call a service outside, which cannot be called from here."""

    service: str


@dataclass(eq=False)
class UnexpectedFile(Condition):
    """A form has a file under a name that the operation does not know."""

    field: str


@dataclass(eq=False)
class Disabled(Condition):
    """The flow's settings do not allow it."""

    feature: str


@dataclass(eq=False)
class FileRefused(Condition):
    """The flow takes no files of this `type`; `allowed` lists those it takes."""

    type: str
    allowed: str


@dataclass(eq=False)
class Mismatched(Condition):
    """The extension of a file is not that of its type; `expected` lists those that are."""

    extension: str
    type: str
    expected: str


@dataclass(eq=False)
class Traversal(Condition):
    """A part of the path would lead out of its folder."""

    field: str


@dataclass(eq=False)
class BadOrigin(Condition):
    """The origin of a page is no URL."""


@dataclass(eq=False)
class NoEnding(Condition):
    """The flow has no node that could have the last word."""


@dataclass(eq=False)
class NoMemory(Condition):
    """The flow's chain needs a memory, and has none."""


@dataclass(eq=False)
class StreamRefused(WrongKey, Condition):
    """As WrongKey, where a stream was asked for: a contract may say so within the stream."""


@dataclass(eq=False)
class StreamOriginRefused(OriginRefused, Condition):
    """As OriginRefused, where a stream was asked for."""


@dataclass(eq=False)
class Lacks(Condition):
    """A `noun` misses a part that the work needs, such as a loader or a vector store node."""

    noun: str
    part: str
    id: str = ""


@dataclass(eq=False)
class Inconsistent(Condition):
    """A field of the request contradicts the message with that id, which belongs to another `noun`."""

    noun: str
    sent: Any
    id: str


@dataclass(eq=False)
class Ambiguous(Condition):
    """Two fields were sent of which only one counts."""

    field: str
    other: str


@dataclass(eq=False)
class Unstarted(Condition):
    """The flow has no node to start from."""
