"""Matrices in obsp: distances and connectivities of neighbours, read row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid, StarcyteError
from starcyte.store.anndata.matrix_values import sparse_values
from starcyte.store.dataset import Values, Warnings
from starcyte.store.nodes import Array, Group, Node, reading

# entries of a CSC matrix that are read at once
_ENTRIES_AT_ONCE = 1 << 20
_LAYOUTS = {"csr_matrix": "csr", "csc_matrix": "csc", "csr": "csr", "csc": "csc"}


@dataclass(frozen=True, eq=False)
class ObspMatrix:
    """A matrix in obsp.

    Parameters
    ----------
    name
        Its name.
    node
        The array, or the group of ``data``, ``indices`` and ``indptr``.
    layout
        ``csr``, ``csc`` or ``dense``.
    n
        The number of cells.
    """

    name: str
    node: Node
    layout: str
    n: int

    def row(self, cell: int) -> Values:
        """Read the row of one cell.

        Raises
        ------
        DatasetInvalid
            If the matrix is inconsistent.
        """
        node = self.node
        if isinstance(node, Array):
            return Values(self.n, node.read((cell, slice(None)), name=self._label))
        indptr, indices, data = (node.array(part) for part in ("indptr", "indices", "data"))
        with reading(self._label):
            if self.layout == "csr":
                start, stop = (int(at) for at in indptr.read(slice(cell, cell + 2)))
                # a cell has each other cell once
                if not 0 <= start <= stop <= min(data.shape[0], start + self.n):
                    raise DatasetInvalid(f"{self._label}: row {cell} is outside its data, according to indptr.")
                return self._values(indices.read(slice(start, stop)), data.read(slice(start, stop)))
            return self._values(*_of_columns(indptr.read(), indices, data, cell))

    @property
    def _label(self) -> str:
        return f"obsp[{self.name!r}]"

    def _values(self, others: NDArray[np.integer], values: NDArray[np.generic]) -> Values:
        self._check_indices(others)
        return sparse_values(self.n, others, values)

    def _check_indices(self, others: NDArray[np.integer]) -> None:
        if others.size and (int(others.min()) < 0 or int(others.max()) >= self.n):
            raise DatasetInvalid(f"{self._label} is invalid: an index is outside 0 to {self.n - 1}.")

    def check(self, most: int | None = None) -> None:
        """Check indptr and all indices.

        Parameters
        ----------
        most
            A matrix of more entries is not checked.

        Raises
        ------
        DatasetInvalid
            If they are inconsistent.
        """
        node = self.node
        if isinstance(node, Array):
            return
        indices, nnz = node.array("indices"), node.array("data").shape[0]
        if most is not None and nnz > most:
            return
        indptr = node.array("indptr").read().astype(np.int64)
        if indptr[0] != 0 or indptr[-1] != nnz or np.any(np.diff(indptr) < 0):
            raise DatasetInvalid(
                f"{self._label} is invalid: indptr does not increase from 0 to the number of values ({nnz})."
            )
        for start in range(0, nnz, _ENTRIES_AT_ONCE):
            self._check_indices(indices.read(slice(start, start + _ENTRIES_AT_ONCE)))


@dataclass(frozen=True, eq=False)
class ModalityObsp:
    """A matrix in the obsp of a modality.

    Parameters
    ----------
    matrix
        The matrix.
    rows
        The modality's row for each cell of the dataset, -1 for none.
    cells
        The cell of each of its rows.
    """

    matrix: ObspMatrix
    rows: NDArray[np.intp]
    cells: NDArray[np.intp]

    def row(self, cell: int) -> Values:
        """Read the row of one cell; empty if the modality lacks it. See :meth:`ObspMatrix.row`."""
        row, n = int(self.rows[cell]), self.rows.size
        if row < 0:
            return Values(n, np.empty(0, np.float32), np.empty(0, np.uint32))
        read = self.matrix.row(row)
        others = np.arange(read.n) if read.indices is None else read.indices
        return sparse_values(n, self.cells[others], read.values)

    def check(self, most: int | None = None) -> None:
        """Check indptr and all indices; see :meth:`ObspMatrix.check`."""
        self.matrix.check(most)


def _of_columns(
    indptr: NDArray[np.integer], indices: Array, data: Array, cell: int
) -> tuple[NDArray[np.integer], NDArray[np.generic]]:
    """Collect a row of a CSC matrix by a scan of all entries."""
    places = [np.empty(0, np.int64)]
    for start in range(0, indices.shape[0], _ENTRIES_AT_ONCE):
        places.append(start + np.flatnonzero(indices.read(slice(start, start + _ENTRIES_AT_ONCE)) == cell))
    found = np.concatenate(places)
    columns = np.searchsorted(indptr, found, side="right") - 1
    values = np.array([data.read(int(at)) for at in found], dtype=data.dtype)
    return columns, values


def find_obsp(root: Group, n_obs: int, warnings: Warnings) -> dict[str, ObspMatrix]:
    """Return the matrices in obsp; older files have them in ``uns['neighbors']``.

    Parameters
    ----------
    root
        The file's root group.
    n_obs
        The number of cells.
    warnings
        Gets a warning for each matrix that is left out.
    """
    found: dict[str, ObspMatrix] = {}
    obsp, old = root.group("obsp"), root.group("uns/neighbors")
    parents = [] if obsp is None else [(obsp, obsp.members())]
    if old is not None:
        parents.append((old, ["connectivities", "distances"]))
    for parent, names in parents:
        for name in names:
            if name in found:
                continue
            try:
                node = parent.child(name)
                if node is not None:
                    found[name] = _open(name, node, n_obs)
            except StarcyteError as error:
                warnings.add(f"obsp[{name!r}] is left out: {error.message}")
    return found


def check_obsp(matrices: dict[str, ObspMatrix | ModalityObsp], warnings: Warnings, most: int | None = None) -> None:
    """Remove the matrices whose indices are inconsistent.

    Parameters
    ----------
    matrices
        The matrices by name.
    warnings
        Gets a warning for each matrix that is left out.
    most
        Matrices of more entries are not checked.
    """
    for name, matrix in list(matrices.items()):
        try:
            matrix.check(most)
        except StarcyteError as error:
            warnings.add(f"obsp[{name!r}] is left out: {error.message}")
            del matrices[name]


def _open(name: str, node: Node, n_obs: int) -> ObspMatrix:
    if isinstance(node, Array):
        if node.shape != (n_obs, n_obs) or node.dtype.kind not in "fiub":
            raise DatasetInvalid("it is not numeric, or not cells by cells.")
        return ObspMatrix(name, node, "dense", n_obs)
    layout = _LAYOUTS.get(str(node.attribute("encoding-type", "h5sparse_format")))
    if layout is None:
        raise DatasetInvalid("its encoding is unknown to starcyte.")
    indptr, indices, data = (node.array(part) for part in ("indptr", "indices", "data"))
    if any(part.dtype.kind not in "iu" for part in (indptr, indices)):
        raise DatasetInvalid("its indices or indptr are not integers.")
    if (
        indptr.shape != (n_obs + 1,)
        or indices.ndim != 1
        or indices.shape != data.shape
        or data.dtype.kind not in "fiub"
    ):
        raise DatasetInvalid("the shapes of data, indices and indptr do not match each other, or the number of cells.")
    return ObspMatrix(name, node, layout, n_obs)
