"""Values as programs in R write them: logicals that are integers, enumerations, and missing values that are numbers.

==============  ====================================================================================================
writer          values
==============  ====================================================================================================
SeuratDisk      factors as codes from 0, their levels in ``__categories/<column>`` without a reference; logicals as
                integers 0, 1 and 2 (missing)
hdf5r           logicals as an HDF5 enumeration of FALSE, TRUE and NA; factors as an enumeration of their levels
rhdf5           logicals as 8-bit integers with an attribute ``storage.mode``, -128 for missing
all             a missing integer is the least one of 32 bits
==============  ====================================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.store.nodes import Array, Group

NA_INTEGER = -(2**31)
"""R's missing integer."""

_LOGICAL_NAMES = {"FALSE": 0, "TRUE": 1, "NA": -1}
# rows of a column that are read at once to see whether it is logical
_ROWS_AT_ONCE = 1 << 18


def missing_integers(values: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return a mask of the values that are R's missing integer; None if there are none."""
    if values.dtype.kind != "i" or values.dtype.itemsize < 4 or not values.size or int(values.min()) > NA_INTEGER:
        return None
    mask: NDArray[np.bool_] = values == NA_INTEGER
    return mask if mask.any() else None


def logical_of_enumeration(names: Mapping[str, int]) -> dict[int, int] | None:
    """Return 0, 1 or -1 (missing) for each value of an enumeration of R's logicals; None for another enumeration."""
    folded = {name.upper(): value for name, value in names.items()}
    if not {"FALSE", "TRUE"} <= set(folded) <= set(_LOGICAL_NAMES):
        return None
    return {value: _LOGICAL_NAMES[name] for name, value in folded.items()}


def is_marked_logical(array: Array) -> bool:
    """Return whether rhdf5 has marked an array of integers as logical."""
    mark = array.attribute("storage.mode") if array.dtype.kind in "iu" else None
    texts = [] if mark is None else np.atleast_1d(mark).ravel().tolist()
    return texts in ([b"logical"], ["logical"])


def is_from_seurat_disk(frame: Group) -> bool:
    """Return whether SeuratDisk wrote a frame: a column has levels in ``__categories`` without a reference to them."""
    levels = frame.group("__categories")
    for name in [] if levels is None else levels.members():
        column = frame.child(name)
        if isinstance(column, Array):
            return column.attribute("categories") is None
    return False


def find_logical(array: Array) -> dict[int, int] | None:
    """Return 0, 1 or -1 (missing) for each value of a logical column of SeuratDisk; None if it is not logical.

    Parameters
    ----------
    array
        A column of a frame from SeuratDisk; logicals and integers have the same type in it.
    """
    if array.dtype.kind != "i" or array.dtype.itemsize != 4:
        return None
    seen = set[int]()
    for start in range(0, array.shape[0], _ROWS_AT_ONCE):
        values = array.read(slice(start, start + _ROWS_AT_ONCE))
        if values.size and not 0 <= int(values.min()) <= int(values.max()) <= 2:
            return None
        seen.update(np.unique(values).tolist())
    if not seen or (2 in seen and 0 not in seen):
        return None
    return {0: 0, 1: 1, 2: -1}


def recode(values: NDArray[Any], table: Mapping[int, int]) -> NDArray[np.int32]:
    """Return the code of each value; -1 for a value that the table does not have."""
    known = np.array(sorted(table))
    codes = np.array([table[int(value)] for value in known], np.int32)
    places = np.minimum(np.searchsorted(known, values), known.size - 1)
    return np.where(known[places] == values, codes[places], np.int32(-1))
