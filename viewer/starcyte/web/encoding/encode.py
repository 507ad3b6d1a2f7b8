"""Encoding of answers."""

from __future__ import annotations

import json

import msgspec


def encode(answer: msgspec.Struct) -> bytes:
    """Return a struct as JSON; a number that is not finite becomes null."""
    try:
        return msgspec.json.encode(answer)
    except UnicodeEncodeError:
        # the name of a file may hold bytes that are not text, as lone surrogates: the json module escapes them
        return json.dumps(msgspec.to_builtins(answer), separators=(",", ":"), allow_nan=False).encode()
