"""A file format of datasets, as the registry in :mod:`starcyte.store.open` lists it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from starcyte.settings import Settings
    from starcyte.store.dataset import Content
    from starcyte.store.index.stored_dataset import StoredDataset

ReadBytes = Callable[[int, int], bytes]
"""Reads some bytes of a file at a position: (number of bytes, position)."""


class OpenFunction(Protocol):
    """Opens a dataset of one format."""

    def __call__(self, path: Path, settings: Settings, part: Path | None, stream: RawIOBase | None) -> StoredDataset:
        """Open a dataset; see :func:`starcyte.store.open.open_dataset`."""


@dataclass(frozen=True)
class Reads:
    """The content of a format that is read, a row of the documentation.

    Parameters
    ----------
    content
        The kind of a file.
    endings
        Its usual names; they tell nothing, and :mod:`starcyte.store.names` knows them.
    writers
        The programs that write such files.
    page
        The part of the documentation that describes it: an anchor in ``reference/files-read``.
    """

    content: Content
    endings: tuple[str, ...]
    writers: str
    page: str


@dataclass(frozen=True)
class Format:
    """A file format.

    Parameters
    ----------
    id
        Its name in code.
    label
        Its name in the documentation.
    matches
        Returns whether a file of some size, with the bytes that a function reads, is of this format. Called for
        every file of a catalog, so that it must not import the format's library.
    open
        Opens a file of this format.
    library
        The library that reads its bytes, and crashes on some that are damaged.
    reads
        The content of such files that is read.
    matches_folder
        Returns whether a folder is of this format; by default none is.
    """

    id: str
    label: str
    matches: Callable[[int, ReadBytes], bool]
    open: OpenFunction
    library: str
    reads: tuple[Reads, ...] = ()
    matches_folder: Callable[[Path], bool] = lambda path: False
