"""The rows of a table of text, decoded and bounded as they are read."""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator

from starcyte.errors import BadRequest, LimitExceeded

_MAX_LINE = 4 << 20


class TextLines:
    """The lines of a text file after its leading comments.

    A header such as ``#cell``, which tables of Galaxy may have, is not a comment.

    Parameters
    ----------
    data
        The file, in UTF-8 or UTF-16.
    most
        Lines, at most: the setting ``max_import_lines``.

    Raises
    ------
    BadRequest
        If it is not text.
    LimitExceeded
        If it has too many lines.
    """

    def __init__(self, data: bytes, most: int) -> None:
        self._left = self._most = most
        # Excel's "Unicode text" is UTF-16
        encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
        self._stream = io.TextIOWrapper(io.BytesIO(data), encoding, newline="")
        self._ahead: deque[str] = deque()
        self.is_cellxgene = False
        while (line := self._read()).startswith("#"):
            if not line.startswith("# ") and re.search("[,\t;]", line):
                break
            self.is_cellxgene = self.is_cellxgene or "cellxgene" in line
        self._ahead.append(line)

    def __iter__(self) -> Iterator[str]:
        """Return the iterator itself: a line is read once."""
        return self

    def __next__(self) -> str:
        """Return the next line with its end."""
        line = self._ahead.popleft() if self._ahead else self._read()
        if not line:
            raise StopIteration
        return line

    def peek(self, n: int) -> list[str]:
        """Return the next lines that are not blank, at most n, and read them again later."""
        while self._ahead and not self._ahead[0].strip():
            self._ahead.popleft()
        while len(self._ahead) < n and (line := self._read()):
            if line.strip():
                self._ahead.append(line)
        return [line for line in self._ahead if line]

    def _read(self) -> str:
        try:
            line = self._stream.readline(_MAX_LINE)
        except UnicodeDecodeError:
            line = "\0"
        if "\0" in line:
            raise BadRequest("The file is not text in UTF-8.", "Save it as CSV in UTF-8.")
        if len(line) >= _MAX_LINE:
            raise LimitExceeded(f"A line of the file has {_MAX_LINE:,} characters or more.", "Use shorter lines.")
        self._left -= 1
        if self._left < 0:
            raise LimitExceeded(
                f"The file has more than {self._most:,} lines (max_import_lines).", "Import a smaller file."
            )
        return line


def separator(lines: TextLines) -> str:
    """Return the separator of a table: tab, comma or semicolon."""
    # two lines, as a header of R may have no separator
    head = "".join(lines.peek(2))
    return next((s for s in "\t,;" if s in head), ",")


def read_rows(lines: TextLines, delimiter: str, most: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, each with the number of its last line.

    Parameters
    ----------
    lines
        The lines.
    delimiter
        Between fields.
    most
        Fields of a row, at most.

    Raises
    ------
    BadRequest
        If they are not CSV.
    LimitExceeded
        If a row may have more fields: delimiters in quoted text count as well.
    """
    counted = _CountedLines(lines, delimiter, most)
    reader = csv.reader(counted, delimiter=delimiter)
    try:
        for row in reader:
            counted.n = 0
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise BadRequest(f"Line {reader.line_num} cannot be read: {error}.", "Save the table as CSV.") from None


class _CountedLines:
    """Lines with a limit of the delimiters of a row, which may have several lines."""

    def __init__(self, lines: TextLines, delimiter: str, most: int) -> None:
        self._lines, self._delimiter, self._most = lines, delimiter, most
        self.n = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.n += line.count(self._delimiter)
        if self.n > self._most:
            raise LimitExceeded(f"A row of the file has more than {self._most:,} fields.", "Import fewer columns.")
        return line
