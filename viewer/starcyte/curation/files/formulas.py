"""Text that a spreadsheet would take for a formula, and how it is kept from that.

An apostrophe is put in front, which spreadsheets take as the mark of text. Text that begins with apostrophes and then
looks like a formula gets one more, so that taking one away gives back each text as it was.
"""

from __future__ import annotations

import re

# the wide forms are those of East Asian keyboards, which some spreadsheets take for the narrow ones
STARTS = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_ALIKE = re.compile(f"'*[{STARTS}]")
_DEFUSED = re.compile(f"'+[{STARTS}]")


def defuse(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if _ALIKE.match(text) else text


def restore(text: str) -> str:
    """Return what was given to :func:`defuse`."""
    return text[1:] if _DEFUSED.match(text) else text
