"""Sums that comparisons over samples have in common, so that the next one does not read the counts again."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from starcyte.compute.pseudobulk.sums import add_sums, groups_of_rows, merged_sums, sums_of_rows
from starcyte.compute.rows import reads_little
from starcyte.errors import InputError, LimitExceeded
from starcyte.settings import Settings
from starcyte.store.cache import cache_folder, make_room
from starcyte.store.dataset import Tick, no_tick
from starcyte.store.index.column_index import UNUSABLE, IndexKey
from starcyte.store.index.sums import BYTES, Groups, MergedSums, StoredSums, Sums, store_sums, sums_bytes

if TYPE_CHECKING:
    from starcyte.store.index.indexed_matrix import IndexedMatrix
    from starcyte.store.index.stored_dataset import StoredDataset

log = logging.getLogger(__name__)

# the codes of all cells of each are in memory
_MOST_OPEN = 8
# where the cache cannot be written
_MEMORY_BYTES = 256 << 20


class SumsCache:
    """The sums of the matrices of a dataset.

    Parameters
    ----------
    dataset
        The dataset.
    settings
        ``cache_dir``, ``sums_bytes``, ``index_least`` and ``workers`` are used.
    """

    def __init__(self, dataset: StoredDataset, settings: Settings) -> None:
        self._dataset, self._settings = dataset, settings
        self._lock = threading.Lock()
        # the last used at the end
        self._open: list[StoredSums] = []
        self._found: set[str] = set()

    def sums(
        self, matrix: str, groups: Groups, parts: Callable[[], Groups] | None = None, tick: Tick = no_tick
    ) -> Sums:
        """Return the sums of groups of cells, from kept ones if these are parts of the groups.

        Parameters
        ----------
        matrix
            The name of the matrix.
        groups
            The groups.
        parts
            Returns groups that these are unions of, and those of other questions will be; they are kept in place of
            the groups if they are not too large.
        tick
            Called between blocks with the fraction done; raises to stop.

        Raises
        ------
        LimitExceeded
            If the sums are larger than the setting ``sums_bytes``.
        DatasetInvalid
            If the matrix contradicts itself.
        """
        return self.merged(matrix, groups, parts, tick).read()

    def merged(
        self, matrix: str, groups: Groups, parts: Callable[[], Groups] | None = None, tick: Tick = no_tick
    ) -> MergedSums:
        """Return the sums of groups of cells to be read in part; see ``sums``."""
        source, key = self._dataset.matrix(matrix), self._dataset.index_key(matrix)
        most = self._settings.sums_bytes
        if sums_bytes(key, groups.n) > most:
            raise LimitExceeded(
                f"The sums of {groups.n:,} samples and categories take {groups.n * key.shape[1] * BYTES >> 20:,} MB."
                f" The limit is {most >> 20:,} MB (sums_bytes).",
                "Choose a column of fewer samples or categories.",
            )
        if self._is_small(source):
            return merged_sums(source, groups, self._settings.cores, tick)
        groups = groups_of_rows(source, groups)
        for stored in self._stored(key):
            unions = groups.unions_of(stored.groups)
            if unions is not None and self._is_intact(stored):
                return MergedSums(stored, unions)
        kept = groups
        if parts is not None and not reads_little(source, groups.codes, groups.n):
            wider = groups_of_rows(source, parts())
            kept = wider if sums_bytes(key, wider.n) <= most else groups
        return self._read(source, key, groups, kept, tick)

    def is_kept(self, matrix: str, groups: Groups) -> bool:
        """Return whether the sums of some groups are kept."""
        key, groups = self._dataset.index_key(matrix), groups_of_rows(self._dataset.matrix(matrix), groups)
        return any(groups.unions_of(stored.groups) is not None for stored in self._stored(key))

    def _is_small(self, matrix: IndexedMatrix) -> bool:
        """Return whether a pass over a matrix takes a moment."""
        n = matrix.nnz if matrix.nnz is not None else matrix.shape[0] * matrix.shape[1]
        return bool(n < self._settings.index_least)

    def _is_intact(self, stored: StoredSums) -> bool:
        """Note that sums are used, unless their file was truncated by another."""
        if stored.is_intact:
            self._use(stored)
            return True
        self._forget(stored)
        return False

    def _stored(self, key: IndexKey) -> list[StoredSums]:
        """Return the sums of a matrix that are kept, those of fewest groups first."""
        with self._lock:
            if key.matrix not in self._found:
                self._found.add(key.matrix)
                self._open += self._find(key)
                del self._open[:-_MOST_OPEN]
            return sorted((s for s in self._open if s.key == key), key=lambda stored: stored.groups.n)

    def _find(self, key: IndexKey) -> list[StoredSums]:
        """Return the sums of a matrix in the cache folder, those used last at the end."""
        folder, found = self._folder(), []
        names = sorted(folder.glob(f"{key.folder_name}-*"), key=_last_used) if folder is not None else []
        for path in names[-_MOST_OPEN:]:
            with suppress(*UNUSABLE):
                found.append(StoredSums(path, key))
        return found

    def _use(self, stored: StoredSums) -> None:
        with self._lock:
            if stored in self._open:
                self._open.remove(stored)
                self._open.append(stored)
        with suppress(OSError):  # a cache that is read-only
            os.utime(stored.folder)

    def _forget(self, stored: StoredSums) -> None:
        with self._lock:
            if stored in self._open:
                self._open.remove(stored)

    def _close_until(self, n_bytes: int) -> None:
        """Close the least recently used until the others have so many bytes; open ones cannot be removed."""
        with self._lock:
            while self._open and sum(stored.nbytes for stored in self._open) > n_bytes:
                del self._open[0]

    def _read(self, source: IndexedMatrix, key: IndexKey, groups: Groups, parts: Groups, tick: Tick) -> MergedSums:
        """Read the sums of parts, keep them, and return those of the groups."""
        cores = self._settings.cores
        unions = groups.unions_of(parts)
        if unions is None:
            parts, unions = groups, [[group] for group in range(groups.n)]
        folder = self._folder()
        if folder is not None:
            try:
                with suppress(OSError):  # there may be room although old ones cannot be removed
                    self._close_until(self._settings.sums_bytes - sums_bytes(key, parts.n))
                    make_room(folder, self._settings.sums_bytes - sums_bytes(key, parts.n))
                stored = store_sums(folder, key, parts, lambda found: add_sums(found, source, parts, cores, tick), tick)
                with self._lock:
                    self._open.append(stored)
                    del self._open[:-_MOST_OPEN]
                return MergedSums(stored, unions)
            except (OSError, ValueError) as error:
                log.warning("sums of %s cannot be kept: %s", key.matrix, error)
        if groups.n * key.shape[1] * BYTES > _MEMORY_BYTES:
            raise InputError(
                "The sums of the samples cannot be written to the cache folder, and are too large for memory.",
                "Free space, or choose another folder with --cache-dir.",
            )
        return MergedSums(sums_of_rows(source, groups, cores, tick), [[group] for group in range(groups.n)])

    def _folder(self) -> Path | None:
        try:
            return cache_folder(self._settings) / "sums"
        except InputError:
            return None


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
