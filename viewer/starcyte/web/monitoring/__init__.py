"""The use of a server: its requests, its metrics, its idle time."""
