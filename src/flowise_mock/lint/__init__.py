"""What is wrong with an OpenAPI document, where, and how to mend it."""
