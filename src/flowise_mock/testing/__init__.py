"""flowise-mock for tests: a server in the test process, or one that runs, as one object.

    from flowise_mock.testing import FlowiseMock

    with FlowiseMock() as flowise:
        flowise.answer("refund", "Within 30 days.")
        ...                                     # the application uses flowise.url and flowise.api_key
        flowise.verify("createPrediction", times=1)

Names are imported at their first use, for every pytest session imports this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowise_mock.testing.control_client import ControlError
    from flowise_mock.testing.mock import FlowiseMock
    from flowise_mock.testing.requests import Request
    from flowise_mock.testing.resilience import Report, check_resilience

__all__ = ["ControlError", "FlowiseMock", "Report", "Request", "check_resilience"]
_MODULES = {
    "ControlError": "control_client",
    "FlowiseMock": "mock",
    "Report": "resilience",
    "Request": "requests",
    "check_resilience": "resilience",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
