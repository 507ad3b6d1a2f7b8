"""Sessions: opened again on the same data and, by names, on other data; hostile ones are refused in words."""

from __future__ import annotations

import json

import numpy as np
import pytest
from curation_values import GENE_SETS, RESULT, Cells, annotation, labelled, snapshot, values
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap
from starcyte.curation.cell_names import CellNames
from starcyte.curation.files.session import from_runs, place_annotations, read_session, runs, write_session
from starcyte.curation.models import GeneSet, SavedItem
from starcyte.errors import BadRequest

pytestmark = pytest.mark.slow

NAMES = ["a", "b", "c", "d"]
ANNOTATIONS = [
    annotation("t", [1, -1, 0, 0], ["x", "y", "z"], ["#112233", "", "#000000"], ["a note", "", "two\nlines"])
]
VIEW = SavedItem("view", "mine", 3, "application/json", b'{"zoom": 2.5, "thumbnail": "data:image/png;base64,AA=="}')


def written(made, names):
    dataset = Cells(list(names))
    return b"".join(write_session(made, dataset, CellNames(dataset)))


def other(session, names):
    """The session's annotations as values on another dataset."""
    found = CellNames(Cells(list(names))).find(session.names)
    return {placed.name: values(placed, len(names)) for placed in place_annotations(session, found)}


@given(st.sets(st.integers(0, 40)))
def test_runs_are_the_cells(cells):
    lengths = runs(BitMap(cells))
    told = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    assert set(np.flatnonzero(told).tolist()) == cells
    assert from_runs(lengths, 41) == BitMap(cells)


@given(labelled(), GENE_SETS)
def test_written_and_read_again(made, gene_sets):
    names, annotations = made
    found = read_session(written(snapshot(annotations, gene_sets), names))
    assert found.snapshot.annotations == tuple(annotations)
    assert found.snapshot.gene_sets == tuple(gene_sets)
    assert other(found, names[::-1]) == {one.name: values(one, len(names))[::-1] for one in annotations}


def test_a_session_is_json_with_its_dataset():
    about = json.loads(written(snapshot(ANNOTATIONS, [GeneSet("s", 1, ("A",), "d")], [VIEW, RESULT], "me", 9), NAMES))
    assert about["format"] == "starcyte session"
    assert about["dataset"] == {"title": "Some data", "fingerprint": "f00d", "n_obs": 4, "n_vars": 3}
    assert (about["user"], about["revision"]) == ("me", 9)
    assert about["annotations"] == [
        {
            "name": "t",
            "labels": [
                {"name": "x", "color": "#112233", "note": "a note", "cells": [2, 2]},
                {"name": "y", "color": "", "note": "", "cells": [0, 1]},
                {"name": "z", "color": "#000000", "note": "two\nlines", "cells": []},
            ],
        }
    ]
    assert about["cells"] == {"rows": [0, 1, 1, 2], "names": ["a", "c", "d"]}
    assert about["genesets"] == [{"name": "s", "description": "d", "genes": ["A"]}]
    assert about["views"] == [{"name": "mine", "body": json.loads(VIEW.body)}]
    assert about["results"] == [{"name": "B against T", "body": json.loads(RESULT.body)}]


def test_views_and_results_written_and_read_again():
    found = read_session(written(snapshot(saved_items=[VIEW, RESULT]), NAMES))
    assert [(k.kind, k.name, json.loads(k.body)) for k in found.snapshot.saved_items] == [
        ("view", "mine", json.loads(VIEW.body)),
        ("result", "B against T", json.loads(RESULT.body)),
    ]


def test_nothing_made():
    found = read_session(written(snapshot(), NAMES))
    assert (found.snapshot.annotations, found.snapshot.gene_sets, list(found.names)) == ((), (), [])


def test_on_another_dataset_cells_are_matched_by_name():
    found = read_session(written(snapshot(ANNOTATIONS), NAMES))
    assert other(found, ["d", "new", "a"]) == {"t": ["x", None, "y"]}
    (placed,) = place_annotations(found, np.array([5, -1, -2], np.int32))
    assert [c.cells.to_array().tolist() for c in placed.labels] == [[], [5], []]
    assert [(c.color, c.note) for c in placed.labels] == [
        ("#112233", "a note"),
        ("", ""),
        ("#000000", "two\nlines"),
    ]


def changed(**parts):
    body = json.loads(written(snapshot(ANNOTATIONS), NAMES))
    return json.dumps(body | parts).encode()


def with_cells(*cells):
    return changed(annotations=[{"name": "t", "labels": [{"name": f"c{i}", "cells": c} for i, c in enumerate(cells)]}])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a session"),
        (b'{"format": "another"}', "not a session"),
        (changed(version=2), "version 2"),
        (changed(dataset=3), "'dataset'"),
        (changed(dataset={"n_obs": -1}), "no number of cells"),
        (changed(dataset={"n_obs": 2**40}), "no number of cells"),
        (changed(dataset={"n_obs": True}), "no number of cells"),
        (changed(annotations={}), "'annotations'"),
        (changed(annotations=[{"name": ""}]), "empty"),
        (changed(annotations=[{"name": 3}]), "'name'"),
        (changed(cells={"rows": [0, 4], "names": ["a"]}), "4 labelled cells but 1 cell names"),
        (changed(cells={"rows": [0, 1], "names": [3]}), "'names'"),
        (changed(cells={"rows": [0, 0], "names": []}), "without a name"),
        (with_cells([0, 1, "x"]), "run lengths"),
        (with_cells([0, -1]), "run lengths"),
        (with_cells([0, 2**62]), "run lengths"),
        (with_cells([3, 2]), "cell 4"),
        (with_cells([0, 1], [0, 1]), "duplicate"),
        (with_cells([1, 1]), "without a name"),
    ],
)
def test_invalid_sessions_are_refused(data, says):
    with pytest.raises(BadRequest, match=says):
        read_session(data)
