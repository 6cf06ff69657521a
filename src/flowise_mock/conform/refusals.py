"""How a contract refuses: an ID that is not there, a body that cannot be read, a missing key."""

from __future__ import annotations

from collections.abc import Iterator

from flowise_mock.conform.client import Request, Response
from flowise_mock.conform.contract import Contract
from flowise_mock.conform.judge import Failure

CHECKS = {
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
        yield Failure(CHECKS[kind], "still answers", statuses or "a refusal")
    elif kind in ("key", "private") and response.success:
        yield Failure(CHECKS[kind], f"{response.status} instead of {statuses or 'a refusal'}", statuses)
    elif contract.describes_version or response.status in wanted:
        return
    elif wanted and kind in ("unknown", "malformed") and response.success and response.json() == []:
        yield Failure(CHECKS[kind], f"an empty list instead of {statuses}", statuses, note=True)
    elif wanted:
        check = "unknown_is_refused" if kind == "gone" else CHECKS[kind]
        yield Failure(check, f"{response.status} instead of {statuses}", statuses)
    elif response.status >= 500:
        yield Failure("not_a_server_error", f"{response.status} for {NOUNS[kind]}", "no server error")
