"""Replay: recordings of real servers, played against any server and compared."""
