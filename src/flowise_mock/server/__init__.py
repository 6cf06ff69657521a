"""The server: a contract, a seed and rules made into an app, and uvicorn around it."""
