"""Annotations: the columns that users make, with their history."""
