"""An array of Zarr with one axis, for repeated reads of runs of elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.store.nodes import Array, Vector


class ZarrVector(Vector):
    """An array of one axis, whose chunks are unpacked into the result.

    Parameters
    ----------
    array
        The array.
    read_run
        Reads a run of it into an array of its length: (start, stop, array).
    """

    def __init__(self, array: Array, read_run: Callable[[int, int, NDArray[Any]], None]) -> None:
        super().__init__(array)
        self._read_run = read_run

    def read(self, start: int, stop: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return elements start to stop."""
        length = max(stop - start, 0)
        out = np.empty(length, self.dtype) if out is None else out[:length]
        self._read_run(start, stop, out)
        return out
