"""Twenty files of each kind, made here: what document loaders read of them is in `loaded.json`."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Made(NamedTuple):
    """A file, the loader that reads it, the name of its input, and the rest of its config."""

    name: str
    media: str
    data: bytes
    loader: str
    input: str
    config: dict[str, Any]


def made_files() -> Iterator[Made]:
    for number in range(20):
        yield Made(
            f"{number}.pdf", "application/pdf", pdf(PDFS[number]), "pdfFile", "pdfFile", _usage(number)
        )
        yield Made(f"{number}.docx", DOCX, docx(DOCXS[number]), "docxFile", "docxFile", {})
        yield Made(f"{number}.csv", "text/csv", CSVS[number].encode(), "csvFile", "csvFile", _column(number))
        yield Made(
            f"{number}.json",
            "application/json",
            JSONS[number][0].encode(),
            "jsonFile",
            "jsonFile",
            JSONS[number][1],
        )
        lines = JSON_LINES[number]
        yield Made(
            f"{number}.jsonl",
            "application/jsonl",
            lines.encode(),
            "jsonlinesFile",
            "jsonlinesFile",
            {"pointerName": "t"},
        )
        yield Made(f"{number}.txt", "text/plain", TEXTS[number], "textFile", "txtFile", {})
        yield Made(f"{number}.md", "text/markdown", MARKDOWN[number].encode(), "textFile", "txtFile", {})
        yield Made(f"{number}.html", "text/html", HTML[number].encode(), "textFile", "txtFile", {})
        yield Made(f"{number}.xlsx", XLSX, xlsx(SHEETS[number]), "microsoftExcel", "excelFile", {})


def _usage(number: int) -> dict[str, Any]:
    return {"usage": "perFile" if number % 3 == 2 else "perPage"}


def _column(number: int) -> dict[str, Any]:
    return {"columnName": "name" if number in (3, 7) else ""}


def row_of(count: int, start: int = 0) -> str:
    return " ".join(WORDS[(start + number) % len(WORDS)] for number in range(count))


# --- PDF -------------------------------------------------------------------------------------------

_MOVE = "0 -16 Td"
PDFS: list[list[str]] = [
    ["(One line) Tj"],
    [f"({row_of(3)}) Tj {_MOVE} ({row_of(4, 3)}) Tj"],
    ["(first page) Tj", "(second page) Tj"],
    ["(before) Tj", "", "(after an empty page) Tj"],
    [f"(left) Tj 120 0 Td (right) Tj {_MOVE} (below) Tj"],
    ["[(kerned ) -20 (text) 30 ( here)] TJ"],
    ["(brackets \\(in\\) text) Tj"],
    ["(a) Tj (b) Tj (c) Tj"],
    [f"(ends with a blank ) Tj {_MOVE} ( begins with one) Tj"],
    [" ".join(f"(line {number}) Tj {_MOVE}" for number in range(8))],
    ["14 TL (next) Tj T* (line) Tj T* (again) Tj"],
    ["(octal \\101\\102 and \\\\ backslash) Tj"],
    [f"({row_of(10)}) Tj", f"({row_of(10, 5)}) Tj", f"({row_of(2)}) Tj"],
    ["1 0 0 1 40 100 Tm (placed) Tj 1 0 0 1 40 60 Tm (twice) Tj"],
    ["(12345) Tj 60 0 Td (67.89) Tj"],
    ["/F1 20 Tf (Title) Tj /F1 10 Tf 0 -20 Td (body text) Tj"],
    ["(hyphen-) Tj 0 -16 Td (ated) Tj"],
    ["(tab\\tinside) Tj"],
    ["(same) Tj 0 0 Td (place) Tj"],
    ["() Tj (after an empty text) Tj"],
]


def pdf_of(objects: Sequence[str], trailer: str = "") -> bytes:
    """A PDF of these objects, the first of which is the catalogue; `trailer` has more of its entries."""
    body, places = "%PDF-1.4\n", []
    for number, each in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n{each}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"trailer << /Size {size} /Root 1 0 R {trailer}>>\nstartxref\n{len(body)}\n%%EOF\n"
    return f"{body}xref\n0 {size}\n0000000000 65535 f \n{table}{end}".encode()


def pdf(pages: list[str]) -> bytes:
    """A PDF of these operators, one text object on each page."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, operators in enumerate(pages):
        stream = f"BT /F1 12 Tf 20 180 Td {operators} ET" if operators else ""
        font = "/Resources << /Font << /F1 3 0 R >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 200] /Contents {5 + 2 * number} 0 R {font} >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    return pdf_of(objects)


# --- DOCX ------------------------------------------------------------------------------------------


def paragraph(*runs: str) -> str:
    return f"<w:p>{''.join(runs)}</w:p>"


def run(text: str, properties: str = "") -> str:
    return f'<w:r>{properties}<w:t xml:space="preserve">{text}</w:t></w:r>'


def table(*rows: list[str]) -> str:
    cells = ["".join(f"<w:tc>{paragraph(run(cell))}</w:tc>" for cell in row) for row in rows]
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


DOCXS: list[str] = [
    paragraph(run("One paragraph")),
    paragraph(run("First")) + paragraph(run("Second")),
    paragraph(run("Be"), run("fore"), run(" after")),
    paragraph(run("bold", "<w:rPr><w:b/></w:rPr>"), run(" plain")),
    paragraph() + paragraph(run("after an empty one")),
    paragraph(run("tab"), "<w:r><w:tab/></w:r>", run("stop")),
    paragraph(run("line"), "<w:r><w:br/></w:r>", run("break")),
    table(["a", "b"], ["c", "d"]),
    paragraph(run("before")) + table(["x"]) + paragraph(run("after")),
    paragraph(run("&lt;tag&gt; &amp; more")),
    paragraph(run("  blanks  ")),
    paragraph('<w:pPr><w:pStyle w:val="Heading1"/></w:pPr>', run("Heading")) + paragraph(run("Text")),
    paragraph("<w:pPr><w:numPr/></w:pPr>", run("item one")) + paragraph(run("item two")),
    "".join(paragraph(run(row_of(number + 1))) for number in range(5)),
    paragraph(run("héllo wörld 世界")),
    paragraph(run("deleted "), "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del>", run("kept")),
    paragraph("<w:ins>", run("inserted"), "</w:ins>"),
    paragraph('<w:hyperlink w:anchor="x">', run("a link"), "</w:hyperlink>"),
    paragraph(run("")),
    paragraph(run("no-"), "<w:r><w:noBreakHyphen/></w:r>", run("break")),
]


def docx(body: str) -> bytes:
    package, main = "http://schemas.openxmlformats.org/package/2006", "application/vnd.openxmlformats"
    document = f"{main}-officedocument.wordprocessingml.document.main+xml"
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
            f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{document}"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
            f'Type="{relation}" Target="word/document.xml"/></Relationships>',
            "word/document.xml": f'<w:document xmlns:w="{word}"><w:body>{body}</w:body></w:document>',
        }
    )


def zipped(parts: dict[str, str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in parts.items():
            packed.writestr(zipfile.ZipInfo(name), text)
    return target.getvalue()


# --- XLSX ------------------------------------------------------------------------------------------

_Rows = list[list[str]]


def _text(value: str) -> str:
    return f't="inlineStr"><is><t xml:space="preserve">{value}</t></is>'


def _number(value: str) -> str:
    return f"><v>{value}</v>"


def _truth(value: str) -> str:
    return f't="b"><v>{value}</v>'


T, N, B = _text, _number, _truth
SHEETS: list[dict[str, _Rows]] = [
    {"One": [[T("city"), T("people")], [T("Bern"), N("134")]]},
    {"One": [[T("a"), T("b")], [T("x"), T("y")], [T("z"), T("w")]]},
    {"One": [[T("a")], [N("1.5")], [N("-2")], [N("0.1")]]},
    {"One": [[T("flag")], [B("1")], [B("0")]]},
    {"One": [[T("a"), T("b"), T("c")], [T("x"), "", T("z")]]},
    {"One": [[T("a")], [""], [T("after a blank row")]]},
    {"One": [[T("a"), T("a"), T("a")], [N("1"), N("2"), N("3")]]},
    {"One": [[T("a"), "", T("c")], [N("1"), N("2"), N("3")]]},
    {"One": [[T("a")], [T("x")]], "Two": [[T("b")], [T("y")]]},
    {"Only names": [[T("a"), T("b")]]},
    {"Empty": []},
    {"One": [[N("2024"), N("2025")], [N("1"), N("2")]]},
    {"One": [[T("text")], [T("line\nbreak")]]},
    {"One": [[T("big")], [N("12345678901")], [N("1e21")], [N("0.0000001")]]},
    {"One": [[T("a"), T("b")], [T("x")]]},
    {"One": [[T("name"), T("note")], [T("Ada"), T("a, b")], [T("Bob"), T("&lt;c&gt;")]]},
    {"One": [[T(" a ")], [T(" x ")]]},
    {"One": [[T("source"), T("rowNum")], [T("mine"), N("7")]]},
    {"One": [[""], [T("a"), T("b")], [N("1"), N("2")]]},
    {"Ünïcode": [[T("naïve")], [T("世界")]]},
]


def xlsx(sheets: dict[str, _Rows]) -> bytes:
    package, main = "http://schemas.openxmlformats.org/package/2006", "application/vnd.openxmlformats"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    sheet = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kind = f"{main}-officedocument.spreadsheetml"
    names = list(enumerate(sheets, start=1))
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{kind}.worksheet+xml"/>'
        for number, _ in names
    )
    listed = "".join(f'<sheet name="{name}" sheetId="{number}" r:id="r{number}"/>' for number, name in names)
    related = "".join(
        f'<Relationship Id="r{number}" Type="{office}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number, _ in names
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>{overrides}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{sheet}" xmlns:r="{office}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">{related}</Relationships>',
    }
    for number, name in names:
        rows = "".join(_row(place, row) for place, row in enumerate(sheets[name], start=1))
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{sheet}"><sheetData>{rows}</sheetData></worksheet>'
        )
    return zipped(parts)


def _row(place: int, cells: list[str]) -> str:
    written = "".join(
        f'<c r="{"ABCDEFG"[column]}{place}" {cell}</c>' for column, cell in enumerate(cells) if cell
    )
    return f'<row r="{place}">{written}</row>'


# --- texts -----------------------------------------------------------------------------------------

CSVS = [
    "name,age\nAda,36\n",
    "name,age\nAda,36\nBob,40\n",
    'name,text\nAda,"a, b"\n',
    "name,age\nAda,36\nBob,40\nEve,50",
    "a;b;c\n1;2;3\n4;5;6\n",
    "a\tb\n1\t2\n",
    'a,b\n"line\nbreak",x\n',
    'id,name\n1,"say ""hi"""\n2,Bob\n',
    "a,b\r\n1,2\r\n3,4\r\n",
    "a,b,c\n1,2\n",
    "a,b\n1,2,3\n",
    "only\nx\ny\n",
    "a,b\n",
    " a , b \n 1 , 2 \n",
    "a,,c\n1,2,3\n",
    "a|b\n1|2\n",
    "a,b\n\n1,2\n",
    "größe,été\n1,2\n",
    "a,b\n,\n",
    "\n\na,b\n1,2\n\n",
]
JSONS: list[tuple[str, dict[str, Any]]] = [
    ('{"a": "x"}', {}),
    ('{"a": "x", "b": {"c": "y", "d": ["z", 1, true, null]}}', {}),
    ('["x", "y"]', {}),
    ('[{"a": "x"}, {"a": "y"}]', {"pointersName": "a"}),
    ('{"a": {"b": "x"}, "c": "y"}', {"pointersName": "b"}),
    ('{"a": {"b": "x"}, "b": "y", "c": {"b": ["z"]}}', {"pointersName": "b"}),
    ('{"a": "x", "b": "y", "c": "z"}', {"pointersName": "a, c"}),
    ('{"a": "x"}', {"pointersName": "none"}),
    ('[{"a": 1, "b": {"c": "d"}}, {"a": null, "b": [1, "e"]}]', {"separateByObject": True}),
    ('{"a": "x", "b": true, "c": 1.50}', {"separateByObject": True}),
    ("[1, 2]", {}),
    ('"text"', {}),
    ("[]", {}),
    ('{"a": "", "b": " "}', {}),
    ('[{"id": 1, "t": "x"}, {"id": 2, "t": "y"}]', {"separateByObject": True, "metadata": {"n": "/id"}}),
    ('[{"id": 1, "t": "x"}]', {"pointersName": "t", "metadata": '{"n": "/id", "k": "v"}'}),
    ('{"a": "x"}', {"metadata": {"k": "v"}, "omitMetadataKeys": "source,blobType"}),
    ('{"ä": "ö", "u": "\\u00fc"}', {}),
    ('{"a": [[["x"]]]}', {"pointersName": "a"}),
    ('{"a": {"b": {}}, "c": []}', {"separateByObject": True}),
]
JSON_LINES = [
    '{"t": "one"}\n',
    '{"t": "one"}\n{"t": "two"}\n',
    '{"t": "one"}\n\n\n{"t": "two"}',
    '  {"t": "one"}  \n',
    '{"t": ""}\n{"t": "x"}\n',
    '{"t": "one", "u": 1}\n{"u": 2, "t": "two"}\n',
    '{"t": 1}\n',
    '{"u": "x"}\n',
    '{"t": "one"}\n{"t": null}\n',
    '{"t": {"a": "b"}}\n',
    "",
    "\n",
    '{"t": "one"}\r\n{"t": "two"}\r\n',
    '{"t": "h\\u00e9llo"}\n',
    '["t"]\n',
    '{"t": "a\\nb"}\n',
    '"t"\n',
    "{bad\n",
    '{"t": "one"} {"t": "two"}\n',
    "\n".join(json.dumps({"t": word}) for word in WORDS),
]
TEXTS: list[bytes] = [
    b"hello",
    b"two\nlines\n",
    b"",
    b"  blanks  ",
    b"a\r\nb\r\n",
    "héllo 世界".encode(),
    "\ufeffmarked".encode(),
    "latin é".encode("latin-1"),
    b"\xff\xfe",
    b"nul\x00inside",
    b"\n\n\n",
    b"tab\tstop",
    row_of(40).encode(),
    b"emoji \xf0\x9f\x98\x80",
    b"broken \xf0\x9f",
    "utf16".encode("utf-16"),
    b"last line without end",
    b"form\x0cfeed",
    b'"quoted"',
    b"<not html>",
]
MARKDOWN = [
    f"{'#' * (number % 6 + 1)} {row_of(2, number)}\n\n- {row_of(1)}\n\n```\ncode {number}\n```\n"
    for number in range(20)
]
HTML = [
    f"<html><body><h1>{row_of(1, number)}</h1><p>{row_of(3)}<br>&amp; {number}</p></body></html>"
    for number in range(20)
]
