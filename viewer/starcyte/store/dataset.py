"""What a dataset is to the rest of starcyte: protocols and frozen dataclasses over numpy, no file format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import BadRequest

if TYPE_CHECKING:
    from starcyte.store.block import Block
    from starcyte.store.index.column_index import IndexKey
    from starcyte.store.index.indexed_matrix import IndexedMatrix
    from starcyte.store.moments import Moments

Layout = Literal["csr", "csc", "dense"]

Tick: TypeAlias = Callable[[float], None]
"""Called between blocks with the fraction done (0 to 1); it raises to stop the work."""


def no_tick(done: float) -> None:
    """Let the work go on."""


class Kind(StrEnum):
    """What a column of obs or var holds."""

    CATEGORICAL = "categorical"
    CONTINUOUS = "continuous"
    BOOLEAN = "boolean"
    STRING = "string"
    DATETIME = "datetime"


@dataclass(frozen=True)
class ColumnInfo:
    """What is known of a column before it is read.

    Parameters
    ----------
    name
        Its name in the file.
    kind
        What it holds.
    dtype
        The numpy dtype of its values in the file (of the codes, where it is categorical).
    categories
        The categories as text, in the file's order; None where it is not categorical.
    ordered
        Whether the order of the categories means something.
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
        Shape (n,). Signed integer codes with -1 for missing where categorical; bool where boolean; the file's own
        number type where continuous; str objects where string; datetime64 where datetime.
    missing
        Shape (n,), bool; None where nothing is missing, or where the values say it themselves (code -1, NaN, NaT).
    """

    info: ColumnInfo
    values: NDArray[Any]
    missing: NDArray[np.bool_] | None = None

    def as_codes(self) -> tuple[NDArray[np.signedinteger[Any]], tuple[str, ...]]:
        """Return the column as codes and categories.

        Returns
        -------
        codes
            Shape (n,), signed integers, -1 for missing.
        categories
            Text of each code. Strings are sorted, booleans are False and True.

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
            # by way of a dictionary: numpy's own text drops NUL characters at the end
            categories = tuple(sorted(set(texts)))
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
            If it holds numbers or dates.
        """
        try:
            return self.as_codes()
        except ValueError:
            raise BadRequest(
                f"Column {self.info.name!r} is {self.info.kind}: it has no categories to group by.",
                "Choose a categorical column.",
            ) from None

    def as_numbers(self) -> NDArray[Any]:
        """Return the column as numbers, NaN where missing.

        Raises
        ------
        BadRequest
            If it holds something else.
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
        """Return the values as text, shape (n,), str objects; empty where missing."""
        if self.info.categories is not None:
            out: NDArray[np.object_] = np.array([*self.info.categories, ""], dtype=object)[self.values]
        else:
            out = np.array([None, *map(str, self.values.tolist())], dtype=object)[1:]
        if self.missing is not None:
            out[self.missing] = ""
        return out


@dataclass(frozen=True, eq=False)
class Values:
    """One gene over all cells.

    Parameters
    ----------
    n
        The number of cells.
    values
        Shape (n,), or (k,) where sparse; in the file's dtype.
    indices
        Shape (k,), uint32, increasing: the cells that the values belong to; all others are 0. None where dense.
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
    """Cells by genes, on disk. Safe for use from several threads.

    A file may contradict itself in places that are only seen when they are read, so that each method that reads may
    raise DatasetInvalid.
    """

    name: str
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    layout: Layout
    nnz: int | None

    def column(self, index: int, tick: Tick = no_tick) -> Values:
        """Read one gene."""
        ...

    @property
    def n_blocks(self) -> int:
        """The number of blocks that it is read in when all of it is wanted."""
        ...

    def block(self, number: int) -> Block:
        """Read one block; about as many bytes as the dataset was opened with."""
        ...

    def moments(self, column: str) -> Moments | None:
        """Return the kept moments of a column of obs, the last group being the cells without a category."""
        ...

    def check(self, tick: Tick = no_tick) -> None:
        """Read all that says where values belong, and raise DatasetInvalid where it contradicts itself."""
        ...


@dataclass(frozen=True)
class EmbeddingInfo:
    """Name and number of columns of an embedding."""

    name: str
    dims: int


class Genes(Protocol):
    """The names of the genes of one matrix, made unique, and how to find one."""

    names: Sequence[str]
    ids: Sequence[str] | None
    names_from: str
    n_duplicated: int

    def index(self, name: str) -> int:
        """Return the position of the gene with this name, or failing that this id; raise NotFound."""
        ...

    def match(self, text: str) -> int | None:
        """Return the position of the gene that a text names as a whole, in whatever case; None where none is."""
        ...

    def alias(self, position: int, text: str) -> str | None:
        """Return the alias by which a text finds a gene; None where its name or id does."""
        ...

    def search(self, text: str) -> list[int]:
        """Return the positions of the genes that match, best first."""
        ...


@dataclass(frozen=True)
class Warnings:
    """What of a file is left out or looks wrong, in words."""

    lines: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Add one, if it is not there yet."""
        if text not in self.lines:
            self.lines.append(text)


@runtime_checkable
class Dataset(Protocol):
    """One single-cell dataset, open for reading."""

    path: Path
    fingerprint: str
    revision: str
    n_obs: int
    n_vars: int

    @property
    def title(self) -> str:
        """What to call it."""
        ...

    @property
    def obs(self) -> Sequence[ColumnInfo]:
        """The columns of obs."""
        ...

    @property
    def embeddings(self) -> Sequence[EmbeddingInfo]:
        """The embeddings, the likeliest to be wanted first."""
        ...

    @property
    def matrices(self) -> Sequence[Matrix]:
        """X, raw/X and layers, as far as they are there."""
        ...

    @property
    def default_matrix(self) -> str | None:
        """The matrix whose genes are shown first."""
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """What is left out or looks wrong."""
        ...

    def obs_column(self, name: str) -> Column:
        """Read one column of obs; raise NotFound where there is none."""
        ...

    def colors(self, name: str) -> Sequence[str] | None:
        """Return one ``#rrggbb`` for each category of an obs column, None where it is not categorical."""
        ...

    def cell_names(self, rows: Sequence[int]) -> list[str]:
        """Read the names of some cells."""
        ...

    def index_names(self, start: int, stop: int) -> list[str]:
        """Read the names of the cells from start up to stop as every other tool knows them, from the index of obs."""
        ...

    def embedding(self, name: str, dims: Sequence[int]) -> NDArray[np.float32]:
        """Read columns of an embedding, shape (len(dims), n_obs); NaN for cells that are not drawn."""
        ...

    def obsp_row(self, name: str, cell: int) -> Values:
        """Read a cell's row of a matrix of cells by cells (obsp); raise NotFound where there is none."""
        ...

    def image(self, name: str) -> NDArray[np.uint8]:
        """Read the pixels of a picture under the cells, shape (height, width, 3 or 4)."""
        ...

    def matrix(self, name: str) -> Matrix:
        """Return a matrix by name; raise NotFound where there is none."""
        ...

    def genes(self, matrix: str | None = None) -> Genes:
        """Return the genes of a matrix (of raw, they may be more)."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what ``inspect --json`` prints."""
        ...

    def check(self, tick: Tick = no_tick) -> list[str]:
        """Read all but the values of the matrices; return more warnings, raise DatasetInvalid for a broken matrix."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class StoredDataset(Dataset, Protocol):
    """A dataset as :func:`starcyte.store.open.open_dataset` returns it, whose matrices can have a column index."""

    @property
    def matrices(self) -> Sequence[IndexedMatrix]:
        """X, raw/X and layers, as far as the file has them."""
        ...

    def matrix(self, name: str) -> IndexedMatrix:
        """Return a matrix by name; raise NotFound if it does not exist."""
        ...

    def index_key(self, matrix: str) -> IndexKey:
        """Return the identity that an index of a matrix must have."""
        ...

    def grouping_columns(self) -> list[Column]:
        """Read the columns of obs whose moments an index holds; unreadable ones are left out."""
        ...

    def prefetch(self) -> None:
        """Read everything but matrices and obsp, and discard it, so that a remote file holds these bytes locally."""
        ...

    def complete(self, whole: StoredDataset) -> None:
        """Read matrices and obsp from the complete file from now on.

        Parameters
        ----------
        whole
            The complete file, opened; closed with this dataset.

        Raises
        ------
        DatasetChanged
            If it is another file than the one of which this is a partial download.
        """
        ...
