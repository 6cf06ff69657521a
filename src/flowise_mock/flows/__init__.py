"""Prediction: what a flow answers, as JSON and as a stream of events."""
