"""The registry of methods: its entries, what they promise, and that it costs nothing at the server's start."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from starcyte.compute.methods import DEFAULT_METHOD, METHODS
from starcyte.compute.methods.method import RESULT_COLUMNS
from starcyte.errors import BadRequest

A = np.arange(12) < 6
#: Those that compare cells; those that compare samples have tests of their own
OF_CELLS = [method for method in METHODS.values() if not method.over_samples]
VALUES = np.random.default_rng(0).poisson(3, (12, 4)).astype(np.float32)


def test_the_default_is_the_first():
    assert list(METHODS) == ["t-test", "wilcoxon", "pseudobulk", "deseq2"]
    assert DEFAULT_METHOD == "t-test"


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda m: m.id)
def test_a_description_is_json_and_names_columns_of_results(method):
    description = json.loads(json.dumps(method.as_dict()))
    assert description["id"] == method.id
    assert all(description[key] for key in ("label", "name", "description", "columns"))
    assert [c for c in RESULT_COLUMNS if c in description["columns"]] == description["columns"]
    assert ("auc" in description["columns"]) == description["has_auc"]
    assert ("log2_fold_change" in description["columns"]) == description["has_fold_change"]


@pytest.mark.parametrize("method", OF_CELLS, ids=lambda m: m.id)
def test_the_columns_of_a_method_are_those_that_have_values(compared, method):
    result = compared(VALUES, A, ~A, method=method.id)
    defined = {c for c in RESULT_COLUMNS[2:] if np.isfinite(getattr(result, c)).any()}
    assert defined == set(method.columns) - {"gene", "gene_id"}


@pytest.mark.parametrize("method", OF_CELLS, ids=lambda m: m.id)
def test_a_group_below_the_fewest_cells_is_refused(compared, method):
    a = np.arange(12) < method.fewest_cells
    assert compared(VALUES, a, ~A, method=method.id).n_a == method.fewest_cells
    a[method.fewest_cells - 1] = False
    with pytest.raises(BadRequest, match=f"{method.name} needs at least {method.fewest_cells} in each group"):
        compared(VALUES, a, ~A, method=method.id)


def test_the_server_starts_without_scipy():
    code = "import sys, starcyte.web.app; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
