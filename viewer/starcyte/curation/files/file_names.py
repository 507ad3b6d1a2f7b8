"""Names of files made from text of users.

They consist of ASCII letters, digits, ``_`` and ``-``, with one dot before the ending: Galaxy splits a file's name at
its last dot into the name of a dataset and its datatype.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_MAX_LENGTH = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9-]+")
# device names on Windows, with any ending
_DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}


class FileNames:
    """Makes file names whose stems differ in more than case: elements of a Galaxy collection have no ending.

    Parameters
    ----------
    taken
        Stems that are taken.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {stem.casefold() for stem in taken}

    def unique(self, text: str, ending: str, default: str) -> str:
        """Return a file name that was not returned before.

        Parameters
        ----------
        text
            The name that the user chose.
        ending
            Without a dot.
        default
            The stem if the text has no safe character.
        """
        base = safe_stem(text, default)[: _MAX_LENGTH - len(ending) - 1]
        stem, number = base, 1
        while stem.casefold() in self._taken:
            number += 1
            tail = f"_{number}"
            stem = base[: _MAX_LENGTH - len(ending) - 1 - len(tail)] + tail
        self._taken.add(stem.casefold())
        return f"{stem}.{ending}"


def safe_stem(text: str, default: str) -> str:
    """Return the safe characters of a text as the stem of a file name.

    Parameters
    ----------
    text
        Any text.
    default
        Returned if the text has no safe character.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    # a leading dash would be read as an option
    stem = _UNSAFE.sub("_", plain).strip("_-")
    if stem.casefold() in _DEVICES:
        stem += "_"
    return stem or default
