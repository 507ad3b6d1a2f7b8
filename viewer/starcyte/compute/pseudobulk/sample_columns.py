"""The columns of obs that look like samples: what was taken from one donor, and is a replicate."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.store.dataset import Dataset, Kind

#: Words in the names of columns of samples, those of donors before those of their parts
_WORDS = (
    ("donor", "patient", "individual", "subject", "participant", "mouse", "animal", "fish"),
    ("sample", "library", "replicate", "biosample", "specimen", "orig", "well", "embryo"),
    ("batch", "channel", "lane"),
)
_FEWEST, _MOST = 2, 1000
# with fewer cells for each a column is of barcodes, not of samples
_CELLS_EACH = 5


@dataclass(frozen=True)
class SampleColumn:
    """A column of obs that looks like samples.

    Parameters
    ----------
    name
        Its name.
    samples
        Its categories that have cells.
    constant
        The other columns that have one value in each sample: what a comparison over samples may compare or adjust for.
    """

    name: str
    samples: tuple[str, ...]
    constant: tuple[str, ...]


def sample_columns(dataset: Dataset) -> list[SampleColumn]:
    """Return the columns that look like samples by name and structure, the likeliest first.

    A column of donors comes before one of samples, and among these the one within which most others are constant.
    """
    found = []
    for info in dataset.obs:
        rank = _rank(info.name)
        if rank is None or info.kind not in {Kind.CATEGORICAL, Kind.STRING}:
            continue
        codes, categories = dataset.obs_column(info.name).as_codes()
        present = np.unique(codes[codes >= 0])
        if not _FEWEST <= present.size <= min(_MOST, dataset.n_obs // _CELLS_EACH):
            continue
        constant = tuple(c.name for c in dataset.obs if c.name != info.name and is_constant(dataset, c.name, codes))
        samples = tuple(categories[code] for code in present.tolist())
        found.append((rank, -len(constant), -present.size, SampleColumn(info.name, samples, constant)))
    return [column for *_, column in sorted(found, key=lambda entry: entry[:3])]


def _rank(name: str) -> int | None:
    """Return the position of the first group of words that has one of the name's."""
    words = set(re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()))
    return next((rank for rank, group in enumerate(_WORDS) if words & {*group, *(f"{w}s" for w in group)}), None)


def is_constant(dataset: Dataset, name: str, samples: NDArray[np.signedinteger]) -> bool:
    """Return whether a column has one value in each sample, and not the same in all.

    Parameters
    ----------
    dataset
        The dataset.
    name
        The name of the column.
    samples
        The sample of each cell, shape (n_obs,); -1 for cells that are not considered.
    """
    column = dataset.obs_column(name)
    if column.info.kind is Kind.DATETIME:
        return False
    if column.info.kind is Kind.CONTINUOUS:
        values = np.nan_to_num(column.as_numbers().astype(np.float64), nan=np.inf)
    else:
        values = column.as_codes()[0].astype(np.float64)
    known = samples >= 0
    if not known.any():
        return False
    of_cells, values = samples[known], values[known]
    first = np.zeros(int(of_cells.max()) + 1)
    # in reverse, so that the first cell of each sample is the last that is written
    first[of_cells[::-1]] = values[::-1]
    return bool((values == first[of_cells]).all() and (values != values[0]).any())
