"""Datasets from URLs."""
