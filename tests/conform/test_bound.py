"""Requests whose body names the record that they change: without a name a server may take any record."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flowise_mock.conform import contract as contracts
from flowise_mock.conform import probes, records, safety
from flowise_mock.conform.aim import Aim
from flowise_mock.conform.bundled import records as bundled
from flowise_mock.conform.client import Client, Request
from flowise_mock.conform.ledger import Ledger
from flowise_mock.conform.observations import SECRETS
from flowise_mock.conform.ownership import Ownership
from flowise_mock.conform.stock import Stock
from flowise_mock.contract import contracts as documents
from flowise_mock.contract.document import resolve

SAVE = "/document-store/vectorstore/save"
OWN = "5a0e9f2c-3d4b-4c6f-8a1e-1b2c3d4e5f60"


@pytest.mark.parametrize(
    "body", [{}, {"storeId": None}, {"storeId": ""}, {"storeId": 7}, {"storeId": []}, [], "x"]
)
def test_a_body_that_names_no_record_is_not_sent(body: Any) -> None:
    request = Request("saveVectorStoreConfig", "POST", SAVE, json=body)
    assert "names no record in storeId" in Ownership("conform-1").forbids(request)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"storeId": null}'])
def test_raw_bytes_that_name_no_record_are_not_sent(content: bytes) -> None:
    assert Ownership("conform-1").forbids(Request("save", "POST", SAVE, content=content))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", SAVE, {"storeId": OWN}),
        ("DELETE", "/executions", {"executionIds": [OWN]}),
        ("POST", "/document-store/loader/process/a", {"storeId": OWN}),
        ("POST", "/document-store/store", {}),
        ("GET", "/executions", None),
    ],
)
def test_a_body_that_names_a_record_is_sent(method: str, path: str, body: Any) -> None:
    assert Ownership("conform-1").forbids(Request("any", method, path, json=body)) == ""


def test_a_get_that_runs_a_flow_writes() -> None:
    ownership = Ownership("conform-1", {OWN: "chatflow"})
    assert ownership.forbids(Request("triggerWebhookByGet", "GET", f"/webhook/{OWN}"))
    loaded = contracts.load("3.1.4")
    assert not safety.rules("http://flows.example.com", False, []).generates(loaded, "triggerWebhookByGet")


@pytest.mark.parametrize("contract", ["3.0.5", "3.1.4"])
def test_probes_always_name_a_record(contract: str) -> None:
    loaded = contracts.load(contract)
    bodies = probes.plain_bodies({"source_store": OWN, "mark": "conform-1", "execution2": OWN, "upsert": OWN})
    for id, operation in loaded.operations.items():
        if records.bound(operation.method, operation.path):
            sent = [each.request for each in probes.probes(loaded, id, bodies)]
            assert [each for each in sent if Ownership("conform-1").forbids(each)] == []


def test_each_bound_operation_is_in_a_contract() -> None:
    known = {
        f"{each.method.upper()} {each.path}"
        for name in ("documented", "clients", "3.0.5", "3.1.4")
        for each in contracts.load(name).operations.values()
    }
    assert bundled()["bound"].keys() | bundled()["unnamed"].keys() <= known


CHANGES_NOTHING = {
    "createChatMessageFeedbackForChatflow", "createLead", "downloadAssistantFile", "generateSpeech", "abortSpeech",
    "previewFileChunks", "queryVectorStore", "saveCustomTemplate",
}  # fmt: skip
"""Operations whose body may name a record, which they do not change."""


@pytest.mark.parametrize("contract", documents.names())
def test_each_operation_that_changes_what_its_body_names_is_bound(contract: str) -> None:
    """A server takes any record if its body names none."""
    loaded = contracts.load(contract)
    for id, operation in loaded.operations.items():
        if operation.method in ("get", "head") or "{" in operation.path or id in CHANGES_NOTHING:
            continue
        schema = resolve(loaded.document, loaded.bodies(id).get("application/json", {}))
        named = [
            name
            for part in (schema, *schema.get("allOf", []), *schema.get("anyOf", []), *schema.get("oneOf", []))
            for name in resolve(loaded.document, part).get("properties", {})
            if name != "id" and records.identified(operation.method, operation.path, name, "body")
        ]
        assert not named or records.bound(operation.method, operation.path) in named, id


# --- generated requests ------------------------------------------------------------------------------


class Case(SimpleNamespace):
    """A generated case as far as the hooks change it."""

    def __init__(self, method: str, path: str, body: Any, headers: dict[str, str] | None = None) -> None:
        meta = SimpleNamespace(is_negative_at=lambda place: True)
        super().__init__(
            id="c1", method=method, operation=SimpleNamespace(path=path), path_parameters={}, body=body,
            headers=headers or {}, media_type="application/json", meta=meta,
        )  # fmt: skip


def aim(folder: Path, whole_forms: bool = False) -> tuple[Aim, Ledger]:
    folder.mkdir(exist_ok=True)
    ledger = Ledger(folder / "ledger.jsonl")
    ledger.open("http://127.0.0.1:1", "conform-1", {})
    ownership = Ownership("conform-1")
    stock = Stock(Client("http://127.0.0.1:1", None), ownership, ledger, {"mark": "conform-1"}, [])
    makes = {"createApiKey": ["apikey", "id"]}
    return Aim(stock, ownership, ledger, makes, [], whole_forms=whole_forms), ledger


@pytest.mark.parametrize("body", [{}, {"storeId": 0}, [], "text", None, {"storeId": OWN}])
@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}])
def test_a_generated_body_names_a_record(body: Any, headers: dict[str, str], tmp_path: Path) -> None:
    aiming, ledger = aim(tmp_path)
    case = Case("POST", SAVE, copy.deepcopy(body), dict(headers))
    aiming.at_own(case, "saveVectorStoreConfig")
    assert records.is_name(case.body["storeId"])
    assert case.headers == {}  # a server reads no body of another media type
    if headers or body != {"storeId": OWN}:
        assert ledger.softened_cases() == {"c1"}


@pytest.mark.parametrize("name", [7, None, ["a"], {"a": 1}, "ci"])
def test_a_generated_key_has_the_mark(name: Any, tmp_path: Path) -> None:
    aiming, _ = aim(tmp_path)
    case = Case("POST", "/apikey", {"keyName": name, "permissions": []})
    aiming.at_own(case, "createApiKey")
    assert "conform-1" in case.body["keyName"]


@pytest.mark.parametrize("limits", ["{", "null", 7, None])
def test_a_generated_flow_has_limits_with_which_a_server_starts_again(limits: Any, tmp_path: Path) -> None:
    for method, path in (("POST", "/chatflows"), ("PUT", "/chatflows/{id}")):
        aiming, ledger = aim(tmp_path)
        case = Case(method, path, {"name": "f", "apiConfig": limits})
        aiming.at_own(case, "createChatflow")
        assert case.body["apiConfig"] == "{}"
        assert ledger.softened_cases() == {"c1"}


def test_what_was_made_is_found_in_a_list_of_all(tmp_path: Path) -> None:
    aiming, ledger = aim(tmp_path)
    rows = [{"id": "theirs", "keyName": "ci"}, {"id": "own", "keyName": "conform-1 ci"}]
    response = SimpleNamespace(status_code=200, json=lambda: rows)
    case = Case("POST", "/apikey", {"keyName": "conform-1 ci"})
    aiming.note(case, "createApiKey", response)
    assert [(each.kind, each.id) for each in ledger.all()] == [("apikey", "own")]


# --- what a list of keys shows ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ['[{"apiKey":"abc", "id":1}]', '{"apiSecret": "abc', '{"webhookSecret":"abc"}']
)
def test_keys_of_others_are_masked(text: str) -> None:
    masked = SECRETS.sub(r'\1***"', text)
    assert "abc" not in masked
    assert "***" in masked


@pytest.mark.parametrize("body", [None, "text", 7, []])
def test_a_form_without_fields_is_sent_empty_to_a_server_that_would_end(body: Any, tmp_path: Path) -> None:
    for fatal in (True, False):
        aiming, ledger = aim(tmp_path / str(fatal), whole_forms=fatal)
        case = Case("POST", "/vector/upsert/{id}", copy.deepcopy(body))
        case.media_type = "multipart/form-data"
        aiming.at_own(case, "vectorUpsert")
        assert case.body == ({} if fatal else body)
        assert ledger.softened_cases() == ({"c1"} if fatal else set())


def test_only_contracts_of_servers_that_end_at_malformed_forms_say_so() -> None:
    ending = [name for name in documents.names() if contracts.load(name).ends_at_malformed_forms]
    assert ending == ["2.2.8", "3.0.0"]
