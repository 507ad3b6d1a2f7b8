"""Long JSON lists of numbers and texts, read in blocks: as Python objects they would take 30 times their bytes."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from starcyte.errors import BadRequest

Buffer: TypeAlias = bytes | memoryview | msgspec.Raw

_BLOCK_BYTES = 1 << 18
_BLOCK_TEXTS = 1 << 14
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"')
_COMMA = re.compile(rb"\s*+,")
_BLANKS = b" \t\r\n"
_NUMBERS = re.compile(rb"[0-9,\s-]*+")
_LONG = re.compile(rb"[0-9]{16}")
_HINT = "See api/v1/openapi.json for what each request takes."


def read_numbers(source: Buffer, subject: str) -> Iterator[NDArray[np.int64]]:
    """Yield the whole numbers of a JSON list, in blocks.

    Parameters
    ----------
    source
        Valid JSON, without blanks around it.
    subject
        The list, as the start of a message.

    Raises
    ------
    BadRequest
        If it is not a list of whole numbers of 64 bits.
    """
    for block in _blocks(source, b",", subject):
        if not _NUMBERS.fullmatch(block) or _LONG.search(block):
            raise BadRequest(f"{subject} is not a list of whole numbers.", _HINT)
        yield np.fromstring(block, np.int64, sep=",")


def read_pairs(source: Buffer, subject: str) -> Iterator[NDArray[np.int64]]:
    """Yield the pairs of whole numbers of a JSON list as arrays of two columns; see :func:`read_numbers`."""
    for block in _blocks(source, b"],", subject):
        shape = block.translate(None, b"0123456789-" + _BLANKS)
        numbers = block.translate(None, b"[]")
        n = shape.count(b"[")
        if (
            shape != b",".join([b"[,]"] * n)
            or not _NUMBERS.fullmatch(numbers)
            or _LONG.search(numbers)
            or b"[" not in block
        ):
            raise BadRequest(f"{subject} is not a list of pairs of whole numbers.", _HINT)
        yield np.fromstring(numbers, np.int64, sep=",").reshape(-1, 2)


def read_texts(source: Buffer, subject: str) -> Iterator[list[str]]:
    """Yield the texts of a JSON list, in blocks; see :func:`read_numbers`."""
    data = _inner(source, subject)
    start = 0
    while start < len(data):
        end = start
        for n, token in enumerate(_TEXT.finditer(data, start), 1):
            end = token.end()
            if n == _BLOCK_TEXTS:
                break
        block = bytes(data[start:end]).lstrip(_BLANKS)
        try:
            yield msgspec.json.decode(b"[" + block.removeprefix(b",") + b"]", type=list[str])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            block = b""
        rest = _COMMA.match(data, end)
        if not block or (end < len(data) and rest is None):
            raise BadRequest(f"{subject} is not a list of texts.", _HINT)
        start = end


class Texts:
    """The texts of a JSON list, which are decoded in blocks each time that they are iterated over.

    Parameters
    ----------
    source, subject
        As of :func:`read_texts`.

    Raises
    ------
    BadRequest
        If it is not a list of texts.
    """

    def __init__(self, source: Buffer = b"[]", subject: str = "") -> None:
        self._source, self._subject = source, subject
        self._length = sum(map(len, self.blocks()))

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[str]:
        for block in self.blocks():
            yield from block

    def blocks(self) -> Iterator[list[str]]:
        """Yield the texts in blocks."""
        return read_texts(self._source, self._subject)


def check_utf8(data: bytes) -> None:
    """Raise UnicodeDecodeError if data is not UTF-8: msgspec does not check the texts that it skips."""
    if data.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _BLOCK_BYTES):
        decoder.decode(data[start : start + _BLOCK_BYTES])
    decoder.decode(b"", final=True)


def _blocks(source: Buffer, end: bytes, subject: str) -> Iterator[bytes]:
    """Yield parts of a list that end in front of the comma at the end of some bytes; none is much over a block."""
    data = _inner(source, subject)
    start, rest = 0, b""
    while start < len(data):
        part = rest + bytes(data[start : start + _BLOCK_BYTES])
        start += _BLOCK_BYTES
        found = part.rfind(end)
        if start >= len(data) or found < 0:
            rest = part
        else:
            yield part[: found + len(end) - 1]
            rest = part[found + len(end) :]
    if rest:
        yield rest


def _inner(source: Buffer, subject: str) -> memoryview:
    """Return what is between the brackets of a list, without blanks around it and without a copy."""
    view = memoryview(source)
    if bytes(view[:1]) != b"[":
        raise BadRequest(f"{subject} is not a list.", _HINT)
    start, stop = 1, len(view) - 1
    while start < stop and view[start] in _BLANKS:
        start += 1
    while start < stop and view[stop - 1] in _BLANKS:
        stop -= 1
    return view[start:stop]
