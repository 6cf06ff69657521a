"""An isolated build has all that the build hook imports."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROGRAM = (
    "import sys\nbefore = set(sys.modules)\n"
    "from flowise_mock.contract import contracts, merged\n"
    "contracts.load('3.1.4')\n"
    "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def dependencies(name: str) -> list[Requirement]:
    """What a distribution needs on this Python, without its extras."""
    every = map(Requirement, requires(name) or ())
    return [each for each in every if each.marker is None or each.marker.evaluate({"extra": ""})]


def with_dependencies(names: set[str]) -> set[str]:
    further = {normal(each.name) for name in names for each in dependencies(name)} - names
    return with_dependencies(names | further) if further else names


def test_an_isolated_build_has_what_the_hook_imports() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    loaded = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    owners = packages_distributions()
    needed = {normal(owners[name][0]) for name in loaded.stdout.split() if name in owners} - {"flowise-mock"}
    assert {"pyyaml", "jsonschema-rs"} <= needed
    assert needed - with_dependencies({normal(Requirement(each).name) for each in build}) == set()
