"""Judges a response by its contract alone: status, media type, schema, undocumented fields, refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from flowise_mock.conform import schema_errors
from flowise_mock.conform.client import Request, Response
from flowise_mock.conform.contract import Contract, DocumentedResponse
from flowise_mock.conform.schema_errors import type_name

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PAGE = (b"<!doctype html", b"<html")


class Failure(NamedTuple):
    """What is wrong with one response."""

    check: str
    what: str
    expected: str = ""
    note: bool = False
    operation: str = ""
    """The operation that is at fault, if it is another than the one that responded."""
    subject: str = ""
    """What is wrong beyond the operation, such as a field of a component: `Tool/color`."""


class Judge:
    """Judges responses by a contract. `absent` is the server's response to a path that it does not have."""

    def __init__(
        self,
        contract: Contract,
        absent: Response | None = None,
        own_rows: Callable[[str, Any], Any] = lambda path, value: value,
    ) -> None:
        self._contract = contract
        self._absent = absent
        self._own_rows = own_rows
        """A list of records without those of others, which come and go: the run judges its own."""

    def judge(self, operation: str, response: Response) -> Iterator[Failure]:
        """Everything wrong with a response of an operation, whatever the request was."""
        if response.error:
            check = "answers_in_time" if "within" in response.error else "answers_whole"
            yield Failure(check, stable(response.error), "a complete answer")
            return
        if self.is_absent(response):
            yield Failure("operation_exists", "is not there", "the documented operation")
            return
        known = self._contract.response(operation, response.status)
        if known is None:
            statuses = ", ".join(self._contract.responses(operation))
            expected = f"one of {statuses}"
            yield Failure("status_code_conformance", f"{response.status} is not documented", expected)
            if is_page(response) and not 300 <= response.status < 400:
                yield Failure("html_instead_of_json", f"{response.status} with a web page", "JSON")
            return
        yield from self._body(operation, known, response)

    def may_refuse(self, operation: str, response: Response) -> bool:
        """Whether a refusal is documented for an ID: the contract describes most of them as `string`."""
        return "{" in self._contract.operations[operation].path and bool(
            self._contract.documented(operation, response.status)
        )

    def is_absent(self, response: Response) -> bool:
        """Whether the response is the one to a path that the server does not have."""
        known = self._absent
        if known is None or known.error or response.status != known.status:
            return False
        if is_page(response):
            return is_page(known)
        same = response.media == known.media and outline(response) == outline(known)
        return response.status in (404, 405, 501) and same

    def _body(self, operation: str, known: DocumentedResponse, response: Response) -> Iterator[Failure]:
        status = response.status
        if not known.schemas:
            if is_page(response):
                yield Failure("html_instead_of_json", f"{status} with a web page", "no body")
            elif response.body.strip():
                media = response.media or "no media type"
                what = f"{status} has a body ({media}): {keys(response.json())}"
                yield Failure("undocumented_body", what, "no body", note=True)
            return
        documented = " or ".join(known.schemas)
        if is_page(response) and "text/html" not in known.schemas:
            yield Failure("html_instead_of_json", f"{status} with a web page", documented)
            return
        media = matching(response.media, known.schemas) or ""
        if not media:
            what = f"{status} as {response.media or 'no media type'}"
            yield Failure("content_type_conformance", what, documented)
            if response.json() is None:
                return
            media = next(iter(known.schemas))
        if media == "application/json" or media.endswith("+json"):
            path = self._contract.operations[operation].path
            yield from self._json(path, known, media, response)
        elif not response.body and media != "text/event-stream":
            yield Failure("response_schema_conformance", f"{status} has no body", f"a body of {media}")

    def _json(
        self, path: str, known: DocumentedResponse, media: str, response: Response
    ) -> Iterator[Failure]:
        value = response.json()
        status = response.status
        if not response.body and not known.schemas[media]:
            return
        if value is None and response.body.strip() != b"null":
            yield Failure("response_schema_conformance", f"{status} is not JSON", "JSON")
            return
        value = self._own_rows(path, value)
        check = "response_schema_conformance" if status < 400 else "error_body"
        schema, document = known.schemas[media], self._contract.document
        for error in schema_errors.errors(document, schema, known.validators[media], value):
            yield Failure(check, f"{status} {error.what}", error.expected, subject=error.subject)
        for field in schema_errors.undocumented_fields(document, schema, value):
            yield Failure("undocumented_field", f"{status} {field}", "documented fields only", note=True)


def is_page(response: Response) -> bool:
    return response.media == "text/html" and response.body.lstrip()[:15].lower().startswith(PAGE)


def outline(response: Response) -> Any:
    """A body without what differs between two requests: its keys and the first words of its message."""
    value = response.json()
    if not isinstance(value, dict):
        return response.body[:12]
    words = [each for each in message(value).split() if "/" not in each and each not in METHODS]
    return [*sorted(value), " ".join(words[:4])]


def message(value: Any) -> str:
    """The message of an error body."""
    if not isinstance(value, dict):
        return value if isinstance(value, str) else ""
    return str(value.get("message", value.get("error", "")))


def keys(value: Any) -> str:
    """A value in few words: its keys, or its type."""
    return "{" + ", ".join(sorted(value)[:8]) + "}" if isinstance(value, dict) else type_name(value)


def matching(media: str, known: Iterable[str]) -> str | None:
    """The documented media type that a type matches, ranges such as `image/*` included."""
    for each in known:
        if each in (media, "*/*") or (each.endswith("/*") and media.startswith(each[:-1])):
            return each
    return None


def stable(error: str) -> str:
    """An error without the address and the numbers that differ between runs."""
    return error.split(": ")[0] if "broke" in error else error.split(" within")[0]


# --- refusals: an ID that is not there, a body that cannot be read, a missing key ---------------------

REFUSALS = {
    "unknown": "unknown_is_refused",
    "gone": "deleted_is_gone",
    "malformed": "malformed_id_is_refused",
    "unreadable": "broken_json_is_refused",
    "key": "ignored_auth",
    "invalid": "invalid_is_refused",
    "private": "private_is_refused",
}
STATUSES = {
    "unknown": (404,),
    "gone": (404,),
    "malformed": (400, 404, 422),
    "unreadable": (400, 422),
    "key": (401,),
    "invalid": (400, 415, 422),
    "private": (401, 403, 404),
}
NOUNS = {
    "unknown": "an unknown ID", "gone": "a deleted record", "malformed": "a malformed ID",
    "unreadable": "unreadable JSON", "key": "a missing key", "invalid": "an invalid request",
    "private": "a private record",
}  # fmt: skip


def shows_another(sent: Request, response: Response) -> bool:
    """Whether the response to a read shows a record with another ID than the path has."""
    body = response.json() if sent.method == "GET" and response.success else None
    return isinstance(body, dict) and isinstance(body.get("id"), str) and body["id"] not in sent.path


def refusal(contract: Contract, sent: Request, kind: str, response: Response) -> Iterator[Failure]:
    """What is wrong with how a request of this kind was refused.

    If the contract documents no status for it, any status below 500 is right. In a contract that
    describes a version any documented status is right.
    """
    if kind == "maybe" or (kind == "key" and (response.status == 429 or 300 <= response.status < 400)):
        return  # a redirect or a limit says nothing about the key
    if kind in ("unknown", "malformed", "gone") and shows_another(sent, response):
        yield Failure("unknown_is_refused", "another record is shown for an unknown ID", "a refusal")
        return
    operation = sent.operation
    wanted = contract.documented(operation, *STATUSES[kind]) or ([401] if kind == "key" else [])
    statuses = " or ".join(map(str, wanted))
    if kind == "gone" and response.success:
        yield Failure(REFUSALS[kind], "still answers", statuses or "a refusal")
    elif kind in ("key", "private") and response.success:
        yield Failure(REFUSALS[kind], f"{response.status} instead of {statuses or 'a refusal'}", statuses)
    elif contract.describes_version or response.status in wanted:
        return
    elif wanted and kind in ("unknown", "malformed") and response.success and response.json() == []:
        yield Failure(REFUSALS[kind], f"an empty list instead of {statuses}", statuses, note=True)
    elif wanted:
        check = "unknown_is_refused" if kind == "gone" else REFUSALS[kind]
        yield Failure(check, f"{response.status} instead of {statuses}", statuses)
    elif response.status >= 500:
        yield Failure("not_a_server_error", f"{response.status} for {NOUNS[kind]}", "no server error")
