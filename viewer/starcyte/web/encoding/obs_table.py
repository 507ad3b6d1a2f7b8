"""The table of obs as CSV, in blocks of cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pyroaring import BitMap

from starcyte.store.dataset import Column, Kind
from starcyte.web.encoding.wire import csv_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from starcyte.curation.models import Annotation
    from starcyte.store.dataset import Dataset

_CELLS_AT_ONCE = 20_000


def obs_table(dataset: Dataset, annotations: Sequence[Annotation], chosen: NDArray[np.bool_]) -> Iterator[bytes]:
    """Yield a table with a row for each chosen cell: its name, its values in obs, and its labels.

    Parameters
    ----------
    dataset
        The dataset.
    annotations
        The last columns. One of the name of a column of obs has a number after it.
    chosen
        The cells, shape (n_obs,).

    Yields
    ------
    bytes
        CSV. Missing values and unlabelled cells are empty fields.
    """
    columns = [column.name for column in dataset.obs]
    yield csv_bytes(["cell", *columns, *_free_names(annotations, {"cell", *columns})], [])
    for start in range(0, dataset.n_obs, _CELLS_AT_ONCE):
        stop = min(start + _CELLS_AT_ONCE, dataset.n_obs)
        mine = np.flatnonzero(chosen[start:stop])
        if not mine.size:
            continue
        names = dataset.cell_names(range(start, stop))
        fields: list[list[Any]] = [[names[i] for i in mine.tolist()]]
        fields += [_fields(column, mine) for column in dataset.obs_rows(start, stop)]
        fields += [_labels(annotation, (mine + start).tolist()) for annotation in annotations]
        yield csv_bytes(None, zip(*fields, strict=True))


def _free_names(annotations: Sequence[Annotation], taken: set[str]) -> list[str]:
    """Return the names of annotations; those that are taken get a number, as in a new h5ad."""
    names = []
    for annotation in annotations:
        name, number = annotation.name, 1
        while name in taken:
            number += 1
            name = f"{annotation.name}_{number}"
        taken.add(name)
        names.append(name)
    return names


def _fields(column: Column, rows: NDArray[np.intp]) -> list[Any]:
    """Return numbers, texts, and None for missing values; numbers have as few digits as their width needs."""
    missing = None if column.missing is None else column.missing[rows]
    part = Column(column.info, column.values[rows], missing)
    if column.info.categories is not None or column.info.kind is not Kind.CONTINUOUS:
        texts = part.as_text().tolist()
        return [None if text == "NaT" and column.info.kind is Kind.DATETIME else text for text in texts]
    narrow = part.values.dtype.kind == "f" and part.values.dtype.itemsize < np.dtype(float).itemsize
    numbers: list[Any] = [float(str(value)) for value in part.values] if narrow else part.values.tolist()
    absent = np.isnan(part.values) if part.values.dtype.kind == "f" else np.zeros(len(numbers), bool)
    for i in np.flatnonzero(absent if missing is None else absent | missing).tolist():
        numbers[i] = None
    return numbers


def _labels(annotation: Annotation, cells: Sequence[int]) -> list[str]:
    labels = {cell: label.name for label in annotation.labels for cell in label.cells & BitMap(cells)}
    return [labels.get(cell, "") for cell in cells]
