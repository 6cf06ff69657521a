"""The formats of reports that other programs read; one writer each, for every command."""
