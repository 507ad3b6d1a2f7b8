"""Protection against formula injection: text that a spreadsheet would evaluate gets an apostrophe in front.

Spreadsheets read a leading apostrophe as the mark of text. Text that starts with apostrophes and then looks like a
formula gets one more, so that removing one always restores the original.
"""

from __future__ import annotations

import re

# the full-width forms are those of East Asian keyboards, which some spreadsheets accept
STARTS = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_FORMULA = re.compile(f"'*[{STARTS}]")
_ESCAPED = re.compile(f"'+[{STARTS}]")


def escape_formula(text: str) -> str:
    """Return text that no spreadsheet evaluates."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescape_formula(text: str) -> str:
    """Return the original of an escaped text."""
    return text[1:] if _ESCAPED.match(text) else text
