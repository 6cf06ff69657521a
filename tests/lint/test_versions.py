"""2.0, 3.1 and 3.2 documents: their own schemas, their own words for the same things."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowise_mock.lint.run import lint

MODERN = """openapi: {version}
info: {{title: a, version: '1', summary: x}}
servers: [{{url: /}}]
webhooks:
  w:
    post: {{summary: a, operationId: w, responses: {{'200': {{description: ok, content: {{}}}}}}}}
paths:
  /a/{{id}}:
    parameters: [{{name: id, in: path, required: true, schema: {{type: string}}}}]
    get:
      operationId: a
      summary: x
      responses:
        '200':
          description: ok
          content:
            application/json:
              schema: {{$ref: '#/components/schemas/A', description: beside a $ref}}
              example: {{a: null, b: [1, x]}}
        '404': {{description: none}}
components:
  schemas:
    A:
      type: [object, 'null']
      properties:
        a: {{type: [string, 'null']}}
        b: {{type: array, prefixItems: [{{type: integer}}, {{const: x}}]}}
        c: {{$ref: '#/components/schemas/A'}}
      required: [a]
      examples:
        - {{a: x}}
"""
OLD = """swagger: '2.0'
info: {title: a, version: '1'}
paths:
  /a:
    post:
      operationId: a
      summary: x
      consumes: [multipart/form-data]
      parameters:
        - {name: f, in: formData, type: file, description: a}
        - {name: l, in: query, type: array, items: {type: string}, description: a}
      responses:
        '200':
          description: ok
          schema: {$ref: '#/definitions/A'}
          examples:
            application/json: {n: 1}
        '400': {description: a}
definitions:
  A: {type: object, properties: {n: {type: integer, format: int64}}}
"""


def found(tmp_path: Path, text: str) -> list[tuple[str, int]]:
    file = tmp_path / "a.yaml"
    file.write_text(text)
    return [(each.rule, each.line) for each in lint([file]) if each.severity != "info"]


@pytest.mark.parametrize("version", ["3.1.0", "3.1.1", "3.2.0"])
def test_a_modern_document(version: str, tmp_path: Path) -> None:
    text = MODERN.format(version=version)
    assert found(tmp_path, text) == []
    assert found(tmp_path, text.replace("- {a: x}", "- {a: 7}")) == [("valid-schema-example", 31)]
    assert found(tmp_path, text.replace("[1, x]", "[y, x]")) == [("valid-media-example", 19)]
    assert found(tmp_path, text.replace("required: [a]", "minLength: a")) == [("struct", 29)]
    gone = text.replace("type: [string, 'null']", "type: string, nullable: true").replace("a: null", "a: x")
    assert found(tmp_path, gone) == [("nullable", 26)]


def test_an_old_document(tmp_path: Path) -> None:
    assert found(tmp_path, OLD) == []
    assert found(tmp_path, OLD.replace("{n: 1}", "{n: x}")) == [("valid-media-example", 17)]
    assert found(tmp_path, OLD.replace(", items: {type: string}", "")) == [("array-items", 11)]
    assert found(tmp_path, OLD.replace("definitions/A", "definitions/B"))[0] == ("no-unresolved-refs", 15)


THIRTY = """openapi: 3.0.3
info: {title: a, version: '1'}
servers: [{url: /}]
security: []
paths:
  /a:
    get: {operationId: a, summary: x, responses: {'200': {description: ok, content: {application/json: {
      schema: {type: string, nullable: true, enum: [b, null]},
      example: null}}}}}
x-hooks:
  used: [{post: {$ref: '#/components/schemas/A'}}]
components:
  schemas:
    A: {type: object}
"""


def test_null_fits_an_enum_that_lists_it(tmp_path: Path) -> None:
    assert found(tmp_path, THIRTY) == []
    without = THIRTY.replace("enum: [b, null]", "enum: [b]")
    assert found(tmp_path, without) == [("nullable", 8), ("valid-media-example", 9)]


def test_a_reference_in_an_extension_is_a_use(tmp_path: Path) -> None:
    assert found(tmp_path, THIRTY.replace("schemas/A'", "schemas/B'")) == [("no-unused-components", 14)]
    assert found(tmp_path, THIRTY.replace("x-hooks", "x-tools")) == []
