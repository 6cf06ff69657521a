"""Outcomes of requests, in terms of the domain: no status codes, no HTTP.

A handler returns data (which is `Ok`) or a `Result`, raises a `Failure`, or reports a `Condition`, which
a contract may answer or ignore. The contract says under `x-outcomes`, by the name of the class, how an
outcome is answered. The annotated fields of the class are the placeholders that the answer's text may use.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache
from inspect import get_annotations
from typing import Any, ClassVar, NamedTuple, dataclass_transform


@dataclass_transform(eq_default=False)
class Outcome(Exception):
    """The outcome of a request. Raise one to end the request with it.

    A subclass takes its annotated fields as arguments, as a dataclass does. (72 dataclasses would cost
    40 ms of each start.)
    """

    fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        inherited = [name for base in cls.__bases__ for name in getattr(base, "fields", ())]
        cls.fields = tuple(dict.fromkeys([*inherited, *get_annotations(cls)]))

    def __init__(self, *values: Any, **named: Any) -> None:
        given = dict(zip(self.fields, values, strict=False), **named)
        for name in self.fields:
            if name not in given and not hasattr(self, name):
                raise TypeError(f"{type(self).__name__} needs {name}")
            setattr(self, name, given[name] if name in given else getattr(self, name))
        if len(values) > len(self.fields) or given.keys() - set(self.fields):
            raise TypeError(f"{type(self).__name__} takes {', '.join(self.fields) or 'nothing'}")


class Result(Outcome):
    """The request succeeded."""


class Failure(Outcome):
    """The request failed."""


class Refusal(Failure):
    """A failure that is found before the operation's service is called, so no message names the service."""


class Condition(Failure):
    """Something that a contract may refuse or ignore: `call.report(...)` returns if it is ignored."""


Report = Callable[[Outcome], None]
"""Ends the request if the contract answers the condition, and returns if the contract ignores it."""


@cache
def all_outcomes() -> dict[str, type[Outcome]]:
    """Every concrete outcome, by its name. Do not change what is returned: it is kept."""
    return {
        name: kind
        for name, kind in globals().items()
        if isinstance(kind, type) and issubclass(kind, Outcome) and kind not in _ABSTRACT
    }


_ABSTRACT = (Outcome, Result, Failure, Refusal, Condition)


# --- results ---------------------------------------------------------------------------------------


class Ok(Result):
    """A value, shown through the view that the schema of the contract's response describes."""

    value: Any = None

    def __init__(self, value: Any = None) -> None:
        self.value = value


class Page(Result):
    """A part of a list; `total` is the number of records in the whole list."""

    value: Any
    total: int


class Accepted(Result):
    """The request is accepted, and what it started goes on."""

    value: Any


class Deletion(Result):
    """`count` records were deleted; `value` is what remains, for contracts that show it."""

    count: int
    value: Any = None


class Pause(NamedTuple):
    """In the place of an event: nothing is sent before this time of the event loop's clock."""

    until: float


class EventStream(Result):
    """Events delivered as they happen; `events` yields (name, data) pairs, and pauses between them."""

    events: AsyncIterator[tuple[str, Any] | Pause]
    framing: str = "prediction"
    """How an event is framed: `prediction`, `speech`, `rpc` or, as the standard has it, `plain`."""
    as_json: Callable[[], Awaitable[Any]] | None = None
    """Delivers the same as JSON instead of `events`; None if only a stream is possible."""


class FileDownload(Result):
    """A file, byte for byte."""

    name: str
    data: bytes


class AllowedMethods(Result):
    """The methods of a path: `allow` separates them by a comma and a blank, `listed` by a comma."""

    allow: str
    listed: str


# --- refusals: found by the engine, before a handler runs ------------------------------------------


class UnknownPath(Refusal):
    """No path of the contract matches."""

    method: str
    path: str


class MethodNotAllowed(Refusal):
    """The path exists and does not have this method; `allow` lists its methods."""

    method: str
    path: str
    allow: str


class NotImitated(UnknownPath):
    """A real server has this operation, and it is not imitated."""


class UnimplementedOperation(Refusal):
    """As NotImitated, on a server that was started to refuse such operations."""

    method: str
    path: str


class FixedAnswer(Refusal):
    """An answer that is sent as it is: of an operation that the contract does not describe, or recorded."""

    status: int
    value: Any
    message: str


class Unauthorized(Refusal):
    """The credentials are missing or wrong; `reason` says which."""

    reason: str


class WrongToken(Refusal):
    """The token of an MCP server is missing or wrong; `reason` says which."""

    reason: str


class NotAcceptable(Refusal):
    """The client does not accept the media types that the answer needs."""

    media: str


class InvalidMessage(Refusal):
    """What was sent is no message of JSON-RPC."""


class UnsupportedProtocol(Refusal):
    """The client has another `version` of the protocol than those that are `supported`."""

    version: str
    supported: str


class StatelessSession(Refusal):
    """A session should end, and the server has none."""

    id: str


class MissingSession(Refusal):
    """The request says that it comes from the web interface, and has no session."""


class Forbidden(Refusal):
    """The key is known and has none of the permissions that the operation needs."""

    permission: str


class UnreadableContent(Refusal):
    """What was sent cannot be parsed: JSON, multipart, a percent-escape. `place` is a line and a column."""

    what: str
    detail: str
    place: str = ""


class MalformedPath(UnreadableContent):
    """The path of the request has a percent-escape that cannot be decoded."""


class MissingBoundary(UnreadableContent):
    """A multipart body whose Content-Type names no boundary."""


class BrokenForm(UnreadableContent):
    """A multipart body that is cut off, or is none."""


class UnsupportedEncoding(Refusal):
    """The body has a content encoding that is not supported."""

    encoding: str


class UnsupportedMediaType(Refusal):
    """The operation does not accept a body of this media type."""

    media: str
    accepted: str


class UnsupportedCharset(UnsupportedMediaType):
    """The body has a character set that is not supported; `media` is its name."""


class ContentTooLarge(Refusal):
    """The body is larger than the limit, in bytes."""

    limit: int


class MissingBody(Refusal):
    """A required body is missing or empty."""

    accepted: str


class SchemaViolation(Refusal):
    """A parameter or the body does not match its schema; `where` is its place, `detail` the reason."""

    where: str
    detail: str


class InvalidHeader(Refusal):
    """A header that this mock defines has an invalid value; `detail` says why, and which are valid."""

    header: str
    detail: str


class InvalidNamespace(Refusal):
    """The name of a namespace is invalid, or two names differ; `detail` says which are valid."""

    name: str
    detail: str


class LimitReached(Refusal):
    """There may be no more of `what` than `limit`."""

    what: str
    limit: int


class Conflict(Failure):
    """The request fits the schema and cannot be carried out now; `detail` says why, and what to do."""

    detail: str


class InjectedFailure(Refusal):
    """A failure that a fault requested and that no server has of its own; `text` is its message."""

    text: str


class InternalError(Refusal):
    """The mock itself failed, or its answer broke the contract. Always a defect of the mock."""

    detail: str


class PrivateRecord(Refusal):
    """The `noun` is not public."""

    noun: str
    id: str


class TooManyRequests(Refusal):
    """The rate limit of a flow: `limit` calls are allowed, the next one in `wait` seconds.

    `reset` is that moment in seconds since 1970; `text` is the flow's own message.
    """

    text: str
    limit: int
    wait: int
    reset: int


class ForbiddenOrigin(Refusal):
    """Pages of this origin may not call the flow; `text` is the flow's own message."""

    text: str


# --- failures that handlers and the store find -----------------------------------------------------


class NotFound(Failure):
    """There is no `noun` with that id."""

    noun: str
    id: str


class NotWebhook(NotFound):
    """The `noun` with that id exists and has no webhook."""


class LoaderNotFound(NotFound):
    """The document store named `store` has no loader with that id."""

    store: str


class FlowNotFound(NotFound):
    """The chatflow that a file belongs to does not exist."""


class StoreNotFound(NotFound):
    """The document store to write to does not exist."""


class ChunkNotFound(NotFound):
    """The loader has no such chunk."""


class MessageNotFound(NotFound, Refusal):
    """The message that feedback refers to does not exist."""


class KeyNotFound(NotFound, Refusal):
    """No API key has that value."""


class BoundFlowNotFound(NotFound):
    """No chatflow is bound to that API key."""


class MissingColumn(Failure):
    """A record cannot be stored: its `column` in the table `entity` must have a value."""

    entity: str
    column: str


class NothingToDelete(Failure):
    """There was no `noun` with that id to delete; `value` is what there is, for contracts that show it."""

    noun: str
    id: str
    value: Any = None


class WrongKey(Failure):
    """The flow is bound to an API key, and the request has another one or none."""

    noun: str
    id: str


class ExecutionNotFound(Failure):
    """A decision arrived for a session that has no execution."""

    session: str


class UnresumableExecution(Failure):
    """A decision arrived for an execution that does not wait for one."""

    id: str
    state: str


class UnstoppedExecution(UnresumableExecution):
    """As UnresumableExecution, for an execution that failed at a node that does not wait for decisions."""


class UnvisitedNode(Failure):
    """A decision names a node that the waiting execution never reached."""

    id: str


class AbortedRun(Failure):
    """A run was aborted while a node of this `kind` was running."""

    kind: str


class FailedFunction(Failure):
    """The function of a flow threw an error, or returned what a flow cannot answer; `reason` is why."""

    reason: str


class ModelFailure(Failure):
    """The model that a flow called returned an error; `reason` is its message."""

    reason: str


class ModelRefusal(ModelFailure):
    """As ModelFailure, for a model that did not accept its key."""


class RunFailure(Failure):
    """A run that is delivered as a stream failed; `reason` is why, in the contract's words."""

    reason: str


class NoMatchingRule(Failure):
    """No rule of the script matches, and nothing else may answer; `nearest` is the rule that came closest."""

    nearest: str


class ScriptFailure(Failure):
    """The rule that matches cannot answer; `reason` is why."""

    rule: str
    reason: str


# --- conditions ------------------------------------------------------------------------------------


class MissingId(Condition, Refusal):
    """The path ends where an id is expected, or has a blank there."""

    parameter: str


class NegativeNumber(Condition, Refusal):
    """A count in the query is below zero."""

    field: str


class MalformedId(Condition, Refusal):
    """The id of a `noun` is not a UUID."""

    noun: str
    id: str


class MalformedChatId(Condition):
    """The id of a chat is not a UUID."""

    id: str


class MissingFlow(NotFound, Condition):
    """There is no flow with that id, and the operation can do without it."""


class MissingReference(Condition):
    """There is no `noun` with that id, and the operation can do without it."""

    noun: str
    id: str


class InvalidSplitter(Condition):
    """The settings of a splitter cannot be used; `reason` is why."""

    reason: str


class UnknownComponent(Condition):
    """A store uses a node that does not exist as this `part`."""

    part: str
    name: str


class UnreadableFile(Condition):
    """The loader of a file cannot read it; `reason` is why, `place` a line and a column."""

    name: str
    type: str
    reason: str
    place: str = ""


class InvalidChoice(Condition):
    """A field has a value that is not one of those allowed, or no value."""

    field: str
    value: str


class EmptyField(Condition):
    """A field that the operation needs is missing or empty."""

    field: str


class TooLong(Condition):
    """A text has more characters than its `limit`."""

    field: str
    limit: int


class AmbiguousPart(Condition):
    """There are several parts of a kind, and the request does not choose one."""

    what: str


class WrongType(Condition):
    """A field has the wrong type; `detail` is JavaScript's message if it depends on the value."""

    field: str
    detail: str = ""


class UnknownField(Condition):
    """The body has a field that is no column."""

    field: str


class InvalidJson(Condition):
    """A text that should hold JSON does not; `detail` is V8's message, `place` a line and a column."""

    detail: str
    place: str = ""


class InvalidApiConfig(InvalidJson, Refusal):
    """The new `apiConfig` of a flow, which holds its rate limit, is not JSON."""


class InvalidChatbotConfig(InvalidJson):
    """The new `chatbotConfig` of a flow is not JSON."""


class UnreachableService(Condition):
    """The operation would call an external service, which this server does not."""

    service: str


class UnexpectedFile(Condition, Refusal):
    """A form has a file under a name that the operation does not know."""

    field: str


class DisabledFeature(Condition):
    """The flow's settings switch the feature off."""

    feature: str


class ForbiddenFileType(Condition):
    """The flow does not accept files of this `type`; `allowed` lists those that it accepts."""

    type: str
    allowed: str


class ExtensionMismatch(Condition):
    """The extension of a file does not belong to its media type; `expected` is the one that does."""

    extension: str
    type: str
    expected: str


class MissingFileName(Condition):
    """A file has no name."""


class MissingFileType(Condition):
    """A file has no media type."""


class MissingExtension(Condition):
    """The name of a file has no extension."""

    name: str


class UnknownFileType(Condition):
    """The media type of a file has no extension that is known."""

    type: str


class PathTraversal(Condition):
    """A part of the path, or the name of a file, leads out of its folder; `value` is what was sent."""

    field: str
    value: str = ""


class UnexpectedMethod(Condition, Refusal):
    """A webhook was called with another method than its flow expects."""

    method: str
    expected: str


class UnexpectedMediaType(Condition, Refusal):
    """A webhook, or an MCP server, got a body of another media type than it expects."""

    media: str
    expected: str


class WrongSignature(Refusal):
    """The signature of a webhook is missing or wrong; `reason` says which."""

    reason: str


class MissingSecret(Refusal):
    """A webhook needs a signature, and its flow has no secret to check it with."""

    id: str


class MissingParameters(Refusal):
    """A webhook needs more `kind`: those with these names."""

    kind: str
    names: str


class MismatchedParameters(Refusal):
    """Parameters of a webhook have another type than its flow says."""

    names: str


class WebhookFlow(Condition):
    """A question to a flow that only a webhook starts."""

    id: str


class PrivateFlow(Condition):
    """The flow is not public, and the operation needs a public one."""

    id: str


class InvalidOrigin(Condition, Refusal):
    """The Origin header is not a URL."""


class MissingEndingNode(Condition):
    """The flow has no node that can end it."""


class InvalidEndingNode(Condition):
    """The flow ends at a node that is no chain, no agent and no engine."""

    node: str


class MissingMemory(Condition):
    """The flow's chain needs a memory node, and has none."""


class WrongKeyForStream(WrongKey, Condition):
    """As WrongKey, for a stream: a contract may answer it within the stream."""


class ForbiddenOriginForStream(ForbiddenOrigin, Condition):
    """As ForbiddenOrigin, for a stream."""


class MissingPart(Condition):
    """A `noun` has no `part`, such as a loader or a vector store node, that the operation needs."""

    noun: str
    part: str
    id: str = ""


class MissingManager(MissingPart):
    """A `noun` has no record manager, without which nothing can be deleted from its vector store."""


class ConflictingField(Condition, Refusal):
    """A field of the request contradicts the message with that id, which belongs to another `noun`."""

    noun: str
    sent: Any
    id: str


class AmbiguousInput(Condition):
    """Two fields were sent of which only one may be."""

    field: str
    other: str


class MissingStartNode(Condition):
    """The flow has no node to start from."""
