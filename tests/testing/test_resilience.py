"""The verdict on clients: a careful one passes everything, a careless one nothing that it can miss."""

from __future__ import annotations

import json
import time

import httpx
import pytest

from flowise_mock.testing import FlowiseMock, check_resilience
from flowise_mock.testing.resilience import EXPERIMENTS

FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"
HANG = 1.5


def careful(mock: FlowiseMock) -> str:
    """Streams with a timeout, retries what can be retried, stops at `end`, and raises at an error."""
    for attempt in range(3):
        try:
            return _streamed(mock)
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in (429, 503) or attempt == 2:
                raise
            time.sleep(float(error.response.headers.get("retry-after", 0)))
        except httpx.TransportError:
            if attempt == 2:
                raise
    raise AssertionError


def _streamed(mock: FlowiseMock) -> str:
    body = {"question": "hi", "streaming": True}
    headers = {"Authorization": f"Bearer {mock.api_key}"}
    tokens: list[str] = []
    url = f"{mock.url}/api/v1/prediction/{FLOW}"
    with httpx.stream("POST", url, json=body, headers=headers, timeout=HANG / 3) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            if not line.startswith("data:"):
                continue
            event = json.loads(line.removeprefix("data:"))
            if event["event"] == "error":
                raise RuntimeError(event["data"])
            if event["event"] == "end":
                return "".join(tokens)
            if event["event"] == "token":
                tokens.append(event["data"])
    raise RuntimeError("the stream has no end")


def careless(mock: FlowiseMock) -> str:
    """Sends no key, never gives up, and takes whatever comes."""
    try:
        body = {"question": "hi", "streaming": True}
        return httpx.post(f"{mock.url}/api/v1/prediction/{FLOW}", json=body, timeout=None).text
    except httpx.HTTPError:
        return ""


async def coroutine(mock: FlowiseMock) -> None:
    async with httpx.AsyncClient(timeout=None) as client:
        headers = {"Authorization": f"Bearer {mock.api_key}"}
        (await client.get(f"{mock.url}/api/v1/tools", headers=headers)).raise_for_status()


def test_a_careful_client_passes() -> None:
    report = check_resilience(careful, hang=HANG)
    names = [each.name for each in EXPERIMENTS if each.kind != "json"]
    report.require("sends-key", *names)
    assert report["notices-truncated"].passed is None
    assert "retries-429          yes  returned, after a retry" in str(report)


def test_a_careless_client_fails() -> None:
    report = check_resilience(careless, hang=HANG)
    found = {each.name: each.passed for each in report.findings}
    assert found.pop("obeys-retry-after") is None
    assert found.pop("notices-truncated") is None
    retried = {"retries-429", "retries-503", "retries-reset"}
    assert all(found[name] is False for name in retried)
    assert not any(found.values()), str(report)
    with pytest.raises(AssertionError, match="does not do what is required\n  retries-429: returned"):
        report.require("retries-429")
    with pytest.raises(KeyError, match="there is no finding retries-418; there are sends-key"):
        report.require("retries-418")


def test_a_coroutine_and_chosen_faults() -> None:
    report = check_resilience(coroutine, ["status", "retries-429", "truncated"], hang=HANG)
    assert [each.name for each in report.findings] == [
        "sends-key", "retries-429", "retries-503", "notices-truncated",
    ]  # fmt: skip
    assert [each.passed for each in report.findings] == [True, False, False, True]


def test_misuse() -> None:
    def broken(mock: FlowiseMock) -> None:
        raise OSError("no network")

    with pytest.raises(ValueError, match="fails without a fault: no network"):
        check_resilience(broken)
    with pytest.raises(ValueError, match="sent no request"):
        check_resilience(lambda mock: None)
    with pytest.raises(ValueError, match="no experiment hangs; there are closes-stream"):
        check_resilience(careful, ["hangs"])
