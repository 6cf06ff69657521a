"""Learning: the overlay of a version, made from a recording of a server of that version."""
