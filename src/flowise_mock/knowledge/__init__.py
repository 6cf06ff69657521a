"""Knowledge: document loaders, splitter, ranking, record manager, node catalogue."""
