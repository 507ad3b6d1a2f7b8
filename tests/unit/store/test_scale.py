"""The scale of a matrix, found from its values, and the matrix that is shown by default."""

from __future__ import annotations

import numpy as np
import pytest
from h5ad_file import Dense, as_parts, write_h5ad
from indexing import indexed, opened, stored
from scipy.sparse import csr_array
from starcyte.errors import SettingInvalid
from starcyte.settings import Settings
from starcyte.store.open import open_dataset
from starcyte.store.scale import SCALE_KINDS, ValueRange, chosen_kind, find_scale

pytestmark = pytest.mark.slow

COUNTS = np.random.default_rng(0).poisson(0.7, (300, 40)).astype(np.float32)
LOGS = np.log1p(COUNTS / COUNTS.sum(axis=1, keepdims=True) * 1e4).astype(np.float32)


def one_at(values, row, value):
    changed = values.copy()
    changed[row, 7] = value
    return changed


KINDS = {
    "counts as floats": (COUNTS, "counts"),
    "counts as integers": (COUNTS.astype(np.int32), "counts"),
    "truth values": (COUNTS > 1, "counts"),
    "large counts": (COUNTS * 1000, "counts"),
    "no value": (np.zeros((300, 40), np.float32), "counts"),
    "logarithms": (LOGS, "log1p"),
    "one fraction": (one_at(COUNTS, 150, 0.5), "log1p"),
    "amounts per million": ((np.expm1(LOGS) * 100.3).astype(np.float32), "linear"),
    "scaled": ((LOGS - LOGS.mean(axis=0)).astype(np.float32), "signed"),
    "one negative value": (one_at(LOGS, 299, -0.1), "signed"),
    "one negative count": (one_at(COUNTS, 0, -1), "signed"),
    "NaN and infinity": (one_at(one_at(COUNTS, 3, np.nan), 4, np.inf), "counts"),
}


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
@pytest.mark.parametrize("case", KINDS)
def test_the_scale_is_that_of_the_values(tmp_path, case, layout):
    values, kind = KINDS[case]
    with opened(tmp_path / "x.h5ad", stored(values, layout), block_bytes=3000) as dataset:
        assert dataset.scale("X").kind == kind
        assert dataset.describe()["matrices"][0]["scale"] == kind
        if case != "truth values":
            indexed(dataset, tmp_path / "cache")
            assert dataset.scale("X").kind == kind


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_of_a_matrix_without_an_index_all_values_are_read(tmp_path, layout):
    values = np.log1p(np.random.default_rng(1).poisson(2, (4000, 120))).astype(np.float32)
    values[2345, 67] = -0.5
    with opened(tmp_path / "x.h5ad", stored(values, layout)) as dataset:
        assert values.size < Settings().index_least
        assert dataset.scale("X").kind == "signed"


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_an_index_finds_what_a_sample_misses(tmp_path, layout):
    rng = np.random.default_rng(1)
    values = np.log1p(rng.poisson(2, (4000, 60))).astype(np.float32)
    values[1234, 33] = -0.5
    with opened(tmp_path / "x.h5ad", stored(values, layout)) as dataset:
        default = dataset.default_matrix
        dataset.matrix("X")._sampled = ValueRange.of(values[:100])
        assert dataset.scale("X").kind == "log1p"
        indexed(dataset, tmp_path / "cache")
        assert dataset.scale("X").kind == "signed"
        assert dataset.default_matrix == default


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_a_sample_is_spread_over_all_of_the_matrix(tmp_path, layout):
    """The first half of the cells, or genes, has whole numbers only."""
    values = np.random.default_rng(1).poisson(2, (3000, 100)).astype(np.float32)
    half = (slice(None), slice(50, None)) if layout == "csc" else slice(1500, None)
    values[half] += 0.25
    with opened(tmp_path / "x.h5ad", stored(values, layout)) as dataset:
        assert dataset.scale("X").kind == "log1p"


@pytest.mark.parametrize(
    ("base", "expected"), [(2.0, 2.0), (10, 10.0), (None, np.e), (0.5, np.e), ("e", np.e), (np.nan, np.e)]
)
def test_the_base_of_the_logarithm_is_that_of_the_file(tmp_path, base, expected):
    path = write_h5ad(tmp_path / "x.h5ad", as_parts(csr_array(LOGS)))
    import h5py

    with h5py.File(path, "a") as file:
        group = file.require_group("uns").create_group("log1p")
        if base is not None:
            group["base"] = base
    dataset = open_dataset(path, Settings())
    assert dataset.scale("X").base == expected
    assert dataset.describe()["matrices"][0]["log_base"] == expected
    assert bool(dataset.warnings[1:]) == (base == 0.5 or base != base)
    dataset.close()


def test_the_setting_wins_over_the_values(tmp_path):
    path = write_h5ad(tmp_path / "x.h5ad", as_parts(csr_array(COUNTS)))
    for setting, kind in (("log1p", "log1p"), ("X=linear", "linear"), ("raw/X=signed", "counts")):
        dataset = open_dataset(path, Settings(scale=setting))
        assert dataset.scale("X").kind == kind
        dataset.close()
    assert chosen_kind(("X=counts", "log1p"), "X") == "counts"
    assert chosen_kind(("X=counts", "log1p"), "a=b") == "log1p"
    assert chosen_kind(("a=b=signed",), "a=b") == "signed"
    for kind in SCALE_KINDS:
        open_dataset(path, Settings(scale=kind)).close()
    with pytest.raises(SettingInvalid, match="log2"):
        open_dataset(path, Settings(scale="X=log2"))


def test_amounts_too_large_for_a_logarithm_of_the_base_are_linear():
    assert find_scale(ValueRange(0, 20.5, False)).kind == "log1p"
    assert find_scale(ValueRange(0, 20.5, False), base=10).kind == "linear"
    assert find_scale(ValueRange(0, 40.5, False), base=2).kind == "log1p"


X, RAW, LAYER = "X", "raw/X", "layers/other"
SCALED = (LOGS - 1).astype(np.float32)


@pytest.mark.parametrize("schema", [False, True], ids=["plain", "CELLxGENE"])
@pytest.mark.parametrize(
    ("matrices", "default", "of_schema"),
    [
        pytest.param({X: LOGS}, X, X, id="one"),
        pytest.param({X: LOGS, RAW: LOGS}, RAW, X, id="two of logarithms"),
        pytest.param({X: LOGS, RAW: COUNTS}, X, X, id="counts in raw"),
        pytest.param({X: COUNTS, RAW: LOGS}, RAW, RAW, id="counts in X"),
        pytest.param({X: SCALED, RAW: LOGS}, RAW, RAW, id="scaled X"),
        pytest.param({X: COUNTS, LAYER: LOGS}, LAYER, LAYER, id="logarithms in a layer"),
        pytest.param({X: SCALED, RAW: COUNTS, LAYER: LOGS}, LAYER, LAYER, id="logarithms in a layer alone"),
        pytest.param({X: SCALED, LAYER: COUNTS}, LAYER, LAYER, id="counts before scaled values"),
        pytest.param({X: COUNTS, RAW: COUNTS}, RAW, X, id="two of counts"),
    ],
)
def test_logarithms_are_shown_before_counts(tmp_path, matrices, default, of_schema, schema):
    import anndata as ad

    adata = ad.AnnData(csr_array(matrices[X]))
    if RAW in matrices:
        adata.raw = ad.AnnData(csr_array(matrices[RAW]))
    if LAYER in matrices:
        adata.layers["other"] = csr_array(matrices[LAYER])
    if schema:
        adata.uns["schema_version"] = "5.2.0"
    adata.write_h5ad(tmp_path / "x.h5ad")
    dataset = open_dataset(tmp_path / "x.h5ad", Settings())
    described = dataset.describe()
    chosen = of_schema if schema else default
    assert dataset.default_matrix == described["default_matrix"] == chosen
    assert described["default_matrix_reason"].startswith(chosen if len(matrices) > 1 else "")
    assert bool(described["default_matrix_reason"]) == (len(matrices) > 1)
    dataset.close()


def test_a_one_dimensional_array_has_a_scale(tmp_path):
    dataset = open_dataset(write_h5ad(tmp_path / "x.h5ad", Dense(LOGS[:, :1])), Settings())
    assert dataset.scale("X").kind == "log1p"
    dataset.close()
