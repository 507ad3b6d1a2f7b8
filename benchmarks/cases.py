"""The cases: what is asked, how often, what bounds it, and what starcyte must reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.dataset_facts import Facts
from benchmarks.questions import Cells, Comparison, GeneMean, Genes, Group, Markers, Nothing, Question

# bytes of an entry of the index, of an entry of the file, and of a gene's moments in one group
_INDEXED, _STORED, _MOMENTS = 6, 8, 20
# cells of a small lasso
_LASSO = 300


@dataclass(frozen=True)
class Case:
    """One question, asked of every viewer in turn, round after round.

    Parameters
    ----------
    title
        What the table calls it.
    ask
        Makes the question of a round, never twice the same: answers may be kept.
    bytes
        How many must be read for it at least.
    rounds
        How often, at most.
    """

    title: str
    ask: Callable[[Facts, np.random.Generator, int], Question]
    bytes: Callable[[Facts], float]
    rounds: int = 5


def _gene(facts: Facts, rng: np.random.Generator, turn: int) -> Question:
    return Genes((int(rng.integers(facts.n_vars)),))


def _gene_set(facts: Facts, rng: np.random.Generator, turn: int) -> Question:
    return Genes(tuple(int(i) for i in rng.choice(facts.n_vars, 20, replace=False)))


def _gene_mean(facts: Facts, rng: np.random.Generator, turn: int) -> Question:
    return GeneMean(tuple(int(i) for i in rng.choice(facts.n_vars, 20, replace=False)))


def _random_groups(facts: Facts, rng: np.random.Generator, turn: int) -> Question:
    tenth = facts.n_obs // 10
    cells = rng.permutation(facts.n_obs)
    return Comparison("t-test", Group(cells=np.sort(cells[:tenth])), Group(cells=np.sort(cells[tenth : 2 * tenth])))


def _two_clusters(facts: Facts, rng: np.random.Generator, turn: int) -> Question:
    a, b = facts.largest[turn % 8], facts.largest[turn % 8 + 8]
    return Comparison("t-test", Group((a,)), Group((b,)))


def _cluster_and_rest(facts: Facts, rng: np.random.Generator, turn: int) -> Question:
    a = facts.largest[turn % 16]
    return Comparison("t-test", Group((a,)), Group(tuple(c for c in facts.largest if c != a)))


def _lasso_and_rest(facts: Facts, rng: np.random.Generator, turn: int) -> Question:
    first = int(rng.integers(1, facts.n_obs - _LASSO - 1))
    return Comparison("t-test", Group(cells=np.arange(first, first + _LASSO)), None)


def _wilcoxon(facts: Facts, rng: np.random.Generator, turn: int) -> Question:
    """Two groups of 8 % of the cells, each of whole clusters and a part of one: too many cells for one cluster."""
    order = rng.permutation(len(facts.largest))
    of_a, of_b = order[::2], order[1::2]
    size = facts.n_obs * 8 // 100
    return Comparison("wilcoxon", Group(cells=facts.cells_of(of_a, size)), Group(cells=facts.cells_of(of_b, size)))


def _markers(facts: Facts, rng: np.random.Generator, turn: int) -> Question:
    return Markers("t-test", 50 + turn)


CASES = (
    Case("an empty answer", lambda facts, rng, turn: Nothing(), lambda f: 0, 15),
    Case("embedding and one obs column", lambda facts, rng, turn: Cells(), lambda f: 9 * f.n_obs),
    Case("one gene", _gene, lambda f: _INDEXED * f.nnz / f.n_vars, 25),
    Case("20 genes", _gene_set, lambda f: 20 * _INDEXED * f.nnz / f.n_vars, 5),
    Case("the mean of 20 genes", _gene_mean, lambda f: 20 * _INDEXED * f.nnz / f.n_vars, 5),
    Case("t-test, two random 10 %", _random_groups, lambda f: _INDEXED * f.nnz, 3),
    Case("t-test, two clusters", _two_clusters, lambda f: _MOMENTS * 2 * f.n_vars, 5),
    Case("t-test, a cluster and the rest", _cluster_and_rest, lambda f: _MOMENTS * f.n_groups * f.n_vars, 5),
    Case("t-test, 300 cells and the rest", _lasso_and_rest, lambda f: _MOMENTS * f.n_groups * f.n_vars, 5),
    Case("Wilcoxon, two 8 % of clusters", _wilcoxon, lambda f: 0.16 * _STORED * f.nnz, 2),
    Case("markers of 40 clusters, t-test", _markers, lambda f: _MOMENTS * f.n_groups * f.n_vars, 3),
)
