"""Faults: failures on demand."""
