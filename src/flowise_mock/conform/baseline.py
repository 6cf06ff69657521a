"""The baseline: known deviations, each with a reason, an owner, a day on which it expires."""

from __future__ import annotations

import datetime
import fnmatch
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from flowise_mock.conform import causes
from flowise_mock.conform.deviations import Deviation, Key
from flowise_mock.contract import contracts
from flowise_mock.contract.document import DocumentError, read

FIELDS = {"operation", "check", "what", "reason", "owner", "link", "versions", "expires"}


def bundled(name: str) -> Path:
    """The baseline that comes with the judge, by its name; a wheel has it packed. It may not exist."""
    folder = Path(__file__).parent / "baselines"
    return (folder if folder.is_dir() else contracts.layers() / "baselines") / f"{name}.yaml"


class BaselineError(Exception):
    """A baseline that cannot be used; the text names the file, the line and why."""


class Entry(NamedTuple):
    """A known deviation. `what` may hold `*`, as in file names."""

    line: int
    operation: str
    check: str
    what: str
    reason: str = ""
    owner: str = ""
    link: str = ""
    versions: tuple[str, ...] = ()
    expires: str = ""

    def covers(self, key: Key) -> bool:
        if (self.operation, self.check) != (key.operation, key.check):
            return False
        return self.what == key.what or ("*" in self.what and fnmatch.fnmatchcase(key.what, _glob(self.what)))

    def is_expired(self, today: datetime.date) -> bool:
        return bool(self.expires) and datetime.date.fromisoformat(self.expires) < today

    def concerns(self, version: str) -> bool:
        return not self.versions or version in self.versions


def _glob(text: str) -> str:
    return text.replace("[", "[[]").replace("?", "[?]")


class Sorted(NamedTuple):
    """The deviations of a run beside a baseline."""

    new: list[Deviation]
    known: list[tuple[Deviation, Entry]]
    expired: list[tuple[Deviation, Entry]]
    vanished: list[Entry]


def load(path: Path, contract: str = "") -> list[Entry]:
    """The entries of a baseline file, with their lines. Raises BaselineError.

    `contract` is the one that the run judges by: the baseline of another says nothing about it.
    """
    try:
        held = read(path)
        node = yaml.compose(path.read_text(), yaml.SafeLoader)
    except DocumentError as error:
        raise BaselineError(str(error)) from None
    except (OSError, yaml.YAMLError) as error:
        raise BaselineError(f"{path}: {error}") from None
    known = held.get("known") if isinstance(held, dict) else None
    if not isinstance(known, list):
        raise BaselineError(f"{path}: is not a baseline: it has no list `known`")
    own = str(held.get("contract") or contract)
    if contract and own != contract:
        raise BaselineError(
            f"{path}: is a baseline of the contract {own}, and this run judges by {contract}; "
            f"pass --contract {own}, or a baseline of {contract}"
        )
    return [_entry(path, line, entry) for line, entry in zip(_lines(node), known, strict=True)]


def _lines(node: Any) -> list[int]:
    for key, value in node.value:
        if key.value == "known":
            return [item.start_mark.line + 1 for item in value.value]
    return []


def _entry(path: Path, line: int, held: Any) -> Entry:
    if not isinstance(held, dict) or not {"operation", "check", "what"} <= held.keys():
        raise BaselineError(f"{path}:{line}: an entry has operation, check and what")
    unknown = held.keys() - FIELDS
    if unknown:
        raise BaselineError(
            f"{path}:{line}: an entry has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(FIELDS))}"
        )
    versions = held.get("versions") or []
    texts = {name: str(held.get(name) or "") for name in FIELDS - {"versions"}}
    try:
        datetime.date.fromisoformat(texts["expires"] or "2000-01-01")
    except ValueError:
        raise BaselineError(
            f"{path}:{line}: expires: {texts['expires']} is not a day such as 2027-01-31"
        ) from None
    return Entry(
        line, versions=tuple(map(str, versions if isinstance(versions, list) else [versions])), **texts
    )


def sort(
    found: Iterable[Deviation], entries: Sequence[Entry], version: str, today: datetime.date, judged: set[str]
) -> Sorted:
    """Deviations sorted into new, known and expired; entries that no deviation matched are vanished.

    An entry of another version, or of an operation that this run did not judge, is left out.
    """
    result = Sorted([], [], [], [])
    matched: set[int] = set()
    own = [entry for entry in entries if entry.concerns(version)]
    for each in found:
        entry = next((entry for entry in own if entry.covers(each.key)), None)
        if entry is None:
            result.new.append(each)
            continue
        matched.add(entry.line)
        (result.expired if entry.is_expired(today) else result.known).append((each, entry))
    result.vanished.extend(e for e in own if e.line not in matched and e.operation in judged)
    return result


def update(path: Path, found: Iterable[Deviation], version: str, contract: str, judged: set[str]) -> int:
    """Write the deviations of a run into a baseline; how many there are. What people wrote is kept."""
    held = load(path) if path.exists() else []
    entries: dict[tuple[str, str, str], dict[str, Any]] = {}
    for each in found:
        entry = next((entry for entry in held if entry.covers(each.key) and entry.concerns(version)), None)
        row = _row(entry) if entry else {**each.key._asdict(), "reason": _reason(each)}
        entries[row["operation"], row["check"], row["what"]] = row
    for entry in held:
        if not entry.concerns(version) or entry.operation not in judged:
            entries.setdefault((entry.operation, entry.check, entry.what), _row(entry))
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(
        [entries[key] for key in sorted(entries)], sort_keys=False, allow_unicode=True, width=200
    )
    path.write_text(
        f"{_head(path, version, contract)}contract: {contract}\nserver: {version!r}\n"
        f"known: {'[]' if not entries else ''}".rstrip()
        + "\n"
        + (text if entries else "")
    )
    return len(entries)


def _head(path: Path, version: str, contract: str) -> str:
    """The comment that a baseline begins with: its own, else one that says what it is."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    own = "".join(itertools.takewhile(lambda line: line.startswith("#"), lines))
    return own or f"# Known deviations of Flowise {version or '?'} from the contract `{contract}`.\n"


def _reason(found: Deviation) -> str:
    """A reason to begin with: the cause, until a person writes a better one."""
    return causes.cause(found).title


def _row(entry: Entry) -> dict[str, Any]:
    held = {
        name: getattr(entry, name)
        for name in ("operation", "check", "what", "reason", "owner", "link", "expires")
    }
    if entry.versions:
        held["versions"] = list(entry.versions)
    return {name: value for name, value in held.items() if value or name in Key._fields}
