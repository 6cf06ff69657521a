"""What the wheel will hold: the merged contracts as JSON equal the layers they are made of."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from flowise_mock.contract import contracts

ROOT = contracts.root()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    built = next(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"]))
    return zipfile.ZipFile(Path(built))


@pytest.mark.parametrize("contract", contracts.names())
def test_a_merged_contract_equals_its_layers(wheel: zipfile.ZipFile, contract: str) -> None:
    with wheel.open(f"flowise_mock/data/contracts/{contract}.json") as merged:
        assert json.load(merged) == contracts.load(contract)


def test_the_document_the_overlays_and_the_seed_are_in_it(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    for folder in ("overlays", "fixtures/seed"):
        for file in (ROOT / folder).iterdir():
            assert f"flowise_mock/data/{folder}/{file.name}" in names
    assert "flowise_mock/data/openapi.yaml" in names
    assert "flowise_mock/py.typed" in names
