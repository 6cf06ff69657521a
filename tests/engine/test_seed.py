"""The seed: every record fits its schema, what records name is there, and what does not fit is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowise_mock.contract import contracts, jsontext, tables
from flowise_mock.contract.schemas import Schemas
from flowise_mock.engine import seed
from flowise_mock.engine.seed import SeedError
from flowise_mock.state.store import Store

FOLDER = contracts.root() / "fixtures" / "seed"
DOCUMENT = contracts.load("documented")
TABLES = {table.seed: table for table in tables.tables(DOCUMENT) if table.seed}


def records(name: str) -> list[dict[str, Any]]:
    return list(json.loads((FOLDER / f"{name}.json").read_text()))


def schema_of(name: str) -> str:
    schemas = DOCUMENT["components"]["schemas"]
    return str(next(key for key, value in schemas.items() if value.get("x-record", {}).get("seed") == name))


COLLECTIONS = sorted(set(FOLDER.glob("*.json")) - {FOLDER / "files.json"})  # no operation lists files


@pytest.mark.parametrize("file", COLLECTIONS, ids=lambda file: str(file.stem))
def test_every_record_fits_the_document_as_it_stands(file: Path) -> None:
    fits = Schemas(DOCUMENT).compile({"$ref": f"#/components/schemas/{schema_of(file.stem)}"})
    for record in records(file.stem):
        assert fits.problem(record) is None
        assert set(record) <= set(TABLES[file.stem].columns)


def references() -> Iterator[tuple[str, str, str]]:
    flows, keys = "chatflows", "apikeys"
    for flow in records("chatflows"):
        if "apikeyid" in flow:
            yield f"chatflow {flow['name']}", keys, flow["apikeyid"]
        for node in jsontext.sequence(jsontext.mapping(flow["flowData"])["nodes"]):
            if "selectedStore" in node["data"]["inputs"]:
                yield f"chatflow {flow['name']}", "document-stores", node["data"]["inputs"]["selectedStore"]
    for name in ("chatmessages", "feedback", "leads"):
        for record in records(name):
            yield f"{name} {record['id']}", flows, record["chatflowid"]
    for record in records("feedback"):
        yield f"feedback {record['id']}", "chatmessages", record["messageId"]
    for record in records("chunks"):
        yield f"chunk {record['id']}", "document-stores", record["storeId"]
    for store in records("document-stores"):
        for flow_id in json.loads(store["whereUsed"]):
            yield f"store {store['name']}", flows, flow_id


def test_what_records_name_is_there() -> None:
    missing = [
        f"{who} names {id}, which is not in {name}.json"
        for who, name, id in references()
        if id not in {record["id"] for record in records(name)}
    ]
    assert missing == []


def test_feedback_is_on_an_answer_of_the_chat_it_names() -> None:
    messages = {record["id"]: record for record in records("chatmessages")}
    for record in records("feedback"):
        message = messages[record["messageId"]]
        assert message["role"] == "apiMessage"
        assert (record["chatflowid"], record["chatId"]) == (message["chatflowid"], message["chatId"])


def test_history_belongs_to_a_flow_or_a_store() -> None:
    owners = {record["id"] for name in ("chatflows", "document-stores") for record in records(name)}
    assert {record["chatflowid"] for record in records("upsert-history")} <= owners


def test_texts_that_hold_json_can_be_read() -> None:
    texts = {
        "chatflows": ("flowData", "chatbotConfig"),
        "document-stores": ("loaders", "whereUsed", "vectorStoreConfig", "embeddingConfig"),
        "chunks": ("metadata",),
        "tools": ("schema",),
        "upsert-history": ("result", "flowData"),
    }
    for name, columns in texts.items():
        for record in records(name):
            for column in columns:
                assert isinstance(json.loads(record.get(column, "{}")), dict | list), f"{name} {column}"


def test_dates_are_as_the_server_makes_them() -> None:
    form = re.compile(r"202[45]-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
    for file in FOLDER.glob("*.json"):
        for record in records(file.stem):
            for column in ("createdDate", "updatedDate", "date"):
                assert form.fullmatch(record.get(column, "2025-01-01T00:00:00.000Z")), record["id"]
            assert record.get("createdDate", "") <= record.get("updatedDate", "9")


def test_nothing_is_said_before_its_flow_is_made() -> None:
    made = {flow["id"]: flow["createdDate"] for flow in records("chatflows")}
    for name in ("chatmessages", "feedback", "leads"):
        for record in records(name):
            assert record["createdDate"] > made[record["chatflowid"]], record["id"]


def test_chunks_belong_to_loaders() -> None:
    loaders = {
        (store["id"], loader["id"])
        for store in records("document-stores")
        for loader in json.loads(store["loaders"])
    }
    assert {(chunk["storeId"], chunk["docId"]) for chunk in records("chunks")} <= loaders


def test_loaders_agree_with_their_chunks() -> None:
    for store in records("document-stores"):
        for loader in json.loads(store["loaders"]):
            chunks = [each for each in records("chunks") if each["docId"] == loader["id"]]
            assert {each["storeId"] for each in chunks} == {store["id"]}
            assert loader["totalChunks"] == len(chunks)
            assert loader["totalChars"] == sum(len(each["pageContent"]) for each in chunks)


@pytest.mark.parametrize("contract", contracts.names())
def test_the_seed_fits_every_contract(contract: str) -> None:
    loaded = contracts.load(contract)
    store = Store(tables.tables(loaded))
    assert seed.plant(store, loaded, FOLDER) == sum(len(records(file.stem)) for file in FOLDER.glob("*.json"))


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("tools.json", "{", "is not YAML or JSON"),
        ("tools.json", "{}", "it is not a list of records"),
        ("tools.json", '[{"id": "x"}]', 'tools.json: 0/id: "x" is not a "uuid"'),
        ("tools.json", '[{"name": "n"}]', "0: the record has no id"),
        (
            "tools.json",
            '[{"id": "cfd531e0-82fc-11e9-bc42-526af7764f64", "name": 5}]',
            "0/name: 5 is not of type",
        ),
        ("assistants.json", '[{"id": "a"}, {"id": "a"}]', "1/id: a is the id of an earlier record too"),
        ("widgets.json", "[]", "no collection has this name; there are .*tools"),
    ],
)
def test_a_seed_that_does_not_fit_is_refused(tmp_path: Path, name: str, text: str, reason: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SeedError, match=f"{name}.*{reason}|{reason}") as refused:
        seed.plant(Store(tables.tables(DOCUMENT)), DOCUMENT, tmp_path)
    assert str(tmp_path / name) in str(refused.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match="no such folder"):
        seed.plant(Store(tables.tables(DOCUMENT)), DOCUMENT, tmp_path / "nope")


def test_a_seed_in_one_file(tmp_path: Path) -> None:
    file = tmp_path / "seed.json"
    whole = {each.stem: json.loads(each.read_text()) for each in FOLDER.glob("*.json")}
    file.write_text(json.dumps(whole))
    stores = [Store(tables.tables(DOCUMENT), workspace="w") for _ in range(2)]
    counts = [seed.plant(store, DOCUMENT, given) for store, given in zip(stores, (FOLDER, file), strict=True)]
    assert counts[0] == counts[1] > 10
    for name in stores[0].tables.keys() - {"file"}:  # their ids are made
        assert stores[0].select(name) == stores[1].select(name)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "is not an object"),
        ('{"nope": []}', "seed.json: nope: no collection has this name"),
        ('{"tools": [{}]}', "seed.json: tools: 0: the record has no id"),
        ("{", "seed.json: is not YAML or JSON"),
    ],
)
def test_one_file_that_does_not_fit_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "seed.json").write_text(text)
    with pytest.raises(SeedError, match=reason):
        seed.plant(Store(tables.tables(DOCUMENT)), DOCUMENT, tmp_path / "seed.json")
