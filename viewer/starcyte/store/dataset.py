"""The interface of datasets: protocols and frozen dataclasses over numpy, independent of file formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import BadRequest
from starcyte.store.natural_order import natural_key

if TYPE_CHECKING:
    from starcyte.store.block import Block
    from starcyte.store.cell_rows import CellRows
    from starcyte.store.gene_lookup import GeneLookup, Genes
    from starcyte.store.moments import Moments
    from starcyte.store.scale import Scale, ValueRange
    from starcyte.store.stored_results import StoredResults

Content = Literal["AnnData", "MuData", "SpatialData", "loom"]
"""The kind of a file, whatever its container."""

Layout = Literal["csr", "csc", "dense"]

Tick: TypeAlias = Callable[[float], None]
"""A progress callback, called between blocks with the fraction done (0 to 1); it raises to stop the work."""


def no_tick(done: float) -> None:
    """Ignore the progress."""


class Kind(StrEnum):
    """The kind of values of a column of obs or var."""

    CATEGORICAL = "categorical"
    CONTINUOUS = "continuous"
    BOOLEAN = "boolean"
    STRING = "string"
    DATETIME = "datetime"


@dataclass(frozen=True)
class ColumnInfo:
    """The description of a column, known before its values are read.

    Parameters
    ----------
    name
        Its name in the file.
    kind
        The kind of its values.
    dtype
        The numpy dtype of its values in the file, or of its codes if it is categorical.
    categories
        The categories as text, in the file's order; None if it is not categorical.
    ordered
        Whether the categories are ordered.
    """

    name: str
    kind: Kind
    dtype: str
    categories: tuple[str, ...] | None = None
    ordered: bool = False


@dataclass(frozen=True, eq=False)
class Column:
    """One value for each cell or gene.

    Parameters
    ----------
    info
        Name, kind and categories.
    values
        Shape (n,). By kind: categorical, signed integer codes, -1 for missing; boolean, bool; continuous, the file's
        dtype; string, str objects; datetime, datetime64.
    missing
        Mask of missing values, shape (n,); None if there are none, or the values mark them (code -1, NaN, NaT).
    """

    info: ColumnInfo
    values: NDArray[Any]
    missing: NDArray[np.bool_] | None = None

    def at(self, rows: NDArray[np.intp]) -> Column:
        """Return the column of some cells or genes, by their positions."""
        return Column(self.info, self.values[rows], None if self.missing is None else self.missing[rows])

    def as_codes(self) -> tuple[NDArray[np.signedinteger[Any]], tuple[str, ...]]:
        """Return the column as codes and categories.

        Returns
        -------
        codes
            Shape (n,), signed integers, -1 for missing.
        categories
            The text of each code. Those of strings are in natural order, those of booleans are False and True.

        Raises
        ------
        ValueError
            If the column holds numbers or dates.
        """
        if self.info.categories is not None:
            return self.values, self.info.categories
        if self.info.kind is Kind.BOOLEAN:
            codes = self.values.astype(np.int8)
            categories: tuple[str, ...] = ("False", "True")
        elif self.info.kind is Kind.STRING:
            texts = self.values.tolist()
            # by a dictionary: numpy's text arrays drop trailing NUL characters
            categories = tuple(sorted(set(texts), key=natural_key))
            codes_of = {text: code for code, text in enumerate(categories)}
            codes = np.fromiter((codes_of[t] for t in texts), np.min_scalar_type(-max(len(categories), 1)), len(texts))
        else:
            raise ValueError(self.info.kind)
        if self.missing is not None:
            codes[self.missing] = -1
        return codes, categories

    def as_categories(self) -> tuple[NDArray[np.signedinteger[Any]], tuple[str, ...]]:
        """Return the column as codes and categories, as ``as_codes`` does.

        Raises
        ------
        BadRequest
            If the column holds numbers or dates.
        """
        try:
            return self.as_codes()
        except ValueError:
            raise BadRequest(
                f"Column {self.info.name!r} is {self.info.kind}: it has no categories to group by.",
                "Choose a categorical column.",
            ) from None

    def as_numbers(self) -> NDArray[Any]:
        """Return the column as numbers, NaN for missing values.

        Raises
        ------
        BadRequest
            If it is neither continuous nor boolean.
        """
        if self.info.kind not in {Kind.CONTINUOUS, Kind.BOOLEAN}:
            raise BadRequest(
                f"Column {self.info.name!r} is {self.info.kind}, not numbers.", "Choose a continuous column."
            )
        if self.missing is None:
            return self.values
        numbers = self.values.astype(np.float64)
        numbers[self.missing] = np.nan
        return numbers

    def as_text(self) -> NDArray[np.object_]:
        """Return the values as text, shape (n,), str objects; empty for missing values."""
        if self.info.categories is not None:
            out: NDArray[np.object_] = np.array([*self.info.categories, ""], dtype=object)[self.values]
        else:
            out = np.array([None, *map(str, self.values.tolist())], dtype=object)[1:]
        if self.missing is not None:
            out[self.missing] = ""
        return out


@dataclass(frozen=True, eq=False)
class Values:
    """The values of one gene in all cells.

    Parameters
    ----------
    n
        The number of cells.
    values
        Shape (n,), or (k,) if sparse; in the file's dtype.
    indices
        The cell of each value, increasing, shape (k,), uint32; other cells are 0. None if dense.
    """

    n: int
    values: NDArray[Any]
    indices: NDArray[np.uint32] | None = None

    def dense(self) -> NDArray[Any]:
        """Return the values of all cells, shape (n,)."""
        if self.indices is None:
            return self.values
        full = np.zeros(self.n, self.values.dtype)
        full[self.indices] = self.values
        return full


class Matrix(Protocol):
    """A matrix of cells by genes on disk. Safe for use from several threads.

    Its rows are the cells of the dataset, or, of a modality, those that ``cells`` has: what it reads is by rows, and
    :mod:`starcyte.store.cell_rows` converts.

    Some inconsistencies of a file are found only when it is read, so that each method that reads may raise
    DatasetInvalid.
    """

    name: str
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    layout: Layout
    nnz: int | None
    log_base: float
    cells: CellRows | None
    is_prepared: bool
    "Whether the store has beside it all that a column index has."

    def column(self, index: int, tick: Tick = no_tick) -> Values:
        """Read one gene."""
        ...

    @property
    def n_blocks(self) -> int:
        """The number of blocks that the matrix is divided into."""
        ...

    def block(self, number: int) -> Block:
        """Read one block, of about as many bytes as the setting ``block_bytes``."""
        ...

    def value_range(self) -> ValueRange:
        """Return the range of the values, found from a sample of them or from all."""
        ...

    def moments(self, column: str) -> Moments | None:
        """Return the precomputed moments of an obs column; its last group has the cells without a category."""
        ...

    def check(self, tick: Tick = no_tick, most: int | None = None) -> None:
        """Read all indices, and raise DatasetInvalid if they are inconsistent.

        Parameters
        ----------
        tick
            Called with the fraction done.
        most
            Matrices of more values are not checked.
        """
        ...


@dataclass(frozen=True)
class EmbeddingInfo:
    """Name and number of columns of an embedding.

    Parameters
    ----------
    name
        Its name; of a section ``<embedding>/<library>``.
    dims
        The number of columns.
    library
        The slide of a section, an embedding of the cells of one slide; None for an embedding of all cells.
    """

    name: str
    dims: int
    library: str | None = None


@dataclass(frozen=True)
class Warnings:
    """Messages about elements of a file that are left out, or are suspicious."""

    lines: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Add a message unless it was added before."""
        if text not in self.lines:
            self.lines.append(text)


@runtime_checkable
class Dataset(Protocol):
    """One single-cell dataset, open for reading."""

    path: Path
    content: Content
    fingerprint: str
    revision: str
    n_obs: int
    n_vars: int

    @property
    def title(self) -> str:
        """The title."""
        ...

    @property
    def obs(self) -> Sequence[ColumnInfo]:
        """Name, kind and categories of each obs column."""
        ...

    @property
    def embeddings(self) -> Sequence[EmbeddingInfo]:
        """The embeddings, the preferred ones first."""
        ...

    @property
    def matrices(self) -> Sequence[Matrix]:
        """The matrices that the file has of X, raw/X and layers, of several modalities as ``rna/X``."""
        ...

    @property
    def modalities(self) -> Sequence[str]:
        """The modalities in their order; empty for a dataset of one."""
        ...

    @property
    def default_matrix(self) -> str | None:
        """The name of the matrix that is shown by default; None if there is no matrix."""
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """Messages about elements that are left out, or are suspicious."""
        ...

    def obs_column(self, name: str) -> Column:
        """Read an obs column; raise NotFound if it does not exist."""
        ...

    def obs_rows(self, start: int, stop: int) -> list[Column]:
        """Read the values of the cells from start to stop (excluded) in all columns of obs."""
        ...

    def colors(self, name: str) -> Sequence[str] | None:
        """Return ``#rrggbb`` for each category of an obs column; None if it has no categories or too many."""
        ...

    def cell_names(self, rows: Sequence[int]) -> list[str]:
        """Read the names of some cells."""
        ...

    def index_names(self, start: int, stop: int) -> list[str]:
        """Read the index of obs from start to stop (excluded)."""
        ...

    def embedding(self, name: str, dims: Sequence[int]) -> NDArray[np.float32]:
        """Read columns of an embedding, shape (len(dims), n_obs); NaN for cells without finite coordinates."""
        ...

    def obsp_row(self, name: str, cell: int) -> Values:
        """Read the row of a cell in a matrix of obsp; raise NotFound if it does not exist."""
        ...

    def image(self, name: str) -> NDArray[np.uint8]:
        """Read the pixels of a tissue image, shape (height, width, 3 or 4)."""
        ...

    def stored_results(self) -> StoredResults:
        """Return the results of an analysis that the file has; raise DatasetLoading until it is downloaded."""
        ...

    def matrix(self, name: str) -> Matrix:
        """Return a matrix by name; raise NotFound if it does not exist."""
        ...

    def scale(self, matrix: str) -> Scale | None:
        """Return the scale of a matrix; None if its values are not downloaded yet."""
        ...

    def genes(self, matrix: str | None = None) -> Genes:
        """Return the names of the genes of a matrix; raw/X may have more genes."""
        ...

    def gene_lookup(self, matrix: str | None = None) -> GeneLookup:
        """Return the lookup of genes in a matrix and, after it, in the other modalities."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return the content of the dataset as JSON, as printed by ``inspect --json``."""
        ...

    def check(self, tick: Tick = no_tick) -> list[str]:
        """Read everything but the values of matrices, leave inconsistent matrices out, and return more warnings."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...
