"""Annotations: columns that users make."""
