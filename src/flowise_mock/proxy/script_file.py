"""A file of rules that the proxy writes, and that people and other programs edit meanwhile.

Each save reads the file anew, replaces the lines of the rules that changed and adds new ones. Comments and
other lines stay. The file is replaced in one step, so it is never half written.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from flowise_mock.scripts import reading
from flowise_mock.scripts.reading import ScriptError, Source
from flowise_mock.state.table import Record

HEAD = """\
# Recorded by `flowise-mock proxy`; `flowise-mock serve --script FILE` answers by it. Edit what you like.
"""
WIDTH = 110
FLAT = ("tokens", "ms")
"""Keys whose lists are one line."""


class ScriptFile:
    """The rules of a file. Rules are known by what they match."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rules(self) -> list[Record]:
        """The rules of the file, in order; none if there is no file. Raises ScriptError."""
        return self._source()[1].value["rules"] if self.path.exists() else []

    def save(self, rules: Sequence[Record], flows: Sequence[Record]) -> None:
        """Replace the rules that match the same, add the others, add flows. Raises ScriptError or OSError."""
        if not self.path.exists():
            self._write(self._checked(self._whole([], [], rules, flows)))
            return
        text, source = self._source()
        known: list[Record] = source.value["rules"]
        if self.path.suffix == ".json":
            self._write(self._whole(known, source.value.get("chatflows", []), rules, flows))
            return
        changed = _spliced(text, source, rules, flows)
        if changed is None or not self._is_read(changed):
            changed = self._checked(self._whole(known, source.value.get("chatflows", []), rules, flows))
        self._write(changed)

    def _source(self) -> tuple[str, Source]:
        source = reading.read(self.path)
        return self.path.read_text("utf-8-sig"), source

    def _checked(self, text: str) -> str:
        """A text that can be read again. Raises ScriptError."""
        reading.read_text(self.path, text)
        return text

    def _is_read(self, text: str) -> bool:
        try:
            reading.read_text(self.path, text)
        except ScriptError:
            return False
        return True

    def _whole(
        self, known: Sequence[Record], known_flows: Sequence[Record], rules: Sequence[Record],
        flows: Sequence[Record],
    ) -> str:  # fmt: skip
        """The text of a new file."""
        every_rule, every_flow = merged(known, rules), _merged_flows(known_flows, flows)
        if self.path.suffix == ".json":
            value = {"chatflows": every_flow, "rules": every_rule}
            return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
        listed = "\n" + "".join(_rule_text(each) for each in every_rule) if every_rule else " []\n"
        return f"{HEAD}{_flow_block(every_flow)}\nrules:{listed}"

    def _write(self, text: str) -> None:
        """Replace the file in one step. Raises OSError."""
        folder = self.path.parent
        handle, name = tempfile.mkstemp(dir=folder, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            mode = self.path.stat().st_mode & 0o777 if self.path.exists() else 0o644
            Path(name).chmod(mode)
            Path(name).replace(self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise


def key(rule: Record) -> str:
    """What a rule matches, as a text."""
    return json.dumps(rule.get("match", {}), sort_keys=True)


def merged(known: Sequence[Record], rules: Sequence[Record]) -> list[Record]:
    """Known rules with those that match the same replaced, and the others added."""
    own = {key(each): each for each in rules}
    kept = [updated(each, own.pop(key(each))) if key(each) in own else each for each in known]
    place = _place_of_new(kept)
    return [*kept[:place], *own.values(), *kept[place:]]


def updated(known: Record, recorded: Record) -> Record:
    """A rule with the recorded answer; its name and whatever else a person wrote stay."""
    kept = {name: each for name, each in known.items() if name not in ("answer", "answers", "fault")}
    return kept | {name: recorded[name] for name in ("answer", "answers", "fault") if name in recorded}


def _place_of_new(rules: Sequence[Record]) -> int:
    """New rules come before one that matches every question: behind it they would never answer."""
    return next((number for number, each in enumerate(rules) if not each.get("match")), len(rules))


def _merged_flows(known: Sequence[Record], flows: Sequence[Record]) -> list[Record]:
    ids = {each["id"] for each in known}
    return [*known, *(each for each in flows if each["id"] not in ids)]


# --- lines -------------------------------------------------------------------------------------------


def _spliced(text: str, source: Source, rules: Sequence[Record], flows: Sequence[Record]) -> str | None:
    """The text with rules replaced and added; None if its rules are not one block of lines each."""
    known: list[Record] = source.value["rules"]
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    blocks = [_block(lines, source.line(("rules", number)) - 1) for number in range(len(known))]
    if not known or any(block is None for block in blocks):
        return None
    own = {key(each): each for each in rules}
    edits: list[tuple[int, int, str]] = []
    for number, each in enumerate(known):
        start, end = blocks[number] or (0, 0)
        recorded = own.pop(key(each), None)
        if recorded is not None and updated(each, recorded) != each:
            edits.append((start, end, _indented(_rule_text(updated(each, recorded)), lines[start])))
    place = _place_of_new(known)
    at = (blocks[place] or (0, 0))[0] if place < len(known) else (blocks[-1] or (0, 0))[1]
    first = lines[(blocks[0] or (0, 0))[0]]
    edits.append((at, at, "".join(_indented(_rule_text(each), first) for each in own.values())))
    edits += _flow_edits(lines, source, flows)
    for start, end, new in sorted(edits, key=lambda edit: edit[0], reverse=True):
        lines[start:end] = [new]
    return "".join(lines)


def _flow_edits(lines: list[str], source: Source, flows: Sequence[Record]) -> list[tuple[int, int, str]]:
    known = source.value.get("chatflows", [])
    new = _merged_flows(known, flows)[len(known) :]
    if not new:
        return []
    if not known:
        at = source.line(("rules",)) - 1
        return [(at, at, _flow_block(new) + "\n")]
    block = _block(lines, source.line(("chatflows", len(known) - 1)) - 1)
    if block is None:
        return []
    text = "".join(f"- {_inline(each)}\n" for each in new)
    return [(block[1], block[1], _indented(text, lines[block[0]]))]


def _block(lines: list[str], line: int) -> tuple[int, int] | None:
    """The lines of an item of a list, from its dash to what comes before the next thing."""
    start = line
    while start > 0 and not lines[start].lstrip().startswith("-"):
        start -= 1
        if line - start > 1:
            return None
    indent = _indent(lines[start])
    if not lines[start].lstrip().startswith("-"):
        return None
    end = start + 1
    last = end
    while end < len(lines):
        stripped = lines[end].strip()
        if stripped and not (stripped.startswith("#") and _indent(lines[end]) <= indent):
            if _indent(lines[end]) <= indent:
                break
            last = end + 1
        end += 1
    return start, last


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _indented(text: str, like: str) -> str:
    """A block with the indentation of a line instead of none."""
    margin = " " * _indent(like)
    return "".join(margin + line if line.strip() else line for line in text.splitlines(keepends=True))


# --- YAML --------------------------------------------------------------------------------------------


class _Flat(list[Any]):
    """A list that is written on one line."""


class _Dumper(yaml.SafeDumper):
    """Writes YAML that is read the same by 1.1 and 1.2."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Several lines as a block, anything that another reader may take for a number or a date in quotes."""
    if "\n" in text:
        is_block = text[:1].strip() and all(each.isprintable() for each in text.replace("\n", ""))
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if is_block else '"')
    if not text.isprintable():
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
    plain = text[:1].isalpha() and text.isascii()
    style = None if plain and text.lower() not in TRAPS else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


TRAPS = ("yes", "no", "on", "off", "y", "n", "true", "false", "null", "none")
_Dumper.add_representer(str, _text_node)
_Dumper.add_representer(
    _Flat, lambda dumper, value: dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)
)


def _shaped(value: Any) -> Any:
    """A value with the lists that belong on one line."""
    if isinstance(value, dict):
        return {
            name: _Flat(each) if name in FLAT and isinstance(each, list) else _shaped(each)
            for name, each in value.items()
        }
    return [_shaped(each) for each in value] if isinstance(value, list) else value


def _dumped(value: Any, **options: Any) -> str:
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH, **options))


def _rule_text(rule: Record) -> str:
    return _dumped([_shaped(rule)])


def _inline(value: Record) -> str:
    return _dumped(value, default_flow_style=True).strip().replace("\n", " ")


def _flow_block(flows: Sequence[Record]) -> str:
    if not flows:
        return ""
    return "chatflows:\n" + "".join(f"  - {_inline(each)}\n" for each in flows)
