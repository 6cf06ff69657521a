"""The fixture `flowise`, as a user's pytest runs it in an empty folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import flowise_mock
from conftest import Running

INSTALLED = {each.name for each in entry_points(group="pytest11")}
FAST = ["-p", "no:schemathesis", "-p", "no:hypothesispytest", "-p", "no:cacheprovider"]
PLUGIN = [] if "flowise-mock" in INSTALLED else ["-p", "flowise_mock.pytest_plugin"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(flowise_mock.__file__).parents[1])}
BOT = """
import httpx
import pytest

FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"


class Bot:
    def __init__(self, url, key):
        self.url, self.key = url, key

    def ask(self, question):
        for _ in range(3):
            response = httpx.post(
                f"{self.url}/api/v1/prediction/{FLOW}",
                json={"question": question},
                headers={"Authorization": f"Bearer {self.key}"},
            )
            if response.is_success:
                return response.json()["text"]
        raise RuntimeError(response.text)
"""
EXAMPLE = """
def test_bot(flowise):
    flowise.answer("refund", "Within 30 days.")
    flowise.fail("order", "server-error", times=2)

    bot = Bot(flowise.url, flowise.api_key)
    assert bot.ask("Can I get a refund?") == "Within 30 days."
    assert bot.ask("Where is my order?")

    assert [r.json["question"] for r in flowise.requests("createPrediction")][0] == "Can I get a refund?"
    flowise.verify("createPrediction", question="Where is my order?", times=3)


def test_is_alone(flowise):
    assert flowise.requests() == []
    assert flowise.rules() == flowise.faults() == []
    assert flowise.diff() == {}
    assert Bot(flowise.url, flowise.api_key).ask("refund") != "Within 30 days."
    flowise.store.create("tool", name="t", description="d", color="#fff")


test_is_alone_again = test_is_alone
"""


def run(folder: Path, test: str, *options: str, expected: int = 0, errors: bool = False) -> str:
    """The output of pytest on one file, in a folder that has nothing else; `errors` adds standard error."""
    (folder / "test_bot.py").write_text(BOT + test)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "--strict-markers", *PLUGIN, *FAST, *options],
        cwd=folder, capture_output=True, text=True, check=False, env=ENVIRONMENT,
    )  # fmt: skip
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout + (done.stderr if errors else "")


def test_the_example(tmp_path: Path) -> None:
    assert "3 passed" in run(tmp_path, EXAMPLE)


def test_the_example_in_parallel_on_one_server(tmp_path: Path, default: Running) -> None:
    url = f"--flowise-mock-url={default.url}"
    repeated = EXAMPLE + '\npytestmark = pytest.mark.parametrize("number", range(4))\n'
    repeated = repeated.replace("(flowise)", "(flowise, number)")
    assert "12 passed" in run(tmp_path, repeated, "-n", "2", url)
    names = [each.name for each in default.mock.worlds]
    assert not [name for name in names if name.startswith("test_")], "namespaces of tests are deleted"


def test_a_marker_says_what_is_served(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("rules:\n- answer: from the file\n")
    (tmp_path / "world").mkdir()
    (tmp_path / "world" / "tools.json").write_text("[]")
    test = """
pytestmark = pytest.mark.flowise(script="rules.yaml")

def test_script(flowise):
    assert Bot(flowise.url, flowise.api_key).ask("x") == "from the file"

@pytest.mark.flowise(contract="3.1.4")
def test_version_and_the_script_of_the_module(flowise, flowise_mock_server):
    assert flowise.contract == "3.1.4"
    assert flowise is not flowise_mock_server
    assert Bot(flowise.url, flowise.api_key).ask("x") == "from the file"

@pytest.mark.flowise(seed="empty")
def test_empty(flowise, flowise_mock_server):
    assert flowise is flowise_mock_server
    assert flowise.store.counts()["chatflow"] == 0

@pytest.mark.flowise(seed="world")
def test_folder(flowise):
    assert flowise.store.counts()["tool"] == flowise.store.counts()["chatflow"] == 0

@pytest.mark.flowise(ids="random")
def test_random(flowise):
    first = flowise.store.create("tool", name="t", description="d", color="#fff")["id"]
    flowise.reset()
    assert first != flowise.store.create("tool", name="t", description="d", color="#fff")["id"]

def test_reproducible(flowise):
    first = flowise.store.create("tool", name="t", description="d", color="#fff")["id"]
    flowise.reset()
    assert first == flowise.store.create("tool", name="t", description="d", color="#fff")["id"]
"""
    assert "6 passed" in run(tmp_path, test)


def test_markers_that_cannot_be_used(tmp_path: Path) -> None:
    markers = {"contrat": "contrat='3.1.4'", "position": "'3.1.4'", "value": "ids='fixed'"}
    for name, given in markers.items():
        text = f"import pytest\n\n@pytest.mark.flowise({given})\ndef test_it(flowise): ...\n"
        (tmp_path / f"test_{name}.py").write_text(text)
    out = run(tmp_path, "\ndef test_other(flowise): ...\n", expected=2)
    assert "has no option contrat; did you mean contract; there are contract, versions, script, seed" in out
    assert "takes contract, versions, script, seed, ids, strict by name" in out
    assert "ids='fixed'): say 'random' or 'reproducible'" in out
    assert "ERROR collecting test_contrat.py" in out
    assert "3 errors" in out
    assert "Traceback" not in out


def test_another_contract_than_the_shared_server_has(tmp_path: Path, default: Running) -> None:
    test = "\n@pytest.mark.flowise(contract='3.0.5')\ndef test_it(flowise): ...\n"
    out = run(tmp_path, test, f"--flowise-mock-url={default.url}", expected=2)
    assert f"is marked with the contract 3.0.5, and the server at {default.url} serves clients" in out


def test_a_shared_server_that_does_not_answer(tmp_path: Path) -> None:
    out = run(tmp_path, "\ndef test_it(flowise): ...\n", "--flowise-mock-url=http://127.0.0.1:9", expected=2)
    assert "no flowise-mock answers at http://127.0.0.1:9" in out
    assert "flowise-mock serve" in out


def test_a_failure_shows_the_requests(tmp_path: Path) -> None:
    test = """
def test_it(flowise):
    flowise.answer("refund", "30 days", name="refunds")
    flowise.fail("order", "server-error", times=1)
    bot = Bot(flowise.url, flowise.api_key)
    bot.ask("refund?")
    bot.ask("order?")
    assert False

def test_passes(flowise):
    Bot(flowise.url, flowise.api_key).ask("nothing of this is shown")
"""
    out = run(tmp_path, test, expected=1)
    assert "requests to flowise-mock" in out
    assert "200  rule added:1 (refunds)  'refund?'" in out
    assert "500  fault server-error  'order?'" in out
    assert "nothing of this is shown'" not in out
    assert "Authorization: Bearer flowise-mock" not in out


def test_strict(tmp_path: Path) -> None:
    test = """
pytestmark = pytest.mark.flowise(strict=True)

def test_unanswered(flowise):
    flowise.answer("hello", "hi")
    bot = Bot(flowise.url, flowise.api_key)
    bot.ask("hello")
    with pytest.raises(RuntimeError):
        bot.ask("unexpected")

def test_answered(flowise):
    flowise.answer("hello", "hi")
    Bot(flowise.url, flowise.api_key).ask("hello")
"""
    out = run(tmp_path, test, expected=1)
    assert "strict: no rule answered 3 of the requests" in out
    assert "1 failed, 1 passed" in out


def test_environment_variables(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nflowise_mock_env =\n  MY_URL\n  MY_KEY=api_key\n")
    test = """
import os

def test_it(flowise):
    assert os.environ["MY_URL"] == os.environ["FLOWISE_URL"] == flowise.url
    assert os.environ["MY_KEY"] == flowise.api_key

def test_without():
    assert "MY_URL" not in os.environ
"""
    assert "2 passed" in run(tmp_path, test, "--flowise-mock-env", "FLOWISE_URL")
    out = run(tmp_path, test, "--flowise-mock-env", "X=port", expected=4)
    assert out == "" or "say NAME" in out


def test_pytest_imports_no_server(tmp_path: Path) -> None:
    test = """
import json, sys

def test_it():
    heavy = {"connexion", "httpx", "uvicorn", "schemathesis", "flask", "flowise_mock.server.build"}
    print(json.dumps(sorted(heavy & set(sys.modules))))
"""
    options = ["-s"]
    (tmp_path / "test_bot.py").write_text(test)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *PLUGIN, *FAST, *options],
        cwd=tmp_path, capture_output=True, text=True, check=True, env=ENVIRONMENT,
    )  # fmt: skip
    line = next(each for each in done.stdout.splitlines() if each.startswith("["))
    assert json.loads(line.partition("]")[0] + "]") == []


VERSIONS = """
def test_version(flowise, flowise_mock_version):
    assert flowise.contract == flowise_mock_version


@pytest.mark.flowise(contract="clients")
def test_own_contract(flowise, flowise_mock_version):
    assert (flowise.contract, flowise_mock_version) == ("clients", None)


@pytest.mark.flowise(versions=["3.1.4", "3.0.5"], seed="empty")
class TestOfTwo:
    def test_marked(self, flowise, flowise_mock_version):
        assert flowise.contract == flowise_mock_version
        assert flowise.store.counts()["chatflow"] == 0


def test_without():
    pass
"""


def test_each_test_runs_once_for_each_version(tmp_path: Path) -> None:
    options = ("--flowise-mock-versions", "3.0.5, 3.1.99")
    assert "6 passed" in run(tmp_path, VERSIONS, *options)
    names = re.findall(r"test_bot.py::(\S+)", run(tmp_path, VERSIONS, *options, "--collect-only"))
    assert sorted(names) == [
        "TestOfTwo::test_marked[3.0.5]", "TestOfTwo::test_marked[3.1.4]", "test_own_contract",
        "test_version[3.0.5]", "test_version[3.1.4]", "test_without",
    ]  # fmt: skip
    (tmp_path / "pytest.ini").write_text("[pytest]\nflowise_mock_versions = 3.1.4\n")
    assert "test_version[3.1.4]" in run(tmp_path, VERSIONS, "--collect-only")


def test_versions_that_cannot_be_used(tmp_path: Path) -> None:
    found = run(tmp_path, "", "--flowise-mock-versions", "2.0.0", expected=4, errors=True)
    assert "--flowise-mock-versions: there is no contract for Flowise 2.0.0" in found
    shared = ("--flowise-mock-versions", "3.1.4", "--flowise-mock-url", "http://127.0.0.1:9")
    assert "has one version" in run(tmp_path, "", *shared, expected=4, errors=True)
    marked = "\n@pytest.mark.flowise({})\ndef test_it(flowise):\n    pass\n"
    for options, message in (
        ('versions="3.1.4"', "give a list of versions"),
        ('versions=["9.9"]', "there is no contract '9.9'"),
        ('versions=["3.1.4"], contract="clients"', "takes a contract or versions, not both"),
    ):
        output = run(tmp_path, marked.format(options), expected=2)
        assert message in output
        assert "Traceback" not in output
