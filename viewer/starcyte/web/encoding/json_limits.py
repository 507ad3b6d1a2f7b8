"""Limits of a JSON body, checked before anything of it is decoded."""

from __future__ import annotations

import re

from starcyte.errors import BadRequest, LimitExceeded

_DEPTH = 32
# of many values only the first are looked at for their depth: the others are too many in any case
_PREFIX_BYTES = 1 << 16
# lists of cells are read in blocks (compute.json_lists) and do not count
_CELLS = re.compile(rb'"(?:indices|ranges)"\s*+:\s*+\[[0-9,\[\]\s]*+')
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"')
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))


def check_json(body: bytes, most: int) -> None:
    """Refuse a body with too many values, or nested too deeply.

    Parameters
    ----------
    body
        JSON, valid or not.
    most
        Values, at most: the setting ``max_body_values``.

    Raises
    ------
    LimitExceeded
        If it may have more values: commas in its texts count as well.
    BadRequest
        If its values are nested more than 32 deep.
    """
    _check_depth(body[:_PREFIX_BYTES])
    n = _separators(body, 0, len(body))
    for i, found in enumerate(_CELLS.finditer(body)):
        n -= _separators(body, found.start(), found.end()) - 1
        if i > most:
            break
    if n > most:
        raise LimitExceeded(
            f"The body has more than {most:,} values beside lists of cells (max_body_values).", "Send fewer."
        )
    _check_depth(body)


def _check_depth(body: bytes) -> None:
    depth = 0
    # what follows a text without an end has no depth
    outside = _TEXT.sub(b"", _CELLS.sub(b"", body)).partition(b'"')[0]
    for byte in outside.translate(None, _OTHERS):
        depth += 1 if byte in b"[{" else -1
        if depth > _DEPTH:
            raise BadRequest(f"The body is nested more than {_DEPTH} deep.", "Send flat lists and objects.")


def _separators(body: bytes, start: int, stop: int) -> int:
    return sum(body.count(byte, start, stop) for byte in (b",", b"[", b"{"))
