"""The mock as a container of testcontainers, with the extra `containers`.

from flowise_mock.testing.container import FlowiseMockContainer

with FlowiseMockContainer("--flowise", "3.1.4") as container:
    flowise = container.connect()
"""

from __future__ import annotations

import secrets
from typing import Any

from flowise_mock.testing.mock import FlowiseMock

try:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import HttpWaitStrategy
except ImportError as error:
    raise ImportError("install flowise-mock[containers]: testcontainers is missing") from error

IMAGE = "flowise-mock"
"""The image that `docker build -t flowise-mock .` makes."""
PORT = 3000


class FlowiseMockContainer(DockerContainer):  # type: ignore[misc, unused-ignore]
    """A container that serves the mock.

    `options` are those of `flowise-mock serve`. `control_token` opens the control API to this process; it is
    random if not given. Other arguments are those of testcontainers' `DockerContainer`. `start` and `with`
    wait until the mock answers; they raise what testcontainers raises if there is no Docker, no image or no
    answer.
    """

    def __init__(
        self, *options: str, image: str = IMAGE, control_token: str | None = None, **arguments: Any
    ) -> None:
        ready = HttpWaitStrategy(PORT, "/__mock__/ready")
        super().__init__(image, _wait_strategy=ready, **arguments)
        self.control_token = control_token or secrets.token_urlsafe(24)
        self.with_exposed_ports(PORT)
        self.with_env("FLOWISE_MOCK_CONTROL_TOKEN", self.control_token)
        self.with_command(list(options))

    @property
    def url(self) -> str:
        """The base URL that SDKs of this machine take: without `/api/v1`."""
        return f"http://{self.get_container_host_ip()}:{self.get_exposed_port(PORT)}"

    def connect(self) -> FlowiseMock:
        """The mock in the container, as a test uses it. Raises ControlError."""
        return FlowiseMock.connect(self.url, control_token=self.control_token)
