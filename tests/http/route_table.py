"""Every route of an application, from its own table."""

from __future__ import annotations

import re


def routes(app):
    """Return every route with a method, and a path for it."""
    found = []
    for rule in app.url_map.iter_rules():
        # of a choice, the first
        path = re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule)
        path = re.sub("<[^>]*>", "x", path)
        found += [(rule.endpoint, method, path) for method in sorted(rule.methods - {"HEAD", "OPTIONS"})]
    return found
