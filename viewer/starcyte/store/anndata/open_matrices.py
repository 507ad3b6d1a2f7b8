"""The matrices of an open file; one that turns out to be inconsistent is left out from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from starcyte.errors import DatasetInvalid, NotFound, StarcyteError
from starcyte.store.dataset import Matrix, Tick, Warnings
from starcyte.store.index.indexed_matrix import IndexedMatrix
from starcyte.store.unavailable_matrix import UnavailableMatrix


class OpenMatrices:
    """The matrices of a file by name.

    The indices of a sparse matrix are data, which opening a file does not read. Those of a small matrix are checked
    when the file is first described, those of a larger one by its column index or by ``starcyte inspect``.

    Parameters
    ----------
    found
        The matrices by name.
    is_partial
        Whether the file is a partial download, whose matrices raise DatasetLoading until ``complete``.
    """

    def __init__(self, found: Mapping[str, Matrix], is_partial: bool) -> None:
        self._found = {n: IndexedMatrix(UnavailableMatrix(m) if is_partial else m) for n, m in found.items()}
        self._left_out: dict[str, StarcyteError] = {}

    def __iter__(self) -> Iterator[IndexedMatrix]:
        """Iterate over the matrices that are not left out."""
        return iter([m for name, m in self._found.items() if name not in self._left_out])

    @property
    def names(self) -> list[str]:
        """The names of the matrices that are not left out."""
        return [m.name for m in self]

    def get(self, name: str) -> IndexedMatrix:
        """Return a matrix.

        Raises
        ------
        NotFound
            If it does not exist.
        DatasetInvalid
            If it is left out because it is inconsistent.
        """
        if name in self._left_out:
            raise self._left_out[name]
        try:
            return self._found[name]
        except KeyError:
            names = ", ".join(self.names) or "none"
            raise NotFound(f"No such matrix: {name!r}.", f"The matrices of this dataset: {names}.") from None

    def leave_out(self, name: str, error: StarcyteError) -> str:
        """Leave a matrix out from now on, and return the warning.

        Parameters
        ----------
        name
            The matrix.
        error
            What is wrong with it.
        """
        self._left_out[name] = error
        return f"{name} is left out: {error}"

    def check(self, check: Callable[[IndexedMatrix, Tick], None], tick: Tick, warnings: Warnings) -> None:
        """Check the matrices, and leave the inconsistent ones out.

        Parameters
        ----------
        check
            Raises DatasetInvalid if a matrix is inconsistent.
        tick
            Called with the fraction done.
        warnings
            Gets a warning for each matrix that is left out.
        """
        matrices = list(self)
        for i, matrix in enumerate(matrices):
            try:
                check(matrix, lambda done, i=i: tick((i + done) / len(matrices)))  # type: ignore[misc]
            except DatasetInvalid as error:
                warnings.add(self.leave_out(matrix.name, error))

    def complete(self, whole: Callable[[str], IndexedMatrix]) -> None:
        """Read the matrices from the complete file from now on."""
        for name, matrix in self._found.items():
            matrix.base = whole(name).base
