"""flowise-mock for tests: a server in the test process, or one that runs, as one object.

    from flowise_mock.testing import FlowiseMock

    with FlowiseMock() as flowise:
        flowise.answer("refund", "Within 30 days.")
        ...                                     # the application uses flowise.url and flowise.api_key
        flowise.verify("createPrediction", times=1)
"""

from flowise_mock.testing.control_client import ControlError
from flowise_mock.testing.mock import FlowiseMock
from flowise_mock.testing.requests import Request

__all__ = ["ControlError", "FlowiseMock", "Request"]
