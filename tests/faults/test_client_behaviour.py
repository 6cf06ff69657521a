"""How flowise for Python behaves at each fault, as its column in docs/faults.md says. Hangs are short here."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flowise import Flowise, PredictionData

from clients.faulty import SUPPORT, Reading, name_of, write_script
from conftest import Running
from flowise_mock.contract import contracts
from flowise_mock.faults import spec
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server

DOCS = contracts.root() / "docs" / "faults.md"
HANG = 4.0
"""Seconds. A client that has not ended after half of them is considered to wait."""


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    script = tmp_path_factory.mktemp("faults") / "faults.json"
    write_script(script)
    running = Running(build.build(Options(scripts=[script], token_delay=0, hang=HANG)))
    yield running
    running.stop()


def read(url: str, question: str, patience: float) -> Reading:
    reading = Reading([], None, False)
    events: list[object] = []

    def stream() -> None:
        try:
            for event in Flowise(url).create_prediction(PredictionData(SUPPORT, question, streaming=True)):
                events.append(json.loads(event))
        except Exception as raised:
            reading.error = name_of(raised)
        reading.done = True

    thread = threading.Thread(target=stream, daemon=True)
    thread.start()
    thread.join(patience)
    return Reading(events, reading.error, reading.done)


def documented_cells() -> dict[str, list[str]]:
    """The cells of the measured table, by fault."""
    table = DOCS.read_text().partition("| fault | flowise-sdk |")[2]
    rows = [re.split(r" *\| *", line.strip("| ")) for line in table.splitlines()[2:] if line.startswith("|")]
    return {name: cells for name, *cells in rows}


@pytest.mark.parametrize("name", ["none", *spec.catalogue()])
def test_the_python_client_behaves_as_documented(scripted: Running, name: str) -> None:
    waits = "waits for ever" in documented_cells()[name][1]
    assert str(read(scripted.url, name, HANG / 2 if waits else 20)) == documented_cells()[name][1]


def test_every_fault_was_measured_with_three_clients() -> None:
    assert list(documented_cells()) == ["none", *spec.catalogue()]
    assert all(len(cells) == 3 and all(cells) for cells in documented_cells().values())


def test_every_fault_and_option_is_in_the_docs() -> None:
    text = Path(DOCS).read_text()
    rows = dict(re.findall(r"^\| `([\w-]+)` \|([^|]*)\|", text, re.MULTILINE))
    assert set(spec.catalogue()) <= set(rows)
    for name in spec.catalogue():
        own = set(spec.options(name)) - set(spec.WHEN)
        assert set(re.findall(r"`(\w+)`", rows[name])) - {"fixed"} == own, name
        for option in own:
            default = spec.options(name)[option].get("default")
            if isinstance(default, (bool, int, float)):
                assert f"({json.dumps(default)})" in rows[name], (name, option)
    for option in spec.WHEN:
        assert f"`{option}`" in text


def test_the_script_and_the_headers_of_the_docs_are_valid(tmp_path: Path) -> None:
    text = DOCS.read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "docs.yaml").write_text(block)
    mock = build.build(Options(scripts=[tmp_path / "docs.yaml"]))
    assert len(mock.worlds.default.rules.of_files()) == 3
    for header in re.findall(r"^    x-flowise-mock-fault: ([a-z].*)$", text, re.MULTILINE):
        assert spec.parse(header)
