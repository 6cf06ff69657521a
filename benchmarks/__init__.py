"""Benchmarks: `python -m benchmarks.run` runs them all. They print figures; machines differ."""
