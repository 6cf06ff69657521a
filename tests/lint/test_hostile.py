"""Files that are no documents, or are made to hurt: one clear finding each, in bounded time."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest

from flowise_mock.cli import main
from flowise_mock.lint import source
from flowise_mock.lint.findings import Finding, at_least
from flowise_mock.lint.run import lint

HEAD = "openapi: 3.0.3\ninfo: {title: a, version: '1'}\npaths: {}\n"
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
FILES: dict[str, tuple[bytes, str, str]] = {
    "empty": (b"", "parser", "is empty"),
    "white": (b" \n\n", "parser", "is empty"),
    "comment": (b"# nothing\n", "unrecognized-format", "has neither"),
    "binary": (b"\x89PNG\r\n\x1a\n\0\0\0", "parser", "binary"),
    "latin": (HEAD.encode() + "x-a: é".encode("latin-1"), "parser", "UTF-8"),
    "control": (HEAD.encode() + b"x-a: \x01", "parser", "not YAML"),
    "list": (b"- openapi: 3.0.3\n", "unrecognized-format", "has neither"),
    "scalar": (b"openapi", "unrecognized-format", "has neither"),
    "swagger 1": (b"swagger: '1.2'\n", "unrecognized-format", "1.2"),
    "two documents": (HEAD.encode() + b"---\na: 1\n", "parser", "more than one"),
    "bomb": ((BOMB + HEAD).encode(), "parser", "aliases are followed"),
    "alias of itself": (b"openapi: 3.0.3\nx: &x [*x]\n", "parser", "holds itself"),
    "no anchor": (b"openapi: 3.0.3\nx: *x\n", "parser", "no anchor"),
    "deep": (HEAD.encode() + b"x-a: " + b"[" * 5000, "parser", "deep"),
    "deep blocks": (b"".join(b" " * n + b"a:\n" for n in range(400)), "parser", "deep"),
    "a key that is a list": (b"openapi: 3.0.3\n? [a]\n: 1\n", "parser", "key is a list"),
}


def found(tmp_path: Path, data: bytes, name: str = "a.yaml") -> list[Finding]:
    file = tmp_path / name
    file.write_bytes(data)
    began = time.perf_counter()
    findings = lint([file])
    assert time.perf_counter() - began < 10
    return findings


@pytest.mark.parametrize("name", FILES)
def test_one_clear_finding(name: str, tmp_path: Path) -> None:
    data, rule, words = FILES[name]
    (only,) = found(tmp_path, data)
    assert (only.rule, only.severity) == (rule, "error")
    assert words in only.message
    assert only.line >= 1
    assert only.column >= 1


@pytest.mark.parametrize("data", [b'{"openapi": "3.0.3",}', b'{"a": NaN', b"[" * 100_000])
def test_json_that_is_none(data: bytes, tmp_path: Path) -> None:
    (only,) = found(tmp_path, data, "a.json")
    assert only.rule == "parser"


def test_what_is_not_a_file(tmp_path: Path) -> None:
    assert [each.message for each in lint([tmp_path, tmp_path / "none"])] == [
        "is a folder; name the files in it",
        "does not exist",
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_count_letters_however_a_file_is_written(encoding: str, end: str, tmp_path: Path) -> None:
    text = HEAD.replace("\n", end) + f"x-ä: {{ä: 1, ä: 2}}{end}"
    (twice,) = [each for each in found(tmp_path, text.encode(encoding)) if each.rule == "no-duplicate-keys"]
    assert (twice.line, twice.column, twice.source) == (text.count(end), 13, "x-ä: {ä: 1, ä: 2}")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ("x: {$ref: 'a.yaml#/paths/~1a'}", "a circle of references"),
        ("x: " + "[" * 9000, "nested more than 200 deep"),
    ],
)
def test_a_file_that_is_referred_to(other: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(other)
    text = HEAD.replace("paths: {}", "paths: {/a: {$ref: 'b.yaml#/x'}}")
    assert any(message in each.message for each in found(tmp_path, text.encode()))


def test_the_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for status, arguments in ((1, ["--format", "json"]), (2, ["--diff"])):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"openapi: 3.0.3\n")))
        assert main(["lint", "-", *arguments]) == status
    captured = capsys.readouterr()
    assert {each["file"] for each in json.loads(captured.out)["findings"]} == {"<stdin>"}
    assert (
        captured.err
        == "flowise-mock: --fix and --diff are for one file: flowise-mock lint FILE --fix OVERLAY\n"
    )


def test_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_BYTES", 10)
    (only,) = found(tmp_path, HEAD.encode())
    assert "larger" in only.message


WRONG = (
    "7",
    "text",
    "[]",
    "[7]",
    "{}",
    "{a: 7}",
    "{a: [7]}",
    "null",
    "[{a: {}}]",
    "{/a: 7}",
    "{/a: {get: 7}}",
)
PLACES = (
    "paths: %s", "components: %s", "components: {schemas: %s}", "components: {schemas: {A: %s}}", "tags: %s",
    "servers: %s", "security: %s", "info: %s", "paths: {/a: %s}", "paths: {/a: {get: %s}}", "openapi: %s",
    "paths: {/a: {get: {responses: %s}}}", "paths: {/a: {get: {parameters: %s}}}", "paths: {/a: {parameters: %s}}",
    "paths: {/a: {get: {tags: %s}}}", "paths: {/a: {get: {security: %s}}}", "paths: {/a: {get: {operationId: %s}}}",
    "paths: {/a: {get: {parameters: [{name: %s, in: path, schema: {type: string}}]}}}",
    "components: {schemas: {A: {type: %s, enum: [a]}}}", "components: {schemas: {A: {required: %s}}}",
    "components: {schemas: {A: {properties: %s, required: [a]}}}", "components: {schemas: {A: {allOf: %s}}}",
    "components: {schemas: {A: {items: %s, type: array, minItems: 1}}}", "components: {schemas: {A: {enum: %s}}}",
    "components: {schemas: {A: {discriminator: %s}}}", "components: {schemas: {A: {discriminator: {mapping: %s}}}}",
    "components: {schemas: {A: {format: %s}}}", "components: {schemas: {A: {pattern: %s}}}",
    "components: {schemas: {A: {minimum: %s, maximum: 3}}}", "components: {securitySchemes: %s}",
    "components: {securitySchemes: {a: %s}}", "components: {securitySchemes: {a: {type: oauth2, flows: %s}}}",
    "components: {responses: {A: {content: %s}}}", "components: {responses: {A: {content: {a/b: {examples: %s}}}}}",
    "components: {schemas: {A: {$ref: %s}}}", "servers: [{url: '{a}', variables: %s}]", "x-lint-ignore: %s",
    "components: {links: {a: {operationId: %s}}}", "components: {callbacks: {a: %s}}", "components: {schemas: {A: {default: %s, type: object, nullable: true}}}",
)  # fmt: skip


@pytest.mark.parametrize("version", ["2.0", "3.0.3", "3.1.0", "3.2.0"])
@pytest.mark.parametrize("place", PLACES)
def test_wrong_types_are_told_without_a_traceback(place: str, version: str, tmp_path: Path) -> None:
    named = "swagger" if version == "2.0" else "openapi"
    for wrong in WRONG:
        text = f"{place % wrong}\n"
        for line in (f"{named}: '{version}'", "info: {title: a, version: '1'}", "paths: {}"):
            if not text.startswith(line.partition(":")[0] + ":"):
                text += f"{line}\n"
        findings = found(tmp_path, text.encode())
        assert [each for each in findings if each.rule == "internal"] == [], text
        assert all(at_least(each.severity, "info") for each in findings)
