"""Writers: values as JSON, shown and validated; records keep theirs."""

import asyncio
from typing import Any

import orjson
import pytest

from flowise_mock.contract import writing
from flowise_mock.contract.schemas import Schemas
from flowise_mock.contract.writing import PART, Writer, Writers
from flowise_mock.state.table import StoredRecord

TOOL = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "icon": {"type": "string", "nullable": True}},
}
DOCUMENT: dict[str, Any] = {"openapi": "3.0.0", "components": {"schemas": {"Tool": TOOL}}}
REFERENCE = {"$ref": "#/components/schemas/Tool"}
LIST = {"type": "array", "items": REFERENCE, "description": "the tools"}
PAGE = {"type": "object", "required": ["data"], "properties": {"data": LIST}}


def writers() -> Writers:
    return Writers(DOCUMENT, Schemas(DOCUMENT))


def written(writer: Writer, value: Any) -> Any:
    body, problem = writer.write(value)
    assert problem is None
    return orjson.loads(body)


def test_a_value_is_shown_and_written() -> None:
    assert written(writers().writer(TOOL), {"name": "a", "secret": "b"}) == {"name": "a", "icon": None}


def test_a_schema_has_one_writer_wherever_it_is_used() -> None:
    made = writers()
    assert made.writer(REFERENCE) is made.writer(TOOL) is made.writer(LIST).items


def test_a_record_keeps_its_json_for_all_who_show_it() -> None:
    made, record = writers(), StoredRecord({"name": "a"})
    first, _ = made.writer(LIST).write([record])
    body, _ = made.writer(TOOL).write(record)
    assert first == b"[" + body + b"]"
    assert made.writer(TOOL).write(record)[0] is body


def test_a_copy_of_a_record_is_written_anew() -> None:
    writer, record = writers().writer(TOOL), StoredRecord({"name": "a"})
    writer.write(record)
    assert written(writer, {**record, "name": "b"})["name"] == "b"


@pytest.mark.parametrize("value", [{"icon": "x"}, {"name": None}])
def test_what_breaks_the_schema_is_named_with_its_place_each_time(value: Any) -> None:
    made, record = writers(), StoredRecord(value)
    for _ in range(2):
        problem = made.writer(TOOL).write(record)[1]
        assert problem is not None
        found = made.writer(LIST).write([{"name": "ok"}, record])[1]
        assert found is not None
        assert (found.path, found.reason) == (f"1/{problem.path}".rstrip("/"), problem.reason)


@pytest.mark.parametrize(
    ("schema", "one_by_one"),
    [
        (LIST, True),
        ({"oneOf": [LIST, PAGE]}, True),
        ({"oneOf": [LIST, LIST]}, False),
        ({"oneOf": [LIST, {}]}, False),
        ({**LIST, "minItems": 2}, False),
        ({**LIST, "uniqueItems": True}, False),
        ({**LIST, "x-view": "whole"}, False),
        ({"type": "array", "items": {"type": "string"}}, False),
    ],
)
def test_items_are_written_one_by_one_if_nothing_else_is_said_of_the_list(
    schema: dict[str, Any], one_by_one: bool
) -> None:
    assert (writers().writer(schema).items is not None) is one_by_one


def test_a_list_that_breaks_a_rule_for_lists_is_found() -> None:
    problem = writers().writer({**LIST, "minItems": 2}).write([StoredRecord({"name": "a"})])[1]
    assert problem is not None


@pytest.mark.parametrize("value", [[], [{"name": "a"}], {"data": [{"name": "a"}]}])
def test_a_list_or_a_page_of_it(value: Any) -> None:
    shown = [{"name": "a", "icon": None}]
    expected = {"data": shown} if isinstance(value, dict) else shown[: len(value)]
    assert written(writers().writer({"oneOf": [LIST, PAGE]}), value) == expected


@pytest.mark.parametrize("broken", [None, 0, 99, 100, 250, 999])
def test_a_long_list_is_written_in_parts(broken: int | None) -> None:
    """With the same bytes, or the same problem, and with pauses in between."""
    values: list[Any] = [StoredRecord({"name": f"a{number}"}) for number in range(1000)]
    if broken is not None:
        values[broken] = {"name": None}
    pauses: list[None] = []

    async def pause() -> None:
        pauses.append(None)

    writer = writers().writer(LIST)
    written = asyncio.run(writer.written(values, pause))
    assert writer.write(written) == writers().writer(LIST).write(values)
    assert len(pauses) == (1000 if broken is None else broken) // PART


@pytest.mark.parametrize("number", [0, 1, 2, 50])
def test_large_items_are_written_few_at_a_time(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a part is a bounded number of bytes; what is joined beside the loop is the same."""
    monkeypatch.setattr(writing, "PART_BYTES", 1000)
    monkeypatch.setattr(writing, "LARGE", 5000)
    values = [{"name": "x" * 400}] * number
    pauses: list[None] = []

    async def pause() -> None:
        pauses.append(None)

    written = asyncio.run(writers().writer(LIST).written(values, pause))
    assert written == writers().writer(LIST).write(values)
    assert len(pauses) == number // 3


def test_null_is_not_validated() -> None:
    assert writers().writer(TOOL).write(None) == (b"null", None)
