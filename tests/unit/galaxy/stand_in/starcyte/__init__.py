"""A stand-in for the viewer: the same command line, and a port that only listens."""
