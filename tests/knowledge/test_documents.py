"""Files are read as the document loaders of Flowise read them. All files are made here."""

from __future__ import annotations

import asyncio
import io
import json
import threading
import time
import tracemalloc
import zipfile
from collections.abc import Iterable
from typing import Any

import pytest

from flowise_mock.formats import archive
from flowise_mock.formats import xlsx as opened_xlsx
from flowise_mock.formats.opened import LoadFailure, Opened
from flowise_mock.knowledge import documents
from flowise_mock.knowledge.documents import load
from flowise_mock.knowledge.files import Upload
from knowledge.made_files import pdf_of

WORDS = [" ".join(f"word{n}" for n in range(1, number + 1)) for number in range(1, 21)]
"""Twenty texts, of one word to twenty."""


def pdf(*pages: str) -> bytes:
    """A PDF with a line of text on each page."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET"
        font = "/Resources << /Font << /F1 3 0 R >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 900 200] /Contents {5 + 2 * number} 0 R {font} >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    return pdf_of(objects)


def docx(*paragraphs: str) -> bytes:
    """A DOCX file with these paragraphs."""
    package, main = "http://schemas.openxmlformats.org/package/2006", "application/vnd.openxmlformats"
    document = f"{main}-officedocument.wordprocessingml.document.main+xml"
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    text = "".join(f"<w:p><w:r><w:t>{each}</w:t></w:r></w:p>" for each in paragraphs)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{document}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{relation}" Target="word/document.xml"/></Relationships>',
        "word/document.xml": f'<w:document xmlns:w="{word}"><w:body>{text}</w:body></w:document>',
    }
    return zipped(parts)


def zipped(parts: dict[str, str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in parts.items():
            packed.writestr(name, text)
    return target.getvalue()


def xlsx(rows: list[list[Any]]) -> bytes:
    from openpyxl import Workbook

    book, target = Workbook(), io.BytesIO()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(target)
    return target.getvalue()


def edited(changes: dict[bytes, bytes]) -> bytes:
    """A sheet of the column `a` with the number 7, in which some things are replaced."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx([["a"], [7]]))) as source, zipfile.ZipFile(target, "w") as packed:
        for name in source.namelist():
            part = source.read(name)
            for old, new in changes.items():
                part = part.replace(old, new)
            packed.writestr(name, part)
    return target.getvalue()


def file(name: str, data: bytes | str, type: str = "application/octet-stream") -> Upload:
    return Upload(name, type, data.encode() if isinstance(data, str) else data)


def texts(found: Iterable[documents.Document]) -> list[str]:
    return [each.text for each in found]


@pytest.mark.parametrize("text", WORDS)
def test_each_kind_gives_its_text(text: str) -> None:
    pages = text.split()
    assert texts(load(file("a.pdf", pdf(*pages)), {}, "pdfFile")) == pages
    assert texts(load(file("a.docx", docx(*pages)), {})) == ["".join(f"{each}\n\n" for each in pages)]
    rows: list[list[Any]] = [["name", "n"], *([each, number] for number, each in enumerate(pages))]
    lines = [f"name: {each}\nn: {number}" for number, each in enumerate(pages)]
    listed = [f"- name: {each}\n- n: {number}\n" for number, each in enumerate(pages)]
    assert texts(load(file("a.xlsx", xlsx(rows)), {})) == listed
    assert texts(load(file("a.csv", "\n".join(f"{row[0]},{row[1]}" for row in rows)), {})) == lines
    assert texts(load(file("a.json", json.dumps({"words": pages, "n": 1})), {})) == pages
    objects = "\n".join(json.dumps({"t": each}) for each in pages)
    assert texts(load(file("a.jsonl", objects), {"pointerName": "t"}, "jsonlinesFile")) == pages
    for name in ("a.txt", "a.md", "a.html"):
        assert texts(load(file(name, text), {})) == [text]


def test_the_metadata_of_a_pdf() -> None:
    first, second = load(file("a.pdf", pdf("one", "two")), {}, "pdfFile")
    information = {"PDFFormatVersion": "1.4", "IsAcroFormPresent": False, "IsXFAPresent": False}
    about = {"version": "1.10.100", "info": information, "metadata": None, "totalPages": 2}
    assert first.metadata == {"source": "blob", "blobType": "", "pdf": about, "loc": {"pageNumber": 1}}
    assert second.metadata["loc"] == {"pageNumber": 2}
    (whole,) = load(file("a.pdf", pdf("one", "two")), {"usage": "perFile"}, "pdfFile")
    assert (whole.text, "loc" in whole.metadata) == ("one\n\ntwo", False)


def test_lines_are_numbered_if_there_are_several() -> None:
    rows = load(file("a.csv", "name,age\nAda,36\nBob,40\n"), {"columnName": "name"}, "csvFile")
    assert [(each.text, each.metadata["line"]) for each in rows] == [("Ada", 1), ("Bob", 2)]
    (single,) = load(file("a.json", '{"a": "x", "b": ["y", 3]}'), {"pointersName": "a"}, "jsonFile")
    assert (single.text, "line" in single.metadata) == ("x", False)
    (item,) = load(file("a.json", '{"a": "x", "b": ["y", 3]}'), {"separateByObject": True}, "jsonFile")
    assert item.text == 'a: x\nb: ["y",3]'


def test_the_rows_of_a_sheet() -> None:
    rows: list[list[Any]] = [
        ["city", None, "city"],
        ["Bern", 1.5, True],
        [None, None, None],
        ["Oslo", None, 134],
    ]
    first, second = load(file("a.xlsx", xlsx(rows)), {}, "microsoftExcel")
    assert first.text == "- city: Bern\n- __EMPTY: 1.5\n- city_1: true\n"
    assert (second.text, second.metadata) == (
        "- city: Oslo\n- city_1: 134\n",
        {"worksheet": "Sheet", "rowNum": 3, "source": "blob", "blobType": "", "city": "Oslo", "city_1": 134},
    )


def test_the_delimiter_of_a_csv_file() -> None:
    (row,) = load(file("a.csv", "a;b\n1;2\n"), {"columnName": ""}, "csvFile")
    assert row.text == "a: 1\nb: 2"
    (row,) = load(file("a.csv", "a;b\n1;2\n"), {})
    assert row.text == "a;b: 1;2"
    (row,) = load(file("a.csv", "a\x1eb\n1\x1e"), {"columnName": ""}, "csvFile")
    assert row.text == "a: 1\nb: "
    short, blank, _ = load(file("a.csv", "a,b\n1\n\n2,3,4\n"), {"columnName": ""}, "csvFile")
    assert (short.text, blank.text) == ("a: 1\nb: undefined", "a: \nb: undefined")


def test_pointers_and_metadata_of_json() -> None:
    value = json.dumps([{"id": 7, "a": {"b": ["c", 1, "d"]}, "x": "y"}, {"a": "e"}])
    assert texts(load(file("a.json", value), {"pointersName": "b"}, "jsonFile")) == ["c", "d"]
    config = {"separateByObject": True, "metadata": {"n": "/id"}}
    objects = list(load(file("a.json", value), config, "jsonFile"))
    assert objects[0].text == 'id: 7\na.b: ["c",1,"d"]\nx: y'
    assert [each.metadata.get("n") for each in objects] == [7, None]
    lines = '{"t": "one", "u": {"v": 2}}\n'
    (line,) = load(file("a.jsonl", lines), {"pointerName": "t", "metadata": {"v": "/u/v"}}, "jsonlinesFile")
    assert (line.text, line.metadata["v"]) == ("one", 2)


@pytest.mark.parametrize(
    ("loader", "name", "data", "config", "reason"),
    [
        ("pdfFile", "a.pdf", "%PDF-1.4 nonsense", {}, "Invalid PDF structure"),
        ("pdfFile", "a.pdf", "", {}, "PDFDocument: stream must have data"),
        (
            "pdfFile",
            "a.pdf",
            pdf("x").replace(b"/Root", b"/Encrypt << /V 9 >> /Root"),
            {},
            "Invalid PDF structure",
        ),
        ("microsoftExcel", "a.xlsx", edited({b"<v>7<": b"<v>" + b"7" * 400 + b"<"}), {}, "Unsupported file"),
        ("docxFile", "a.docx", "no archive", {}, "Can't find end of central directory"),
        ("docxFile", "a.docx", zipped({"a": "b"}), {}, "Could not find main document part"),
        ("csvFile", "a.csv", "a,b\n1,2", {}, "Cannot read properties of undefined (reading 'trim')"),
        ("csvFile", "a.csv", "a,b\n1,2", {"columnName": "c"}, "Column c not found in CSV file."),
        ("jsonlinesFile", "a.jsonl", "{}", {}, "Cannot read properties of undefined (reading 'trim')"),
        (
            "jsonlinesFile",
            "a.jsonl",
            '{"t":{}}',
            {"pointerName": "t"},
            "Expected string, at position 0 got object",
        ),
        (
            "jsonlinesFile",
            "a.jsonl",
            "{}",
            {"pointerName": "t"},
            "Expected string, at position 0 got undefined",
        ),
        (
            "jsonlinesFile",
            "a.jsonl",
            '["a"]',
            {"pointerName": "9" * 5000},
            "Expected string, at position 0 got undefined",
        ),
        ("jsonFile", "a.json", "{bad", {}, "Expected property name or '}' in JSON at position 1"),
    ],
)
def test_a_broken_file(
    loader: str, name: str, data: str | bytes, config: dict[str, str], reason: str
) -> None:
    with pytest.raises(LoadFailure) as failure:
        load(file(name, data), config, loader)
    assert str(failure.value).startswith(reason)


def test_an_archive_that_is_too_large_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_UNPACKED", 1000)
    with pytest.raises(LoadFailure, match="too large"):
        load(file("a.docx", docx("x" * 2000)), {})


def test_a_sheet_that_is_empty_for_ever_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened_xlsx, "MAX_SECONDS", 0.1)
    started = time.monotonic()
    data = edited({b'<dimension ref="A1:A2" />': b"", b'r="2"': b'r="1048576"', b'"A2"': b'"XFD1048576"'})
    with pytest.raises(LoadFailure, match="Unsupported file"):
        load(file("a.xlsx", data), {})
    assert time.monotonic() - started < 5


def test_columns_of_one_name_are_numbered() -> None:
    started = time.monotonic()
    (row,) = load(file("a.xlsx", xlsx([["a", "a_1", *["a"] * 8000], [1, 2, 3, 4, 5]])), {})
    assert row.text == "- a: 1\n- a_1: 2\n- a_2: 3\n- a_3: 4\n- a_4: 5\n"
    assert time.monotonic() - started < 5


def test_a_large_number_of_a_sheet_is_one_of_javascript() -> None:
    (row,) = load(file("a.xlsx", edited({b"<v>7<": b"<v>1" + b"0" * 30 + b"<"})), {})
    assert (row.text, row.metadata["a"]) == ("- a: 1e+30\n", 1e30)


def test_files_are_opened_beside_the_event_loop() -> None:
    (found,) = asyncio.run(documents.opened([file("a.pdf", pdf("one"))], "pdfFile"))
    assert found.opened is not None
    assert found.opened.texts == ["one"]


def test_without_the_extra_a_file_has_its_name_as_text(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(data: bytes) -> Opened:
        raise ImportError

    monkeypatch.setitem(documents._SLOW, "pdf", missing)
    assert texts(load(file("a.pdf", pdf("one"), "application/pdf"), {}, "pdfFile"))[0].startswith("a.pdf (")
    assert "flowise-mock[files]" in caplog.text


@pytest.mark.parametrize("number", [10, 100_000])
def test_a_large_file_is_read_beside_the_loop(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same documents, or the same failure."""
    threads: set[int] = set()
    read = documents._READ["csv"]

    def noted(*given: Any) -> Iterable[documents.Document]:
        threads.add(threading.get_ident())
        return read(*given)

    monkeypatch.setitem(documents._READ, "csv", noted)
    file = Upload("a.csv", "text/csv", b"name,value\n" + b"one,two three\n" * number)
    loaded = asyncio.run(documents.loaded(file, {}, "fileLoader"))
    assert (threads == set()) is (number == 10)
    assert threading.get_ident() not in threads
    assert list(documents.load(loaded, {})) == list(documents.load(file, {}))
    broken = asyncio.run(documents.loaded(file, {}, "csvFile"))
    with pytest.raises(LoadFailure, match="trim"):
        documents.load(broken, {}, "csvFile")


def test_rows_are_read_one_by_one() -> None:
    """The texts of a small file with many columns and rows are large."""
    text = ",".join(f"c{number}" for number in range(2000)) + "\n" + "1\n" * 2000
    found = iter(load(file("a.csv", text), {"columnName": ""}, "csvFile"))
    tracemalloc.start()
    assert next(found).metadata["line"] == 1
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 1_000_000
    assert sum(1 for _ in found) == 1999
