"""starcyte shows a single-cell dataset (an AnnData h5ad file) in the browser, straight from the file."""

__version__ = "0.1.0"
