"""Reports of a run: for people, for CI, for code scanning."""
