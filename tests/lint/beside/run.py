"""Spectral and redocly beside `flowise-mock lint` on the documents of this folder, rule by rule.

`make lint-beside` writes docs/lint-beside.md. It needs Node 20 and npm. A difference that `rules.WHY` does
not explain ends it with 1.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lint import vendor
from lint.beside import big, corpus, rules

FOLDER = Path(__file__).parent
PACKAGES = ("@stoplight/spectral-cli@6.15.0", "@redocly/cli@2.11.1")
DOCUMENTS = ("petshop.yaml", "payments.yaml", "library.yaml", "shop/openapi.yaml", "big.json")
RESOURCES, LARGE = 300, 1700
_ODD = ("no-invalid-", "operation-operationId-unique")  # redocly points at a neighbour that is not there


class Found(NamedTuple):
    """A finding of one of the three, with the last part of its file's name."""

    rule: str
    file: str
    pointer: str

    def near(self, other: Found) -> bool:
        """Whether both speak of one place: the same, or one that holds the other."""
        one, two = f"{self.pointer}/", f"{other.pointer}/"
        return self.file == other.file and (one.startswith(two) or two.startswith(one))


def ours(text: str) -> list[Found]:
    found = json.loads(text)["findings"]
    return [Found(each["rule"], Path(each["file"]).name, each["pointer"]) for each in found]


def spectral(text: str) -> list[Found]:
    return [
        Found(each["code"], Path(each["source"]).name, "".join(f"/{_part(step)}" for step in each["path"]))
        for each in json.loads(text)
    ]


def _part(step: Any) -> str:
    return str(step).replace("~", "~0").replace("/", "~1")


def redocly(text: str) -> list[Found]:
    found = []
    for each in json.loads(text)["problems"]:
        place = each["location"][0]
        pointer = place.get("pointer", "#/").removeprefix("#").rstrip("/")
        if each["ruleId"].startswith(_ODD):
            pointer = pointer.rpartition("/")[0]
        found.append(Found(each["ruleId"], Path(place["source"]["ref"]).name, pointer))
    return found


TOOLS: dict[str, tuple[list[str], Callable[[str], list[Found]], dict[str, str]]] = {
    "spectral": (["spectral", "lint", "--format", "json", "--ruleset"], spectral, rules.SPECTRAL),
    "redocly": (
        ["redocly", "lint", "--extends", "recommended", "--max-problems", "100000", "--format", "json"],
        redocly,
        rules.REDOCLY,
    ),
}


def run(command: list[str], folder: Path) -> tuple[str, float]:
    """What a command prints, and its seconds."""
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if not done.stdout.strip().startswith(("{", "[")):
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout, seconds


def all_found(tools: Path, folder: Path, document: str) -> dict[str, tuple[list[Found], float]]:
    """What each of the three finds in a document, and its seconds."""
    mine = [str(Path(sys.executable).with_name("flowise-mock")), "lint", document, "--format", "json"]
    text, seconds = run(mine, folder)
    found = {"lint": (ours(text), seconds)}
    for name, (command, read, _) in TOOLS.items():
        given = [str(tools / "node_modules" / ".bin" / command[0]), *command[1:]]
        given += [str(tools / "ruleset.yaml"), document] if name == "spectral" else [document]
        text, seconds = run(given, folder)
        found[name] = (read(text), seconds)
    return found


class Row(NamedTuple):
    """What a rule of ours and its likes found: both, we alone, they alone."""

    same: int
    mine: int
    theirs: int


def compared(tool: str, found: list[dict[str, tuple[list[Found], float]]]) -> dict[str, tuple[set[str], Row]]:
    """By our rule (or theirs, where we have none): their rules, and the counts over all documents."""
    likes = TOOLS[tool][2]
    table: dict[str, tuple[set[str], Row]] = {}
    for each in found:
        mine, theirs = each["lint"][0], each[tool][0]
        for one in mine:
            same = any(one.rule in likes[two.rule].split() and one.near(two) for two in theirs)
            _count(table, one.rule, Row(int(same), int(not same), 0))
        for two in theirs:
            names = likes[two.rule].split()
            if not any(one.rule in names and one.near(two) for one in mine):
                _count(table, names[0] if names else two.rule, Row(0, 0, 1))
    for name, (theirs_named, _) in table.items():
        theirs_named |= {rule for rule, ours_named in likes.items() if name in ours_named.split()}
    return table


def _count(table: dict[str, tuple[set[str], Row]], name: str, more: Row) -> None:
    named, row = table.setdefault(name, (set(), Row(0, 0, 0)))
    table[name] = named, Row(row.same + more.same, row.mine + more.mine, row.theirs + more.theirs)


def why(tool: str, rule: str, theirs: set[str], row: Row) -> str:
    """Why one side alone finds something; empty where nobody has said so."""
    reason = rules.WHY.get((tool, rule), "")
    if row.mine and not theirs and not row.theirs:
        return reason or "no such rule there"
    return reason


def lines(found: list[dict[str, tuple[list[Found], float]]], large: dict[str, float]) -> Iterator[str]:
    """The page."""
    yield "# lint beside spectral and redocly"
    yield ""
    yield f"Made by `make lint-beside`: {', '.join(PACKAGES)} (`spectral:oas`, `recommended`) on the five"
    yield "documents of `tests/lint/beside/`, which were written for it, with faults in each. Findings are the"
    yield "same where rules that look for the same thing point at one place, or one that holds it."
    for tool in TOOLS:
        yield from (
            "",
            f"## {tool}",
            "| our rule | theirs | same | only ours | only theirs | why |",
            "|---|---|---|---|---|---|",
        )
        for name, (theirs, row) in sorted(compared(tool, found).items()):
            named = ", ".join(f"`{each}`" for each in sorted(theirs)) or "-"
            reason = why(tool, name, theirs, row) if row.mine or row.theirs else ""
            yield f"| `{name}` | {named} | {row.same} | {row.mine} | {row.theirs} | {reason} |"
    yield from (
        "",
        "## Time",
        "Seconds for the whole command, once, on one machine; the ratio is what to read.",
        "",
    )
    yield from ("| document | findings | lint | spectral | redocly |", "|---|---|---|---|---|")
    for document, each in zip(DOCUMENTS, found, strict=True):
        times = " | ".join(f"{each[name][1]:.1f}" for name in ("lint", *TOOLS))
        yield f"| {document} | {' / '.join(str(len(held)) for held, _ in each.values())} | {times} |"
    times = " | ".join(f"{large[name]:.1f}" for name in ("lint", *TOOLS))
    yield f"| the big one with {LARGE} resources, 5 MB | | {times} |"


def beside_vendor(found: dict[str, tuple[list[Found], float]]) -> Iterator[str]:
    """How many findings of the others on the vendor's document are ours too, rule by rule."""
    yield from (
        "",
        "## The vendor's document",
        "What Flowise's documentation states, made whole by `tests/lint/vendor.py`: what the others find there.",
        "",
    )
    yield from ("| tool | rule | findings | ours too | why not |", "|---|---|---|---|---|")
    for tool, (_, _, likes) in TOOLS.items():
        theirs = found[tool][0]
        for rule in sorted({each.rule for each in theirs}):
            names = likes[rule].split()
            held = [each for each in theirs if each.rule == rule]
            same = [
                each for each in held if any(one.rule in names and one.near(each) for one in found["lint"][0])
            ]
            reason = "" if len(same) == len(held) else rules.WHY[tool, names[0] if names else rule]
            yield f"| {tool} | `{rule}` | {len(held)} | {len(same)} | {reason} |"


def unexplained(found: list[dict[str, tuple[list[Found], float]]]) -> Iterator[str]:
    """The differences that nobody has explained."""
    for tool in TOOLS:
        for name, (theirs, row) in compared(tool, found).items():
            if (row.mine or row.theirs) and not why(tool, name, theirs, row):
                yield f"{tool}: {name}: {row.mine} only ours, {row.theirs} only theirs"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--tools", type=Path, help="a folder where npm has installed the two (default: a new one)"
    )
    parser.add_argument("--write", type=Path, help="where the page goes (default: it is printed)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        tools = arguments.tools or folder
        if not arguments.tools:
            subprocess.run(["npm", "install", "--silent", "--prefix", str(tools), *PACKAGES], check=True)
        (tools / "ruleset.yaml").write_text('extends: ["spectral:oas"]\n')
        for name, count in (("big.json", RESOURCES), ("large.json", LARGE)):
            (folder / name).write_text(big.document(count))
        (folder / "vendor.yaml").write_text(vendor.text())
        found = [all_found(tools, folder if each == "big.json" else FOLDER, each) for each in DOCUMENTS]
        large = {name: held[1] for name, held in all_found(tools, folder, "large.json").items()}
        stated = all_found(tools, folder, "vendor.yaml")
        judged = corpus.refused(tools)
    page = "\n".join([*lines(found, large), *beside_vendor(stated), *corpus.lines(judged)]) + "\n"
    if arguments.write:
        arguments.write.write_text(page)
    else:
        print(page)
    left = [*unexplained(found), *corpus.unexplained(judged)]
    print("\n".join(left), file=sys.stderr)
    return int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
