"""Hooks of MkDocs: the pages outside of docs/, and links from pages to files of the project.

A link to a file of the project becomes a link to its copy in the site, and a link to a folder becomes text,
so the site is whole without a network.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = {
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "deploy/README.md": "several-mocks.md",
}
"""Pages outside of docs/, with their names in the site. The site has its own start page."""
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def source(page: str) -> str:
    """The path in the project of a page of the site."""
    names = {site: path for path, site in PAGES.items() if path != "README.md"}
    return names.get(page, f"docs/{page}")


def target(page: str, link: str) -> str | None:
    """Where a link of a page leads in the site; None if it leads to a folder."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source(page)), link))
    if path in PAGES:
        return PAGES[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"files/{path}.txt" if (ROOT / path).is_file() else None


def with_links_of_the_site(text: str, page: str) -> str:
    def replaced(found: re.Match[str]) -> str:
        to = target(page, found[2])
        return f"[{found[1]}]({to}{found[3] or ''})" if to else found[1]

    return LINK.sub(replaced, text)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages outside of docs/, and the files that pages link to."""
    from mkdocs.structure.files import File

    def add(name: str, path: str) -> None:
        files.append(File.generated(config, name, content=(ROOT / path).read_text()))

    for path, name in PAGES.items():
        if path != "README.md":
            add(name, path)
    linked: set[str] = set()
    for file in files.documentation_pages():
        for _, link, _ in LINK.findall(file.content_string):
            linked.add(target(file.src_uri, link) or "")
    for name in sorted(each for each in linked if each.startswith("files/")):
        add(name, name.removeprefix("files/").removesuffix(".txt"))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    return with_links_of_the_site(markdown, page.file.src_uri)
