"""Comparisons over samples: sums of counts by sample, and limma's and edgeR's statistics of them."""
