"""A stateful, in-memory stand-in for the Flowise REST API, driven by one OpenAPI document."""

__version__ = "0.1.0"
