"""The matrices of a prepared store, each verified by a pass over the written files."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import InputError
from starcyte.store.anndata.dense_matrix import DenseMatrix
from starcyte.store.anndata.matrix import open_matrix
from starcyte.store.anndata.prepared_layout import CHUNKS, COLUMN, MOMENTS, PARTS, ROWS, home_of
from starcyte.store.dataset import Column, Matrix, Tick
from starcyte.store.index.moments import ColumnMoments, JointColumns, join_columns
from starcyte.store.parallel import in_parallel
from starcyte.store.scale import ValueRange
from starcyte.store.write.prepared.digest import block_digest
from starcyte.store.write.prepared.elements import folder_name
from starcyte.store.write.prepared.entries import EntryBlocks
from starcyte.store.write.prepared.sparse import SparseWriter
from starcyte.store.write.zarr.array import new_array
from starcyte.store.write.zarr.store import DICT, ZarrWriter
from starcyte.store.zarr.folder import FolderStore
from starcyte.store.zarr.nodes import open_node

_ARRAY = {"encoding-type": "array", "encoding-version": "0.2.0"}


def path_of(matrix: str) -> str:
    """Return the path of a matrix in the store.

    Raises
    ------
    ValueError
        If a layer has a name that cannot be that of a folder.
    """
    kind, slash, layer = matrix.partition("/")
    return f"{kind}/{folder_name(layer)}" if slash else matrix


class MatrixWriter:
    """Writes the matrices of a dataset into a prepared store.

    Parameters
    ----------
    store
        The store.
    block_bytes
        Bytes of a matrix that are read at once.
    workers
        The number of threads.
    """

    def __init__(self, store: ZarrWriter, block_bytes: int, workers: int) -> None:
        self._store = store
        self._block_bytes, self._workers = block_bytes, workers

    def write(
        self,
        matrix: Matrix,
        base: str,
        name: str,
        columns: Sequence[Column],
        work: Path,
        progress: Callable[[str], Tick],
    ) -> None:
        """Write a matrix.

        Parameters
        ----------
        matrix
            The matrix.
        base
            The path of its AnnData with a slash at the end; empty if that is the root.
        name
            Its name there.
        columns
            The obs columns whose moments are written.
        work
            A folder for files of work, removed once the matrix is verified.
        progress
            Returns the function to call with the fraction done of a step, given its name.

        Raises
        ------
        InputError
            If the written values are not those of the source.
        """
        said, entries = matrix.name, EntryBlocks(matrix, work / "entries")
        entries.write(self._workers, progress(f"Reading {said}"))
        path, home = f"{base}{path_of(name)}", base + home_of(path_of(name), not entries.is_dense)
        if entries.is_dense:
            array = new_array(entries.shape, entries.dtype, _ARRAY, by_column=True)
            self._store.write(path, array, lambda part: entries.dense(*part), progress(f"Writing {said}"))
        else:
            by_gene = SparseWriter(self._store, path, entries, by_gene=True)
            by_gene.write(self._workers, progress(f"Writing {said} by gene"))
            by_cell = SparseWriter(self._store, f"{home}/{ROWS}", entries, by_gene=False)
            by_cell.write(self._workers, progress(f"Writing {said} by cell"))
        joined = join_columns(columns)
        for number, joint in enumerate(joined):
            joint.start(work, number, matrix.shape[1], matrix.log_base)
        values = self._verify(path, entries, matrix.log_base, joined, progress(f"Verifying {said}"))
        if not entries.is_dense:
            self._verify(f"{home}/{ROWS}", entries, matrix.log_base, (), progress(f"Verifying {said} by cell"))
            lengths = np.stack([self._store.lengths(f"{path}/{part}") for part in ("data", "indices")])
            self._store.write(f"{home}/{CHUNKS}", new_array(lengths.shape, lengths.dtype, _ARRAY), lambda p: lengths[p])
        extent = {"lowest": values.lowest, "highest": values.highest, "whole": values.whole}
        self._store.group(home, DICT | extent | {"log_base": matrix.log_base})
        self._write_moments(f"{home}/{MOMENTS}", joined)
        shutil.rmtree(work)

    def _verify(
        self,
        path: str,
        entries: EntryBlocks,
        log_base: float,
        joined: Sequence[JointColumns],
        tick: Tick,
    ) -> ValueRange:
        """Read a matrix back, compare it with the source, and add it to moments."""
        node = open_node(FolderStore(self._store.folder), path, 1 << 40)
        if node is None:
            raise AssertionError(f"{path} was written")
        written = open_matrix(path, node, entries.shape, self._block_bytes, log_base)
        ranges = [ValueRange()] * written.n_blocks
        digests = [0] * written.n_blocks

        def check(number: int) -> None:
            block = written.block(number)
            digests[number] = block_digest(block, entries.dtype, entries.shape[1], entries.is_dense)
            ranges[number] = ValueRange.of(block.values)
            for joint in joined:
                joint.add(block)

        # a gene may be in several blocks of rows of a dense matrix, whose order is part of the rounding of its sums
        in_order = isinstance(written, DenseMatrix) and not written.is_by_gene
        in_parallel(written.n_blocks, check, 1 if joined and in_order else self._workers, tick)
        if sum(digests) % 2**64 != entries.digest:
            raise InputError(
                f"{path} of the prepared store has other values than its source.",
                "The disk or the memory of this computer may be faulty; remove the store and try again.",
            )
        return ValueRange.union(ranges)

    def _write_moments(self, home: str, joined: Sequence[JointColumns]) -> None:
        self._store.group(home, DICT)
        number = 0
        for joint in joined:
            for column in joint.columns():
                self._write_column(f"{home}/{number}", column)
                number += 1

    def _write_column(self, path: str, column: ColumnMoments) -> None:
        self._store.group(path, DICT | {COLUMN: column.name})
        n = column.n.astype(np.int64)
        self._store.write(f"{path}/n", new_array(n.shape, n.dtype, _ARRAY), lambda part: n[part])
        n_genes = column.combinations.mean.shape[0]
        for part in PARTS:
            array = new_array((column.n_groups, n_genes), np.dtype("u4" if part == "positive" else "f8"), _ARRAY)

            def read(region: tuple[slice, ...], part: str = part) -> NDArray[np.float64]:
                groups, genes = region
                made = [getattr(column.of_group(g), part)[genes, 0] for g in range(groups.start, groups.stop)]
                return np.stack(made)

            self._store.write(f"{path}/{part}", array, read)
