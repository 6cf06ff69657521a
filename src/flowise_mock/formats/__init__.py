"""Formats: files that a library reads, within bounds. Nothing here knows loaders or stores."""
