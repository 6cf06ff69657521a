"""How faults are requested: by name, with options, in a header; and the messages about invalid ones."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from flowise_mock.faults import spec
from flowise_mock.scripts import reading

ALL = sorted(spec.catalogue())


@pytest.mark.parametrize("name", ALL)
def test_every_fault_is_requested_by_its_name(name: str) -> None:
    fault = spec.read(name)
    assert (fault.name, str(fault)) == (name, name)
    assert fault == spec.read({"name": name}) == spec.parse(name)
    assert fault.spoils in ("answer", "stream", "wire")
    assert spec.catalogue()[name]["description"]


@pytest.mark.parametrize(
    ("header", "given"),
    [
        ("hang; seconds=2.5", {"name": "hang", "seconds": 2.5}),
        (" cut-frame;after=1 ;nth=3", {"name": "cut-frame", "after": 1, "nth": 3}),
        (
            'status; code=418; message="tea; \\"pot\\""',
            {"name": "status", "code": 418, "message": 'tea; "pot"'},
        ),
        ("status; message=503", {"name": "status", "message": "503"}),
        ('status; body="{\\"a\\": [1]}"', {"name": "status", "body": {"a": [1]}}),
        ('status; body={"a": ["b"]} ; nth=1', {"name": "status", "body": {"a": ["b"]}, "nth": 1}),
        ("status; message=", {"name": "status", "message": ""}),
        ("status; body=plain words", {"name": "status", "body": "plain words"}),
        ("never-closed; end=false", {"name": "never-closed", "end": False}),
        (
            "latency; ms=10; distribution=normal; spread=2;",
            {"name": "latency", "ms": 10, "distribution": "normal", "spread": 2},
        ),
    ],
)
def test_a_header_has_options(header: str, given: dict[str, Any]) -> None:
    assert spec.parse(header).options == spec.read(given).options


BAD: list[tuple[str, Any, str]] = [
    ("", "", "there is no fault ; there are lost-content, "),
    ("melt", "melt", "there is no fault melt; there are lost-content, "),
    ("reset, hang", "reset, hang", "there is no fault reset, hang; there are"),
    ("hang; minutes=1", {"name": "hang", "minutes": 1}, "the fault hang has no option minutes; it has seconds, probability, seed, nth"),
    ("hang; seconds=soon", {"name": "hang", "seconds": "soon"}, 'the option seconds of the fault hang: "soon" is not of type "number"'),
    ("hang; seconds=-1", {"name": "hang", "seconds": -1}, "less than the minimum of 0"),
    ("hang; seconds=NaN", {"name": "hang", "seconds": "NaN"}, 'not of type "number"'),
    ("status; code=99", {"name": "status", "code": 99}, "less than the minimum of 200"),
    ("reset; nth=0", {"name": "reset", "nth": 0}, "less than the minimum of 1"),
    ("reset; probability=2", {"name": "reset", "probability": 2}, "greater than the maximum of 1"),
    ("latency; distribution=zipf", {"name": "latency", "distribution": "zipf"}, '"zipf" is not one of'),
]  # fmt: skip


@pytest.mark.parametrize(("header", "given", "message"), BAD)
def test_an_invalid_fault_is_refused_with_a_clear_message(header: str, given: Any, message: str) -> None:
    for read, source in ((spec.parse, header), (spec.read, given)):
        with pytest.raises(ValueError) as refused:
            read(source)
        assert message in str(refused.value)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("hang; seconds", "cannot be read at seconds; write NAME; option=value"),
        ("hang seconds=1", "there is no fault hang seconds=1"),
        ('status; message="open', "cannot be read"),
        ("hang; seconds=1; seconds=2", "the option seconds is there twice"),
        ("hang; name=reset", "the option name is there twice"),
    ],
)
def test_a_header_that_cannot_be_parsed_is_refused(header: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        spec.parse(header)
    assert message in str(refused.value)


def test_a_fault_without_a_name_is_refused() -> None:
    for given in ({}, {"name": None}, {"seconds": 1}):
        with pytest.raises(ValueError, match="a fault has a name; there are lost-content"):
            spec.read(given)
    with pytest.raises(ValueError, match="there is no fault 7"):
        spec.read({"name": 7})


def test_the_schema_accepts_what_the_reader_accepts() -> None:
    jsonschema_rs.meta.validate(spec.schema())
    for schema in (spec.schema(), reading.schema()["$defs"]["fault"]):
        validator = jsonschema_rs.Draft202012Validator(schema)
        for name in ALL:
            defaults = spec.read(name).options
            assert validator.is_valid(name)
            assert validator.is_valid({"name": name, **defaults, "nth": 2})
        for _, given, _ in BAD:
            assert not validator.is_valid(given), given


def test_the_schema_lists_its_own_names() -> None:
    assert spec.schema()["oneOf"][0]["enum"] == list(spec.catalogue())


# --- on which calls --------------------------------------------------------------------------------


def test_a_fault_happens_only_at_its_nth_call() -> None:
    fault = spec.read({"name": "reset", "nth": 3})
    assert [count for count in range(1, 10) if fault.is_due(count)] == [3]


def test_the_calls_are_the_same_for_the_same_seed() -> None:
    def calls(**options: Any) -> list[int]:
        fault = spec.read({"name": "reset", **options})
        return [count for count in range(1, 1001) if fault.is_due(count)]

    assert calls(probability=0.3, seed=1) == calls(probability=0.3, seed=1)
    assert calls(probability=0.3, seed=1) != calls(probability=0.3, seed=2)
    assert 250 < len(calls(probability=0.3, seed=1)) < 350
    assert calls(probability=0) == []
    assert len(calls(probability=1)) == 1000


@pytest.mark.parametrize("distribution", ["fixed", "uniform", "normal", "lognormal"])
def test_a_latency_is_the_same_for_the_same_seed_and_has_its_distribution(distribution: str) -> None:
    options = {"name": "latency", "ms": 200, "spread": 50, "distribution": distribution}

    def delays(seed: int) -> list[float]:
        fault = spec.read({**options, "seed": seed})
        return [fault.delay(count) for count in range(1, 2001)]

    sample = sorted(delays(1))
    assert sample == sorted(delays(1))
    assert sample[1000] == pytest.approx(0.2, rel=0.05)
    if distribution == "fixed":
        assert sample == [0.2] * 2000
    else:
        assert sample != sorted(delays(2))
        share = 0.92 if distribution == "uniform" else 0.84
        assert sample[int(2000 * share)] == pytest.approx(0.25 if share < 0.9 else 0.242, rel=0.05)
    assert all(delay >= 0 for delay in sample)


def test_a_latency_is_never_negative() -> None:
    fault = spec.read({"name": "latency", "ms": 1, "spread": 500, "distribution": "normal"})
    assert min(fault.delay(count) for count in range(1, 100)) == 0
