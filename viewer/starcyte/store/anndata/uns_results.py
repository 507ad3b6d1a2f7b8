"""Results of scanpy in ``uns``: ranked genes, dendrograms, PAGA."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from starcyte.errors import DatasetInvalid, NotFound, StarcyteError
from starcyte.store.anndata.joined_obs import Obs
from starcyte.store.anndata.ranked_genes import StoredRanks, find_ranked
from starcyte.store.dataset import ColumnInfo, Warnings
from starcyte.store.nodes import Array, Group, Node, reading
from starcyte.store.stored_results import Dendrogram, Paga, RankedGenes

_SYMMETRIC = 1e-6


class UnsResults:
    """The results in a file's ``uns``, found when they are first asked for.

    Parameters
    ----------
    uns
        The file's ``uns``; None if it has none.
    obs
        The file's ``obs``.
    matrices
        The names of the dataset's matrices.
    max_categories
        PAGA of a column of more categories is left out.
    """

    def __init__(self, uns: Group | None, obs: Obs, matrices: Collection[str], max_categories: int) -> None:
        warnings = Warnings()
        columns = {column.name: column for column in obs.columns}
        self._ranked: Mapping[str, StoredRanks] = {}
        self.dendrograms: list[Dendrogram] = []
        self.paga: Paga | None = None
        if uns is not None:
            self._ranked = find_ranked(uns, matrices, warnings)
            self.dendrograms = _dendrograms(uns, columns, warnings)
            self.paga = _find_paga(uns, columns, max_categories, warnings)
        self.ranked_genes = [ranks.info for ranks in self._ranked.values()]
        self.warnings = warnings.lines

    def genes(self, key: str, group: str) -> RankedGenes:
        """Read the ranked genes of a group; raise NotFound if they do not exist."""
        found = self._ranked.get(key)
        if found is None:
            raise NotFound(f"No such ranked genes: {key!r}.", "GET stored lists them.")
        return found.read(group)


class JoinedResults:
    """The results of the root of a dataset of several modalities, and of each modality with its name.

    Parameters
    ----------
    root
        Those of the root.
    modalities
        Those of each modality, by its name.
    """

    def __init__(self, root: UnsResults, modalities: Mapping[str, UnsResults]) -> None:
        self._of = {"": root} | {f"{name}:": found for name, found in modalities.items()}
        self.warnings = [line for found in self._of.values() for line in found.warnings]
        self.ranked_genes = [
            replace(
                info,
                key=prefix + info.key,
                group_by=prefix + info.group_by if info.group_by else "",
                matrix=None if info.matrix is None or not prefix else f"{prefix[:-1]}/{info.matrix}",
            )
            for prefix, found in self._of.items()
            for info in found.ranked_genes
        ]
        self.dendrograms = [
            replace(one, key=prefix + one.key, group_by=prefix + one.group_by)
            for prefix, found in self._of.items()
            for one in found.dendrograms
        ]
        self.paga = next(
            (
                replace(found.paga, group_by=prefix + found.paga.group_by)
                for prefix, found in self._of.items()
                if found.paga is not None
            ),
            None,
        )

    def genes(self, key: str, group: str) -> RankedGenes:
        """Read the ranked genes of a group; raise NotFound if they do not exist."""
        prefix = next((prefix for prefix in self._of if prefix and key.startswith(prefix)), "")
        return self._of[prefix].genes(key.removeprefix(prefix), group)


def _dendrograms(uns: Group, columns: Mapping[str, ColumnInfo], warnings: Warnings) -> list[Dendrogram]:
    found = []
    for key in uns.members():
        if not key.startswith("dendrogram"):
            continue
        try:
            group = uns.group(key)
            if group is None:
                raise DatasetInvalid("it is not a group.")
            found.append(_dendrogram(key, group, columns))
        except StarcyteError as error:
            warnings.add(f"uns[{key!r}] is left out: {error.message}")
    return found


def _dendrogram(key: str, group: Group, columns: Mapping[str, ColumnInfo]) -> Dendrogram:
    group_by = _texts(group, "groupby")
    ordered = _texts(group, "categories_ordered")
    if len(group_by) != 1:
        raise DatasetInvalid("it is of several columns, or does not say of which.")
    categories = _categories(group_by[0], columns)
    if sorted(ordered) != sorted(categories):
        raise DatasetInvalid(f"its categories_ordered are not the categories of {group_by[0]!r}.")
    return Dendrogram(key, group_by[0], tuple(ordered))


def _find_paga(uns: Group, columns: Mapping[str, ColumnInfo], max_categories: int, warnings: Warnings) -> Paga | None:
    try:
        group = uns.child("paga")
        if not isinstance(group, Group):
            return None
        names = _texts(group, "groups")
        if len(names) != 1:
            raise DatasetInvalid("groups, the name of a column, is missing.")
        categories = _categories(names[0], columns)
        n = len(categories)
        if n > max_categories:
            raise DatasetInvalid(f"it has {n} groups. The limit is {max_categories} (max_categories).")
        return Paga(
            names[0],
            categories,
            _square(group, "connectivities", n),
            _square(group, "connectivities_tree", n) if group.child("connectivities_tree") else np.zeros((n, n)),
            _positions(group, n, warnings),
        )
    except StarcyteError as error:
        warnings.add(f"uns['paga'] is left out: {error.message}")
        return None


def _positions(group: Group, n: int, warnings: Warnings) -> NDArray[np.float64] | None:
    node = group.child("pos")
    if node is None:
        return None
    if isinstance(node, Array) and node.shape == (n, 2) and node.dtype.kind in "fiu":
        positions = node.read().astype(np.float64)
        if np.isfinite(positions).all():
            return positions
    warnings.add("pos of uns['paga'] is left out: it is not a position in two dimensions for each group.")
    return None


def _square(group: Group, name: str, n: int) -> NDArray[np.float64]:
    """Return a symmetric matrix of weights, dense or sparse; the larger of the two directions counts."""
    node = group.child(name)
    if node is None:
        raise DatasetInvalid(f"{name} is missing.")
    values = _dense(node, name, n)
    if not np.isfinite(values).all() or (values < -_SYMMETRIC).any():
        raise DatasetInvalid(f"{name} has negative weights, or some that are not finite.")
    return np.maximum(values, values.T)


def _dense(node: Node, name: str, n: int) -> NDArray[np.float64]:
    if isinstance(node, Array):
        if node.shape != (n, n) or node.dtype.kind not in "fiu":
            raise DatasetInvalid(f"{name} is not a matrix of {n} x {n} groups.")
        return node.read().astype(np.float64)
    layout = str(node.attribute("encoding-type", "h5sparse_format"))
    make = {"csr_matrix": csr_array, "csc_matrix": csc_array, "csr": csr_array, "csc": csc_array}.get(layout)
    shape = np.atleast_1d(node.attribute("shape", "h5sparse_shape")).tolist()
    parts = [node.array(part) for part in ("data", "indices", "indptr")]
    if make is None or shape != [n, n] or parts[0].size > n * n or parts[2].size != n + 1:
        raise DatasetInvalid(f"{name} is not a matrix of {n} x {n} groups.")
    with reading(name):
        matrix = make(tuple(part.read() for part in parts), shape=(n, n))
        matrix.check_format(full_check=True)
        values: NDArray[np.float64] = matrix.toarray().astype(np.float64)
        return values


def _categories(column: str, columns: Mapping[str, ColumnInfo]) -> tuple[str, ...]:
    info = columns.get(column)
    if info is None or info.categories is None:
        raise DatasetInvalid(f"obs has no column {column!r} of categories.")
    return info.categories


def _texts(group: Group, name: str) -> list[str]:
    """Return a text, or an array of texts, as a list; empty if it is missing or something else."""
    node = group.child(name)
    if not isinstance(node, Array) or not node.is_text() or node.ndim > 1:
        return []
    return [str(text) for text in np.atleast_1d(node.read_text()).tolist()]
