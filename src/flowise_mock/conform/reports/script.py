"""How to repeat a deviation: by one command, or by a script that needs nothing of this program."""

from __future__ import annotations

from typing import Any

Run = dict[str, Any]

HEAD = """\
#!/usr/bin/env bash
# {title}
# Needs curl and python3; the key of the server in FLOWISE_API_KEY, its address in URL.
: "${{FLOWISE_API_KEY?is not set: export the key of the server}}"
URL=${{URL:-{url}}}
value() {{ python3 -c 'import json, sys
body, values = json.load(sys.stdin), []
for path in sys.argv[1:]:
    found = body
    for part in path.split("/"):
        found = json.loads(found) if isinstance(found, str) else found
        found = found[int(part)] if isinstance(found, list) else found[part]
    values.append(found)
print(*values)' "$@"; }}
"""


def command(run: Run, deviation: dict[str, Any]) -> str:
    """The command that sets up, requests, judges and cleans up again; for traffic, the request alone."""
    if not run["command"]:
        return str(deviation["curl"])
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
    return head(title, run["url"]) + "\n".join([*lines, *request(deviation), *undo]) + "\n"


def request(deviation: dict[str, Any]) -> list[str]:
    """The request itself; what it makes is deleted again."""
    if not deviation["undo"]:
        return [deviation["curl"]]
    return [
        f'response=$({deviation["curl"]}); echo "$response"',
        'id=$(tail -n 1 <<<"$response" | value id 2>/dev/null)',
        *(f'[ -n "$id" ] && {line}' for line in deviation["undo"]),
    ]
