"""Why other tools judge documents of `corpus/` otherwise than the standard."""

from __future__ import annotations

_NUMBER = "a status without quotes is a key that is no text to it; 2.0's own examples have them"
_NEW = "it does not know this part of 3.2"
_ID = "it resolves no `$id`"
_SELF = "it does not resolve a reference by `$self`"
_BODIES = "it does not look for a second body, or for a body beside form fields"
_LINK = "its schema of 3.1 calls the server of a link `body`"
WHY = {
    ("spectral", "v20-fail-body.yaml"): _BODIES,
    ("spectral", "v20-pass-form.yaml"): "it holds the example of a file to a schema of type file",
    ("spectral", "v20-pass-petshop.yaml"): _NUMBER,
    ("spectral", "v30-pass-examples.yaml"): "it holds serialized examples to the schema of what they serialize",
    ("spectral", "v30-pass-yaml.yaml"): _NUMBER,
    ("spectral", "v31-pass-operation.yaml"): "it refuses a relative URL, which 3.1 allows",
    ("spectral", "v31-pass-schemas.yaml"): f"it wants `items` and a default that fits, and {_ID.removeprefix('it ')}",
    ("spectral", "v31-pass-split.yaml"): "its schema of 3.1 refuses the `$ref` of a path item once it is resolved",
    ("spectral", "v31-pass-webhooks.yaml"): _LINK,
    ("spectral", "v32-fail-headers.yaml"): _NEW,
    ("spectral", "v32-pass-all.yaml"): _SELF,
    ("spectral", "v32-pass-minimal.yaml"): "it wants `items` in every array",
    ("redocly", "v20-fail-body.yaml"): _BODIES,
    ("redocly", "v20-fail-values.yaml"): "it does not look at defaults",
    ("redocly", "v20-pass-form.yaml"): "it does not know the type file of a response",
    ("redocly", "v30-pass-schemas.yaml"): "it takes the names in a mapping for references",
    ("redocly", "v31-pass-schemas.yaml"): f"it refuses `true` as a schema and keywords of one's own, and {_ID.removeprefix('it ')}",
    ("redocly", "v32-fail-headers.yaml"): _NEW,
    ("redocly", "v32-fail-operations.yaml"): _NEW,
    ("redocly", "v32-fail-query.yaml"): _NEW,
    ("redocly", "v32-pass-all.yaml"): _NEW,
    ("openapi-spec-validator", "v20-fail-body.yaml"): _BODIES,
    ("openapi-spec-validator", "v20-fail-values.yaml"): "it looks at defaults of operations alone",
    ("openapi-spec-validator", "v20-pass-form.yaml"): "it compiles a schema of type file as JSON Schema",
    ("openapi-spec-validator", "v20-pass-petshop.yaml"): _NUMBER,
    ("openapi-spec-validator", "v30-fail-yaml.yaml"): "the fault is in an `x-` field, which it does not read",
    ("openapi-spec-validator", "v30-pass-paths.yaml"): "an `x-` field among the paths ends it with a KeyError",
    ("openapi-spec-validator", "v30-pass-schemas.yaml"): "it compiles an expression of ECMA-262 by Python's rules",
    ("openapi-spec-validator", "v30-pass-yaml.yaml"): _NUMBER,
    ("openapi-spec-validator", "v31-pass-paths.yaml"): "an `x-` field among the paths ends it with a KeyError",
    ("openapi-spec-validator", "v31-pass-schemas.yaml"): _ID,
    ("openapi-spec-validator", "v31-pass-webhooks.yaml"): _LINK,
    ("openapi-spec-validator", "v32-fail-headers.yaml"): _NEW,
    ("openapi-spec-validator", "v32-pass-all.yaml"): "it holds schemas of 3.2 to the vocabulary of 3.1",
}  # fmt: skip
"""(tool, document) and the reason."""
