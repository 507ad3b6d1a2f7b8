"""Cells found by their names, by a part of them, and by barcodes with other prefixes and suffixes."""

from __future__ import annotations

import numpy as np
import pytest
from curation_values import Cells
from hypothesis import given
from hypothesis import strategies as st
from starcyte.curation.cell_matching import match_names
from starcyte.curation.cell_names import CellNames

BARCODES = ["AAACCCAAGAAACACT", "AAACCCAAGAAACCAT", "AAACCCAAGAAACCCA", "AAACCCAAGAAACCCG"]


def names_of(names, block_cells=3):
    return CellNames(Cells(list(names)), block_cells=block_cells)


def test_whole_names_come_before_their_starts_and_parts():
    names = ["xcell1", "cell10", "other", "CELL1", "a cell1", "cell1"]
    assert names_of(names).search("cell1", 20) == [
        (3, "CELL1"), (5, "cell1"), (1, "cell10"), (0, "xcell1"), (4, "a cell1"),
    ]  # fmt: skip
    assert names_of(names).search("cell1", 2) == [(3, "CELL1"), (5, "cell1")]
    assert names_of(names).search("none", 20) == []


@given(st.lists(st.text(min_size=1, max_size=6), max_size=30), st.text(min_size=1, max_size=2))
def test_every_name_with_the_text_is_found(names, text):
    found = names_of(names).search(text, 100)
    assert sorted(row for row, _ in found) == [i for i, name in enumerate(names) if text.lower() in name.lower()]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("{}-1", "{}"),
        ("{}", "{}-1"),
        ("sample_{}-1", "{}-1"),
        ("{}-1", "sample_{}-1"),
        ("{}-1-control", "sample:{}"),
        ("s1#{}-1", "s1_{}x"),
        ("{}.1", "{}-1"),
    ],
)
def test_barcodes_are_found_with_any_prefix_and_suffix(ours, theirs):
    found = match_names(names_of(map(ours.format, BARCODES)), map(theirs.format, reversed(BARCODES[1:])))
    np.testing.assert_array_equal(found.rows, [1, 2, 3])
    assert sum(found.by.values()) == 3
    assert (found.n_missing, found.n_ambiguous, found.examples) == (0, 0, ())


def test_the_lane_tells_cells_of_one_barcode_apart():
    cells = names_of([f"{BARCODES[0]}-1", f"{BARCODES[0]}-2", f"{BARCODES[1]}-1"])
    found = match_names(cells, [f"x_{BARCODES[0]}-2", f"y_{BARCODES[1]}-1"])
    assert (found.rows.tolist(), dict(found.by)) == ([1, 2], {"barcode and lane": 2})
    found = match_names(cells, [BARCODES[0], BARCODES[1], "none"])
    assert (found.rows.tolist(), found.n_ambiguous, found.n_missing) == ([2], 1, 1)
    assert found.examples == (BARCODES[0], "none")


def test_names_of_two_samples_are_not_one_cell():
    found = match_names(names_of([f"{b}-1" for b in BARCODES]), [f"a_{BARCODES[0]}", f"b_{BARCODES[0]}"])
    assert (found.rows.tolist(), found.n_ambiguous) == ([], 2)


def test_whole_names_are_found_first_and_once():
    cells = names_of([f"a_{BARCODES[0]}", f"b_{BARCODES[0]}", "twice", "twice"])
    found = match_names(cells, [f"b_{BARCODES[0]}", f" b_{BARCODES[0]} ", "", "twice"])
    assert (found.rows.tolist(), dict(found.by), found.n_ambiguous) == ([1], {"name": 1}, 1)
