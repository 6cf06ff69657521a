"""The control API: what tests ask of the mock itself, by its own OpenAPI document, `control.yaml`."""
