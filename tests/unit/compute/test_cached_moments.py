"""Groups that are unions of categories are answered from the moments of the index, all others from the matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from indexing import categories, indexed, opened, stored
from starcyte.compute.cached_moments import nearest_grouping
from starcyte.compute.diffexp import compare
from starcyte.compute.moments import group_moments
from starcyte.store.block import Block
from starcyte.store.index.indexed_matrix import IndexedMatrix

N = 90
RNG = np.random.default_rng(0)
VALUES = (RNG.standard_normal((N, 7)) * (RNG.random((N, 7)) < 0.6)).astype(np.float32)
TYPES, DONORS = RNG.integers(-1, 4, N), RNG.integers(0, 3, N)
FLAG = RNG.random(N) < 0.4
OBS = {"type": categories(TYPES, 5), "donor": categories(DONORS, 3), "flag": FLAG, "n": np.arange(N)}
LAYOUTS = ["csr", "csc", "dense"]


@pytest.fixture(scope="module", params=LAYOUTS)
def dataset(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with opened(folder / "x.h5ad", stored(VALUES, request.param), OBS, block_bytes=300) as dataset:
        indexed(dataset, folder / "cache")
        yield dataset


def kept_moments(dataset, matrix, masks):
    """Return the moments of groups that need nothing but those that are kept."""
    near = nearest_grouping(dataset, matrix, masks)
    return near.moments() if near is not None and near.differ == 0 else None


def by_pass(dataset, masks):
    codes = np.full(N, len(masks))
    for number, mask in enumerate(masks):
        codes[mask] = number
    return group_moments(dataset.matrix("X"), codes, len(masks))


def same(kept, full):
    np.testing.assert_array_equal(kept.n, full.n)
    np.testing.assert_array_equal(kept.positive, full.positive)
    np.testing.assert_allclose(kept.mean, full.mean, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(kept.m2, full.m2, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(kept.expm1, full.expm1, rtol=1e-12, atol=1e-15)


UNIONS = {
    "category": [TYPES == 1],
    "category and rest": [TYPES == 1, TYPES != 1],
    "rest with the cells of no category": [TYPES != 2],
    "two categories": [np.isin(TYPES, [0, 3])],
    "two against two": [np.isin(TYPES, [0, 3]), np.isin(TYPES, [1, 2])],
    "cells of no category": [TYPES == -1],
    "one against those of none": [TYPES == 0, TYPES == -1],
    "all": [np.ones(N, bool)],
    "none": [np.zeros(N, bool)],
    "another column": [DONORS == 0, DONORS == 2],
    "truth values": [FLAG, ~FLAG],
}


@pytest.mark.parametrize("case", UNIONS)
def test_unions_of_categories_are_cached(dataset, case):
    kept = kept_moments(dataset, dataset.matrix("X"), UNIONS[case])
    assert kept is not None
    same(kept, by_pass(dataset, UNIONS[case]))


def less_one(mask):
    other = mask.copy()
    other[np.flatnonzero(mask)[0]] = False
    return other


OTHERS = {
    "a category less one cell": [less_one(TYPES == 1)],
    "categories of two columns": [TYPES == 1, (DONORS == 1) & (TYPES != 1)],
    "the overlap of two": [(TYPES == 1) & (DONORS == 0)],
    "the first cells": [np.arange(N) < 40],
    "one whole, one not": [TYPES == 1, less_one(TYPES == 2)],
    "some of the cells of no category": [less_one(TYPES == -1)],
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_groups_are_not_cached(dataset, case):
    assert kept_moments(dataset, dataset.matrix("X"), OTHERS[case]) is None


@given(st.lists(st.booleans(), min_size=N, max_size=N), st.sampled_from(["type", "donor"]), st.integers(0, 63))
@examples(max_examples=40, derandomize=True)
def test_exactly_the_unions_of_categories_are_cached(dataset, cells, column, chosen):
    codes = {"type": TYPES, "donor": DONORS}[column]
    for mask in (np.array(cells), np.isin(codes, [c - 1 for c in range(6) if chosen >> c & 1])):
        is_union = any(
            all(mask[c == v].all() or not mask[c == v].any() for v in np.unique(c)) for c in (TYPES, DONORS, FLAG)
        )
        assert (kept_moments(dataset, dataset.matrix("X"), [mask]) is not None) == is_union


def test_without_an_index_nothing_is_cached(tmp_path):
    with opened(tmp_path / "x.h5ad", stored(VALUES, "csr"), OBS) as dataset:
        assert kept_moments(dataset, dataset.matrix("X"), [TYPES == 1]) is None


def test_a_category_against_another_reads_nothing_of_the_matrix(dataset, monkeypatch):
    a, b = TYPES == 1, TYPES != 1
    third, next_third = np.arange(N) % 3 == 0, np.arange(N) % 3 == 1
    expected = compare(dataset, dataset.matrix("X"), third, next_third)  # the pass works

    def refuse(*arguments):
        raise AssertionError("the matrix is read")

    monkeypatch.setattr(IndexedMatrix, "current", property(refuse))
    found = compare(dataset, dataset.matrix("X"), a, b)
    assert found.score.shape == expected.score.shape
    with pytest.raises(AssertionError, match="is read"):
        compare(dataset, dataset.matrix("X"), third, next_third)


def test_an_index_that_is_finished_during_a_pass_does_not_change_it(tmp_path):
    """Its blocks are others than those of the file: a pass ends with what it began with."""
    masks = [TYPES == 1, TYPES != 1]
    codes = np.where(masks[0], 0, 1)
    path = tmp_path / "x.h5ad"
    with opened(path, stored(VALUES, "csr"), OBS, block_bytes=1 << 20) as dataset:
        index = indexed(dataset, tmp_path / "cache")
        expected = group_moments(dataset.matrix("X"), codes, 2)
    with opened(path, block_bytes=300) as dataset:
        matrix = dataset.matrix("X")
        assert matrix.n_blocks > index.n_blocks

        def arrive(done):
            if done > 0.4:
                matrix.index = index

        same(group_moments(matrix, codes, 2, 1, arrive), expected)
        assert isinstance(matrix.block(0), Block)
        assert matrix.n_blocks == index.n_blocks
