"""What is masked, and what stays."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flowise_mock.contract import contracts
from flowise_mock.contract.secrets import Secrets
from flowise_mock.state.journal import MAX_BODY, Entry, Journal

SECRETS = Secrets(contracts.load("clients"))


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        (b"authorization", b"Bearer abc", b"Bearer ***"),
        (b"authorization", b"abc", b"***"),
        (b"cookie", b"a=1; b=2", b"***"),
        (b"x-api-key", b"abc", b"***"),
        (b"flowise-mock-token", b"abc", b"***"),
        (b"content-type", b"text/plain", b"text/plain"),
    ],
)
def test_headers(name: bytes, value: bytes, masked: bytes) -> None:
    assert SECRETS.headers([(name, value)]) == [(name, masked)]


@pytest.mark.parametrize(
    ("path", "masked"),
    [
        ("/api/v1/chatflows/apikey/s3cret", "/api/v1/chatflows/apikey/***"),
        ("/api/v1/verify/apikey/s3cret?x=1", "/api/v1/verify/apikey/***?x=1"),
        ("/api/v1/tools?token=abc&page=1", "/api/v1/tools?token=***&page=1"),
        ("/api/v1/tools?keyonly=true&page=1", "/api/v1/tools?keyonly=***&page=1"),
        ("/api/v1/tools/8", "/api/v1/tools/8"),
        ("/api/v1/chatflows/%61pikey/s3cret", "/api/v1/chatflows/apikey/***"),
        ("/api/v1/chatflows/apikey%2Fs3cret", "/api/v1/chatflows/apikey/***"),
        ("/api/v1/chatflows/%2561pikey/s3cret", "/api/v1/chatflows/apikey/***"),
        ("/api/v1//chatflows//apikey//s3cret", "/api/v1//chatflows//apikey/***"),
        ("/api/v1/chatflows/APIKEY/s3cret/", "/api/v1/chatflows/APIKEY/***/"),
        ("/ns/n/api/v1/chatflows/apikey/s3%63ret", "/ns/n/api/v1/chatflows/apikey/***"),
        ("/api/v1/tools?api%4Bey=s3cret&a=%20b", "/api/v1/tools?apiKey=***&a=%20b"),
        ("/api/v1/tools/a%20b", "/api/v1/tools/a%20b"),
    ],
)
def test_paths(path: str, masked: str) -> None:
    assert SECRETS.path(path) == masked


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ({"plainDataObj": {"openAIApiKey": "sk-1"}, "name": "n"}, {"plainDataObj": "***", "name": "n"}),
        ({"password": "p"}, {"password": "***"}),
        ({"a": [{"openAIApiKey": "sk-1"}]}, {"a": [{"openAIApiKey": "***"}]}),
        ({"apiKey": "k"}, {"apiKey": "***"}),
        ({"apikeyid": "7"}, {"apikeyid": "7"}),
        ({"maxTokens": 5, "usage": {"total_tokens": 7}}, {"maxTokens": 5, "usage": {"total_tokens": 7}}),
        ({"question": "what is my password?"}, {"question": "what is my password?"}),
        ({"accessToken": ""}, {"accessToken": ""}),
    ],
)
def test_bodies(value: Any, masked: Any) -> None:
    assert json.loads(SECRETS.body(json.dumps(value).encode())) == masked


def test_a_text_that_holds_json_is_masked_inside() -> None:
    flow = json.dumps({"nodes": [{"data": {"inputs": {"openAIApiKey": "sk-1", "temperature": 1}}}]})
    masked = json.loads(SECRETS.body(json.dumps({"flowData": flow}).encode()))
    assert json.loads(masked["flowData"])["nodes"][0]["data"]["inputs"] == {
        "openAIApiKey": "***",
        "temperature": 1,
    }


@pytest.mark.parametrize(
    "body",
    [
        b'{"password": "s3cret", "broken',
        b'{"flowData": "{\\"openAIApiKey\\":\\"s3cret\\"", broken',
        b'{"plainDataObj": {"a": "s3cret"',
        b"password=s3cret&a=b",
        b'--x\r\nContent-Disposition: form-data; name="apiKey"\r\n\r\ns3cret\r\n--x--',
        b'{"token": "s3cret", "pad": "' + b"a" * 100_000 + b'"}',
        b'{"plainDataObj": {"any": "s3cret", "pad": "' + b"a" * 100_000 + b'"}}',
    ],
)
def test_what_is_not_whole_json_is_masked_too(body: bytes) -> None:
    masked = SECRETS.body(body[:MAX_BODY], whole=len(body) <= MAX_BODY)
    assert b"s3cret" not in masked


def test_an_entry_of_the_journal_is_masked_before_it_is_read_and_only_once() -> None:
    calls: list[Entry] = []

    def mask(entry: Entry) -> None:
        calls.append(entry)
        SECRETS.mask(entry)

    entry = Entry(1, 0, "GET", "/apikey/s3cret", b"apiKey=s3cret")
    entry.mask = mask
    entry.headers = [(b"authorization", b"Bearer s3cret")]
    entry.body, entry.response = b'{"password": "s3cret"}', b'{"token": "s3cret", "cut'
    entry.length, entry.response_length = len(entry.body), 70_000
    journal = Journal()
    journal.add(entry)
    seen: list[Entry] = [*journal, *journal]
    found = journal.get("1")
    assert found is not None
    assert seen == [entry, entry] and calls == [entry]
    for text in (found.path, found.query, found.headers, found.body, found.response):
        assert "s3cret" not in str(text) and "***" in str(text)
