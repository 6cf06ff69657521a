"""All rules: name, severity, what to do, and the generator that finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from flowise_mock.lint import (
    rules_endless,
    rules_flowise,
    rules_http,
    rules_objects,
    rules_operations,
    rules_parameters,
    rules_paths,
    rules_references,
    rules_schemas,
    rules_security,
    rules_text,
    rules_validator,
    rules_values,
    rules_words,
)
from flowise_mock.lint.findings import Problem
from flowise_mock.lint.spec import Spec


class Rule(NamedTuple):
    """A rule. One without `find` is reported by the reader of files, overlays or settings."""

    name: str
    severity: str
    remedy: str
    find: Callable[[Spec], Iterator[Problem]] | None = None
    finds: str = ""

    @property
    def what(self) -> str:
        """What the rule finds, in a sentence."""
        return self.finds or (self.find.__doc__ or "" if self.find else "").strip().split("\n")[0]


RULES = (
    Rule("parser", "error", "Fix this first; the rest of the file was not looked at.", finds="A file that cannot be read: empty, binary, not UTF-8, not YAML or JSON, too large, too deep, or a bomb of aliases."),
    Rule("unrecognized-format", "error", "Begin an OpenAPI document with `openapi: 3.0.3`, an overlay with `overlay: 1.0.0`.", finds="A file that is not OpenAPI 2.0, 3.0, 3.1 or 3.2, nor an overlay."),
    Rule("no-duplicate-keys", "error", "Remove one of the two, or give it another name.", rules_text.duplicate_keys),
    Rule("yaml-implicit-type", "error", "Put the value in quotes.", rules_text.yaml_values),
    Rule("path-parameter-required", "error", "Add `required: true`.", rules_parameters.path_parameter_required),
    Rule("schema-pattern", "error", "Correct the regular expression.", rules_schemas.pattern),
    Rule("example-or-examples", "error", "Keep one of the two.", rules_values.example_or_examples),
    Rule("examples-value-or-externalValue", "warning", "Add a `value` or an `externalValue`.", rules_values.examples_without_value),
    Rule("struct", "error", "Write what OpenAPI has at this place.", rules_objects.struct),
    Rule("no-unresolved-refs", "error", "Correct the $ref, or add what it names.", rules_references.unresolved),
    Rule("no-remote-refs", "warning", "Allow it by --allow-remote, or copy the file beside the document.", rules_references.remote),
    Rule("no-$ref-siblings", "warning", "Wrap the $ref in allOf, or remove the other fields.", rules_references.siblings),
    Rule("ref-kind", "error", "Refer to a component of the kind that belongs here.", rules_references.kinds),
    Rule("no-unused-components", "warning", "Use it or remove it.", rules_references.unused),
    Rule("no-identical-paths", "error", "Make it one path; the names of parameters do not make paths different.", rules_paths.identical_paths),
    Rule("no-ambiguous-paths", "warning", "Give one of the two a fixed segment of its own.", rules_paths.ambiguous_paths),
    Rule("path-form", "error", "Write the path as /words/{name}, without a slash at its end or a query.", rules_paths.path_form),
    Rule("path-parameters-defined", "error", "Declare each {name} of the path with `in: path`, and no other.", rules_parameters.path_parameters),
    Rule("header-name", "error", "Use letters, digits and - in the name of a header.", rules_http.header_names),
    Rule("querystring-alone", "error", "Describe the query by one querystring parameter, or by query parameters.", rules_parameters.query_strings),
    Rule("additional-operations", "error", "Move the operation to the field of its method.", rules_http.additional_operations),
    Rule("operation-parameters-unique", "error", "Remove one of the two.", rules_parameters.unique_parameters),
    Rule("no-ignored-headers", "warning", "Use content, responses and security instead.", rules_parameters.ignored_headers),
    Rule("operation-operationId", "warning", "Add an operationId; clients name their functions by it.", rules_operations.operation_id),
    Rule("operation-operationId-unique", "error", "Give each operation an operationId of its own.", rules_operations.operation_id_unique),
    Rule("operation-operationId-name", "warning", "Use letters, digits, _ . and -, with a letter first.", rules_operations.operation_id_name),
    Rule("operation-success-response", "warning", "Document the response to a success.", rules_operations.success),
    Rule("operation-4xx-response", "warning", "Document the response to wrong input.", rules_operations.client_errors),
    Rule("response-content", "info", "Add content, or `content: {}` if the body is empty.", rules_operations.response_content),
    Rule("no-body-in-empty-response", "error", "Remove the content, or answer 200.", rules_operations.empty_responses),
    Rule("media-type-form", "error", "Write a media type such as application/json.", rules_http.media_types),
    Rule("no-body-in-get", "warning", "Move the fields to the query, or use POST.", rules_operations.bodies),
    Rule("api-servers", "warning", "Name a server, without a slash at its end.", rules_http.servers),
    Rule("server-variables", "error", "Declare each {name} of the URL, with a default that is in its enum.", rules_http.server_variables),
    Rule("link-operation", "error", "Name an operation of this document.", rules_operations.links),
    Rule("operation-security-defined", "error", "Add the scheme to the security schemes, or correct its name.", rules_security.defined),
    Rule("no-unused-security-schemes", "warning", "Use it or remove it.", rules_security.used),
    Rule("security-scopes", "warning", "Name scopes that the scheme declares.", rules_security.scopes),
    Rule("security-401", "warning", "Document 401 or 403 if a key is required, and only then.", rules_security.unauthorized),
    Rule("security-stated", "info", "Write `security: []` if no key is required.", rules_security.stated),
    Rule("array-items", "error", "Add `items`; `items: {}` lets anything in.", rules_schemas.array_items),
    Rule("no-required-undefined", "warning", "Add the property, or do not require it.", rules_schemas.required_defined),
    Rule("typed-enum", "error", "Make the values of the enum fit the type.", rules_schemas.typed_enum),
    Rule("duplicated-entry-in-enum", "warning", "Remove one of the two.", rules_schemas.enum_unique),
    Rule("nullable", "warning", "Put `nullable` beside a type, and null into the enum; since 3.1 add 'null' to the type.", rules_schemas.nullable),
    Rule("unknown-format", "warning", "Use a registered format that fits the type.", rules_schemas.unknown_format),
    Rule("schema-bounds", "error", "Swap or correct the bounds.", rules_schemas.bounds),
    Rule("schema-keyword-type", "warning", "Remove the keyword, or correct the type.", rules_schemas.misplaced),
    Rule("discriminator-mapping", "error", "Name a schema of this document.", rules_schemas.discriminator),
    Rule("no-endless-schema", "error", "Make one of the properties on the way optional or nullable.", rules_endless.endless),
    Rule("valid-parameter-example", "warning", "Correct the example, or the schema.", rules_values.parameter_examples),
    Rule("valid-media-example", "warning", "Correct the example, or the schema.", rules_values.media_examples),
    Rule("valid-schema-example", "warning", "Correct the example, or the schema.", rules_values.schema_examples),
    Rule("valid-default", "error", "Correct the default, or the schema.", rules_values.defaults),
    Rule("info-words", "info", "Add a description, a contact and a licence.", rules_words.info),
    Rule("operation-words", "warning", "Add a summary of what the operation does.", rules_words.operation_words),
    Rule("operation-summary", "info", "Add a summary of a few words.", rules_words.operation_summary),
    Rule("operation-description", "info", "Add a description.", rules_words.operation_description),
    Rule("operation-tags", "info", "Add a tag; documentation groups by it.", rules_words.operation_tags),
    Rule("operation-tag-defined", "warning", "Add the tag to the tags of the document.", rules_words.tag_defined),
    Rule("tags-unique", "error", "Remove one of the two.", rules_words.tags_unique),
    Rule("tag-parent", "error", "Name another tag as the parent, without a circle.", rules_words.tag_parents),
    Rule("tag-description", "info", "Add a description of the group.", rules_words.tag_description),
    Rule("parameter-description", "info", "Add a description of the parameter.", rules_words.parameter_description),
    Rule("schema-description", "off", "Add a description of the schema.", rules_words.schema_description),
    Rule("markdown", "warning", "Correct the link, or remove it.", rules_words.markdown),
    Rule("flowise-clients", "info", "Add the operation; overlays/clients.yaml has it.", rules_flowise.client_operations),
    Rule("flowise-recorded", "info", "Document what servers do.", rules_flowise.recorded_answers),
    Rule("spec-validator", "warning", "Compare with the standard; if the document is right, ignore the finding.", rules_validator.second_opinion),
    Rule("overlay-form", "error", "Write a target and an update, or `remove: true`.", finds="An overlay without title, version or actions; an action without a target, or with both or neither of update and remove; an `extends` that cannot be read."),
    Rule("overlay-words", "error", "Write a word of docs/overlays.md; `lint FILE --fix NEW` renames older words.", finds="A word that begins with `x-`, or a value, an outcome, a body, a field, a parameter or a column in one, that [overlays](overlays.md) do not have."),
    Rule("overlay-target", "error", "Correct the JSONPath, or remove the action.", finds="An action whose target matches nothing."),
    Rule("overlay-unchanged", "warning", "Remove the action, or what is there already.", finds="An update that changes nothing."),
    Rule("overlay-result", "error", "Correct the action; its result is not valid.", finds="An action after which the document breaks a rule of severity error that it kept before."),
    Rule("stale-ignore", "warning", "Remove the ignore; its finding is gone.", finds="An ignore, in the settings or as `x-lint-ignore`, that matches no finding."),
    Rule("internal", "error", "Report this with the document; the other rules went on.", finds="A rule that failed on a document that fits the official schema."),
)  # fmt: skip


BY_NAME = {rule.name: rule for rule in RULES}


def named(name: str) -> Rule | None:
    """The rule of that name, among ours."""
    return BY_NAME.get(name)
