"""``starcyte export``: into every kind of file and back, from the data folder and from files."""

from __future__ import annotations

import json
import shutil
import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from h5ad_file import Categorical
from pyroaring import BitMap
from scipy.sparse import csr_array
from starcyte.cli import main
from starcyte.curation.curation import Curation
from starcyte.curation.models import Label
from starcyte.settings import Settings
from starcyte.store.open import open_dataset

pytestmark = pytest.mark.slow

TYPES = ["T", None, "B", "T"]


@pytest.fixture
def dataset(make_h5ad):
    """A file with cells c0 to c3."""
    return make_h5ad(csr_array(np.eye(4)), obs={"type": Categorical(np.zeros(4, np.int8), ["x"])})


@pytest.fixture
def data_dir(tmp_path, dataset):
    """A data folder in which somebody has labelled it."""
    opened = open_dataset(dataset, Settings())
    folder = tmp_path / "data"
    curation = Curation(folder / f"{opened.fingerprint}.sqlite", Settings(), 4)
    start = [Label("T", "#112233", "a note", BitMap([0, 3])), Label("B", cells=BitMap([2]))]
    curation.annotations.create("", "type", start=start)
    curation.annotations.create("alice", "hers", start=[Label("x", cells=BitMap([1]))])
    curation.gene_sets.put("", "s", ["CD3D"])
    curation.close()
    opened.close()
    return folder


def export(*arguments):
    return main(["export", *map(str, arguments)])


def column(path, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = ad.read_h5ad(path)
    return [None if pd.isna(v) else v for v in data.obs[name]], data


def refused(capsys, status=2):
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("starcyte: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize("ending", ["csv", "tsv", "tabular", "json"])
def test_out_and_into_an_h5ad(dataset, data_dir, tmp_path, capsys, ending):
    file, new = tmp_path / f"annotations.{ending}", tmp_path / "new.h5ad"
    assert export(dataset, "--data-dir", data_dir, "--output", file) == 0
    assert export(dataset, "--annotations", file, "--output", new) == 0
    values, data = column(new, "type_2")
    assert values == TYPES
    assert data.uns["starcyte"]["source"] == dataset.name
    np.testing.assert_array_equal(data.X.toarray(), np.eye(4))
    if ending == "json":
        assert data.uns["type_2_colors"][1] == "#112233" or data.uns["type_2_colors"][0] == "#112233"
    assert "'type_2'" in capsys.readouterr().err


def test_from_the_data_folder(dataset, data_dir, tmp_path, capsys):
    before = dataset.read_bytes()
    assert export(dataset, "--data-dir", data_dir, "--output", tmp_path / "new.h5ad") == 0
    assert column(tmp_path / "new.h5ad", "type_2")[0] == TYPES
    assert export(dataset, "--data-dir", data_dir, "--output", tmp_path / "s.gmt") == 0
    assert (tmp_path / "s.gmt").read_text() == "s\tna\tCD3D\n"
    assert export(dataset, "--data-dir", data_dir, "--user", "alice", "--output", tmp_path / "a.csv") == 0
    assert (tmp_path / "a.csv").read_text() == "cell,hers\nc0,\nc1,x\nc2,\nc3,\n"
    assert dataset.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "data", "made-1.h5ad", "new.h5ad", "s.gmt"]


def test_onto_other_cells(dataset, data_dir, make_h5ad, tmp_path, capsys):
    other = make_h5ad(csr_array(np.eye(3)), cells=["c3", "new", "c0"])
    session = tmp_path / "session.json"
    assert export(dataset, "--data-dir", data_dir, "--output", session) == 0
    assert export(other, "--annotations", session, "--output", tmp_path / "new.h5ad") == 0
    assert column(tmp_path / "new.h5ad", "type")[0] == ["T", None, "T"]
    assert "1 cells of 'session.json' are not in the dataset (such as 'c2')." in capsys.readouterr().err


def test_by_position_where_names_repeat(make_h5ad, tmp_path):
    path = make_h5ad(csr_array(np.eye(3)), cells=["a", "a", "b"])
    (tmp_path / "l.csv").write_text("cell,t\na,T\na,B\nb,NK\n")
    assert export(path, "--annotations", tmp_path / "l.csv", "--output", tmp_path / "s.json") == 0
    assert export(path, "--annotations", tmp_path / "s.json", "--output", tmp_path / "again.csv") == 0
    assert (tmp_path / "again.csv").read_text() == "cell,t\na,T\na,B\nb,NK\n"


def test_duplicate_names_of_a_session_are_omitted(make_h5ad, tmp_path, capsys):
    path = make_h5ad(csr_array(np.eye(3)), cells=["a", "a", "b"])
    other = make_h5ad(csr_array(np.eye(2)), cells=["a", "b"])
    (tmp_path / "l.csv").write_text("cell,t\na,T\na,B\nb,NK\n")
    assert export(path, "--annotations", tmp_path / "l.csv", "--output", tmp_path / "s.json") == 0
    assert export(other, "--annotations", tmp_path / "s.json", "--output", tmp_path / "o.csv") == 0
    assert (tmp_path / "o.csv").read_text() == "cell,t\na,\nb,NK\n"
    assert "omitted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "annotations", "says"),
    [
        ("x.txt", "c0,T", "not that of a known format"),
        ("x.h5ad", "nobody,T", "No cell of 'l.csv' is in the dataset (such as 'nobody')"),
        ("x.h5ad", None, "cannot be read"),
        ("nowhere/x.csv", "c0,T", "No such file"),
        ("nowhere/x.h5ad", "c0,T", "No such file"),
        ("made-1.h5ad", "c0,T", "the dataset itself"),
        ("x.h5ad", "c0", "2"),
    ],
)
def test_invalid_arguments_are_refused(dataset, tmp_path, capsys, output, annotations, says):
    if annotations is not None:
        (tmp_path / "l.csv").write_text(f"cell,t\n{annotations}\n")
    before = dataset.read_bytes()
    assert export(dataset, "--annotations", tmp_path / "l.csv", "--output", tmp_path / output) == 2
    assert says in refused(capsys)
    assert dataset.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} <= {"made-1.h5ad", "l.csv"}


def test_nothing_made(dataset, tmp_path, capsys):
    assert export(dataset, "--data-dir", tmp_path / "data", "--output", tmp_path / "x.h5ad") == 2
    assert "has no annotations of this dataset" in refused(capsys)
    (tmp_path / "s.json").write_text("{}")
    assert export(dataset, "--annotations", tmp_path / "s.json", "--output", tmp_path / "x.h5ad") == 2
    assert "not a session" in refused(capsys)


def test_an_earlier_file_is_replaced_when_the_new_one_is_whole(dataset, tmp_path):
    (tmp_path / "l.csv").write_text("cell,t\nc0,T\n")
    shutil.copy(dataset, tmp_path / "x.h5ad")
    assert export(dataset, "--annotations", tmp_path / "l.csv", "--output", tmp_path / "x.h5ad") == 0
    assert column(tmp_path / "x.h5ad", "t")[0] == ["T", None, None, None]


def test_a_session_of_the_data_folder_has_its_user(dataset, data_dir, tmp_path):
    assert export(dataset, "--data-dir", data_dir, "--user", "alice", "--output", tmp_path / "s.json") == 0
    made = json.loads((tmp_path / "s.json").read_text())
    assert made["user"] == "alice"
    assert [one["name"] for one in made["annotations"]] == ["hers"]
