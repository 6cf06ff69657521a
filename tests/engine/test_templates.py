"""Names of files in headers: what a client reads out of them is what another one chose."""

from __future__ import annotations

import re
from email.message import EmailMessage
from urllib.parse import unquote

import pytest
from python_multipart.multipart import parse_options_header

from conftest import Running
from flowise_mock.engine.templates import header_value

CHATFLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"
TEMPLATE = 'attachment; filename="{name}"'
NAMES = [
    "a.txt", "two words.txt", "中文.txt", "naïve.txt", 'a";x=1.txt', "a\\b.txt", 'quote".txt', "100%.txt", "%41.txt",
    "semi;colon.txt", "comma,.txt", "émoji 🎉.txt", "a'b.txt", "{name}.txt", "{0}.txt", "tab\tline\nend.txt", "=.txt",
    "a*=UTF-8''b.txt", "", ".", "\ud800.txt",
]  # fmt: skip


def printable(name: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]", "_", name).replace("\ud800", "?")


def filename(value: str) -> str:
    """The name that a client reads, which follows RFC 6266."""
    extended = re.search(r"; filename\*=UTF-8''([^;]*)$", value)
    if extended:
        return unquote(extended[1])
    quoted = re.fullmatch(r'attachment; filename="((?:[^"\\]|\\.)*)"', value)
    assert quoted, value
    return re.sub(r"\\(.)", r"\1", quoted[1])


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_file_comes_back(name: str) -> None:
    value = header_value(TEMPLATE, {"name": name}).decode("ascii")
    assert filename(value) == printable(name)


@pytest.mark.parametrize("name", NAMES)
def test_an_independent_parser_reads_one_parameter_set(name: str) -> None:
    message = EmailMessage()
    message["Content-Disposition"] = header_value(TEMPLATE, {"name": name}).decode("ascii")
    assert set(message["Content-Disposition"].params) <= {"filename"}
    _, options = parse_options_header(header_value(TEMPLATE, {"name": name}))
    assert set(options) <= {b"filename", b"filename*"}


def test_other_headers_are_filled_in() -> None:
    assert header_value("{allow}", {"allow": "GET, PUT"}) == b"GET, PUT"
    assert header_value("{seconds} s\r\nX: 1", {"seconds": 5}) == b"5 s__X: 1"


@pytest.mark.server
@pytest.mark.parametrize("name", ["中文.txt", 'a";x=1.txt', "a b.txt"])
def test_an_upload_is_downloaded_under_its_name(fresh_default: Running, name: str) -> None:
    with fresh_default.client() as client:
        upload = {"type": "file", "name": name, "data": "data:text/plain;base64,aGk=", "mime": "text/plain"}
        stored = client.post(
            f"/prediction/{CHATFLOW}", json={"question": "q", "chatId": "c", "uploads": [upload]}
        )
        assert stored.status_code == 200
        found = client.get(
            "/get-upload-file", params={"chatflowId": CHATFLOW, "chatId": "c", "fileName": name}
        )
        assert found.status_code == 200
        assert filename(found.headers["content-disposition"]) == name
