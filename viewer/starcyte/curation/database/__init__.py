"""The database of curation."""
