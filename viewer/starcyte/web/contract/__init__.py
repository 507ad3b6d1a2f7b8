"""The contract of the HTTP interface."""
