"""Answers computed from datasets: selections, moments, comparisons, summaries for plots, and the jobs that run them."""
