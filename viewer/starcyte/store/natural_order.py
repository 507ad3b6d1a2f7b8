"""Natural order of texts: 2 before 10, as scanpy sorts the clusters of a column of text."""

from __future__ import annotations

import re

_DIGITS = re.compile("([0-9]+)")


def natural_key(text: str) -> tuple[tuple[str | tuple[int, str], ...], str]:
    """Return the key by which a text is sorted; runs of digits are compared as numbers."""
    parts = _DIGITS.split(text)
    # by length and digits: int() refuses thousands of digits
    numbers = [(len(part.lstrip("0")), part.lstrip("0")) for part in parts[1::2]]
    return tuple(part for pair in zip(parts[::2], [*numbers, (0, "")], strict=True) for part in pair), text
