"""Zarr at a URL, read in place: by its chunks, and never copied as a whole."""
