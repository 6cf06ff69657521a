"""Benchmarks: `make benchmark` runs those of requests, starts and streams. Machines differ."""
