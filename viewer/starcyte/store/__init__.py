"""Datasets: reading without loading."""
