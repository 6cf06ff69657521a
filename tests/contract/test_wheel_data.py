"""The wheel: its merged contracts equal the layers they are made of, it is small, and it is reproducible."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from flowise_mock.conform import baseline
from flowise_mock.contract import contracts, document, merged, vocabulary
from flowise_mock.server.build import Options, build

ROOT = contracts.root()
BYTES = 700 * 1024


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return Path(next(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])))


@pytest.fixture(scope="module")
def unpacked(built: Path) -> Path:
    with zipfile.ZipFile(built) as archive:
        assert archive.testzip() is None
        archive.extractall(built.parent)
    return built.parent


def printed(code: str, folder: Path, *arguments: str) -> list[str]:
    """The lines that a program prints that imports the wheel unpacked in a folder."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("contract", contracts.names())
def test_a_merged_contract_equals_its_layers(unpacked: Path, contract: str) -> None:
    file = unpacked / "flowise_mock" / "data" / merged.FILE
    assert merged.read(file, contract) == contracts.load(contract)


def test_an_unpacked_wheel_lists_its_contracts_and_merges_an_overlay_of_its_own(
    unpacked: Path, tmp_path: Path
) -> None:
    """An overlay extends a bundled one, which is unpacked for it, and removed at the end."""
    (tmp_path / "own.yaml").write_text(
        "overlay: 1.0.0\ninfo: {title: t, version: 1.0.0}\nextends: flowise-3.0.5.yaml\n"
        "actions: [{target: $.info, update: {version: 3.0.9}}]\n"
    )
    code = (
        "from flowise_mock.contract import contracts\n"
        f"print(contracts.load({str(tmp_path / 'own.yaml')!r})['info']['version'])\n"
        "print(*contracts.names())\nprint(contracts.layers())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=unpacked, capture_output=True, text=True)
    version, names, folder = done.stdout.splitlines()
    assert (version, names.split()) == ("3.0.9", contracts.names()), done.stderr
    assert not Path(folder).exists()


def test_another_name_has_no_merged_contract(unpacked: Path) -> None:
    assert merged.read(unpacked / "flowise_mock" / "data" / merged.FILE, "3.0") is None


def test_an_unpacked_wheel_reads_its_merged_contracts(unpacked: Path) -> None:
    """The program breaks the YAML loader first, so it would fail if it merged the contract again."""
    code = (
        "from flowise_mock.contract import contracts, document\n"
        "document.Loader.get_single_data = None\n"
        "print(contracts.root().name, len(contracts.load('3.1.4')['paths']))"
    )
    assert printed(code, unpacked) == ["data " + str(len(contracts.load("3.1.4")["paths"]))]


def test_the_document_and_the_overlays_are_in_it(unpacked: Path, tmp_path: Path) -> None:
    data = unpacked / "flowise_mock" / "data"
    merged.unpack(data / merged.FILE, tmp_path)
    for file in [ROOT / "openapi.yaml", *(ROOT / "overlays").iterdir()]:
        assert document.read(tmp_path / file.relative_to(ROOT)) == merged.without_reasons(document.read(file))
    assert (unpacked / "flowise_mock" / "py.typed").exists()


def test_the_words_of_overlays_are_in_it_without_their_descriptions(unpacked: Path) -> None:
    code = "import json\nfrom flowise_mock.contract import vocabulary\nprint(json.dumps(vocabulary.schema()))"
    shipped = json.loads(printed(code, unpacked)[0])
    assert shipped["properties"].keys() == vocabulary.schema()["properties"].keys()
    assert (
        shipped["$defs"]["record"]["properties"].keys()
        == vocabulary.schema()["$defs"]["record"]["properties"].keys()
    )
    assert "description" not in shipped["properties"]["x-outcomes"]
    code = "from flowise_mock.contract import vocabulary as v; print(*v.words())"
    done = subprocess.run([sys.executable, "-c", code], cwd=unpacked, capture_output=True, text=True)
    assert set(done.stdout.split()) == set(vocabulary.words()), done.stderr


def test_it_has_the_documents_of_the_package(unpacked: Path) -> None:
    documents = [f"conform/{name}.yaml" for name in ("walks", "records", "flows")]
    names = [*documents, "control/control.yaml", "faults/faults.schema.json", "scripts/script.schema.json"]
    code = (
        "import json, sys\nfrom pathlib import Path\nfrom flowise_mock.contract import merged\n"
        "for name in sys.argv[1:]: print(json.dumps(merged.of_package(Path('flowise_mock', name).resolve())))"
    )
    read = [json.loads(line) for line in printed(code, unpacked, *names)]
    assert read == [document.read(ROOT / "src/flowise_mock" / name) for name in names]
    assert not any((unpacked / "flowise_mock" / name).exists() for name in names)


def test_it_has_the_seed_with_its_contracts(unpacked: Path) -> None:
    code = (
        "import json\nfrom flowise_mock.contract import contracts, merged\n"
        "print(json.dumps(merged.of_package(contracts.seed())))"
    )
    shipped = json.loads(printed(code, unpacked)[0])
    assert shipped == {file.stem: document.read(file) for file in (ROOT / "fixtures/seed").iterdir()}
    code = (
        "from flowise_mock.server.build import Options, build\n"
        "mock = build(Options(ids='reproducible'))\nprint(mock.options.seed.name, mock.records)"
    )
    assert printed(code, unpacked) == [f"seed.json {build(Options()).records}"]


def test_it_has_the_baselines(unpacked: Path) -> None:
    code = (
        "import json\nfrom flowise_mock.conform import baseline\n"
        "print(json.dumps([len(baseline.load(baseline.bundled(each))) for each in ('3.0.5', '3.1.4')]))\n"
        "print(baseline.bundled('none').exists())"
    )
    counts = [len(baseline.load(baseline.bundled(each))) for each in ("3.0.5", "3.1.4")]
    assert printed(code, unpacked) == [json.dumps(counts), "False"]
    assert min(counts) > 10


def test_it_is_small(built: Path) -> None:
    assert built.stat().st_size < BYTES


@pytest.mark.slow
def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    """Dates, modes and places of files do not enter, nor the hash seed; the sdist builds the same wheel."""
    first = _build(_copy(tmp_path / "a", 0o644, 1_000_000_000), "--sdist", "--wheel", seed="1")
    second = _build(_copy(tmp_path / "b", 0o600, 1_500_000_000), "--sdist", "--wheel", seed="2")
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []
    (sdist,) = (tmp_path / "a" / "dist").glob("*.tar.gz")
    shutil.unpack_archive(sdist, tmp_path / "c")
    (wheel,) = _build(next((tmp_path / "c").iterdir()), "--wheel", seed="3").items()
    assert first[wheel[0]] == wheel[1]


def _copy(folder: Path, mode: int, date: int) -> Path:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, path)
        path.chmod(mode)
        os.utime(path, (date, date))
    return folder


def _build(folder: Path, *kinds: str, seed: str) -> dict[str, bytes]:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    environment.pop("SOURCE_DATE_EPOCH", None)
    command = [sys.executable, "-m", "build", "--no-isolation", *kinds]
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    return {each.name: each.read_bytes() for each in (folder / "dist").iterdir()}
