"""Rules on what a document says to its readers: summaries, descriptions, tags, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flowise_mock.lint.findings import Edit, Problem
from flowise_mock.lint.source import Spot
from flowise_mock.lint.spec import Spec

_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\n]*)\)")


def _has(spot: Spot, key: str) -> bool:
    value = spot.get(key)
    return bool(value.strip()) if isinstance(value, str) else value is not None


def info(spec: Spec) -> Iterator[Problem]:
    """The document has a description, a contact and a licence."""
    for spot in spec.of("info"):
        for key in ("description", "contact", "license"):
            if not spot.get(key):
                yield Problem(spot, f"info has no {key}")


def operation_words(spec: Spec) -> Iterator[Problem]:
    """An operation has a summary or a description."""
    for operation in (*spec.operations, *spec.webhooks):
        if not _has(operation.spot, "summary") and not _has(operation.spot, "description"):
            yield Problem(operation.spot, f"{operation.name} has neither summary nor description")


def operation_summary(spec: Spec) -> Iterator[Problem]:
    """An operation has a summary."""
    for operation in (*spec.operations, *spec.webhooks):
        if not _has(operation.spot, "summary") and _has(operation.spot, "description"):
            yield Problem(operation.spot, f"{operation.name} has no summary")


def operation_description(spec: Spec) -> Iterator[Problem]:
    """An operation has a description."""
    for operation in (*spec.operations, *spec.webhooks):
        if not _has(operation.spot, "description") and _has(operation.spot, "summary"):
            yield Problem(operation.spot, f"{operation.name} has no description")


def parameter_description(spec: Spec) -> Iterator[Problem]:
    """A parameter has a description."""
    for parameter in spec.of("parameter"):
        if not _has(parameter, "description"):
            yield Problem(
                parameter, f"{parameter.get('in')} parameter {parameter.get('name')} has no description"
            )


def schema_description(spec: Spec) -> Iterator[Problem]:
    """A named schema has a description."""
    for schema in spec.of("schema"):
        if re.fullmatch(r"/components/schemas/[^/]+", schema.pointer) and not _has(schema, "description"):
            yield Problem(schema, f"the schema {schema.name} has no description")


def tag_description(spec: Spec) -> Iterator[Problem]:
    """A tag has a description."""
    for tag in spec.of("tag"):
        if not _has(tag, "description"):
            yield Problem(tag, f"the tag {tag.get('name')} has no description")


def operation_tags(spec: Spec) -> Iterator[Problem]:
    """An operation has a tag."""
    for operation in (*spec.operations, *spec.webhooks):
        if not operation.spot.get("tags"):
            yield Problem(operation.spot, f"{operation.name} has no tag")


def tag_defined(spec: Spec) -> Iterator[Problem]:
    """The tags of operations are among those of the document."""
    known = {str(tag.get("name")) for tag in spec.of("tag")}
    for operation in (*spec.operations, *spec.webhooks):
        tags = operation.spot.get("tags")
        for index, tag in enumerate(tags if isinstance(tags, list) else ()):
            if known and isinstance(tag, str) and tag not in known:
                fix = (Edit("/tags/-", {"name": tag}),)
                yield Problem(
                    operation.spot.at("tags").at(index), f"the tag {tag} is not among the tags", fix=fix
                )
                known.add(tag)


def tags_unique(spec: Spec) -> Iterator[Problem]:
    """No two tags have the same name."""
    seen: set[str] = set()
    for tag in spec.of("tag"):
        name = str(tag.get("name"))
        if name in seen:
            yield Problem(tag, f"there is a tag {name} already")
        seen.add(name)


def tag_parents(spec: Spec) -> Iterator[Problem]:
    """The parent of a tag is another tag, and parents form no circle."""
    parents = {str(tag.get("name")): tag.get("parent") for tag in spec.of("tag")}
    for tag in spec.of("tag"):
        parent = tag.get("parent")
        if isinstance(parent, str) and parent not in parents:
            yield Problem(tag.at("parent"), f"there is no tag {parent}")
        elif isinstance(parent, str) and _is_ancestor(parents, str(tag.get("name")), parent):
            yield Problem(tag.at("parent"), f"{parent} is below {tag.get('name')}: the parents form a circle")


def _is_ancestor(parents: dict[str, Any], name: str, tag: Any) -> bool:
    for _ in range(len(parents)):
        if tag == name:
            return True
        tag = parents.get(tag) if isinstance(tag, str) else None
    return False


def markdown(spec: Spec) -> Iterator[Problem]:
    """Links in descriptions lead somewhere, and there is no script."""
    for kind in spec.kinds:
        for spot in spec.of(kind):
            text = spot.get("description")
            if isinstance(text, str):
                yield from _text(spot.at("description"), text)


def _text(spot: Spot, text: str) -> Iterator[Problem]:
    if re.search(r"<script\b", text, re.IGNORECASE):
        yield Problem(spot, "a description holds a <script>")
    for target in _LINK.findall(text):
        why = _broken(None if spot.source.url else spot.source.path.parent, target.strip().split(" ")[0])
        if why:
            severity = "info" if "file" in why else ""  # the text may be shown beside other files
            yield Problem(spot, f"the link to {target.strip() or 'nothing'} {why}", severity=severity)


def _broken(folder: Path | None, target: str) -> str:
    if not target or target == "#":
        return "leads nowhere"
    if re.match(r"https?:/(?!/)|https?:///|https?://$", target):
        return "is not a URL"
    if (
        folder is None
        or re.match(r"[a-zA-Z][\w+.-]*:|//|#|/", target)
        or re.search(r"[][*{}|^$\\+<>]", target)
    ):
        return ""
    try:
        return "" if (folder / target.partition("#")[0]).exists() else "leads to a file that is not there"
    except (OSError, ValueError):
        return "is not a path"
