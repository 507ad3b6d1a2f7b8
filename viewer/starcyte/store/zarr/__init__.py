"""Zarr, versions 2 and 3, read with distrust: a folder on the local disk, or a zip file of one."""
