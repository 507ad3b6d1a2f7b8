"""Which columns look like samples."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from starcyte.compute.pseudobulk.sample_columns import sample_columns
from starcyte.settings import Settings
from starcyte.store.open import open_dataset


@pytest.fixture
def found(tmp_path):
    """Return a function that finds the columns of a table of obs."""

    def find(**columns):
        n = len(next(iter(columns.values())))
        path = tmp_path / "cells.h5ad"
        obs = pd.DataFrame(columns, index=[f"c{i}" for i in range(n)])
        ad.AnnData(np.ones((n, 2), np.float32), obs=obs).write_h5ad(path)
        dataset = open_dataset(path, Settings())
        try:
            return [(c.name, len(c.samples), c.constant) for c in sample_columns(dataset)]
        finally:
            dataset.close()

    return find


def spread(values, n=120):
    return pd.Categorical([values[i % len(values)] for i in range(n)])


def test_donors_come_before_samples_and_batches(found):
    columns = {
        "batch": spread(["x", "y"]),
        "sample_id": spread([f"s{k}" for k in range(12)]),
        "Donor": spread([f"d{k}" for k in range(6)]),
        "cell_type": pd.Categorical(np.random.default_rng(1).choice(["B", "T"], 120)),
        "age": [float(30 + 7 * (i % 6)) for i in range(120)],
    }
    assert found(**columns) == [
        ("Donor", 6, ("batch", "age")),
        ("sample_id", 12, ("batch", "Donor", "age")),
        ("batch", 2, ()),
    ]


@pytest.mark.parametrize(
    "name", ["donorID", "patient_id", "mouse.id", "orig.ident", "Sample", "SampleName", "libraries"]
)
def test_names(found, name):
    expected = [] if name == "libraries" else [name]
    assert [c for c, *_ in found(**{name: spread(["a", "b", "c"])})] == expected


@pytest.mark.parametrize(
    "values",
    [spread(["a"]), [f"b{i}" for i in range(120)], np.arange(120.0)],
    ids=["one value", "one a cell", "numbers"],
)
def test_what_is_named_so_and_is_none(found, values):
    assert found(sample=values) == []


def test_missing_samples_are_none(found):
    values = spread(["a", "b", "c"]).set_categories(["a", "b", "c", "unused"])
    values[:5] = np.nan
    side = pd.Categorical(["x" if i % 3 else "y" for i in range(120)])
    assert found(sample=values, side=side) == [("sample", 3, ("side",))]
