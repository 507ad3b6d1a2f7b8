"""The index of a data frame on disk: the names of its rows, as an array, a categorical or a nullable array."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid
from starcyte.store.nodes import Array, Group, Node, Selection

_MISSING = "nan"


# of text of variable length, in the file
_NAME_BYTES = 16


class RowNames:
    """The names of the rows of a frame, read on request.

    Parameters
    ----------
    name
        Its name in messages, such as ``obs/_index``.
    values
        The names, or the codes of the names if they are categorical.
    field
        The field of a compound array.
    categories
        The name of each code; None if the names are not categorical.
    """

    def __init__(self, name: str, values: Array, field: str | None = None, categories: Array | None = None) -> None:
        if categories is not None and values.dtype.kind not in "iu":
            raise DatasetInvalid(f"{name} is invalid: its codes are {values.dtype}, not integers.")
        self.name, self.n = name, int(values.shape[0])
        # all other columns, embeddings and masks have this length
        dtype = values.dtype if field is None else values.dtype[field]
        values.check_claim(self.n, min(dtype.itemsize, _NAME_BYTES), name, at_once=False)
        self._values, self._field, self._categories = values, field, categories

    @cached_property
    def all(self) -> NDArray[np.object_]:
        """The names of all rows, shape (n,), str objects."""
        return self._read(())

    @cached_property
    def _names(self) -> NDArray[np.object_] | None:
        """The name of each code, and at the end the one of a missing code."""
        if self._categories is None:
            return None
        return np.array([*self._categories.read_text(name=self.name).ravel().tolist(), _MISSING], dtype=object)

    def at(self, rows: Sequence[int]) -> list[str]:
        """Read the names of some rows, not of all: in memory a name takes a hundred bytes.

        Parameters
        ----------
        rows
            Their positions, each below n; a range is one read.
        """
        if self._field is not None:
            return [str(self.all[i]) for i in rows]
        if isinstance(rows, range) and rows.step == 1:
            return self.between(rows.start, rows.stop)
        wanted = sorted(set(rows))
        names = self._read(wanted).tolist() if wanted else []
        found = dict(zip(wanted, names, strict=True))
        return [found[i] for i in rows]

    def between(self, start: int, stop: int) -> list[str]:
        """Read the names of the rows from start to stop (excluded)."""
        if self._field is not None:
            return [str(name) for name in self.all[start:stop]]
        found: list[str] = self._read(slice(start, stop)).tolist()
        return found

    def _read(self, selection: Selection) -> NDArray[np.object_]:
        names = self._names
        if names is None:
            return self._values.read_text(selection, field=self._field, name=self.name)
        codes = self._values.read(selection, name=self.name)
        if codes.size and (int(codes.max()) >= names.size - 1 or int(codes.min()) < -1):
            raise DatasetInvalid(
                f"{self.name} is inconsistent: a code is outside -1 to {names.size - 2}.",
                "Write the file again from its source with anndata.",
            )
        found: NDArray[np.object_] = names[codes]
        return found


def open_row_names(name: str, node: Node | None) -> RowNames | None:
    """Open an index in any of its encodings; return None if it is not one.

    Parameters
    ----------
    name
        Its name in messages.
    node
        The array, or the group of a categorical or nullable array.
    """
    categories: Node | None = None
    if isinstance(node, Group):
        codes = node.child("codes")
        if codes is None:
            node = node.child("values")
        else:
            categories = node.child("categories")
            if isinstance(categories, Group):
                categories = categories.child("values")
            if not isinstance(categories, Array):
                return None
            node = codes
    if not isinstance(node, Array) or node.ndim != 1:
        return None
    return RowNames(name, node, categories=categories if isinstance(categories, Array) else None)
