"""Connexion over ASGI: routing, security, validation, endpoint, answers."""

import warnings

with warnings.catch_warnings():
    # connexion 3.3 imports names that starlette 1 and jsonschema 4.18 renamed; they say so on stderr
    warnings.simplefilter("ignore")
    import connexion  # noqa: F401
