"""The tools that end by themselves, with a stand-in for the viewer, and inspect with the viewer itself."""

import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starcyte_galaxy.inspection_page import inspection_page

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
NASTY = "\"; rm -rf ~ #'<b>é😀.h5ad"


@pytest.fixture
def run(tmp_path):
    """Run a command in a job's working folder, with the stand-in if it is told how to behave."""

    def run(command, config, *, viewer=HERE / "stand_in", **behaviour):
        working = tmp_path / "working"
        working.mkdir(exist_ok=True)
        path = tmp_path / "config.json"
        path.write_text(json.dumps({"name": NASTY} | config))
        environ = {
            **{k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "TMPDIR"}},
            **{f"STAND_IN_{k.upper()}": str(v) for k, v in behaviour.items()},
            "STAND_IN_RECORD": str(tmp_path / "record"),
            "PYTHONPATH": os.pathsep.join([str(viewer), str(ROOT / "tool")]),
            "LC_ALL": "C",
        }
        return subprocess.run(
            [sys.executable, "-m", "starcyte_galaxy", command, str(path)],
            cwd=working,
            env=environ,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    return run


@pytest.fixture
def dataset(tmp_path):
    path = tmp_path / "dataset_1.dat"
    path.write_bytes(b"x")
    return path


def given(tmp_path):
    return json.loads((tmp_path / "record").read_text(encoding="utf-8").splitlines()[-1])["arguments"]


def test_prepare(run, dataset, tmp_path):
    (tmp_path / "working" / "cache").mkdir(parents=True)
    ran = run("prepare", {"dataset": str(dataset), "output": "index.tar"})
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "working" / "index.tar").read_text() == "prepare"
    # no second copy waits for Galaxy to move the output
    assert not (tmp_path / "working" / "cache").exists()
    assert given(tmp_path)["title"] == NASTY


def test_annotate(run, dataset, tmp_path):
    annotations = tmp_path / "dataset_2.dat"
    annotations.write_text("cell\tmine\n")
    config = {
        "dataset": str(dataset),
        "annotations": str(annotations),
        "annotations_name": "annotations",
        "annotations_format": "tabular",
    }
    ran = run("annotate", config | {"output": "annotated.h5ad"})
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "working" / "annotated.h5ad").read_text() == "export"
    assert Path(given(tmp_path)["annotations"]).name == "annotations.tabular"
    assert sorted(p.name for p in (tmp_path / "working").iterdir()) == ["annotated.h5ad"]
    assert annotations.read_text() == "cell\tmine\n"


@pytest.mark.parametrize("command", ["prepare", "inspect", "annotate"])
def test_errors_are_printed_once_with_the_name_of_the_dataset(run, dataset, tmp_path, command):
    config = {"dataset": str(dataset), "output": "out", "html": "a", "json": "b", "annotations_format": "csv"}
    annotations = {"annotations": str(dataset), "annotations_name": "annotations"}
    ran = run(command, config | annotations, status=2, complain="starcyte: '{}' is no HDF5 file.")
    assert ran.returncode == 2
    assert ran.stderr == f'starcyte: "{NASTY}" is no HDF5 file.\n'
    assert list((tmp_path / "working").iterdir()) == []


def test_an_empty_config_is_refused(run, dataset):
    ran = run("prepare", {"dataset": str(dataset)})
    assert ran.returncode == 2
    assert "'output'" in ran.stderr


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, *attributes))

    def handle_data(self, data):
        self.texts.append(data)


def test_inspect(run, tmp_path):
    config = {"dataset": str(ROOT / "galaxy_wrappers" / "test-data" / "cells.h5ad"), "html": "a.html", "json": "b.json"}
    ran = run("inspect", config, viewer=ROOT / "viewer")
    assert (ran.returncode, ran.stderr) == (0, "")
    description = json.loads((tmp_path / "working" / "b.json").read_text(encoding="utf-8"))
    assert (description["title"], description["n_obs"], description["n_vars"]) == (NASTY, 200, 50)
    shown = Page((tmp_path / "working" / "a.html").read_text(encoding="utf-8"))
    assert NASTY in shown.texts
    for text in ("cell type", "categorical", "4 categories: T cell, B cell, NK cell, Monocyte", "X_umap", "csr"):
        assert text in shown.texts
    assert "None." in shown.texts


def test_strings_of_a_file_are_text():
    evil = "</td><script>alert(1)</script><img src=x onerror=alert(1)>&amp;"
    column = {"name": evil, "kind": evil, "n_categories": 20, "categories": [evil] * 20}
    description = {
        "n_obs": 1,
        "n_vars": 1,
        "warnings": [evil],
        "obs": [column],
        "embeddings": [{"name": evil, "dims": 2}],
        "matrices": [{"name": evil, "n_vars": 1, "layout": evil, "dtype": evil}],
        "genes": {"names_from": evil},
    }
    shown = Page(inspection_page(evil, 1, description))
    assert {tag for tag, *_ in shown.tags} <= {
        *("html", "head", "meta", "title", "body", "h1", "h2", "p", "ul", "li", "table", "tr", "th", "td")
    }
    assert {a for _, *attributes in shown.tags for a, _ in attributes} <= {"lang", "charset", "border", "cellpadding"}
    assert sum(evil in text for text in shown.texts) >= 9
    assert any(text.endswith(" and 8 more") for text in shown.texts)
