"""Connexion over ASGI: routing, security, validation, endpoint, answers."""

from __future__ import annotations

import importlib
import sys
import warnings
from types import ModuleType
from typing import Any


class _Requests(ModuleType):
    """In the place of `requests` while connexion is imported, and in connexion until it is needed.

    Connexion needs it for schemas at other addresses, and no contract has those. It takes 4 MB and 35 ms.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(importlib.import_module("requests"), name)


_later = _Requests("requests")
sys.modules.setdefault("requests", _later)
try:
    with warnings.catch_warnings():
        # connexion 3.3 imports names that starlette 1 and jsonschema 4.18 renamed; they say so on stderr
        warnings.simplefilter("ignore")
        import connexion  # noqa: F401
finally:
    if sys.modules["requests"] is _later:
        del sys.modules["requests"]
