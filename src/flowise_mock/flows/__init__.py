"""Runs flows: predictions as JSON and as streams of events."""
