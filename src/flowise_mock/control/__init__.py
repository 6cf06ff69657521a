"""The control API: what tests read and change in the mock, by its own OpenAPI document, `control.yaml`."""
