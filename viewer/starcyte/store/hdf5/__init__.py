"""HDF5, read with distrust."""
