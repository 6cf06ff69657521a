"""The contract: the OpenAPI document with its overlays, and everything that is derived from it."""
