"""The site: every page is in its navigation, every link leads somewhere, and nothing needs a network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        ROOT / "deploy" / "README.md",
        ROOT / "clients" / "node" / "README.md",
    ]
)
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    return CODE.sub(lambda found: "`" * len(found[0].splitlines()), page.read_text())


def anchors(page: Path) -> set[str]:
    """The anchors of a page, as GitHub and MkDocs make them of its headings."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    made: dict[str, int] = {}
    found = set(re.findall(r'<a (?:id|name)="([^"]+)"', text))
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", plain.lower()).strip().replace(" ", "-")
        count = made.get(anchor, 0)
        made[anchor] = count + 1
        found.add(f"{anchor}-{count}" if count else anchor)
    return found


def problem(page: Path, link: str) -> str | None:
    """What is wrong with a link of a page. Links to other hosts are not followed."""
    if re.match(r"(https?|mailto):", link):
        return None
    path, _, anchor = link.partition("#")
    to = (page.parent / path).resolve() if path else page
    if not to.exists():
        return f"{link}: there is no {path}"
    if not to.is_relative_to(ROOT):
        return f"{link}: is outside of the project"
    if anchor and to.suffix == ".md" and anchor not in anchors(to):
        return f"{link}: {to.name} has no such heading"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert [found for link in LINK.findall(prose(page)) if (found := problem(page, link))] == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = ROOT / "docs" / "policy.md"
    assert problem(page, "control.md#namespaces") is None
    assert problem(page, "control.md#no-such-heading")
    assert problem(page, "no-such-page.md")
    assert problem(page, "../../outside")


def listed(entry: Any) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    values = entry if isinstance(entry, list) else entry.values()
    return [name for value in values for name in listed(value)]


def test_every_page_is_in_the_navigation() -> None:
    names = listed(CONFIG["nav"])
    assert len(names) == len(set(names))
    assert {page.name for page in ROOT.glob("docs/*.md")} <= set(names)


def test_no_page_takes_the_name_of_another_file() -> None:
    """`page.md` becomes `page.html`, so docs/ has no file of that name."""
    excluded = CONFIG["exclude_docs"].split()
    kept = {file.name for file in ROOT.glob("docs/*.html")} - set(excluded)
    assert {f"{page.stem}.html" for page in ROOT.glob("docs/*.md")} & kept == set()


def code(page: str) -> dict[str, str]:
    text = (ROOT / "docs" / page).read_text()
    return dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", text, re.DOTALL))


def test_the_tutorial(tmp_path: Path) -> None:
    from docs.test_testing import pytest_in

    for name, text in code("tutorial.md").items():
        (tmp_path / name).write_text(text)
    assert "2 passed" in pytest_in(tmp_path)


def test_what_the_tutorial_says_of_a_failure(tmp_path: Path) -> None:
    from testing.test_fixtures import ENVIRONMENT, FAST, PLUGIN

    for name, text in code("tutorial.md").items():
        (tmp_path / name).write_text(text.replace("times=2", "times=3"))
    command = [sys.executable, "-m", "pytest", "-q", *PLUGIN, *FAST]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert "1 failed, 1 passed" in done.stdout
    assert "fault server-error" in done.stdout


def test_the_example_of_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (program,) = code("seeds.md").values()
    exec(program, {})


def test_the_files_of_a_seed() -> None:
    """docs/seeds.md lists them as `fixtures/seed` has them."""
    text = (ROOT / "docs" / "seeds.md").read_text()
    rows = set(re.findall(r"^\| `([a-z-]+\.json)` \|", text, re.MULTILINE))
    assert rows == {file.name for file in ROOT.glob("fixtures/seed/*.json")}


@pytest.mark.slow
def test_the_site_needs_no_network() -> None:
    """`make site` is strict: it fails at a page or an anchor that is missing."""
    subprocess.run(["make", "site"], cwd=ROOT, check=True, capture_output=True)
    pages = list((ROOT / "site").glob("*.html"))
    assert len(pages) >= len(listed(CONFIG["nav"]))
    for page in pages:
        loaded = re.findall(r'<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)="([^"]+)"', page.read_text())
        assert [each for each in loaded if re.match(r"(https?:)?//", each)] == [], page.name
