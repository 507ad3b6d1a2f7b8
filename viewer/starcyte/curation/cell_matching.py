"""Names of cells as other programs write them, matched with those of a dataset: whole, or by their barcodes."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from starcyte.curation.cell_names import ABSENT, AMBIGUOUS, CellNames

By: TypeAlias = Literal["name", "barcode and lane", "barcode"]

# of 10x, Drop-seq, inDrop, SPLiT-seq and the like; the lane is what cellranger adds
_BARCODE = re.compile(r"[ACGTN]{8,}(?:[-_.]?[ACGTN]{8,})*(-\d+)?")
_MAX_EXAMPLES = 5


@dataclass(frozen=True)
class NameMatches:
    """The cells of a list of names.

    Parameters
    ----------
    rows
        Row numbers, ascending, each once, shape (cells,), int32.
    by
        The number of names that were found, by what was compared.
    n_missing, n_ambiguous
        The number of names that no cell has, and that several cells have.
    examples
        Some of these names.
    """

    rows: NDArray[np.int32]
    by: Mapping[By, int]
    n_missing: int
    n_ambiguous: int
    examples: tuple[str, ...]


def match_names(cells: CellNames, names: Iterable[str]) -> NameMatches:
    """Return the cells of names.

    A name that no cell has may have another prefix or suffix, such as ``sample_`` or ``-1``: it is looked for by its
    barcode, at first with the lane that follows it.

    Parameters
    ----------
    cells
        The names of the dataset.
    names
        The names; repeated ones count once.
    """
    wanted = [name for name in dict.fromkeys(each.strip() for each in names) if name]
    found = np.full(len(wanted), ABSENT, np.int32)
    by: dict[By, int] = {}
    for kind, key in STAGES.items():
        left = np.flatnonzero(found == ABSENT)
        keys: dict[str, list[int]] = {}
        for i in left.tolist():
            if (k := key(wanted[i])) is not None:
                keys.setdefault(k, []).append(i)
        if not keys:
            continue
        rows = _rows_of(cells, keys, key)
        for k, row in rows.items():
            # of several names, as of the same barcode in two samples, it is not known whose the cell is
            found[keys[k]] = row if len(keys[k]) == 1 else AMBIGUOUS
        if n := int((found[left] >= 0).sum()):
            by[kind] = n
    absent, several = found == ABSENT, found == AMBIGUOUS
    examples = tuple(wanted[i] for i in islice(np.flatnonzero(absent | several).tolist(), _MAX_EXAMPLES))
    return NameMatches(np.unique(found[found >= 0]), by, int(absent.sum()), int(several.sum()), examples)


def _rows_of(cells: CellNames, keys: Collection[str], key: Callable[[str], str | None]) -> dict[str, int]:
    """Return the row of each key that a cell has; AMBIGUOUS if several cells have it."""
    rows: dict[str, int] = {}
    for start, block, _ in cells.blocks():
        for i, name in enumerate(block):
            k = key(name)
            if k is not None and k in keys:
                rows[k] = AMBIGUOUS if k in rows else start + i
    return rows


def _barcode_and_lane(name: str) -> str | None:
    found = _longest(name)
    return found[0] if found and found[1] else None


def _barcode(name: str) -> str | None:
    found = _longest(name)
    return found[0].removesuffix(found[1] or "") if found else None


def _whole(name: str) -> str:
    return name


def _longest(name: str) -> re.Match[str] | None:
    return max(_BARCODE.finditer(name), key=lambda match: match.end() - match.start(), default=None)


#: What is compared of a name, in this order; None: the name has no barcode
STAGES: Mapping[By, Callable[[str], str | None]] = {
    "name": _whole,
    "barcode and lane": _barcode_and_lane,
    "barcode": _barcode,
}
