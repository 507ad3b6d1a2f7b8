"""Ranked genes in ``uns``, as ``scanpy.tl.rank_genes_groups`` and ``filter_rank_genes_groups`` write them.

============================  ========================================================================================
element                       content
============================  ========================================================================================
``names``                     a record array with a field for each group: the genes, best first
``scores``, ``pvals``, ...    record arrays of the same shape
``pts``, ``pts_rest``         data frames of genes by groups: shares of cells with a value above 0
``params``                    ``groupby``, ``reference``, ``method``, ``corr_method``, ``use_raw``, ``layer``
============================  ========================================================================================
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid, NotFound, StarcyteError
from starcyte.store.anndata.frame import Frame
from starcyte.store.dataset import Warnings
from starcyte.store.nodes import Array, Group
from starcyte.store.stored_results import STATISTICS, RankedGenes, RankedGenesInfo

_KEY = "rank_genes_groups"
_SHARES = ("pts", "pts_rest")
# in place of the genes that a filter left out, which scanpy sets to NaN
_FILTERED = frozenset({"nan", ""})


@dataclass(frozen=True, eq=False)
class StoredRanks:
    """Ranked genes on disk."""

    info: RankedGenesInfo
    group: Group

    def read(self, group: str) -> RankedGenes:
        """Read the genes of a group; raise NotFound if it has none."""
        if group not in self.info.groups:
            raise NotFound(f"{self.info.key!r} has no group {group!r}.", "GET stored lists the groups.")
        names = self.group.array("names").read_text(field=group)
        shown = np.array([name not in _FILTERED for name in names.tolist()], dtype=bool)
        found = {name: self._statistic(name, group)[shown] for name in self.info.statistics if name in STATISTICS}
        kept = names[shown]
        shares = [name for name in self.info.statistics if name in _SHARES]
        return RankedGenes(kept, found | {name: self._shares(name, group, kept) for name in shares})

    def _statistic(self, name: str, group: str) -> NDArray[np.float64]:
        return self.group.array(name).read(field=group).astype(np.float64)

    def _shares(self, name: str, group: str, genes: NDArray[np.object_]) -> NDArray[np.float64]:
        frame = _frame(self.group, name, Warnings())
        values = dict(zip(frame.index.tolist(), frame.column(group).as_numbers().tolist(), strict=True))
        return np.array([values.get(gene, np.nan) for gene in genes.tolist()], dtype=np.float64)


def find_ranked(uns: Group, matrices: Collection[str], warnings: Warnings) -> dict[str, StoredRanks]:
    """Return the ranked genes of a file by their keys, those of scanpy's default key first.

    Parameters
    ----------
    uns
        The file's ``uns``.
    matrices
        The names of the dataset's matrices.
    warnings
        Gets a warning for each element that is left out.
    """
    found: dict[str, StoredRanks] = {}
    for key in uns.members():
        try:
            group = uns.child(key)
            if isinstance(group, Group) and _looks_ranked(key, group):
                found[key] = StoredRanks(_describe(key, group, matrices, warnings), group)
        except StarcyteError as error:
            if key.startswith(_KEY):
                warnings.add(f"uns[{key!r}] is left out: {error.message}")
    # first those with the key that scanpy uses by default
    return dict(sorted(found.items(), key=lambda item: item[0] != _KEY))


def _looks_ranked(key: str, group: Group) -> bool:
    members = set(group.members())
    return key.startswith(_KEY) or ("names" in members and bool({"scores", "pvals"} & members))


def _describe(key: str, group: Group, matrices: Collection[str], warnings: Warnings) -> RankedGenesInfo:
    names = group.child("names")
    groups = _groups_of(names)
    if not isinstance(names, Array) or not groups or not all(names.is_text(field=g) for g in groups):
        raise DatasetInvalid("its names are not a table with a column of genes for each group.")

    def is_valid(name: str) -> bool:
        node = group.child(name)
        if node is None:
            return False
        if name in _SHARES:
            columns = {column.name for column in _frame(group, name, warnings).columns}
            if set(groups) <= columns:
                return True
            raise DatasetInvalid("it lacks a group of the names.")
        if not isinstance(node, Array) or node.shape != names.shape or set(_groups_of(node)) != set(groups):
            raise DatasetInvalid("it does not have the shape and the groups of the names.")
        if any(node.dtype[g].kind not in "fiu" for g in groups):
            raise DatasetInvalid("its values are not numbers.")
        return True

    statistics = []
    for name in (*STATISTICS, *_SHARES):
        try:
            if is_valid(name):
                statistics.append(name)
        except StarcyteError as error:
            warnings.add(f"{name} of uns[{key!r}] is left out: {error.message}")
    texts = {name: _text(group, name) for name in ("method", "groupby", "reference", "corr_method", "layer")}
    raw = group.child("params/use_raw")
    is_raw = isinstance(raw, Array) and raw.size == 1 and raw.dtype.kind in "biu" and bool(np.ravel(raw.read())[0])
    matrix = "raw/X" if is_raw else f"layers/{texts['layer']}" if texts["layer"] else "X"
    return RankedGenesInfo(
        key,
        groups,
        names.shape[0],
        tuple(statistics),
        texts["method"],
        texts["groupby"],
        texts["reference"],
        texts["corr_method"],
        matrix if matrix in matrices else None,
    )


def _groups_of(node: object) -> tuple[str, ...]:
    return tuple(node.dtype.names or ()) if isinstance(node, Array) and node.ndim == 1 else ()


def _frame(group: Group, name: str, warnings: Warnings) -> Frame:
    node = group.child(name)
    if node is None:
        raise DatasetInvalid(f"{name} is missing.")
    return Frame(f"{group.name.rstrip('/')}/{name}", node, warnings)


def _text(group: Group, name: str) -> str:
    """Return a parameter that is text; empty if it is missing or something else."""
    try:
        node = group.child(f"params/{name}")
        if isinstance(node, Array) and node.is_text() and node.size == 1:
            return str(np.atleast_1d(node.read_text()).ravel()[0])
    except StarcyteError:
        pass
    return ""
