"""What a table of cells has before it is imported: its columns, and the cells of its rows by names and barcodes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from curation_values import cells, values
from starcyte.curation.cell_matching import match_names
from starcyte.curation.files.read_tables import table_annotations
from starcyte.curation.files.table_columns import preview_table
from starcyte.errors import BadRequest, LimitExceeded
from starcyte.settings import Settings

BARCODES = ["".join("ACGT"[(k >> 2 * i) & 3] for i in range(10)) for k in range(500)]


def frame(names, n=None):
    """A table as of another program: a name, a lane, clusters, a measurement, a type that some lack."""
    names = list(names)[:n]
    rng = np.random.default_rng(1)
    k = np.arange(len(names))
    return pd.DataFrame(
        {
            "lane": k % 2,
            "barcode": names,
            "score": rng.normal(size=k.size),
            "type": np.where(k % 5 == 0, None, np.where(k % 2, "T", "B")),
        }
    )


def preview(table, names, settings=None, **options):
    data = table if isinstance(table, bytes) else table.to_csv().encode()
    return preview_table(data, cells(names), settings or Settings(), **options)


@pytest.mark.parametrize("form", ["{}-1", "s_{}-1", "{}"])
def test_the_column_with_names_is_found_and_the_others_are_described(form):
    names = list(map(form.format, BARCODES))
    table = frame(names)
    found = preview(table.sample(frac=1, random_state=1), names)
    assert found.titles == ["", "lane", "barcode", "score", "type"]
    assert found.names_in == "barcode"
    assert (found.n_rows, found.n_cells, found.by) == (500, 500, {"name": 500})
    unnamed, lane, score, kind = found.columns
    assert (unnamed.problem, unnamed.are_numbers) == ("it has no name", True)
    assert (lane.n, lane.problem, lane.are_numbers) == (table["lane"].nunique(), "", True)
    assert (score.problem, score.are_numbers) == ("numbers, not labels", True)
    assert (kind.n, kind.problem, kind.are_numbers) == (table["type"].nunique(), "", False)
    assert sorted(kind.examples) == ["B", "T"]


@pytest.mark.parametrize(
    ("ours", "theirs", "by"),
    [
        ("{}-1", "{}-1", "name"),
        ("s1_{}-1", "{}-1", "barcode and lane"),
        ("{}", "x:{}-1", "barcode"),
        ("{}-1-0", "{}", "barcode"),
    ],
)
def test_rows_are_matched_by_what_finds_most_as_a_list_of_names_is(ours, theirs, by):
    names = list(map(ours.format, BARCODES))
    others = [theirs.format(b) for b in reversed(BARCODES[100:])] + ["nobody"]
    found = preview(frame(others), names)
    assert (found.names_in, found.by, found.unmatched, found.n_cells) == ("barcode", {by: 400}, 1, 400)
    assert dict(match_names(cells(names), others).by) == {by: 400}
    table = frame(others)
    taken = table_annotations(table.to_csv().encode(), cells(names), chosen=["type"])
    rows = [names.index(ours.format(b)) for b in reversed(BARCODES[100:])]
    expected = pd.Series(table["type"].to_numpy()[:400], index=rows).reindex(range(500))
    assert values(taken.annotations[0], 500) == [None if pd.isna(v) else v for v in expected]


def test_where_whole_names_are_found_a_barcode_is_that_of_another_sample():
    names = [f"a_{b}-1" for b in BARCODES]
    table = frame([*names[:300], *(f"b_{b}-1" for b in BARCODES[300:])])
    found = preview(table, names)
    assert (found.by, found.n_cells, found.unmatched) == ({"name": 300}, 300, 200)
    assert found.examples[0] == f"b_{BARCODES[300]}-1"


def test_two_names_of_one_barcode_are_no_cell():
    names = [f"{b}-1" for b in BARCODES]
    table = frame([*(f"a_{b}" for b in BARCODES), *(f"b_{b}" for b in BARCODES[:3])])
    found = preview(table, names)
    assert (found.by, found.n_cells, found.duplicated) == ({"barcode": 497}, 497, 6)
    taken = table_annotations(table.to_csv().encode(), cells(names))
    assert set(values(taken.annotations[1], 500)[:3]) == {None}


def test_the_column_is_found_in_a_table_that_starts_with_other_cells():
    names = [f"{b}-1" for b in BARCODES]
    table = frame([*(f"cell{k}" for k in range(2000)), *names])
    assert preview(table, names).names_in == "barcode"
    assert preview(table, names).n_cells == 500
    assert preview(table, [f"s_{name}" for name in names]).by == {"barcode and lane": 500}


def test_numbers_that_are_names_are_told_from_clusters():
    names = [str(k) for k in range(500)]
    table = pd.DataFrame({"cluster": np.arange(500) % 9, "cell": names[::-1], "x": "y"})
    found = preview_table(table.to_csv(index=False).encode(), cells(names), Settings())
    assert (found.names_in, found.n_cells) == ("cell", 500)


def test_columns_are_chosen():
    names = [f"{b}-1" for b in BARCODES]
    data = frame(names).assign(other=names[::-1]).to_csv().encode()
    assert preview(data, names, names_in="other").names_in == "other"
    taken = table_annotations(data, cells(names), chosen=["type"], names_in="other")
    assert [a.name for a in taken.annotations] == ["type"]
    assert values(taken.annotations[0], 500) == list(reversed(values(_all(data, names)["type"], 500)))
    assert taken.left_out == ()
    assert set(_all(data, names)) == {"lane", "type", "other"}
    assert dict(table_annotations(data, cells(names)).left_out) == {
        "": "it has no name",
        "score": "numbers, not labels",
    }
    for options in ({"chosen": ["none"]}, {"names_in": "none"}):
        with pytest.raises(BadRequest, match="no column 'none'"):
            table_annotations(data, cells(names), **options)
    with pytest.raises(BadRequest, match="No column is chosen"):
        table_annotations(data, cells(names), chosen=["barcode"])
    with pytest.raises(LimitExceeded, match="'score': numbers, not labels"):
        table_annotations(data, cells(names), chosen=["score"])


def _all(data, names):
    return {each.name: each for each in table_annotations(data, cells(names)).annotations}


def test_more_values_than_labels_are_not_counted():
    names = [f"{b}-1" for b in BARCODES]
    data = frame(names).assign(other=names[::-1]).to_csv().encode()
    *_, other = preview(data, names, Settings(max_annotation_labels=7)).columns
    assert (other.n, other.has_more, other.problem) == (7, True, "more than 7 different values (max_annotation_labels)")
