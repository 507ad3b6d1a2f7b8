"""Build of a column index: one pass over a matrix on all cores, in bounded memory; a kill leaves no partial index."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import InputError
from starcyte.store.block import Block
from starcyte.store.dataset import Column, Matrix, Tick, no_tick
from starcyte.store.index.column_index import (
    OFFSETS,
    TABLE,
    UNUSABLE,
    ColumnIndex,
    IndexKey,
    encode_metadata,
    table_digest,
)
from starcyte.store.index.moments import join_columns
from starcyte.store.index.preallocate import map_zeros
from starcyte.store.index.storage import StoredFile, bytes_of
from starcyte.store.parallel import in_parallel
from starcyte.store.scale import ValueRange

_POLL_SECONDS = 0.2


def build_index(
    matrix: Matrix, columns: Sequence[Column], cache: Path, key: IndexKey, workers: int, tick: Tick = no_tick
) -> ColumnIndex:
    """Build the index of a matrix, or wait for another process that is building it.

    Parameters
    ----------
    matrix
        The matrix.
    columns
        The obs columns whose moments the index holds.
    cache
        The folder of indexes.
    key
        The key of the index.
    workers
        The number of threads; each holds a few blocks in memory.
    tick
        Called with the fraction done; raises to stop.

    Raises
    ------
    InputError
        If it cannot be written: the disk is full, or the folder is read-only.
    Cancelled
        If the tick raises it.
    DatasetInvalid
        If the matrix is inconsistent.
    """
    target = cache / key.folder_name
    with suppress(*UNUSABLE):
        return ColumnIndex(target, key)  # before any write: the cache may be read-only
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with lock_builder(cache / f".{target.name}.lock", tick) as alone:
            with suppress(*UNUSABLE):
                return ColumnIndex(target, key)  # another process has built it
            shutil.rmtree(target, ignore_errors=True)
            for left in cache.glob(f".{target.name}.part-*") if alone else ():
                shutil.rmtree(left, ignore_errors=True)  # of a build that was killed
            folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.part-", dir=cache))
            try:
                with ExitStack() as files:
                    _Builder(matrix, columns, folder, key, files).run(workers, tick)
                _sync_folder(folder)
                _rename(folder, target)
                _sync_folder(cache)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        return ColumnIndex(target, key)
    except ValueError as error:
        raise InputError(
            f"The index of {matrix.name} in {str(cache)!r} cannot be used: {error}.",
            "Remove it, or choose another folder with --cache-dir; the viewer works without it, slower.",
        ) from error
    except OSError as error:
        raise InputError(
            f"The index of {matrix.name} cannot be written to {str(cache)!r}: {error.strerror or error}.",
            "Free space, or choose another folder with --cache-dir; the viewer works without it, slower.",
        ) from error


@contextmanager
def lock_builder(path: Path, tick: Tick) -> Iterator[bool]:
    """Hold the lock of a folder that is being built, which ends with the process.

    Parameters
    ----------
    path
        The file to lock.
    tick
        Called while another process builds it; raises to stop waiting.

    Yields
    ------
    bool
        False on a file system without locks (NFS).
    """
    alone = True
    with path.open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                tick(0.0)
                time.sleep(_POLL_SECONDS)
            except OSError:
                alone = False
                break
        yield alone


def _rename(folder: Path, target: Path) -> None:
    try:
        folder.rename(target)
    except OSError:
        if not (target / "index.json").exists():
            raise
        shutil.rmtree(folder, ignore_errors=True)  # another process was faster


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Builder:
    def __init__(
        self, matrix: Matrix, columns: Sequence[Column], folder: Path, key: IndexKey, files: ExitStack
    ) -> None:
        self._matrix, self._folder, self._key = matrix, folder, key
        self._n_genes, self._n_blocks = matrix.shape[1], matrix.n_blocks
        self._dense = matrix.layout == "dense" and not self._mostly_zeros()
        # a CSC matrix is read by gene from its own file
        self._only_moments = matrix.layout == "csc"
        self._lock = threading.Lock()
        self._end = 0
        self._starts, self._counts = np.zeros(self._n_blocks, np.int64), np.zeros(self._n_blocks, np.int64)
        self._rows = np.zeros(self._n_blocks + 1, np.int64)
        self._ranges = [ValueRange()] * self._n_blocks
        self._entries = files.enter_context((folder / "entries.bin").open("wb"))
        # by block during the pass; transposed at its end
        self._by_block = map_zeros(folder / "by_block.bin", (self._n_blocks, self._n_genes + 1), TABLE)
        self._joint_columns = join_columns(columns)
        for number, joint in enumerate(self._joint_columns):
            joint.start(folder, number, self._n_genes, matrix.log_base)

    def _mostly_zeros(self) -> bool:
        if not self._n_blocks:
            return False
        values = self._matrix.block(0).values
        return bool(np.count_nonzero(values) * 2 < values.size)

    def run(self, workers: int, tick: Tick) -> None:
        in_parallel(self._n_blocks, self._add_block, workers, tick)
        self._write_tables()
        tick(1.0)

    def _add_block(self, number: int) -> None:
        block = self._matrix.block(number)
        for joint in self._joint_columns:
            joint.add(block)
        self._ranges[number] = ValueRange.of(block.values)
        if self._only_moments:
            return
        if block.ptr is None and not self._dense:
            block = _sparse(block)
        self._rows[number + 1] = block.rows.stop
        if block.ptr is None or block.offsets is None:
            parts: list[NDArray[Any]] = [block.values]
        else:
            self._by_block[number] = block.ptr
            parts = [block.offsets.astype(OFFSETS, copy=False), block.values]
        self._counts[number] = block.values.size
        sizes = [-(-part.nbytes // 8) * 8 for part in parts]
        with self._lock:
            position = self._starts[number] = self._end
            self._end += sum(sizes)
        for part, size in zip(parts, sizes, strict=True):
            _write_at(self._entries.fileno(), np.ascontiguousarray(part), int(position))
            position += size

    def _write_tables(self) -> None:
        os.ftruncate(self._entries.fileno(), self._end)
        os.fsync(self._entries.fileno())
        self._entries.close()
        with (self._folder / "table.bin").open("w+b") as stream:
            if not self._dense and not self._only_moments:
                for first in range(0, self._n_genes + 1, 1024):
                    stream.write(np.ascontiguousarray(self._by_block[:, first : first + 1024].T).tobytes())
            stream.flush()
            os.fsync(stream.fileno())
            digest = table_digest(StoredFile(stream.fileno(), 0, stream.tell()))
        del self._by_block
        (self._folder / "by_block.bin").unlink()
        meta = self._key.as_dict() | {
            "dense": self._dense,
            "only_moments": self._only_moments,
            "nnz": None if self._dense else int(self._counts.sum()),
            "rows": self._rows.tolist(),
            "starts": self._starts.tolist(),
            "counts": self._counts.tolist(),
            "entries_bytes": self._end,
            "table_digest": digest,
            "log_base": self._matrix.log_base,
            "values": asdict(ValueRange.union(self._ranges)),
            "moments": {name: k for joint in self._joint_columns for name, k in joint.write().items()},
        }
        with (self._folder / "index.json").open("w") as stream_text:
            stream_text.write(encode_metadata(meta))
            stream_text.flush()
            os.fsync(stream_text.fileno())


def _sparse(block: Block) -> Block:
    genes, offsets = np.nonzero(block.values)
    ptr = np.searchsorted(genes, np.arange(block.values.shape[0] + 1)).astype(np.int64)
    return Block(block.rows, block.genes, block.values[genes, offsets], ptr, offsets.astype(OFFSETS))


def _write_at(descriptor: int, array: NDArray[Any], position: int) -> None:
    view = bytes_of(array)
    while len(view):
        n = os.pwrite(descriptor, view, position)
        view, position = view[n:], position + n
