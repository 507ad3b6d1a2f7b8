"""The commands of the batch tools, as Galaxy writes them into the script of a job, run by a shell."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import warnings
import zipfile
from pathlib import Path
from types import SimpleNamespace

import anndata
import pytest
from starcyte.settings import Settings
from starcyte.store.open import open_dataset

with warnings.catch_warnings():
    # Galaxy's template engine imports modules that Python is about to drop
    warnings.simplefilter("ignore", DeprecationWarning)
    from galaxy.tool_util.parser.factory import get_tool_source
    from galaxy.util.template import fill_template

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[3] / "galaxy_wrappers" / "tools"
DATA = FOLDER / "starcyte" / "test-data"
INTERACTIVE = FOLDER / "interactive" / "interactivetool_starcyte.xml"
TOOLS = [*sorted((FOLDER / "starcyte").glob("starcyte_*.xml")), INTERACTIVE]
NASTY = "-rf \"; $(touch made) `touch made` ' \\ \n#é😀"


class Dataset:
    """What a template sees of a dataset."""

    def __init__(self, path, identifier, ext="h5ad"):
        self.path, self.element_identifier, self.ext = path, identifier, ext

    def __str__(self):
        return str(self.path)


def script(tool, **context):
    """Return the script of a job: Galaxy runs the version command first, and ends at the first failure."""
    source = get_tool_source(str(tool))
    command = fill_template(source.parse_command(), context=context, python_template_version="3.7")
    return f"set -e\n{source.parse_version_command()} > version 2>&1;\n{command}"


@pytest.fixture
def run(tmp_path):
    def run(text, path=str(Path(sys.executable).parent)):
        working = tmp_path / "working"
        working.mkdir(exist_ok=True)
        environ = {"PATH": f"{path}:/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C", "GALAXY_SLOTS": "2"}
        environ |= {k: v for k, v in os.environ.items() if k == "PYTHONPATH"}
        command = ["/bin/sh", "-c", text]
        return subprocess.run(command, cwd=working, env=environ, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def cells(tmp_path):
    """A dataset as it is in Galaxy's file store."""
    path = tmp_path / "dataset_1.dat"
    path.write_bytes((DATA / "cells.h5ad").read_bytes())
    return path


NAMES = pytest.mark.parametrize("name", ["cells.h5ad", "pbmc", NASTY, "..", "x" * 300], ids=repr)


def tool(name):
    return FOLDER / "starcyte" / f"starcyte_{name}.xml"


@NAMES
def test_prepare(run, cells, tmp_path, name):
    done = run(script(tool("prepare"), infile=Dataset(cells, name), kind="index"))
    assert (done.returncode, done.stderr) == (0, "")
    working = tmp_path / "working"
    with tarfile.open(working / "index.tar") as archive:
        assert any(member.endswith("index.json") for member in archive.getnames())
    # no second copy waits for Galaxy to move the output, and no name was a word of the shell
    assert {p.name for p in working.iterdir() if not p.is_symlink()} == {"index.tar", "version"}
    assert (working / "version").read_text().startswith("starcyte ")


@NAMES
def test_prepare_a_store(run, cells, tmp_path, name):
    done = run(script(tool("prepare"), infile=Dataset(cells, name), kind="store"))
    assert (done.returncode, done.stderr) == (0, "")
    working = tmp_path / "working"
    dataset = open_dataset(working / "store.zarr.zip", Settings())
    assert (dataset.n_obs, dataset.n_vars, dataset.matrix("X").is_prepared) == (200, 50, True)
    dataset.close()
    assert {p.name for p in working.iterdir() if not p.is_symlink()} == {"store.zarr.zip", "version"}


@NAMES
def test_inspect(run, cells, tmp_path, name):
    done = run(script(tool("inspect"), infile=Dataset(cells, name)))
    assert (done.returncode, done.stderr) == (0, "")
    working = tmp_path / "working"
    text = (working / "report.txt").read_text()
    assert ": 200 cells x 50 genes\n" in text
    assert "\n  cell type (categorical): T cell, B cell, NK cell, Monocyte\n" in text
    assert json.loads((working / "description.json").read_text())["n_obs"] == 200
    assert not (working / "made").exists()


@pytest.mark.parametrize(
    ("file", "ext", "first"),
    [
        ("cite.h5mu", "h5mu", "MuData in HDF5"),
        ("cells.loom", "loom", "loom in HDF5"),
        ("cells.zarr.zip", "zarr.zip", "AnnData in Zarr"),
    ],
)
@pytest.mark.parametrize("name", ["cells", NASTY], ids=["plain", "nasty"])
def test_inspect_and_prepare_of_other_formats(run, tmp_path, file, ext, first, name):
    path = tmp_path / "dataset_6.dat"
    path.write_bytes((DATA / file).read_bytes())
    given = Dataset(path, name, ext)
    done = run(script(tool("inspect"), infile=given))
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "working" / "report.txt").read_text().splitlines()[1] == first
    shutil.rmtree(tmp_path / "working")
    for kind, made in (("index", "index.tar"), ("store", "store.zarr.zip")):
        done = run(script(tool("prepare"), infile=given, kind=kind))
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "working" / made).stat().st_size > 1000
        shutil.rmtree(tmp_path / "working")


@pytest.mark.parametrize("root", ["cells.zarr", "it's; $(touch made)", None])
def test_a_store_that_is_a_folder(run, tmp_path, root):
    """Galaxy has it among the extra files of a dataset, in a folder that is named as in the user's archive."""
    extra = tmp_path / "dataset_7_files"
    with zipfile.ZipFile(DATA / "cells.zarr.zip") as archive:
        archive.extractall(extra / root if root else extra)
    given = Dataset(tmp_path / "dataset_7.dat", "cells", "zarr")
    given.extra_files_path, given.metadata = extra, SimpleNamespace(store_root=root)
    done = run(script(tool("inspect"), infile=given))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "working" / "description.json").read_text())["n_obs"] == 30
    assert not (tmp_path / "working" / "made").exists()


def test_messages_have_the_name_of_the_dataset(run, tmp_path):
    path = tmp_path / "dataset_2.dat"
    path.write_bytes((DATA / "no_cells.h5ad").read_bytes())
    done = run(script(tool("inspect"), infile=Dataset(path, "PBMC 3k.h5ad")))
    assert done.returncode == 2
    assert "'PBMC_3k.h5ad' has no cells" in done.stderr


@pytest.mark.parametrize("ext", ["tabular", "csv", "json"])
@pytest.mark.parametrize("name", ["cells.h5ad", NASTY], ids=["plain", "nasty"])
def test_annotate(run, cells, tmp_path, ext, name):
    annotations = tmp_path / "dataset_3.dat"
    (given,) = (p for p in DATA.iterdir() if p.suffix == f".{ext}" and p.stem in {"annotations", "session"})
    annotations.write_bytes(given.read_bytes())
    context = {"infile": Dataset(cells, name), "annotations": Dataset(annotations, name, ext)}
    done = run(script(tool("annotate"), **context))
    assert done.returncode == 0, done.stderr
    annotated = anndata.read_h5ad(tmp_path / "working" / "annotated.h5ad")
    assert "my annotation" in annotated.obs
    assert annotations.read_bytes() == given.read_bytes()


class Value:
    """What a template sees of a column, or a text, that was chosen."""

    def __init__(self, value=None):
        self.value = value

    def __str__(self):
        # as Galaxy would put it on a command line
        return re.sub("[^A-Za-z0-9 ]", "X", str(self.value))


COLUMNS = ("condition", "sample", "covariates", "each", "a", "b")


def columns(**chosen):
    return {name: Value(chosen.get(name)) for name in COLUMNS}


@NAMES
def test_compare(run, tmp_path, name):
    path = tmp_path / "dataset_4.dat"
    path.write_bytes((DATA / "donors.h5ad").read_bytes())
    done = run(script(tool("compare"), infile=Dataset(path, name), **columns(condition="condition")))
    assert (done.returncode, done.stderr) == (0, "")
    working = tmp_path / "working"
    assert (working / "results.tabular").read_text().startswith("gene\tgene_id\tlog2_fold_change\t")
    assert (working / "notes.txt").read_text().startswith("ill (A) against healthy (B) in condition, ")
    assert (working / "report.html").read_text().endswith("</html>\n")
    assert not (working / "made").exists()


def test_compare_with_names_that_a_shell_would_read(run, tmp_path):
    dataset = anndata.read_h5ad(DATA / "donors.h5ad")
    names = {name: f"-{name} '$(touch made)' `touch made` \"é#" for name in dataset.obs}
    dataset.obs = dataset.obs.rename(columns=names)
    condition = names["condition"]
    dataset.obs[condition] = dataset.obs[condition].cat.rename_categories(["-h; touch made", "'ill'"])
    path = tmp_path / "dataset_5.dat"
    dataset.write_h5ad(path)
    chosen = columns(
        condition=condition,
        sample=names["donor"],
        covariates=[names["sex"]],
        each=names["cell type"],
        a="-h; touch made",
        b="'ill'",
    )
    done = run(script(tool("compare"), infile=Dataset(path, "cells.h5ad"), **chosen))
    assert (done.returncode, done.stderr) == (0, "")
    working = tmp_path / "working"
    notes = (working / "notes.txt").read_text().splitlines()
    assert notes[0].startswith("-h; touch made (A) against 'ill' (B) in -condition '$(touch made)'")
    assert f"~ {condition} + {names['sex']}." in notes[4]
    assert not (working / "made").exists()


@pytest.mark.parametrize("path", TOOLS, ids=lambda p: p.stem)
def test_a_missing_package_is_reported(run, cells, path):
    """At the node of the job: exit status 127 says nothing, and Galaxy shows what is on standard error."""
    dataset = Dataset(cells, "cells.h5ad")
    context = {
        "infile": dataset,
        "annotations": dataset,
        "config": "config.json",
        "options": SimpleNamespace(),
        "kind": "store",
    }
    context |= columns(condition="condition")
    done = run(script(path, **context), path="/nonexistent")
    assert done.returncode == 127
    assert done.stderr.startswith("starcyte is not installed at the destination of this job.")
