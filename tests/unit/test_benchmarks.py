"""The benchmarks can be run: their datasets are as asked, their small cases work, their table can be read."""

from __future__ import annotations

import sys
from pathlib import Path

import anndata as ad
import pytest

sys.path.append(str(Path(__file__).parents[2]))

from benchmarks import small
from benchmarks.dataset_facts import facts_of
from benchmarks.datasets import write_csc_twin, write_dataset
from benchmarks.results import Results
from benchmarks.table import PAGE, insert, markdown, short

CELLS, GENES, DENSITY = 3_000, 600, 0.06


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("benchmarks") / "tiny.h5ad"
    write_dataset(path, CELLS, GENES, DENSITY)
    return path


def test_density_is_as_asked(dataset):
    facts = facts_of(dataset)
    assert facts.nnz / (CELLS * GENES) == pytest.approx(DENSITY, rel=0.1)
    assert (facts.n_obs, facts.n_vars, facts.n_groups) == (CELLS, GENES, 40)


def test_the_twin_by_columns_holds_the_same(dataset, tmp_path):
    twin = tmp_path / "twin.h5ad"
    write_csc_twin(dataset, twin, entries=10_000)
    by_rows, by_columns = ad.read_h5ad(dataset), ad.read_h5ad(twin)
    assert by_columns.X.format == "csc"
    assert by_columns.X.has_sorted_indices
    assert (by_columns.X.tocsr() != by_rows.X).nnz == 0
    assert by_rows.obs.equals(by_columns.obs)


@pytest.mark.parametrize("name", [n for n in dir(small) if n.startswith(("time_", "peakmem_"))])
def test_small_case_runs(name, dataset, tmp_path):
    taken = getattr(small, name)(dataset, tmp_path)
    assert taken is None or taken > 0


MACHINE = {
    "date": "2026-01-01",
    "processor": "some",
    "cores": 2,
    "memory_gib": 24,
    "system": "Linux",
    "python": "3.11",
    "commit": "abc",
    "load_average": [0.1],
    "memory_copy_gb_s": 10,
}


def test_table_shows_ratios_and_what_a_peer_cannot_do(tmp_path):
    shape = {"name": "tiny", "cells": 10, "genes": 5, "nnz": 20, "density": 0.4, "bytes": 100, "read_gb_s": 3}
    results = Results(MACHINE, shape, ["starcyte", "annzarro", "scanpy"])
    gene = results.row("one gene", "s", 1e-6)
    gene.add("starcyte", 0.002)
    gene.add("annzarro", 0.2)
    load = results.row("16 clients", "per s")
    load.add("starcyte", 900)
    load.add("annzarro", 30)
    markers = results.row("markers", "s")
    markers.add("starcyte", 0.1)
    markers.unable["annzarro"] = "has none"
    markers.add("scanpy", 4)
    results.write(tmp_path / "tiny.json")
    text = markdown([Results.read(tmp_path / "tiny.json")])
    assert "| one gene | 2 ms | 200 ms |  | 100 x | 1 µs |" in text
    assert "| 16 clients | 900/s | 30/s |  | 30 x |  |" in text
    assert "| markers | 100 ms | none | 4 s | 40 x |  |" in text


def test_short_table_replaces_the_one_between_its_marks():
    shape = {"name": "medium", "cells": 250_000, "genes": 5, "nnz": 20, "density": 0.4, "bytes": 100, "read_gb_s": 3}
    results = Results(MACHINE, shape, ["starcyte", "cellxgene CSC", "annzarro", "scanpy"])
    gene = results.row("one gene", "s", 1e-6)
    for viewer, seconds in (("starcyte", 0.002), ("annzarro", 0.2), ("cellxgene CSC", 0.004)):
        gene.add(viewer, seconds)
    clients = results.row("16 clients, random genes: answers", "per s")
    for viewer, answers in (("starcyte", 900), ("annzarro", 30), ("cellxgene CSC", 300)):
        clients.add(viewer, answers)
    results.row("an empty answer", "s").add("starcyte", 0.001)
    walk = {"group": True, "limit": 512 << 20, "anonymous": 280e6, "kills": 0}
    page = "before\n<!-- begin summary -->\nold\n<!-- end summary -->\nafter\n"
    text = insert(page, "summary", short([results], walk))
    assert "| one gene | 250,000 | 2 ms | 4 ms (cellxgene CSC) | 2.0 x | 1 µs |" in text
    assert "| 16 clients, random genes: answers | 250,000 | 900/s | 300/s (cellxgene CSC) | 3.0 x |  |" in text
    assert "in a control group of 512 MiB: 280 MB of anonymous memory at most, nothing killed" in text
    assert text.startswith("before\n<!-- begin summary -->\n")
    assert text.endswith("\n<!-- end summary -->\nafter\n")
    assert "old" not in text
    assert "an empty answer" not in text


def test_a_text_without_marks_is_refused():
    with pytest.raises(ValueError, match="begin summary"):
        insert("nothing", "summary", "table")


def test_the_documentation_has_the_marks_of_the_tables():
    page = PAGE.read_text()
    for name in ("summary", "tables"):
        assert "\ntable\n" in insert(page, name, "table")
