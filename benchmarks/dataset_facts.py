"""What the cases must know of a dataset to ask of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np


@dataclass(frozen=True, eq=False)
class Facts:
    """Shape, entries, and the cells of the clusters, largest cluster first."""

    n_obs: int
    n_vars: int
    nnz: int
    codes: np.ndarray
    largest: tuple[int, ...]

    @property
    def n_groups(self) -> int:
        """The number of clusters."""
        return len(self.largest)

    def cells_of(self, places: np.ndarray, size: int) -> np.ndarray:
        """Return so many cells of the clusters at these places of the order by size, or all there are."""
        clusters = np.array(self.largest)[places]
        cells = np.concatenate([np.flatnonzero(self.codes == c) for c in clusters])
        return np.sort(cells[:size])


def facts_of(path: Path) -> Facts:
    """Read them from a file that :mod:`benchmarks.datasets` wrote."""
    with h5py.File(path, locking=False) as file:
        n_obs, n_vars = (int(n) for n in file["X"].attrs["shape"])
        codes = file["obs/cluster/codes"][:]
        sizes = np.bincount(codes, minlength=int(file["obs/cluster/categories"].shape[0]))
        largest = tuple(int(c) for c in np.argsort(-sizes, kind="stable"))
        return Facts(n_obs, n_vars, int(file["X/data"].shape[0]), codes, largest)
