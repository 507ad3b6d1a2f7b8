"""Media types of the answers."""

BINARY = "application/vnd.starcyte.columns"
JSON = "application/json"
CSV = "text/csv"
SVG = "image/svg+xml"
PNG = "image/png"
