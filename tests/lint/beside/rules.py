"""Which rules of spectral and redocly look for the same as ours, and why what they find differs."""

from __future__ import annotations

SPECTRAL = {
    "info-contact": "info-words", "info-description": "info-words", "info-license": "info-words",
    "parser": "", "invalid-ref": "no-unresolved-refs", "no-$ref-siblings": "no-$ref-siblings",
    "oas3-schema": "struct path-parameter-required schema-pattern", "oas2-schema": "struct duplicated-entry-in-enum",
    "oas3-server-trailing-slash": "api-servers", "oas3-server-variables": "server-variables", "oas3-api-servers": "api-servers",
    "openapi-tags-uniqueness": "tags-unique", "operation-tag-defined": "operation-tag-defined",
    "operation-description": "operation-description operation-words", "operation-tags": "operation-tags",
    "operation-operationId": "operation-operationId", "operation-operationId-unique": "operation-operationId-unique",
    "operation-operationId-valid-in-url": "operation-operationId-name",
    "operation-parameters": "operation-parameters-unique", "operation-success-response": "operation-success-response",
    "path-params": "path-parameters-defined path-parameter-required no-identical-paths",
    "path-keys-no-trailing-slash": "path-form", "path-not-include-query": "path-form", "path-declarations-must-exist": "path-form",
    "oas3-operation-security-defined": "operation-security-defined security-scopes",
    "oas2-operation-security-defined": "operation-security-defined",
    "oas3-valid-media-example": "valid-media-example", "oas2-valid-media-example": "valid-media-example",
    "oas3-valid-schema-example": "valid-schema-example valid-default",
    "oas2-valid-schema-example": "valid-schema-example valid-default",
    "oas3-unused-component": "no-unused-components", "oas2-unused-definition": "no-unused-components",
    "duplicated-entry-in-enum": "duplicated-entry-in-enum", "typed-enum": "typed-enum", "array-items": "array-items",
    "no-script-tags-in-markdown": "markdown", "no-eval-in-markdown": "markdown",
    "oas3-examples-value-or-externalValue": "examples-value-or-externalValue example-or-examples",
}  # fmt: skip
"""A rule of spectral:oas, and ours that look for the same."""

REDOCLY = {
    "struct": "struct array-items nullable ref-kind", "info-license": "info-words", "info-license-strict": "info-words",
    "no-server-trailing-slash": "api-servers", "no-undefined-server-variable": "server-variables", "no-server-example.com": "",
    "no-identical-paths": "no-identical-paths", "no-ambiguous-paths": "no-ambiguous-paths",
    "operation-parameters-unique": "operation-parameters-unique", "no-enum-type-mismatch": "typed-enum",
    "nullable-type-sibling": "nullable", "operation-operationId": "operation-operationId",
    "operation-operationId-unique": "operation-operationId-unique",
    "operation-operationId-url-safe": "operation-operationId-name", "operation-summary": "operation-summary operation-words",
    "no-unresolved-refs": "no-unresolved-refs", "path-parameters-defined": "path-parameters-defined",
    "no-path-trailing-slash": "path-form", "path-not-include-query": "path-form",
    "security-defined": "operation-security-defined security-stated", "tag-description": "tag-description",
    "no-duplicated-tag-names": "tags-unique", "operation-4xx-response": "operation-4xx-response",
    "operation-2xx-response": "operation-success-response", "no-unused-components": "no-unused-components",
    "no-required-schema-properties-undefined": "no-required-undefined",
    "no-invalid-schema-examples": "valid-schema-example", "no-invalid-media-type-examples": "valid-media-example",
    "no-invalid-parameter-examples": "valid-parameter-example",
}  # fmt: skip
"""A rule of redocly's recommended set, and ours that look for the same."""

_ELSEWHERE = "the contents of other files are not checked there"
_WEBHOOKS = "webhooks are not looked at there"
WHY = {
    ("spectral", "struct"): _ELSEWHERE,
    ("spectral", "array-items"): _ELSEWHERE,
    ("spectral", "operation-description"): _WEBHOOKS,
    ("spectral", "operation-words"): _WEBHOOKS,
    (
        "spectral",
        "valid-media-example",
    ): "an invalid pattern is reported at every example, here only at the pattern",
    (
        "redocly",
        "no-server-example.com",
    ): "a server on this machine is what a document of a self-hosted product names",
    ("spectral", "markdown"): "scripts alone are looked for there, not links",
    ("spectral", "no-unresolved-refs"): "one in another file is reported at line 1 of the document there",
    (
        "spectral",
        "operation-success-response",
    ): "`default` alone counts as success here: it answers everything",
    (
        "spectral",
        "operation-security-defined",
    ): "a scope at `http`: 3.1 lets it name a role; reported as `security-scopes` before 3.1",
    (
        "spectral",
        "parser",
    ): "statuses without quotes: every reader takes them as text, and 2.0's own examples have them",
    ("redocly", "info-words"): "the recommended set requires a licence, not a contact or a description",
    (
        "redocly",
        "struct",
    ): "a schema where a response is meant: each of its keys is reported there, here the `$ref` (`ref-kind`)",
    ("redocly", "ref-kind"): "reported there at the target, as `struct`",
    ("redocly", "operation-parameters-unique"): "a body beside form fields is not looked for there",
    (
        "redocly",
        "operation-4xx-response",
    ): "operations that need neither input nor a key cannot fail with 4xx",
    ("redocly", "valid-media-example"): "examples of responses in 2.0 are not looked at there",
    ("redocly", "array-items"): "in 3.0 an array needs `items`; looked for there in parameters of 2.0 alone",
    (
        "redocly",
        "no-unused-components",
    ): "`Chain`, `Fee`, `Shelf`: one that refers to itself counts as used there; why the others do is not known",
    ("redocly", "no-ambiguous-paths"): "equal paths are reported here as equal, once",
}
"""(tool, rule of ours, or theirs where we have none) and why one side alone finds something."""
