"""Sums that are kept: the next comparison of the same samples does not read the counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from prepared import prepared_store
from starcyte.compute.pseudobulk import sums_cache
from starcyte.compute.pseudobulk.samples import Samples
from starcyte.compute.pseudobulk.sums_cache import SumsCache
from starcyte.errors import Cancelled, LimitExceeded
from starcyte.settings import Settings
from starcyte.store.index.sums import Groups
from starcyte.store.open import open_dataset

N, GENES = 400, 30


class Passes:
    """Opens caches of one file, and counts the passes over its matrix."""

    def __init__(self, path, folder, monkeypatch):
        self.path, self.folder, self.n, self.datasets = path, folder, 0, []
        for name in ("add_sums", "merged_sums"):
            monkeypatch.setattr(sums_cache, name, self.counted(getattr(sums_cache, name)))

    def counted(self, function):
        def call(*args):
            self.n += 1
            return function(*args)

        return call

    def cache(self, **settings):
        chosen = Settings(**{"cache_dir": str(self.folder), "index_least": 0} | settings)
        self.datasets.append(open_dataset(self.path, chosen))
        return SumsCache(self.datasets[-1], chosen)


@pytest.fixture
def counts():
    return np.random.default_rng(1).poisson(2, (N, GENES))


@pytest.fixture(params=["h5ad", "prepared"])
def passes(request, make_h5ad, counts, tmp_path, monkeypatch):
    # by gene: rows of few cells are not read alone
    path = make_h5ad(sp.csc_array(counts.astype(np.float32)))
    if request.param == "prepared":
        prepared_store(path, tmp_path / "store.zarr")
        path = tmp_path / "store.zarr"
    found = Passes(path, tmp_path / "cache", monkeypatch)
    yield found
    for dataset in found.datasets:
        dataset.close()


SAMPLE, KIND = np.arange(N) % 5, np.arange(N) % 3
SAMPLES = Samples("donor", SAMPLE, tuple("abcde"))
SIDES = np.where(SAMPLE < 2, 0, np.where(SAMPLE < 4, 1, 2)).astype(np.int8)
# the samples of the sides alone
UNITS = Groups(np.where(SAMPLE < 4, SAMPLE, 4), 4)


def check(found, counts, groups):
    """Assert that sums are those of pandas."""
    expected = pd.DataFrame(counts).groupby(groups.codes).sum().T[range(groups.n)]
    np.testing.assert_array_equal(found.total, expected)
    above = pd.DataFrame(counts > 0).groupby(groups.codes).sum().T[range(groups.n)]
    np.testing.assert_array_equal(found.positive, above)
    np.testing.assert_array_equal(found.n, np.bincount(groups.codes, minlength=groups.n)[: groups.n])


def test_a_second_comparison_of_the_samples_reads_nothing(passes, counts):
    cache = passes.cache()
    check(cache.sums("X", UNITS, lambda: SAMPLES.parts(SIDES)), counts, UNITS)
    assert passes.n == 1
    # other samples on the sides, those of neither side before among them
    others = Groups(np.where(SAMPLE > 0, SAMPLE - 1, 4), 4)
    assert cache.is_kept("X", others)
    check(cache.sums("X", others), counts, others)
    assert passes.n == 1


def test_sums_by_category_answer_questions_within_one_and_of_all(passes, counts):
    cache = passes.cache()
    by_kind = Groups(SAMPLE * 3 + KIND, 15)
    check(cache.sums("X", by_kind, lambda: SAMPLES.parts(SIDES, KIND)), counts, by_kind)
    within = Groups(np.where(KIND == 1, SAMPLE, 5), 5)
    check(cache.sums("X", within), counts, within)
    check(cache.sums("X", UNITS), counts, UNITS)
    assert passes.n == 1


def test_sums_are_found_again_by_the_next_process(passes, counts):
    passes.cache().sums("X", UNITS, lambda: SAMPLES.parts(SIDES))
    check(passes.cache().sums("X", UNITS), counts, UNITS)
    assert passes.n == 1


def test_groups_that_divide_samples_are_read(passes, counts):
    cache = passes.cache()
    cache.sums("X", UNITS, lambda: SAMPLES.parts(SIDES))
    divided = Groups(np.where(np.arange(N) < 200, SAMPLE, 5), 5)
    assert not cache.is_kept("X", divided)
    check(cache.sums("X", divided), counts, divided)
    assert passes.n == 2


def test_samples_on_both_sides_are_divided_by_side():
    sides = (np.arange(N) < 200).astype(np.int8)
    parts = SAMPLES.parts(sides)
    assert parts.n == 10
    assert Groups(SAMPLE * 2 + sides, 10).unions_of(parts) is not None
    assert SAMPLES.parts(SIDES).n == 5


def test_parts_have_the_cells_of_known_sample_with_and_without_a_category():
    unknown = Samples("donor", np.where(SAMPLE == 0, -1, SAMPLE), tuple("abcde"))
    parts = unknown.parts(SIDES, np.where(KIND == 0, -1, KIND))
    assert parts.n == 12
    assert ((parts.codes == parts.n) == (SAMPLE == 0)).all()


def test_damaged_sums_are_read_again(passes, counts):
    cache = passes.cache()
    cache.sums("X", UNITS)
    (file,) = passes.folder.glob("sums/*/entries.bin")
    with file.open("r+b") as stream:
        stream.truncate(file.stat().st_size - 8)
    check(cache.sums("X", UNITS), counts, UNITS)
    assert passes.n == 2
    check(passes.cache().sums("X", UNITS), counts, UNITS)
    assert passes.n == 2


def test_other_matrices_have_their_own_sums(make_h5ad, counts, tmp_path, monkeypatch):
    path = make_h5ad(sp.csc_array(counts * 2.0), layers={"counts": sp.csc_array(counts)})
    passes = Passes(path, tmp_path / "cache", monkeypatch)
    cache = passes.cache()
    check(cache.sums("layers/counts", UNITS), counts, UNITS)
    found = cache.sums("X", UNITS)
    np.testing.assert_array_equal(found.total, 2 * cache.sums("layers/counts", UNITS).total)
    assert passes.n == 2
    passes.datasets[0].close()


def test_too_large_sums_are_refused(passes):
    with pytest.raises(LimitExceeded, match="sums_bytes"):
        passes.cache(sums_bytes=1000).sums("X", UNITS)


def test_parts_that_are_too_large_are_not_read(passes, counts):
    cache = passes.cache(sums_bytes=4 * N + 12 * 5 * GENES)
    check(cache.sums("X", UNITS, lambda: SAMPLES.parts(SIDES, KIND)), counts, UNITS)
    assert not cache.is_kept("X", Groups(SAMPLE * 3 + KIND, 15))
    assert cache.is_kept("X", UNITS)


def test_the_oldest_sums_are_removed(passes):
    one = 4 * N + 12 * 4 * GENES
    cache = passes.cache(sums_bytes=2 * one + 1000)
    asked = [Groups(np.roll(UNITS.codes, shift), 4) for shift in range(4)]
    for groups in asked:
        cache.sums("X", groups)
    assert [cache.is_kept("X", groups) for groups in asked] == [False, False, True, True]
    assert sum(f.stat().st_size for f in passes.folder.glob("sums/*/*")) <= 2 * one + 1000
    assert not list(passes.folder.glob("sums/.*"))


def test_where_the_cache_cannot_be_written_sums_are_computed_in_memory(passes, counts, tmp_path):
    (tmp_path / "cache").write_text("no folder")
    cache = passes.cache()
    check(cache.sums("X", UNITS, lambda: SAMPLES.parts(SIDES)), counts, UNITS)
    assert not cache.is_kept("X", UNITS)


def test_small_matrices_are_not_kept(passes, counts):
    cache = passes.cache(index_least=500_000)
    check(cache.sums("X", UNITS), counts, UNITS)
    assert not (passes.folder / "sums").exists()


def test_a_pass_that_is_cancelled_leaves_nothing(passes):
    def stop(done):
        raise Cancelled("The comparison was cancelled.")

    with pytest.raises(Cancelled):
        passes.cache().sums("X", UNITS, tick=stop)
    assert not list(passes.folder.glob("sums/*"))
