"""Obs columns whose moments are computed together."""

import numpy as np
import pytest
from starcyte.store.dataset import Column, ColumnInfo, Kind
from starcyte.store.index.moments import join_columns

RNG = np.random.default_rng(2)


def column(name, codes, k):
    return Column(ColumnInfo(name, Kind.CATEGORICAL, "int16", tuple(map(str, range(k)))), codes.astype(np.int16))


def test_nested_columns_are_joined():
    sample = RNG.integers(0, 30, 500)
    donor, condition = sample // 3, sample // 15
    (joint,) = join_columns(
        [column("condition", condition, 2), column("sample", sample, 30), column("donor", donor, 10)]
    )
    assert joint.n_groups == 30


def test_independent_columns_are_not_joined():
    columns = [column(name, RNG.integers(0, 40, 5000), 40) for name in "ab"]
    assert [p.n_groups for p in join_columns(columns)] == [40, 40]


def test_small_columns_are_joined():
    columns = [column(name, RNG.integers(-1, 2, 5000), 2) for name in "abc"]
    assert [p.n_groups for p in join_columns(columns)] == [27]


@pytest.mark.parametrize("k", [1, 200], ids=str)
def test_only_groups_with_cells_count(k):
    (joint,) = join_columns([column("a", np.minimum(RNG.integers(0, 5, 100), k - 1), k)])
    assert joint.n_groups == min(k, 5)
    assert set(np.unique(joint.codes)) == set(range(min(k, 5)))


def test_no_columns():
    assert join_columns([]) == []
