"""docs/overlays.md, written from the vocabulary's schema: `python -m contract.overlays_page` (in `make docs`)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flowise_mock.contract import vocabulary
from flowise_mock.contract.renames import table

PAGE = Path(__file__).parents[2] / "docs" / "overlays.md"
HEAD = """# Overlays and their words

A contract is `openapi.yaml` with overlays applied to it ([OpenAPI Overlay 1.0](https://spec.openapis.org/overlay/v1.0.0)).
`flowise-mock serve --overlay FILE` applies yours after all others. An overlay may change anything that OpenAPI
has, and it may use the words on this page, which determine how this server answers:

```yaml
overlay: 1.0.0
info: {title: A missing tool is a 500, version: 1.0.0}
actions:
  - target: $.paths['/tools/{id}'].get
    description: As our deployment answers.
    update:
      responses: {'500': {description: Failed}}
      x-outcomes:
        NotFound: {status: 500, message: '{noun} {id} not found'}
```

An action whose target matches nothing stops the start. So does a word, a value, an outcome, a body, a field of a
message, a parameter or a column that is not known, with file, line, column and the nearest known word (exit status
2). `flowise-mock lint FILE` reports the same as errors (exit status 1). Words of other tools are named at the root
of the overlay: `x-foreign: [x-logo]`.

This page is made from `src/flowise_mock/contract/vocabulary.schema.json`.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_words(), *_parts(), *_outcomes(), *_renamed()]) + "\n"


def _words() -> Iterator[str]:
    yield "## Words\n"
    for name, each in vocabulary.schema()["properties"].items():
        yield f"### `{name}`\n"
        yield each["description"]
        yield f"\nWhere: {', '.join(each['places'])}."
        values = " or ".join(f"`{value}`" for value in each.get("enum", ()))
        if values:
            yield f"\nValues: {values}."
        if "default" in each:
            yield f"\nDefault: `{each['default']}`."
        yield f"\n```yaml\n{each['examples'][0]}\n```\n"


_TITLES = {
    "entry": "An entry of `x-outcomes`",
    "record": "`x-record`, and an entry of `x-tables`",
    "server": "`x-server`",
    "flow-behaviour": "`x-flow-behaviour`",
}


def _parts() -> Iterator[str]:
    for name, title in _TITLES.items():
        yield f"## {title}\n"
        yield "| key | what it says | values | default |\n|---|---|---|---|"
        for key, each in vocabulary.schema()["$defs"][name]["properties"].items():
            yield f"| `{key}` | {each['description']} | {_values(each)} | {_default(each)} |"
        yield ""


def _values(each: dict[str, Any]) -> str:
    if "enum" in each:
        return ", ".join(f"`{value}`" for value in each["enum"])
    if "$ref" in each:
        return "names"
    kinds = [each["type"]] if isinstance(each["type"], str) else each["type"]
    return " or ".join({"object": "mapping", "array": "list"}.get(kind, kind) for kind in kinds)


def _default(each: dict[str, Any]) -> str:
    return (
        f"`{str(each['default']).lower() if each['default'] is False else each['default']}`"
        if "default" in each
        else ""
    )


def _outcomes() -> Iterator[str]:
    from flowise_mock.state.outcomes import Condition, Refusal, Result, all_outcomes

    yield "## Outcomes\n"
    yield "A *condition* may be ignored: `proceed`. The message of a *refusal* names no source.\n"
    yield "| outcome | kind | what happened | words |\n|---|---|---|---|"
    for name, kind in all_outcomes().items():
        kinds = {"result": Result, "condition": Condition, "refusal": Refusal}
        named = [word for word, base in kinds.items() if issubclass(kind, base)] or ["failure"]
        what = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
        words = ", ".join(f"`{field}`" for field in kind.fields)
        yield f"| `{name}` | {', '.join(named)} | {what} | {words} |"
    yield ""


def _renamed() -> Iterator[str]:
    yield "## Older words\n"
    yield "`flowise-mock lint OVERLAY --fix NEW` writes the overlay with the new words; `--diff` shows what changes.\n"
    yield "| in | older word | word |\n|---|---|---|"
    for part, names in table().items():
        for old, new in names.items():
            if isinstance(new, dict):
                for one, other in new.items():
                    yield f"| messages of `{old}` | `{{{one}}}` | `{{{other}}}` |"
            else:
                yield f"| {part} | `{old}` | `{new}` |"
    yield "\nA `wrapped` text becomes the `source` that it named; `wrapped: '{message}'` becomes `source: none`."


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE.name}: {len(page().splitlines())} lines\n")
