"""Scripts: files of rules that say what flows answer, tried in order; the first that matches answers."""
