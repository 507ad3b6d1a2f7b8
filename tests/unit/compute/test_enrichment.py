"""Enrichment of gene sets beside gseapy and decoupler (recorded by tests/data/enrichment/make.py), and scipy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact, kstest
from starcyte.compute.enrichment import ENRICHMENT_TESTS
from starcyte.compute.enrichment.analysis import analyse_enrichment
from starcyte.compute.enrichment.library import Library
from starcyte.compute.enrichment.ranked import enrichment_scores, running_sum
from starcyte.errors import BadRequest, LimitExceeded

ORACLE = json.loads((Path(__file__).parents[2] / "data" / "enrichment" / "oracle.json").read_text())
NAMES = list(ORACLE["sets"])


def analysed(test, sets, scores, chosen=(), sizes=(1, 1000), **others):
    """Analyse sets of genes g0, g1 .. that are in the order of a matrix."""
    n = len(scores)
    library = Library.of("sets", ((name, "", genes) for name, genes in sets.items()))
    genes = [f"g{i}" for i in range(n)]
    known = {gene: i for i, gene in enumerate(genes)}
    is_chosen = np.isin(genes, list(chosen))
    rows = others.pop("rows", np.arange(n))
    return analyse_enrichment(
        ENRICHMENT_TESTS[test],
        library,
        [genes[i] for i in rows],
        np.asarray(scores, float)[rows],
        is_chosen[rows],
        [int(i) for i in rows],
        lambda name: known.get(name),
        "X",
        sizes,
        **others,
    )


@pytest.fixture(scope="module")
def of_oracle():
    return {
        "ranked": analysed("ranked", ORACLE["sets"], ORACLE["scores"]),
        "overrepresentation": analysed("overrepresentation", ORACLE["sets"], ORACLE["scores"], ORACLE["chosen"]),
    }


def test_scores_and_leading_edges_are_those_of_gseapy(of_oracle):
    found, expected = of_oracle["ranked"], ORACLE["gseapy"]
    assert list(found.sets.names) == NAMES
    np.testing.assert_allclose(found.found.score, [expected[name]["score"] for name in NAMES], rtol=1e-12)
    for k, name in enumerate(NAMES):
        assert {found.ranking.genes[i] for i in found.found.leading[k]} == set(expected[name]["leading"]), name


@pytest.mark.parametrize("program", ["gseapy", "decoupler"])
def test_normalised_scores_are_those_of_other_programs(of_oracle, program):
    expected = [ORACLE[program][name]["normalised"] for name in NAMES]
    # both draw random sets: 1,000 of ours
    np.testing.assert_allclose(of_oracle["ranked"].found.effect, expected, rtol=0.05)


def test_p_values_of_random_sets_agree_with_gseapy(of_oracle):
    ours, theirs = of_oracle["ranked"].found.p_value, np.array([ORACLE["gseapy"][name]["p"] for name in NAMES])
    # the standard error of a share of some 500 random sets, and of their 10,000
    error = np.sqrt(theirs * (1 - theirs) / 400)
    assert (np.abs(ours - theirs) <= 4 * error + 0.003).all()
    assert ours[NAMES.index("all of the top")] <= 3e-5


def test_chosen_genes_are_tested_as_by_gseapy_scipy_and_decoupler(of_oracle):
    found = of_oracle["overrepresentation"]
    chosen, n = set(ORACLE["chosen"]), len(ORACLE["genes"])
    for k, name in enumerate(NAMES):
        genes = set(ORACLE["sets"][name])
        a = len(genes & chosen)
        table = [[a, len(genes) - a], [len(chosen) - a, n - len(genes) - len(chosen) + a]]
        assert found.found.p_value[k] == pytest.approx(fisher_exact(table, "greater").pvalue, rel=1e-9)
        assert found.found.p_value[k] == pytest.approx(ORACLE["gseapy"][name]["over"], rel=1e-9)
        assert found.found.effect[k] == pytest.approx(a * n / (len(chosen) * len(genes)))
        (b, c), (d, e) = np.array(table) + 0.5
        assert np.log(b * e / (c * d)) == pytest.approx(ORACLE["decoupler"][name]["odds ratio"], rel=1e-9)


@given(st.data())
def test_the_running_sum_is_that_of_a_loop_over_the_genes(data):
    n = data.draw(st.integers(2, 40))
    weight = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.5]), min_size=n, max_size=n)))
    ranks = np.array(sorted(data.draw(st.sets(st.integers(0, n - 1), min_size=1, max_size=n - 1))))
    total = weight[ranks].sum()
    height, path = 0.0, []
    for i in range(n):
        if i in ranks:
            path.append(height)
            height += weight[i] / total if total else 1 / ranks.size
            path.append(height)
        else:
            height -= 1 / (n - ranks.size)
    assert height == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(running_sum(ranks, weight, n).T.ravel(), path, atol=1e-12)
    score = enrichment_scores(ranks[None], weight, n)[0]
    assert abs(score) == pytest.approx(max(max(path), -min(path)))


def test_p_values_of_sets_without_a_signal_are_uniform():
    rng = np.random.default_rng(3)
    sets = {f"s{k}": [f"g{i}" for i in rng.choice(2000, 30, replace=False)] for k in range(400)}
    found = analysed("ranked", sets, rng.normal(size=2000))
    # permutation p-values are those of one sign each
    assert kstest(found.found.p_value, "uniform").pvalue > 0.01
    assert (found.p_adjusted < 0.05).mean() <= 0.01


def test_the_order_of_the_genes_given_does_not_matter():
    rng = np.random.default_rng(4)
    scores = rng.normal(size=300)
    sets = {f"s{k}": [f"g{i}" for i in rng.choice(300, 20, replace=False)] for k in range(5)}
    first, other = (analysed("ranked", sets, scores, rows=rows) for rows in (np.arange(300), rng.permutation(300)))
    np.testing.assert_array_equal(first.found.p_value, other.found.p_value)
    assert list(first.ranking.genes) == list(other.ranking.genes)


@pytest.mark.parametrize("test", ENRICHMENT_TESTS)
def test_odd_scores_and_sets(test):
    scores = np.array([np.inf, 3.0, np.nan, 2.0, 0.0, 0.0, -1.0, -np.inf])
    sets = {"unknown": ["x", "y"], "untested": ["g2"], "twice": ["g0", "g0", "g1"], "zeros": ["g4", "g5"], "": ["g7"]}
    found = analysed(test, sets, scores, ["g0", "g1"])
    assert list(found.sets.names) == ["twice", "zeros", ""]
    assert found.sets.sizes.tolist() == [2, 2, 1]
    assert found.n_left_out == 2
    assert ((found.found.p_value > 0) & (found.found.p_value <= 1)).all()
    assert found.ranking.genes == ["g0", "g1", "g3", "g4", "g5", "g6", "g7"]


def test_many_large_sets_are_refused_before_they_are_ranked():
    genes = [f"g{i}" for i in range(3000)]
    sets = {f"s{k}": genes[:k] for k in range(1000, 2800)}
    with pytest.raises(LimitExceeded, match="1,800 different sizes of up to 2,799 genes"):
        analysed("ranked", sets, np.linspace(1, -1, 3000), sizes=(1, 3000))
    assert len(analysed("overrepresentation", sets, np.linspace(1, -1, 3000), genes[:9], sizes=(1, 3000)).sets) == 1800


def test_a_ranked_test_can_be_stopped_between_sizes():
    sets = {f"s{k}": [f"g{i}" for i in range(k)] for k in range(10, 20)}
    asked = []

    def stop(done):
        asked.append(done)
        if len(asked) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analysed("ranked", sets, np.linspace(1, -1, 100), tick=stop)


def test_what_cannot_be_tested_is_refused_with_the_reason():
    scores = np.linspace(1, -1, 50)
    with pytest.raises(BadRequest, match=r"No set of 'sets' has 1 to 1000 of the 50 tested genes"):
        analysed("ranked", {"mouse": ["Cd3d", "Cd19"]}, scores)
    with pytest.raises(BadRequest, match="No gene is chosen"):
        analysed("overrepresentation", {"a": ["g1"]}, scores)
    foreign = {"some": [f"x{i}" for i in range(200)] + ["g1", "g2"]}
    assert "Only 1.0% of the genes" in analysed("ranked", foreign, scores).warnings[0]
    assert "order is arbitrary" in analysed("ranked", {"a": ["g1"]}, np.zeros(50)).warnings[0]
