"""A dataset on disk, whose matrices can have a column index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from starcyte.errors import StarcyteError
from starcyte.store.dataset import Column, Dataset
from starcyte.store.index.indexed_matrix import IndexedMatrix

if TYPE_CHECKING:
    from starcyte.store.index.column_index import IndexKey


class StoredDataset(Dataset, Protocol):
    """A dataset as :func:`starcyte.store.open.open_dataset` returns it, whose matrices can have a column index."""

    @property
    def matrices(self) -> Sequence[IndexedMatrix]:
        """X, raw/X and layers, as far as the file has them."""
        ...

    def matrix(self, name: str) -> IndexedMatrix:
        """Return a matrix by name; raise NotFound if it does not exist."""
        ...

    def leave_out(self, matrix: str, error: StarcyteError) -> str:
        """Leave an inconsistent matrix out from now on, and return the warning."""
        ...

    def index_key(self, matrix: str) -> IndexKey:
        """Return the key of the column index of a matrix."""
        ...

    def grouping_columns(self, matrix: str) -> list[Column]:
        """Read the obs columns whose moments the index of a matrix holds, by its rows.

        Unreadable ones are left out with a warning.
        """
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
