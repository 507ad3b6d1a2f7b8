"""Embeddings (obsm): arrays and tables with a row for each cell."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid, NotFound, StarcyteError
from starcyte.store.anndata.frame import Frame
from starcyte.store.anndata.joined_obs import Obs
from starcyte.store.dataset import EmbeddingInfo, Kind, Warnings
from starcyte.store.nodes import Array, Group, Node

# the most columns to read as one run when only some of them are needed
_MAX_RUN = 8
# the order in which embeddings are offered
_PREFERENCE = ("umap", "tsne", "draw_graph", "force", "phate", "trimap", "pacmap", "spatial", "diffmap", "pca")


@dataclass(frozen=True, eq=False)
class Embedding:
    """An embedding on disk: an array, a field of a compound array, or a table."""

    info: EmbeddingInfo
    source: Array | Frame | NDArray[np.float64]
    field: str | None = None
    rows: NDArray[np.intp] | None = None
    "The row of each cell, -1 for none; None if the rows are in the order of the cells."
    of_cells: NDArray[np.intp] | None = None
    "Of a modality: its row for each cell of the dataset, -1 for none."

    @property
    def n_missing(self) -> int:
        """The number of cells that its modality lacks."""
        return 0 if self.of_cells is None else int(np.count_nonzero(self.of_cells < 0))

    def read(self, dims: Sequence[int]) -> NDArray[np.float32]:
        """Read columns.

        Parameters
        ----------
        dims
            Their positions, each within ``info.dims``.

        Returns
        -------
        array
            Shape (len(dims), n_obs), float32. A cell with a coordinate that is not finite, or is too large for
            float32, is NaN in all columns and is not drawn.
        """
        raw = self._read_columns(dims)
        with np.errstate(over="ignore", invalid="ignore"):
            out = raw.astype(np.float32)
        if self.of_cells is not None:
            out = np.where(self.of_cells < 0, np.float32(np.nan), out[:, self.of_cells])
        out[:, ~np.isfinite(out).all(axis=0)] = np.nan
        return out

    def _read_columns(self, dims: Sequence[int]) -> NDArray[Any]:
        source, low, high = self.source, min(dims), max(dims) + 1
        if isinstance(source, np.ndarray):
            return source[:, list(dims)].T
        if isinstance(source, Frame) or self.field is not None or source.ndim == 1 or high - low > _MAX_RUN:
            return np.stack([self._read_column(d) for d in dims])
        # HDF5 reads one run of columns ten times as fast as two single columns
        run = source.read((slice(None), slice(low, high)))
        return run.T[[d - low for d in dims]]

    def _read_column(self, dim: int) -> NDArray[Any]:
        if isinstance(self.source, Frame):
            column = self.source.column(self.source.columns[dim].name)
            values = column.values.astype(np.float64)
            if column.missing is not None:
                values[column.missing] = np.nan
            return values if self.rows is None else np.where(self.rows < 0, np.nan, values[self.rows])
        assert isinstance(self.source, Array)
        flat = self.source.ndim == 1
        array = self.source.read(() if flat else (slice(None), dim), field=self.field)
        return array if array.ndim == 1 else array[:, dim]


def find_embeddings(obsm: Node | None, obs: Obs, warnings: Warnings, but: Collection[str] = ()) -> dict[str, Embedding]:
    """Return the embeddings that can be drawn, the preferred ones first.

    Parameters
    ----------
    obsm
        The file's ``obsm``; a compound array in the format of anndata 0.6.
    obs
        The file's ``obs``: a table has the names of the cells.
    warnings
        Gets a warning for each embedding that is left out, or lacks cells.
    but
        Names that are no embeddings.
    """
    found: dict[str, Embedding] = {}
    names: list[str] = []
    if obsm is not None:
        names = list(obsm.dtype.names or ()) if isinstance(obsm, Array) else obsm.members()
    for name in [name for name in names if name not in but]:
        try:
            if isinstance(obsm, Array):
                found[name] = _field(name, obsm, obs.n)
            elif obsm is not None:
                found[name] = _element(name, obsm.child(name), obs, warnings)
        except StarcyteError as error:
            warnings.add(f"Embedding {name!r} is left out: {error.message}")
    return sorted_embeddings(found)


def sorted_embeddings(found: Mapping[str, Embedding]) -> dict[str, Embedding]:
    """Return embeddings, the preferred ones first, and of equal ones those of all modalities."""
    return dict(sorted(found.items(), key=lambda item: _rank(item[0], item[1].of_cells is not None)))


def prefer_default(found: dict[str, Embedding], uns: Group | None) -> dict[str, Embedding]:
    """Return the embeddings, first the one of ``uns['default_embedding']`` (of the CELLxGENE schema).

    Parameters
    ----------
    found
        The embeddings of the file.
    uns
        The file's ``uns``.
    """
    with suppress(StarcyteError):
        node = None if uns is None else uns.child("default_embedding")
        if isinstance(node, Array) and node.is_text() and node.size == 1:
            given = str(np.atleast_1d(node.read_text()).ravel()[0])
            first = next((name for name in (given, f"X_{given}") if name in found), None)
            if first is not None:
                return {first: found[first]} | found
    return found


def select_embeddings(found: dict[str, Embedding], names: Sequence[str]) -> dict[str, Embedding]:
    """Return the embeddings of the setting ``embedding``, in its order; all if it is empty.

    Parameters
    ----------
    found
        The embeddings of the file.
    names
        Names, with or without scanpy's prefix ``X_``.

    Raises
    ------
    NotFound
        If an embedding does not exist.
    """
    chosen: dict[str, Embedding] = {}
    for name in names:
        known = next((n for n in (name, f"X_{name}") if n in found), None)
        if known is None:
            raise NotFound(
                f"No such embedding (setting embedding): {name!r}.", f"The file has {', '.join(found) or 'none'}."
            )
        chosen[known] = found[known]
    return chosen or found


def _rank(name: str, is_of_modality: bool) -> tuple[int, bool, int, str]:
    folded = name.casefold()
    # scVelo's velocities are directions in another embedding, and named as it is
    if folded.startswith("velocity_"):
        return len(_PREFERENCE) + 1, is_of_modality, len(name), name
    place = next((i for i, word in enumerate(_PREFERENCE) if word in folded), len(_PREFERENCE))
    return place, is_of_modality, len(name), name


def _field(name: str, table: Array, n_obs: int) -> Embedding:
    base, shape = table.dtype[name].subdtype or (table.dtype[name], ())
    if table.shape != (n_obs,) or len(shape) > 1 or base.kind not in "fiub":
        raise DatasetInvalid(f"its values are {table.dtype[name]}, its shape is {table.shape}.")
    return Embedding(EmbeddingInfo(name, shape[0] if shape else 1), table, name)


def _element(name: str, node: Node | None, obs: Obs, warnings: Warnings) -> Embedding:
    n_obs = obs.n
    if isinstance(node, Group):
        encoding = node.text_attribute("encoding-type")
        if encoding != "dataframe":
            raise DatasetInvalid(f"it is encoded as {encoding!r}, not as an array or a table.")
        table = Frame(f"obsm[{name!r}]", node, Warnings())
        numeric = {Kind.CONTINUOUS, Kind.BOOLEAN}
        if table.n != n_obs:
            raise DatasetInvalid(f"it has {table.n} rows for {n_obs} cells.")
        if not table.columns or any(c.kind not in numeric for c in table.columns):
            raise DatasetInvalid("not all of its columns are numeric.")
        return Embedding(
            EmbeddingInfo(name, len(table.columns)), table, rows=_rows_of_cells(name, table, obs, warnings)
        )
    if node is None or node.ndim not in {1, 2} or node.dtype.kind not in "fiub":
        raise DatasetInvalid("it is not an array of numbers with one or two axes.")
    if node.shape[0] != n_obs:
        raise DatasetInvalid(f"it has {node.shape[0]} rows for {n_obs} cells.")
    dims = 1 if node.ndim == 1 else int(node.shape[1])
    if dims == 0:
        raise DatasetInvalid("it has no columns.")
    return Embedding(EmbeddingInfo(name, dims), node)


def _rows_of_cells(name: str, table: Frame, obs: Obs, warnings: Warnings) -> NDArray[np.intp] | None:
    """Return the row of each cell, by name; None if the rows are in the order of the cells."""
    rows, cells = table.index.tolist(), obs.index.tolist()
    if rows == cells:
        return None
    positions = {row: i for i, row in enumerate(rows)}
    found = np.array([positions.get(cell, -1) for cell in cells], np.intp)
    absent = int(np.count_nonzero(found < 0))
    if absent and any(rows == [str(i) for i in range(first, first + len(rows))] for first in (0, 1)):
        return None
    if len(positions) < len(rows):
        raise DatasetInvalid("its rows are in another order than the cells, and names of rows are duplicates.")
    if absent == len(cells):
        warnings.add(
            f"Embedding {name!r}: none of its rows is named as a cell; they are taken in the order of the cells."
        )
        return None
    if absent:
        warnings.add(f"Embedding {name!r} has no row for {absent} of {len(cells)} cells; they are not drawn.")
    return found
