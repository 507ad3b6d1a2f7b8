"""Writing AnnData files."""
