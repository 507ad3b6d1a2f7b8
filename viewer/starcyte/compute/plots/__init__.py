"""Summaries that the server computes for plots."""
