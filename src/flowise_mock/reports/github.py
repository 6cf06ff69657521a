"""Workflow commands of GitHub Actions, which annotate the lines of a change."""

from __future__ import annotations

LEVELS = {"error": "error", "warning": "warning", "info": "notice"}


def command(level: str, message: str, title: str, file: str = "", line: int = 0, column: int = 0) -> str:
    """One annotation; the level is that of GitHub: error, warning or notice."""
    fields = [f"file={_property(file)}"] if file else []
    fields += [f"line={line}"] if line else []
    fields += [f"col={column}"] if column else []
    fields.append(f"title={_property(title)}")
    return f"::{level} {','.join(fields)}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
