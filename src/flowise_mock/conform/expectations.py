"""What a walk knows of a response: what was made is listed, what was deleted is gone, filters filter."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from flowise_mock.conform.judge import Failure
from flowise_mock.conform.records import rows

Found = Iterator[Failure]
MISSING = object()


def dig(value: Any, path: str) -> Any:
    """The part of a value at `a/0/b`, through JSON text too; MISSING if there is none."""
    for part in path.split("/"):
        if isinstance(value, str):
            value = _parsed(value)
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return MISSING
    return value


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def same(got: Any, wanted: Any) -> bool:
    """Equal, also if one of the two is the JSON text of the other."""
    if got == wanted:
        return True
    texts = isinstance(got, str) != isinstance(wanted, str)
    return texts and (_parsed(got) if isinstance(got, str) else got) == (
        _parsed(wanted) if isinstance(wanted, str) else wanted
    )


def _compare(check: str, value: Any, wanted: dict[str, Any]) -> Found:
    for path, expected in wanted.items():
        got = dig(value, path)
        if got is MISSING:
            yield Failure(check, f"/{path} is missing", f"{path}: {short(expected)}")
        elif not same(got, expected):
            yield Failure(check, f"/{path} differs", f"{path}: {short(expected)}, not {short(got)}")


def short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 120 else f"{text[:117]}…"


def keeps(value: Any, _: Any, sent: Any) -> Found:
    yield from _compare("sent_is_kept", value, sent)


def changes(value: Any, _: Any, sent: Any) -> Found:
    yield from _compare("change_is_kept", value, sent)


def holds_change(value: Any, wanted: dict[str, Any], _: Any) -> Found:
    yield from _compare("change_is_kept", value, wanted)


def holds(value: Any, wanted: dict[str, Any], _: Any) -> Found:
    yield from _compare("answer_is_true", value, wanted)


def is_by(value: Any, wanted: dict[str, Any], _: Any) -> Found:
    if not same(dig(value, wanted["path"]), wanted["value"]):
        yield no_effect(wanted["parameter"], f"{wanted['path']}: {short(wanted['value'])}")


def has(value: Any, wanted: list[str], _: Any) -> Found:
    for path in wanted:
        if dig(value, path) is MISSING:
            yield Failure("answer_has_fields", f"/{path} is missing", path)


def hides(value: Any, wanted: str, _: Any) -> Found:
    if wanted in json.dumps(value, ensure_ascii=False):
        yield Failure("secret_is_hidden", "a secret that was sent is shown", "no secret")


def text(value: Any, wanted: str, _: Any) -> Found:
    if value != wanted:
        yield Failure("answer_is_true", f"is not {wanted}", wanted)


def event(value: Any, wanted: dict[str, Any], _: Any) -> Found:
    """The data of the only event of a stream."""
    data = [line.removeprefix("data:") for line in str(value).split("\n") if line.startswith("data:")]
    if len(data) == 1:
        yield from _compare("answer_is_true", _parsed(data[0]), wanted)
    else:
        yield Failure("answer_is_true", f"has {len(data)} events", "one event")


def ids(value: Any) -> list[Any]:
    return [each.get("id") for each in rows(value)]


def lists(value: Any, id: Any, _: Any) -> Found:
    if id not in ids(value):
        yield Failure("made_is_listed", "what was made is not listed", f"a record with the id {id}")


def lists_once(value: Any, id: Any, _: Any) -> Found:
    if ids(value).count(id) > 1:
        yield Failure("made_is_listed", "what was made is listed twice", f"one record with the id {id}")


def named_once(value: Any, name: str, _: Any) -> Found:
    if [each.get("name") for each in rows(value)].count(name) > 1:
        yield Failure("made_is_listed", "one creation made several records", f"one record named {name}")


def lacks(value: Any, id: Any, _: Any) -> Found:
    if id in ids(value):
        yield Failure("deleted_is_gone", "what was deleted is listed", f"no record with the id {id}")


def item(value: Any, wanted: dict[str, Any], _: Any) -> Found:
    for each in rows(value):
        if each.get("id") == wanted["id"]:
            yield from _compare("list_shows_record", each, wanted)


def item_changed(value: Any, wanted: dict[str, Any], _: Any) -> Found:
    for each in rows(value):
        if each.get("id") == wanted["id"]:
            yield from _compare("change_is_kept", each, wanted)


def changes_item(value: Any, wanted: dict[str, Any], _: Any) -> Found:
    """A change is answered with the whole list, which shows it."""
    if wanted["id"] not in ids(value):
        yield Failure(
            "change_is_kept", "what was changed is not listed", f"a record with the id {wanted['id']}"
        )
    yield from item_changed(value, wanted, None)


def column(value: Any, wanted: dict[str, list[Any]], _: Any) -> Found:
    for name, values in wanted.items():
        got = [each.get(name) for each in rows(value)]
        if got != values:
            yield Failure("answer_is_true", f"/*/{name} differ", f"{short(values)}, not {short(got)}")


def count(value: Any, wanted: int, _: Any) -> Found:
    if len(rows(value)) != wanted:
        yield Failure("answer_is_true", "has another number of records", f"{wanted}, not {len(rows(value))}")


def ordered(value: Any, wanted: dict[str, Any], _: Any) -> Found:
    """Whether records come in order; the parameter that requests the order is named."""
    got = [str(each.get(wanted["by"])) for each in rows(value)]
    descending = wanted.get("descending", False)
    if got != sorted(got, reverse=descending):
        way = "descending" if descending else "ascending"
        if "parameter" in wanted:
            yield no_effect(wanted["parameter"], f"{wanted['by']} {way}", f"{way}")
        else:
            yield Failure("list_is_ordered", f"not in {way} order of {wanted['by']}", f"{wanted['by']} {way}")


def only(value: Any, wanted: dict[str, Any], _: Any) -> Found:
    got = [each.get(wanted["field"]) for each in rows(value)]
    if any(each != wanted["value"] for each in got):
        yield no_effect(
            wanted["parameter"], f"only {wanted['field']} {short(wanted['value'])}, not {short(got)}"
        )
    elif not got:
        yield no_effect(wanted["parameter"], "records that match", "drops matching records")


def none(value: Any, wanted: dict[str, Any], _: Any) -> Found:
    if rows(value):
        yield no_effect(wanted["parameter"], f"no record, not {len(rows(value))}")


def lists_by(value: Any, wanted: dict[str, Any], _: Any) -> Found:
    if wanted["id"] not in ids(value):
        yield no_effect(wanted["parameter"], f"the record {wanted['id']} too", operation=wanted.get("of"))


def lacks_by(value: Any, wanted: dict[str, Any], _: Any) -> Found:
    if wanted["id"] in ids(value):
        yield no_effect(wanted["parameter"], f"not the record {wanted['id']}", operation=wanted.get("of"))


def lacks_after(value: Any, wanted: dict[str, Any], _: Any) -> Found:
    if wanted["id"] in ids(value):
        yield Failure(
            "deleted_is_gone", "what was deleted is listed", f"no {wanted['id']}", operation=wanted["of"]
        )


def some_have(value: Any, wanted: dict[str, Any], _: Any) -> Found:
    if not any(each.get(wanted["field"]) for each in rows(value)):
        yield no_effect(wanted["parameter"], f"records with {wanted['field']}")


def none_has(value: Any, wanted: dict[str, Any], _: Any) -> Found:
    if any(each.get(wanted["field"]) for each in rows(value)):
        yield no_effect(wanted["parameter"], f"no {wanted['field']}", "false acts as true")


def no_effect(parameter: str, expected: str, how: str = "", operation: str | None = None) -> Failure:
    what = (
        f"{parameter} {how} has no effect"
        if how in ("ascending", "descending")
        else f"{parameter} {how or 'has no effect'}"
    )
    return Failure("parameter_has_effect", what, expected, operation=operation or "")


EXPECTATIONS: dict[str, Callable[[Any, Any, Any], Found]] = {
    "keeps": keeps, "changes": changes, "changes_item": changes_item, "holds_change": holds_change,
    "is": holds, "is_by": is_by, "has": has,
    "text": text, "event": event, "hides": hides,
    "named_once": named_once, "lists": lists, "lists_once": lists_once, "lacks": lacks,
    "item": item,
    "item_changed": item_changed, "rows": column, "count": count, "ordered": ordered, "only": only,
    "none": none,
    "lists_by": lists_by, "lacks_by": lacks_by, "lacks_after": lacks_after, "some_have": some_have,
    "none_has": none_has, "holds_stream": lists,
}  # fmt: skip
