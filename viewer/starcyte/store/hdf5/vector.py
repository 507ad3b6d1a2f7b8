"""Contiguous one-dimensional datasets of HDF5, read without the HDF5 library."""

from __future__ import annotations

import os
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from starcyte.store.nodes import Array, Vector, reading


class ContiguousVector(Vector):
    """A dataset that is one uncompressed run of bytes in the file, read by ``preadv``.

    HDF5 has one lock for the whole process, which would make all other readers wait. The descriptor is a duplicate of
    the open file's: by now the path may lead to another file.

    Parameters
    ----------
    array
        The array.
    descriptor
        A descriptor of the file, closed with this object.
    offset
        The position of the first element in the file.
    """

    chunk = 0

    def __init__(self, array: Array, descriptor: int, offset: int) -> None:
        self._descriptor, self._offset = descriptor, offset
        super().__init__(array)

    def __del__(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)

    def read(self, start: int, stop: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return elements start to stop."""
        out = np.empty(max(stop - start, 0), self.dtype) if out is None else out[: stop - start]
        with reading(self.name):
            view, position = memoryview(out.view(np.uint8).data), self._offset + start * self.dtype.itemsize
            while len(view):
                n = os.preadv(self._descriptor, [view], position)
                if n == 0:
                    raise OSError("the file ends before it should")
                view, position = view[n:], position + n
        return out


def contiguous_vector(array: Array, dataset: h5py.Dataset) -> ContiguousVector | None:
    """Return a dataset as a vector; None if its bytes are not in the file as numpy has them in memory."""
    plain = dataset.chunks is None and array.dtype.kind in "iuf" and array.dtype.isnative and array.size
    with reading(array.name):
        if not plain or dataset.file.userblock_size or dataset.file.driver != "sec2":
            return None
        offset = dataset.id.get_offset()
        if offset is None:
            return None
        return ContiguousVector(array, os.dup(dataset.file.id.get_vfd_handle()), offset)
