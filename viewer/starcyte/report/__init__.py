"""``starcyte compare``: a comparison over samples as a table, and as a report in one HTML file."""
