"""A matrix whose values are still on their way."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from starcyte.errors import DatasetLoading
from starcyte.store.block import Block
from starcyte.store.dataset import Layout, Matrix, Tick, Values, no_tick
from starcyte.store.moments import Moments


class UnavailableMatrix:
    """What is known of a matrix without reading its values; whoever reads them is told to ask again.

    Parameters
    ----------
    matrix
        The matrix, of which nothing is read.
    """

    def __init__(self, matrix: Matrix) -> None:
        self.name: str = matrix.name
        self.shape: tuple[int, int] = matrix.shape
        self.dtype: np.dtype[Any] = matrix.dtype
        self.layout: Layout = matrix.layout
        self.nnz: int | None = matrix.nnz

    def column(self, index: int, tick: Tick = no_tick) -> Values:
        """Raise DatasetLoading."""
        refuse_unavailable(self.name)

    @property
    def n_blocks(self) -> int:
        """Raise DatasetLoading: how a matrix is cut into blocks depends on its values."""
        refuse_unavailable(self.name)

    def block(self, number: int) -> Block:
        """Raise DatasetLoading."""
        refuse_unavailable(self.name)

    def moments(self, column: str) -> Moments | None:
        """Return None: there are none without an index."""
        return None

    def check(self, tick: Tick = no_tick) -> None:
        """Raise DatasetLoading."""
        refuse_unavailable(self.name)


def refuse_unavailable(name: str) -> NoReturn:
    """Raise DatasetLoading for a part of a dataset that is not here yet."""
    raise DatasetLoading(f"{name} is still being downloaded.", "Ask again in a few seconds.")
