"""Writing of Zarr version 3: every file is complete or not there at all, and equal for equal content."""
