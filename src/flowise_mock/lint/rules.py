"""The rules there are: name, severity, what to do, and the generator that finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from flowise_mock.lint import (
    rules_flowise,
    rules_paths,
    rules_schemas,
    rules_security,
    rules_structure,
    rules_values,
    rules_words,
)
from flowise_mock.lint.findings import Problem
from flowise_mock.lint.spec import Spec


class Rule(NamedTuple):
    """A rule. One without `find` is told of by the reader of files, overlays or settings."""

    name: str
    severity: str
    remedy: str
    find: Callable[[Spec], Iterator[Problem]] | None = None


RULES = (
    Rule("parser", "error", "Mend this first; nothing else of the file was looked at."),
    Rule("unrecognized-format", "error", "Begin an OpenAPI document with `openapi: 3.0.3`, an overlay with `overlay: 1.0.0`."),
    Rule("no-duplicate-keys", "error", "Remove one of the two, or give it another name.", rules_structure.duplicate_keys),
    Rule("yaml-implicit-type", "error", "Put the value in quotes.", rules_structure.yaml_traps),
    Rule("path-parameter-required", "error", "Add `required: true`.", rules_paths.path_parameter_required),
    Rule("schema-pattern", "error", "Correct the regular expression.", rules_schemas.pattern),
    Rule("example-or-examples", "error", "Keep one of the two.", rules_values.example_or_examples),
    Rule("examples-value-or-externalValue", "warning", "Say it by `value` or `externalValue`.", rules_values.examples_without_value),
    Rule("struct", "error", "Write what OpenAPI's schema has at this place.", rules_structure.struct),
    Rule("no-unresolved-refs", "error", "Correct the $ref, or add what it names.", rules_structure.unresolved_references),
    Rule("no-remote-refs", "error", "Copy the file beside the document and refer to it there, or allow it by --allow-remote.", rules_structure.remote_references),
    Rule("no-$ref-siblings", "warning", "Wrap the $ref in allOf, or remove what stands beside it.", rules_structure.reference_siblings),
    Rule("ref-kind", "error", "Refer to a component of the kind that is meant here.", rules_structure.reference_kinds),
    Rule("no-unused-components", "warning", "Use it or remove it.", rules_structure.unused_components),
    Rule("no-identical-paths", "error", "Make it one path: the names of parameters tell no paths apart.", rules_paths.identical_paths),
    Rule("no-ambiguous-paths", "warning", "Give one of the two a segment of its own.", rules_paths.ambiguous_paths),
    Rule("path-form", "error", "Write the path as /words/{name}, without a slash at its end or a query.", rules_paths.path_form),
    Rule("path-parameters-defined", "error", "Declare each {name} of the path with `in: path`, and no other.", rules_paths.path_parameters),
    Rule("operation-parameters-unique", "error", "Remove one of the two.", rules_paths.unique_parameters),
    Rule("no-ignored-headers", "warning", "Use content, responses and security instead.", rules_paths.ignored_headers),
    Rule("operation-operationId", "warning", "Add an operationId; clients name their functions by it.", rules_paths.operation_id),
    Rule("operation-operationId-unique", "error", "Give each operation an operationId of its own.", rules_paths.operation_id_unique),
    Rule("operation-operationId-name", "warning", "Use letters, digits, _ . and -, with a letter first.", rules_paths.operation_id_name),
    Rule("operation-success-response", "warning", "Document what success is answered with.", rules_paths.success),
    Rule("operation-4xx-response", "warning", "Document how wrong input is answered.", rules_paths.client_errors),
    Rule("response-content", "info", "Add content, or `content: {}` where the body is empty.", rules_paths.response_content),
    Rule("no-body-in-empty-response", "error", "Remove the content, or answer 200.", rules_paths.empty_responses),
    Rule("media-type-form", "error", "Write a media type such as application/json.", rules_paths.media_types),
    Rule("no-body-in-get", "warning", "Move the fields to the query, or use POST.", rules_paths.bodies),
    Rule("api-servers", "warning", "Name a server, without a slash at its end, and declare its variables.", rules_paths.servers),
    Rule("link-operation", "error", "Name an operationId of this document.", rules_paths.links),
    Rule("operation-security-defined", "error", "Add the scheme to the security schemes, or correct its name.", rules_security.defined),
    Rule("no-unused-security-schemes", "warning", "Use it or remove it.", rules_security.used),
    Rule("security-scopes", "warning", "Name scopes that the scheme declares.", rules_security.scopes),
    Rule("security-401", "warning", "Document 401 where a key is asked for, and only there.", rules_security.unauthorized),
    Rule("security-stated", "info", "Say `security: []` where no key is asked for.", rules_security.stated),
    Rule("array-items", "error", "Add `items`; `items: {}` lets anything in.", rules_schemas.array_items),
    Rule("no-required-undefined", "warning", "Add the property, or do not require it.", rules_schemas.required_defined),
    Rule("typed-enum", "error", "Make the values of the enum fit the type.", rules_schemas.typed_enum),
    Rule("duplicated-entry-in-enum", "warning", "Remove one of the two.", rules_schemas.enum_unique),
    Rule("nullable", "warning", "Put `nullable` beside a type, and null into the enum.", rules_schemas.nullable),
    Rule("unknown-format", "warning", "Use a format of the format registry that fits the type.", rules_schemas.unknown_format),
    Rule("schema-bounds", "error", "Swap or correct the bounds.", rules_schemas.bounds),
    Rule("schema-keyword-type", "warning", "Remove the keyword, or correct the type.", rules_schemas.misplaced),
    Rule("discriminator-mapping", "error", "Name a schema of this document.", rules_schemas.discriminator),
    Rule("no-endless-schema", "error", "Make one of the properties on the way optional or nullable.", rules_schemas.endless),
    Rule("valid-parameter-example", "error", "Correct the example, or the schema.", rules_values.parameter_examples),
    Rule("valid-media-example", "error", "Correct the example, or the schema.", rules_values.media_examples),
    Rule("valid-schema-example", "error", "Correct the example, or the schema.", rules_values.schema_examples),
    Rule("valid-default", "error", "Correct the default, or the schema.", rules_values.defaults),
    Rule("info-words", "info", "Say what the document is, whom to ask, and under which licence it stands.", rules_words.info),
    Rule("operation-words", "warning", "Say in a line what the operation does.", rules_words.operation_words),
    Rule("operation-summary", "info", "Add a summary of a few words.", rules_words.operation_summary),
    Rule("operation-description", "info", "Add a description.", rules_words.operation_description),
    Rule("operation-tags", "info", "Add a tag; documentation groups by it.", rules_words.operation_tags),
    Rule("operation-tag-defined", "warning", "Add the tag to the tags of the document.", rules_words.tag_defined),
    Rule("tags-unique", "error", "Remove one of the two.", rules_words.tags_unique),
    Rule("tag-description", "info", "Say what the group is.", rules_words.tag_description),
    Rule("parameter-description", "info", "Say what the parameter does.", rules_words.parameter_description),
    Rule("schema-description", "off", "Say what the schema is of.", rules_words.schema_description),
    Rule("markdown", "warning", "Correct the link, or remove it.", rules_words.markdown),
    Rule("flowise-clients", "off", "Add the operation; overlays/clients.yaml has it.", rules_flowise.client_operations),
    Rule("flowise-recorded", "off", "Document what servers do, or find out what this one did.", rules_flowise.recorded_answers),
    Rule("overlay-form", "error", "Write a target and an update, or `remove: true`."),
    Rule("overlay-words", "error", "Write a word of docs/overlays.md; `lint FILE --fix NEW` renames older words."),
    Rule("overlay-target", "error", "Correct the JSONPath, or remove the action."),
    Rule("overlay-unchanged", "warning", "Remove the action, or what is there already."),
    Rule("overlay-result", "error", "Correct the action; what it makes is not valid."),
    Rule("stale-ignore", "warning", "Remove the ignore; what it let pass is gone."),
    Rule("internal", "error", "Report this with the document: the rule failed, the others went on."),
)  # fmt: skip


def named(name: str) -> Rule | None:
    """The rule of that name."""
    return next((rule for rule in RULES if rule.name == name), None)
