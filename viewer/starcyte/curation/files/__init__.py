"""Curation as files: tables, sessions, h5ad."""
