"""Groups deviations by their cause: one fault of a server shows at many operations and in many checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from flowise_mock.conform.deviations import Deviation

SEVERITIES = ("security", "data", "failure", "contract", "minor")
"""What a cause puts at risk, the most severe first."""


class Cause(NamedTuple):
    """Why deviations are there. `id` groups them; the title says it to a reader."""

    id: str
    severity: str
    title: str


Rule = Callable[[Deviation], Cause | None]

HIDDEN = re.compile(
    r"not found|unauthori[sz]ed|invalid|must be|required|not provided|not allowed|not supported|cannot find"
    r"|no such|does not exist|unknown|forbidden|is not a",
    re.IGNORECASE,
)
"""What the message of a refusal says, under whatever status it is sent."""
MODEL = re.compile(
    r"connection error|econnrefused|fetch failed|api key|enotfound|timed? ?out|socket hang up|model",
    re.IGNORECASE,
)
"""What a Flowise says if the model behind it fails."""


def cause(found: Deviation) -> Cause:
    """The cause of a deviation."""
    return next(each for rule in RULES if (each := rule(found)) is not None)


def is_page(found: Deviation) -> bool:
    return "text/html" in found.got[:60] and "<!doctype html" in found.got[:300].lower()


# --- rules, from the special to the general ----------------------------------------------------------


def no_model(found: Deviation) -> Cause | None:
    failed = found.status >= 500 or found.status == 0 or found.check.startswith("stream_")
    if found.outside and failed and (found.status == 0 or MODEL.search(found.got)):
        service = "model" if found.outside == "model" else "vector store"
        return Cause("outside", "failure", f"The {service} behind the server does not answer")
    return None


APPLICATION = {
    "request_operation_exists": "The application requests what the contract does not have",
    "request_parameter_is_known": "The application sends parameters that the contract does not have",
    "request_parameter_conformance": "The application sends parameters that are not valid",
    "request_body_conformance": "The application sends bodies that are not valid",
    "request_field_is_known": "The application sends fields that the contract does not have",
}


def application(found: Deviation) -> Cause | None:
    if found.check in APPLICATION:
        return Cause(found.check, "contract", APPLICATION[found.check])
    return None


def others_changed(found: Deviation) -> Cause | None:
    if found.check == "others_are_untouched":
        return Cause(found.check, "data", "A request changes a record that it does not name")
    return None


def open_door(found: Deviation) -> Cause | None:
    if found.check == "private_is_refused":
        return Cause(found.check, "security", "What is not public is shown")
    if found.check in ("ignored_auth", "missing_required_header"):
        return Cause("ignored_auth", "security", "No valid key is needed where the contract requires one")
    return None


def shown_secret(found: Deviation) -> Cause | None:
    if found.check == "secret_is_hidden":
        return Cause(found.check, "security", "Secrets are shown")
    return None


def missing_operation(found: Deviation) -> Cause | None:
    if found.check == "operation_exists":
        return Cause(found.check, "failure", "Documented operations are missing")
    return None


def undocumented_method(found: Deviation) -> Cause | None:
    if found.check not in ("unsupported_method", "allow_header_conformance"):
        return None
    if is_page(found):
        return Cause("methods-page", "minor", "Undocumented methods get a web page instead of 404 or 405")
    if found.what.startswith("5"):
        return Cause("methods-5xx", "failure", "Undocumented methods make a server error")
    return Cause("methods", "contract", "Undocumented methods are answered instead of refused")


def web_page(found: Deviation) -> Cause | None:
    page = is_page(found) and not 300 <= found.status < 400 and found.check != "stream_ends"
    if found.check == "html_instead_of_json" or page:
        return Cause("html", "failure", "A web page is sent instead of JSON")
    return None


def no_answer(found: Deviation) -> Cause | None:
    if found.check == "answers_in_time":
        if '"streaming"' in found.curl:
            return Cause("no-stream", "failure", "A request for a stream is never answered")
        return Cause("no-answer", "failure", "Requests are never answered")
    if found.check == "answers_whole":
        return Cause("breaks-off", "failure", "The connection breaks before the answer is complete")
    return None


def endless_stream(found: Deviation) -> Cause | None:
    cut = "did not end" in found.got or "broke" in found.got
    if found.check == "stream_ends" or (found.check.startswith("stream_") and cut):
        how = "does not end" if "did not end" in found.got else "breaks off"
        return Cause("stream-end", "failure", f"A stream {how}")
    return None


def other_stream(found: Deviation) -> Cause | None:
    if found.check in ("stream_frame", "stream_data_is_json"):
        return Cause("stream-frames", "contract", "The frames of a stream have another form")
    if found.check == "stream_metadata":
        return Cause("stream-metadata", "contract", "The metadata of a stream lacks IDs")
    if found.check == "stream_order":
        return Cause("stream-order", "contract", f"The events of a stream: {found.what}")
    return None


def page_fails(found: Deviation) -> Cause | None:
    if found.check == "page_is_served":
        return Cause("pages", "failure", "A page of a list is not answered")
    return None


def not_deleted(found: Deviation) -> Cause | None:
    if found.check == "deleted_is_gone":
        return Cause("not-deleted", "data", "What was deleted is still there")
    return None


def server_error(found: Deviation) -> Cause | None:
    if found.status < 500 or found.check in ("valid_request_succeeds", "stream_succeeds"):
        return None
    refused = ("unknown_is_refused", "malformed_id_is_refused", "private_is_refused")
    if found.check in refused or HIDDEN.search(found.message):
        return Cause("hidden-refusals", "failure", "Refusals are hidden in a 500: an unknown or invalid ID")
    return Cause("server-errors", "failure", "Invalid input makes a server error")


def valid_refused(found: Deviation) -> Cause | None:
    if found.check in ("valid_request_succeeds", "positive_data_acceptance"):
        how = "makes a server error" if found.status >= 500 else f"is refused with {found.status}"
        return Cause(f"refused {found.operation} {found.status}", "failure", f"A valid request {how}")
    return None


def accepted(found: Deviation) -> Cause | None:
    if found.what.startswith("another record is shown"):
        return Cause("another-record", "data", "Another record is shown for an ID that is not there")
    if not 200 <= found.status < 300:
        return None
    if found.check == "unknown_is_refused":
        return Cause("unknown-accepted", "contract", "An ID that is not there is accepted")
    if found.check == "malformed_id_is_refused" and not found.what.startswith("an empty"):
        return Cause("unknown-accepted", "contract", "An ID that is not there is accepted")
    if found.check in ("negative_data_rejection", "invalid_is_refused", "broken_json_is_refused"):
        return Cause("invalid-accepted", "contract", "Invalid input is accepted")
    return None


def other_refusal(found: Deviation) -> Cause | None:
    if found.check.endswith("_is_refused"):
        return Cause(f"refusals {found.what}", "contract", f"A refusal has another status: {found.what}")
    return None


def undocumented_status(found: Deviation) -> Cause | None:
    if found.check == "status_code_conformance":
        return Cause(f"status {found.status}", "contract", f"The status {found.status} is not documented")
    return None


def other_media(found: Deviation) -> Cause | None:
    if found.check == "content_type_conformance":
        return Cause("media", "contract", "The media type is not the documented one")
    return None


def error_form(found: Deviation) -> Cause | None:
    if found.check == "error_body":
        return Cause("error-body", "contract", "The bodies of errors have another form")
    return None


def schema(found: Deviation) -> Cause | None:
    """What is wrong with fields is one cause for all components: the database, or a changed type."""
    if found.check != "response_schema_conformance":
        return None
    problem = found.what.partition(" /")[2].partition(" ")[2] or found.what.partition(" ")[2]
    if problem == "is null":
        return Cause("null", "contract", "Fields are null that must not be null")
    if problem.startswith("lacks "):
        return Cause("lacks", "contract", "Required fields are missing")
    if problem.startswith("is ") and problem.split()[1] in TYPES:
        return Cause("type", "contract", "Fields have another type than documented")
    if found.what.endswith(("is not JSON", "has no body")):
        return Cause("not-json", "failure", "A body is empty or no JSON")
    return Cause("values", "contract", "Fields have values that are not documented")


TYPES = {"boolean", "integer", "number", "string", "array", "object"}


def parameter(found: Deviation) -> Cause | None:
    if found.check == "parameter_has_effect":
        return Cause("parameters", "contract", "Documented parameters do not work")
    return None


DATA = {
    "sent_is_kept": "What is sent is not what is kept",
    "change_is_kept": "A change is not kept",
    "made_is_listed": "What was made is not in its list",
    "list_shows_record": "A list shows other values than the record",
    "made_is_new": "A creation returns the ID of another record",
    "answer_is_true": "A response says what is not so",
    "list_is_ordered": "A list has another order",
    "answer_has_fields": "A response lacks what later requests need",
}


def data(found: Deviation) -> Cause | None:
    if found.check in DATA:
        return Cause(found.check, "data", DATA[found.check])
    return None


def any_other(found: Deviation) -> Cause:
    return Cause(f"{found.check} {found.what}", "minor", found.what[:1].upper() + found.what[1:])


RULES: list[Rule] = [
    application, no_model, others_changed, open_door, shown_secret, missing_operation, undocumented_method,
    web_page, no_answer, endless_stream, other_stream, page_fails, not_deleted, server_error, valid_refused,
    accepted, other_refusal, undocumented_status, other_media, error_form, schema, parameter, data, any_other,
]  # fmt: skip


def fails_always(found: Deviation) -> bool:
    """Whether a valid request makes a server error: then it is no wonder that others do."""
    return found.check == "valid_request_succeeds" and found.status >= 500 and not found.outside


# --- groups ------------------------------------------------------------------------------------------


def grouped(deviations: Iterable[Deviation]) -> list[dict[str, Any]]:
    """The causes of deviations with what they explain: the most severe, then those of most operations."""
    groups: dict[str, tuple[Cause, list[Deviation]]] = {}
    every = list(deviations)
    failing = {each.operation: cause(each) for each in every if fails_always(each)}
    for each in every:
        found = cause(each)
        if found.id in ("hidden-refusals", "server-errors"):
            found = failing.get(each.operation, found)
        groups.setdefault(found.id, (found, []))[1].append(each)
    shown = [_as_json(*group) for group in groups.values()]
    return sorted(
        shown, key=lambda each: (SEVERITIES.index(each["severity"]), -len(each["operations"]), each["title"])
    )


def _as_json(found: Cause, members: list[Deviation]) -> dict[str, Any]:
    return {
        "id": found.id,
        "severity": found.severity,
        "title": found.title,
        "operations": sorted({each.operation for each in members}),
        "subjects": sorted({subject(each) for each in members} - {""})[:MOST_SUBJECTS],
        "deviations": [each.key.id for each in members],
    }


MOST_SUBJECTS = 12


def subject(found: Deviation) -> str:
    """What a deviation is about beyond its operation: a field, a parameter, a media type."""
    if found.check == "parameter_has_effect":
        return found.what.split(" ")[0]
    if found.check == "content_type_conformance":
        return found.what.partition(" as ")[2]
    return found.subject
