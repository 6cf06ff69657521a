"""The judge: does a server keep its contract? It knows a URL and a document, nothing of the mock."""
