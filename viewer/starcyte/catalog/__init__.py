"""Many datasets on one server: configuration, scan, summaries, and the pool of those that are open."""
