"""The limits in a flow's settings: the rate of predictions, and the allowed origins."""

from __future__ import annotations

import math
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from flowise_mock.contract import jsontext
from flowise_mock.flows import flow_data
from flowise_mock.flows.call import Call
from flowise_mock.state.outcomes import (
    ForbiddenOrigin,
    ForbiddenOriginForStream,
    InvalidOrigin,
    TooManyRequests,
)
from flowise_mock.state.table import Record

REFUSED = "This site is not allowed to access this chatbot"


def check_rate(call: Call, flow: Record) -> None:
    """Raise TooManyRequests if `apiConfig.rateLimit` allows no more. Without a message it has no effect."""
    if call.store.windows.get(flow["id"], ()) is None:
        return  # a limit from the creation of a flow acts only after a change, as on real servers
    limit = _limit(flow)
    if limit is None:
        return
    most, seconds, message = limit
    now = call.store.clock().timestamp()
    begun, count = call.store.windows.get(flow["id"]) or (now, 0)
    if now - begun >= seconds:
        begun, count = now, 0
    call.store.windows[flow["id"]] = (begun, count + 1)
    left = {
        "Limit": int(most),
        "Remaining": max(int(most) - count - 1, 0),
        "Reset": math.ceil(begun + seconds),
    }
    if count < most:
        call.runtime.add_headers({f"X-RateLimit-{name}": str(value) for name, value in left.items()})
    if count >= most:
        wait = math.ceil(begun + seconds - now)
        raise TooManyRequests(message, int(most), wait, math.ceil(begun + seconds))


@partial(flow_data.kept, column="apiConfig")
def _limit(flow: Record) -> tuple[float, float, str] | None:
    """The most requests in so many seconds, and the message for more."""
    limit = jsontext.mapping(flow_data.config(flow, "apiConfig").get("rateLimit"))
    most, seconds = _number(limit.get("limitMax")), _number(limit.get("limitDuration"))
    message = limit.get("limitMsg")
    if most is None or seconds is None or not message or limit.get("status") is False:
        return None
    return most, seconds, str(message)


def _number(value: Any) -> float | None:
    """A number of a config in a plausible range, which may be text; None for anything else."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value[:12])
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value < 1e9 else None


def check_origin(call: Call, flow: Record, streams: bool = False) -> None:
    """Refuse an origin that `chatbotConfig.allowedOrigins` does not allow."""
    origin = call.headers.get("origin") if _hosts(flow) else None
    if not origin:
        return
    if "://" not in origin:
        call.report(InvalidOrigin())
    if not allows(flow, origin):
        error = flow_data.config(flow, "chatbotConfig").get("allowedOriginsError")
        text = error if isinstance(error, str) and error else REFUSED
        if streams:
            call.report(ForbiddenOriginForStream(text))
        raise ForbiddenOrigin(text)


def allows(flow: Record, origin: str) -> bool:
    """Whether a flow allows requests from this origin."""
    hosts = _hosts(flow)
    return not hosts or _host(origin) in hosts


@partial(flow_data.kept, column="chatbotConfig")
def _hosts(flow: Record) -> frozenset[str]:
    """The hosts that a flow allows; empty if it allows all, because the list or its first item is empty.

    An item that is no URL allows nothing: it becomes a blank, which is no host.
    """
    allowed = jsontext.sequence(flow_data.config(flow, "chatbotConfig").get("allowedOrigins"))
    texts = [each for each in allowed if isinstance(each, str)]
    return frozenset(_host(each) or " " for each in texts if texts[0])


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
