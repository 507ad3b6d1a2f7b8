"""Comparisons over samples by PyDESeq2: its own numbers where it is installed, and an answer where it is not."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from starcyte.compute.methods import METHODS
from starcyte.compute.pseudobulk.design import build_design
from starcyte.errors import BadRequest
from starcyte.store.index.sums import Sums
from starcyte.store.scale import Scale

METHOD = METHODS["deseq2"]


def design_of(n):
    samples = np.repeat(np.arange(n), 20)
    return build_design(samples, [f"s{k}" for k in range(n)], samples % 2)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("pydeseq2") is None, reason="pydeseq2 is not installed")
def test_the_numbers_are_those_of_pydeseq2_by_a_formula():
    import pandas as pd
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.ds import DeseqStats

    rng = np.random.default_rng(1)
    mean = np.exp(rng.normal(5, 0.6, 60))[:, None] * np.exp(rng.normal(0, 0.2, (60, 6)))
    mean[0, ::2] *= 4
    counts = rng.poisson(mean).astype(np.float64)
    sums = Sums(np.full(6, 20), counts, np.zeros((60, 6), np.uint32))
    found = METHOD.fit(sums, Scale("counts", np.e), design_of(6))
    assert found.tested.all()
    names = [f"s{k}" for k in range(6)]
    table = pd.DataFrame(counts.T.astype(int), names, [f"g{k}" for k in range(60)])
    sides = pd.DataFrame({"side": list("ababab")}, names)
    fitted = DeseqDataSet(counts=table, metadata=sides, design="~side", quiet=True, n_cpus=1)
    fitted.deseq2()
    expected = DeseqStats(fitted, ["side", "a", "b"], independent_filter=False, quiet=True, n_cpus=1)
    expected.summary()
    np.testing.assert_allclose(found.log2_fold_change, expected.results_df["log2FoldChange"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.p_value, expected.results_df["pvalue"], rtol=1e-3)
    np.testing.assert_allclose(found.p_adjusted, expected.results_df["padj"], rtol=1e-3)
    assert np.argmin(found.p_value) == 0
    assert found.log2_fold_change[0] > 1


@pytest.mark.skipif(find_spec("pydeseq2") is None, reason="pydeseq2 is not installed")
def test_logarithms_are_refused():
    sums = Sums(np.full(6, 20), np.ones((3, 6)), np.zeros((3, 6), np.uint32))
    with pytest.raises(BadRequest, match="compares counts"):
        METHOD.fit(sums, Scale("log1p", np.e), design_of(6))


@pytest.mark.skipif(find_spec("pydeseq2") is not None, reason="pydeseq2 is installed")
def test_where_it_is_not_installed_the_error_says_how_to_install_it():
    assert not METHOD.is_available
    with pytest.raises(BadRequest) as error:
        METHOD.check()
    assert error.value.hint == "Install it where the server runs: pip install 'starcyte[deseq2]'."
