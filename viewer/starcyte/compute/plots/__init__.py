"""Summaries for plots, a file each."""
