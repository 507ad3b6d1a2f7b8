"""Names of files made from what a user typed.

They hold letters, digits, ``_`` and ``-`` of ASCII, and one dot, before the ending: Galaxy takes what is before a
file's last dot as the name of a dataset, and what is after it as the datatype.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_MOST = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9-]+")
# Windows takes them for devices, whatever their ending
_DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}


class FileNames:
    """Gives names that differ in more than case and ending: those of a Galaxy collection have no ending.

    Parameters
    ----------
    taken
        Stems that are not to be given.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {stem.casefold() for stem in taken}

    def give(self, text: str, ending: str, otherwise: str) -> str:
        """Return a name that was not given before.

        Parameters
        ----------
        text
            What the user calls it.
        ending
            Without a dot.
        otherwise
            The stem where nothing is left of the text.
        """
        base = safe_stem(text, otherwise)[: _MOST - len(ending) - 1]
        stem, number = base, 1
        while stem.casefold() in self._taken:
            number += 1
            tail = f"_{number}"
            stem = base[: _MOST - len(ending) - 1 - len(tail)] + tail
        self._taken.add(stem.casefold())
        return f"{stem}.{ending}"


def safe_stem(text: str, otherwise: str) -> str:
    """Return what is left of a text in the name of a file, without an ending.

    Parameters
    ----------
    text
        Any text.
    otherwise
        Returned where nothing is left.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    # a dash at the start would be read as an option
    stem = _UNSAFE.sub("_", plain).strip("_-")
    if stem.casefold() in _DEVICES:
        stem += "_"
    return stem or otherwise
