"""Faults, put one by one into a copy of our document: what is written, and what must be found where."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """`old` becomes `new`, at its first occurrence; the finding is at the line with `at` (first in `new`)."""

    rule: str
    old: str
    new: str
    at: str


CHATS = "  /chatmessage/{id}:\n    get:\n"
PING = "\n  /ping:\n    get:\n"
SCHEMAS = "\n  schemas:\n"


def schema(text: str) -> str:
    """A schema of that YAML (indented by six), used by the answer of ping."""
    return f"{SCHEMAS}    Faulty:\n{text}"


FAULTS = {
    "not YAML": Fault("parser", "openapi: 3.0.3", "openapi: 3.0.3\n  bad: [", "bad"),
    "tab": Fault("parser", "  title: Flowise APIs", "\ttitle: Flowise APIs", "title"),
    "no version": Fault("unrecognized-format", "openapi: 3.0.3\n", "", ""),
    "unknown version": Fault("unrecognized-format", "openapi: 3.0.3", "openapi: 4.0.0", "openapi"),
    "duplicate key": Fault(
        "no-duplicate-keys",
        "      operationId: getAllChatMessages\n",
        "      operationId: getAllChatMessages\n      operationId: another\n",
        "another",
    ),
    "timestamp": Fault(
        "yaml-implicit-type", "'2025-01-01T11:28:36.000Z'", "2025-01-01T11:28:36.000Z", "2025"
    ),
    "no": Fault("yaml-implicit-type", "          example: chat12345", "          example: no", "no"),
    "octal": Fault("yaml-implicit-type", "          example: chat12345", "          example: 0123", "0123"),
    "1.10": Fault("struct", "  version: 1.0.0", "  version: 1.10", "1.10"),
    "key on": Fault("yaml-implicit-type", "info:\n", "info:\n  x-a:\n    on: true\n", "on: true"),
    "info without title": Fault("struct", "  title: Flowise APIs\n", "", "info:"),
    "misspelt field": Fault(
        "struct",
        "      summary: List the chat messages of a chatflow",
        "      sumary: List the chat messages of a chatflow\n      summary: x",
        "sumary",
    ),
    "unknown type": Fault(
        "struct",
        "            type: boolean\n          example: true",
        "            type: bool\n          example: true",
        "bool",
    ),
    "response without description": Fault("struct", "          description: The messages\n", "", "'200':"),
    "description not text": Fault(
        "struct",
        "          description: ID of the chatflow\n",
        "          description: [a]\n",
        "description: [a]",
    ),
    "unresolved ref": Fault(
        "no-unresolved-refs",
        "$ref: '#/components/responses/BadRequest'",
        "$ref: '#/components/responses/BadReqest'",
        "BadReqest",
    ),
    "missing file": Fault(
        "no-unresolved-refs", "$ref: '#/components/responses/BadRequest'", "$ref: 'other.yaml#/a'", "other"
    ),
    "remote ref": Fault(
        "no-remote-refs",
        "$ref: '#/components/responses/BadRequest'",
        "$ref: 'https://example.org/a.yaml#/a'",
        "example.org",
    ),
    "ref to itself": Fault(
        "no-unresolved-refs", SCHEMAS, schema("      $ref: '#/components/schemas/Faulty'\n"), "$ref"
    ),
    "ref siblings": Fault(
        "no-$ref-siblings",
        "          $ref: '#/components/responses/BadRequest'",
        "          $ref: '#/components/responses/BadRequest'\n          description: x",
        "description",
    ),
    "ref of another kind": Fault(
        "ref-kind",
        "          $ref: '#/components/responses/BadRequest'",
        "          $ref: '#/components/schemas/Error'",
        "$ref",
    ),
    "unused component": Fault("no-unused-components", SCHEMAS, schema("      type: string\n"), "Faulty"),
    "identical paths": Fault(
        "no-identical-paths",
        "\n  /ping:",
        "\n  /assistants/{other}:\n    x-a: 1\n  /ping:",
        "/assistants/{other}",
    ),
    "path with a slash": Fault("path-form", "\n  /ping:", "\n  /ping/:", "/ping/"),
    "path with a query": Fault("path-form", "\n  /ping:", "\n  /ping?a=1:", "/ping?a"),
    "path parameter not declared": Fault(
        "path-parameters-defined",
        "/vectorstore/query:\n    post:\n",
        "/vectorstore/query/{pong}:\n    post:\n",
        "post:",
    ),
    "path parameter not in the path": Fault(
        "path-parameters-defined",
        "        - name: chatType\n          in: query",
        "        - {name: pong, in: path, required: true, description: x, schema: {type: string}}\n        - name: chatType\n          in: query",
        "pong",
    ),
    "path parameter optional": Fault(
        "path-parameter-required",
        "          in: path\n          required: true\n",
        "          in: path\n",
        "- name: id",
    ),
    "parameter twice": Fault(
        "operation-parameters-unique",
        "        - name: chatType\n          in: query",
        "        - {name: chatType, in: query, description: x, schema: {type: string}}\n        - name: chatType\n          in: query",
        "        - name: chatType",
    ),
    "ignored header": Fault(
        "no-ignored-headers",
        "        - name: chatType\n          in: query",
        "        - {name: Accept, in: header, description: x, schema: {type: string}}\n        - name: chatType\n          in: query",
        "Accept",
    ),
    "no operationId": Fault(
        "operation-operationId", "      operationId: getAllChatMessages\n", "", "    get:"
    ),
    "operationId twice": Fault(
        "operation-operationId-unique",
        "operationId: removeAllChatMessages",
        "operationId: getAllChatMessages",
        "operationId",
    ),
    "operationId not a name": Fault(
        "operation-operationId-name", "operationId: getAllChatMessages", "operationId: get all", "get all"
    ),
    "no success": Fault(
        "operation-success-response",
        "        '200':\n          description: The messages",
        "        '501':\n          description: The messages",
        "responses:",
    ),
    "body of 204": Fault(
        "no-body-in-empty-response",
        "        '200':\n          description: The messages",
        "        '204':\n          description: The messages",
        "'204'",
    ),
    "not a media type": Fault(
        "media-type-form", "            application/json:", "            json:", "json:"
    ),
    "body of GET": Fault(
        "no-body-in-get",
        "      operationId: getAllChatMessages\n",
        "      operationId: getAllChatMessages\n      requestBody: {content: {application/json: {schema: {type: object}}}}\n",
        "requestBody",
    ),
    "server with a slash": Fault(
        "api-servers", "http://localhost:3000/api/v1", "http://localhost:3000/api/v1/", "url"
    ),
    "server variable": Fault(
        "server-variables", "http://localhost:3000/api/v1", "http://{host}:3000/api/v1", "url"
    ),
    "unknown security scheme": Fault(
        "operation-security-defined", "        - bearerAuth: []", "        - bearerAut: []", "bearerAut:"
    ),
    "unused security scheme": Fault(
        "no-unused-security-schemes",
        "  securitySchemes:\n",
        "  securitySchemes:\n    basic: {type: http, scheme: basic}\n",
        "basic:",
    ),
    "scope of a key": Fault(
        "security-scopes", "        - bearerAuth: []", "        - bearerAuth: [a]", "bearerAuth"
    ),
    "no 401": Fault("security-401", "        '401':\n", "        '409':\n", "responses:"),
    "array without items": Fault(
        "array-items",
        "          schema:\n            type: boolean\n          example: true",
        "          schema:\n            type: array",
        "schema:",
    ),
    "required without property": Fault(
        "no-required-undefined",
        SCHEMAS,
        schema("      type: object\n      properties: {a: {type: string}}\n      required: [a, b]\n"),
        "required",
    ),
    "enum against type": Fault(
        "typed-enum", "              - INTERNAL\n", "              - INTERNAL\n              - 7\n", "- 7"
    ),
    "enum twice": Fault(
        "duplicated-entry-in-enum",
        "              - INTERNAL\n",
        "              - INTERNAL\n              - INTERNAL\n",
        "- INTERNAL\n              - E",
    ),
    "nullable without type": Fault("nullable", SCHEMAS, schema("      nullable: true\n"), "nullable"),
    "nullable enum": Fault(
        "nullable", SCHEMAS, schema("      type: string\n      enum: [a]\n      nullable: true\n"), "nullable"
    ),
    "unknown format": Fault(
        "unknown-format", "            format: date-time\n", "            format: datetime\n", "datetime"
    ),
    "format of another type": Fault(
        "unknown-format", SCHEMAS, schema("      type: integer\n      format: uuid\n"), "format"
    ),
    "bounds": Fault(
        "schema-bounds",
        SCHEMAS,
        schema("      type: string\n      minLength: 5\n      maxLength: 3\n"),
        "minLength",
    ),
    "pattern": Fault(
        "schema-pattern", SCHEMAS, schema("      type: string\n      pattern: '(a'\n"), "pattern"
    ),
    "keyword of another type": Fault(
        "schema-keyword-type", SCHEMAS, schema("      type: integer\n      minLength: 5\n"), "minLength"
    ),
    "discriminator": Fault(
        "discriminator-mapping",
        SCHEMAS,
        schema(
            "      type: object\n      discriminator: {propertyName: a, mapping: {b: '#/components/schemas/Nope'}}\n"
        ),
        "Nope",
    ),
    "endless schema": Fault(
        "no-endless-schema",
        SCHEMAS,
        schema(
            "      type: object\n      properties: {a: {$ref: '#/components/schemas/Faulty'}}\n      required: [a]\n"
        ),
        "Faulty:",
    ),
    "parameter example": Fault(
        "valid-parameter-example", "          example: ASC", "          example: UP", "UP"
    ),
    "media example": Fault(
        "valid-media-example", "            error: Unauthorized Access", "            error: 7", "error: 7"
    ),
    "schema example": Fault(
        "valid-schema-example",
        SCHEMAS,
        schema("      type: object\n      properties: {a: {type: string}}\n      example:\n        a: 7\n"),
        "a: 7",
    ),
    "default": Fault(
        "valid-default", SCHEMAS, schema("      type: integer\n      default: many\n"), "default"
    ),
    "example and examples": Fault(
        "example-or-examples",
        "          example: ASC",
        "          example: ASC\n          examples: {a: {value: ASC}}",
        "examples",
    ),
    "example without a value": Fault(
        "examples-value-or-externalValue",
        "          example: ASC",
        "          examples: {a: {summary: none}}",
        "examples",
    ),
    "no summary nor description": Fault(
        "operation-words",
        "      summary: List the chat messages of a chatflow\n      description: The messages of a chatflow, oldest first, filtered by the parameters.\n",
        "",
        "    get:",
    ),
    "no summary": Fault(
        "operation-summary", "      summary: List the chat messages of a chatflow\n", "", "    get:"
    ),
    "no tag": Fault("operation-tags", "      tags:\n        - chatmessage\n", "", "    get:"),
    "unknown tag": Fault(
        "operation-tag-defined",
        "      tags:\n        - chatmessage\n",
        "      tags:\n        - chatmesage\n",
        "chatmesage",
    ),
    "tag twice": Fault(
        "tags-unique",
        "  - name: attachments\n",
        "  - name: assistants\n    description: x\n  - name: attachments\n",
        "- name: assistants\n    description: x",
    ),
    "tag without description": Fault(
        "tag-description", "    description: 'Ping: whether the server runs.'\n", "", "- name: ping"
    ),
    "parameter without description": Fault(
        "parameter-description", "          description: ID of the chatflow\n", "", "- name: id"
    ),
    "info without contact": Fault("info-words", "  contact:\n    name: flowise-mock\n", "", "info:"),
    "broken link": Fault(
        "markdown",
        "          description: ID of the chatflow\n",
        "          description: ID of [the chatflow](nowhere.md)\n",
        "nowhere",
    ),
    "link without operation": Fault(
        "link-operation",
        "          description: The messages\n",
        "          description: The messages\n          links: {a: {operationId: nope}}\n",
        "nope",
    ),
    "stale ignore": Fault(
        "stale-ignore",
        "      operationId: getAllChatMessages\n",
        "      operationId: getAllChatMessages\n      x-lint-ignore: [operation-tags]\n",
        "x-lint-ignore",
    ),
}
FAULTS["ambiguous paths"] = Fault(
    "no-ambiguous-paths", "\n  /ping:", "\n  /{x}/apikey/{y}:\n    x-a: 1\n  /ping:", "/{x}/apikey"
)
