"""The permissions that an API key of an open-source Flowise may have."""

from __future__ import annotations

_CRUD = "view create update delete"
_ACTIONS = {
    "chatflows": f"{_CRUD} duplicate export import config domains",
    "agentflows": f"{_CRUD} duplicate export import config domains",
    "tools": f"{_CRUD} export",
    "assistants": _CRUD,
    "credentials": f"{_CRUD} share",
    "variables": _CRUD,
    "apikeys": _CRUD,
    "documentStores": f"{_CRUD} add-loader delete-loader preview-process upsert-config",
    "datasets": _CRUD,
    "executions": "view update delete",
    "evaluators": _CRUD,
    "evaluations": f"{_CRUD} run",
    "templates": "marketplace custom custom-delete toolexport flowexport custom-share",
    "logs": "view",
    "loginActivity": "view",
}

PERMISSIONS = tuple(f"{name}:{action}" for name, actions in _ACTIONS.items() for action in actions.split())
