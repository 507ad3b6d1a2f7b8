"""The column index: a matrix turned to genes, on disk."""
