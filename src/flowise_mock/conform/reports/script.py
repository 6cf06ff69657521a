"""How to repeat a deviation: by one command, or by a script that needs nothing of this program."""

from __future__ import annotations

from typing import Any

Run = dict[str, Any]

HEAD = """\
#!/usr/bin/env bash
# {title}
# Needs curl and python3; the key of the server in FLOWISE_API_KEY, its address in URL.
URL=${{URL:-{url}}}
value() {{ python3 -c 'import json, sys
for path in sys.argv[1:]:
    found = json.loads(text) if path is sys.argv[1] and (text := sys.stdin.read()) else json.loads(text)
    for part in path.split("/"):
        found = json.loads(found) if isinstance(found, str) else found
        found = found[int(part)] if isinstance(found, list) else found[part]
    print(found, end=" ")' "$@"; }}
"""


def command(run: Run, deviation: dict[str, Any]) -> str:
    """The command that sets up, requests, judges and cleans up again."""
    return f"{run['command']} --only {deviation['id']}"


def head(title: str, url: str) -> str:
    """The beginning of a script."""
    return HEAD.format(title=" ".join(title.split()), url=url)


def text(run: Run, deviation: dict[str, Any]) -> str:
    """A script with the same steps: it sets up, sends the request, and cleans up."""
    title = f"{deviation['operation']} {deviation['check']}: {deviation['what']}"
    steps = [str(index) for index in deviation["steps"]]
    undo = [line for index in reversed(steps) for line in run["undo"].get(index, [])]
    lines = [run["steps"][index] for index in steps]
    return head(title, run["url"]) + "\n".join([*lines, deviation["curl"], *undo]) + "\n"
