"""Many datasets: scan, configuration, pool, summaries."""
