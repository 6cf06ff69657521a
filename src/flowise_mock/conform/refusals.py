"""How a contract wants something refused: what is not there, what cannot be read, who has no key."""

from __future__ import annotations

from collections.abc import Iterator

from flowise_mock.conform.contract import Contract
from flowise_mock.conform.judge import Fault
from flowise_mock.conform.wire import Answer

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


def refusal(contract: Contract, operation: str, kind: str, answer: Answer) -> Iterator[Fault]:
    """What is wrong with how `kind` of a request was refused.

    Where the contract documents no status for it, any answer below 500 will do; a contract that
    tells what a version does has said it already by the statuses that it documents.
    """
    if kind == "maybe":
        return
    wanted = contract.documented(operation, *STATUSES[kind]) or ([401] if kind == "key" else [])
    told = " or ".join(map(str, wanted))
    if kind == "gone" and answer.success:
        yield Fault(CHECKS[kind], "still answers", told or "a refusal")
    elif contract.lenient or answer.status in wanted:
        return
    elif wanted and kind in ("unknown", "malformed") and answer.success and answer.json() == []:
        yield Fault(CHECKS[kind], f"an empty list instead of {told}", told, note=True)
    elif wanted:
        check = "unknown_is_refused" if kind == "gone" else CHECKS[kind]
        yield Fault(check, f"{answer.status} instead of {told}", told)
    elif answer.status >= 500:
        yield Fault("not_a_server_error", f"{answer.status} for what is {kind}", "no server error")
