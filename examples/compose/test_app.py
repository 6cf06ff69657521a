"""The tests of the application, with the mock and the application in other containers."""

import os
import time
from collections.abc import Iterator

import httpx
import pytest

from flowise_mock.testing import FlowiseMock


@pytest.fixture
def flowise() -> Iterator[FlowiseMock]:
    mock = FlowiseMock.connect(
        os.environ["FLOWISE_URL"], control_token=os.environ["FLOWISE_MOCK_CONTROL_TOKEN"]
    )
    mock.reset()
    yield mock
    mock.stop()


def ask(question: str) -> httpx.Response:
    for _ in range(50):  # the application may still start
        try:
            return httpx.get(f"{os.environ['APP_URL']}/ask", params={"q": question}, timeout=10)
        except httpx.ConnectError:
            time.sleep(0.2)
    raise AssertionError("the application does not answer")


def test_an_answer(flowise: FlowiseMock) -> None:
    flowise.answer("refund", "Within 30 days.")
    assert ask("Can I get a refund?").text == "Within 30 days."
    flowise.verify("createPrediction", question="Can I get a refund?", times=1)


def test_a_failure(flowise: FlowiseMock) -> None:
    flowise.fail("order", "server-error", times=1)
    assert ask("Where is my order?").status_code == 503
