"""The column index: a copy of a matrix by gene, on disk, for fast reads of genes and moments."""
