"""The judge: tells whether a server keeps a contract. It knows a URL and a document, nothing of the mock."""
