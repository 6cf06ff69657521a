"""The server: builds an app from a contract, a seed and rules, and runs it with uvicorn."""
