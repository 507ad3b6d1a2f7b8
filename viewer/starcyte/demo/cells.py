"""The cells of the demo dataset before counting: their positions between anchors, and their expression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from starcyte.demo.cell_types import (
    ANCHORS,
    CELL_TYPES,
    COMPOSITION_CHANGE,
    HOUSEKEEPING,
    INTERFERON_RESPONSE,
    LINEAGES,
    PATHS,
    PROGRAMS,
)
from starcyte.demo.genes import PANEL
from starcyte.store.write.elements import Categorical

Floats = npt.NDArray[np.float32]

CONDITIONS = ("control", "lupus")
SEXES = ("female", "male")


class Sample(NamedTuple):
    """A donor's sample."""

    name: str
    condition: str
    sex: str
    age: int
    #: Fraction of the cells
    share: float
    #: How far the interferon program is on in a cell type that responds fully
    interferon: float


#: Each condition has both sexes in the same proportion and donors of like ages, so that neither is confounded
SAMPLES = (
    Sample("BM1", "control", "female", 34, 0.14, 0.0),
    Sample("BM2", "control", "male", 58, 0.12, 0.0),
    Sample("BM3", "control", "female", 41, 0.13, 0.0),
    Sample("BM4", "control", "female", 52, 0.11, 0.0),
    Sample("BM5", "lupus", "female", 29, 0.12, 0.42),
    Sample("BM6", "lupus", "male", 55, 0.13, 0.30),
    Sample("BM7", "lupus", "female", 44, 0.14, 0.55),
    Sample("BM8", "lupus", "female", 49, 0.11, 0.36),
)

#: Standard deviation between donors of the logarithm of a gene's expression, and of a path's number of cells
DONOR_SPREAD = 0.25
_COMPOSITION_SPREAD = 0.1

_FACTORS = 5


@dataclass(frozen=True)
class Labels:
    """Columns of obs: the cell types, the samples with their metadata, the cell cycle and the pseudotime."""

    cell_type: Categorical
    lineage: Categorical
    sample: Categorical
    condition: Categorical
    sex: Categorical
    age: npt.NDArray[np.int64]
    phase: Categorical
    pseudotime: Floats


@dataclass(frozen=True)
class Cells:
    """The cells before counting.

    Attributes
    ----------
    labels
        The columns of obs that do not depend on the counts.
    doublet_score, predicted_doublet
        Columns of obs about doublets.
    rate
        How far each program is on, cells by programs.
    weight
        Nearness to each anchor, cells by anchors.
    factor
        Variation that is independent of the cell type, cells by factors.
    start
        Initial position in the embedding, cells by two.
    depth
        Expected counts.
    ribosome, mitochondria
        Content relative to the mean.
    """

    labels: Labels
    doublet_score: Floats
    predicted_doublet: npt.NDArray[np.bool_]
    rate: Floats
    weight: Floats
    factor: Floats
    start: Floats
    depth: Floats
    ribosome: Floats
    mitochondria: Floats


def _levels(text: str) -> dict[str, float]:
    levels: dict[str, float] = {}
    for part in text.split(";"):
        level, genes = part.split(":")
        levels.update(dict.fromkeys(genes.split(), float(level)))
    return levels


def _anchor_rates() -> Floats:
    names = list(PROGRAMS)
    rates = np.zeros((len(ANCHORS), len(names)), np.float32)
    for row, anchor in zip(rates, ANCHORS.values(), strict=True):
        for entry in anchor.programs.split(","):
            name, level = entry.split()
            row[names.index(name)] = float(level)
    return rates


class _Positions(NamedTuple):
    """For each cell, its sample, its path and its position on the path, from 0 to 1."""

    sample: npt.NDArray[np.int64]
    path: npt.NDArray[np.int64]
    along: npt.NDArray[np.float64]


def _positions(rng: np.random.Generator, n_obs: int) -> _Positions:
    """Draw the positions of the cells."""
    tables: list[_Positions] = []
    for number, sample in enumerate(SAMPLES):
        share = np.array([path.share for path in PATHS]) * rng.lognormal(0, _COMPOSITION_SPREAD, len(PATHS))
        if sample.condition == "lupus":
            share *= [np.prod([COMPOSITION_CHANGE.get(name, 1.0) for _, name in path.cell_types]) for path in PATHS]
        last = number == len(SAMPLES) - 1
        n = n_obs - sum(len(table.path) for table in tables) if last else int(n_obs * sample.share)
        paths = rng.permutation(np.repeat(np.arange(len(PATHS)), rng.multinomial(n, share / share.sum())))
        spread = np.array([path.spread for path in PATHS])[paths]
        tables.append(_Positions(np.full(n, number), paths, rng.beta(*spread.T)))
    return _Positions(*(np.concatenate(column) for column in zip(*tables, strict=True)))


def simulate_cells(rng: np.random.Generator, n_obs: int) -> Cells:
    """Simulate the cells.

    Parameters
    ----------
    rng
        Random number generator.
    n_obs
        Number of cells.
    """
    anchors = list(ANCHORS)
    positions = _positions(rng, n_obs)
    path, along = positions.path, positions.along.astype(np.float32)
    start = np.array([anchors.index(p.start) for p in PATHS])[path]
    end = np.array([anchors.index(p.end) for p in PATHS])[path]

    # each program switches at another position of a path, so that the path is curved in expression space
    moment = rng.uniform(0.25, 0.75, (len(PATHS), len(PROGRAMS))).astype(np.float32)
    sharpness = np.float32(4.5)

    def switched(at: Floats) -> Floats:
        switch: Floats = 1 / (1 + np.exp(-sharpness * (at - moment[path])))
        return switch

    low, high = switched(np.zeros((1, 1), np.float32)), switched(np.ones((1, 1), np.float32))
    turn = (switched(along[:, None]) - low) / (high - low)
    rates = _anchor_rates()
    rate = rates[start] + (rates[end] - rates[start]) * turn
    rate *= rng.lognormal(0, 0.16, rate.shape)

    weight = np.zeros((n_obs, len(anchors)), np.float32)
    cells = np.arange(n_obs)
    weight[cells, start] += 1 - along
    weight[cells, end] += along

    traits = np.array([(a.ribosome, a.library, a.cycling) for a in ANCHORS.values()], np.float32)
    ribosome, library, cycling = (weight @ traits).T
    names = list(PROGRAMS)
    phase_angle = rng.uniform(0, 2 * np.pi, n_obs)
    divides = rng.random(n_obs) < cycling
    rate[:, names.index("s_phase")] = divides * np.clip(0.4 * np.sin(phase_angle), 0.03, None) + 0.02 * cycling
    rate[:, names.index("g2m_phase")] = divides * np.clip(0.36 * np.sin(phase_angle - 1.9), 0.03, None) + 0.02 * cycling
    labels = _labels(rng, positions, weight, divides, phase_angle)
    response = np.array([INTERFERON_RESPONSE.get(name, 0.0) for name in CELL_TYPES])[labels.cell_type.codes]
    interferon = np.array([sample.interferon for sample in SAMPLES])[positions.sample] * response
    rate[:, names.index("interferon")] += (0.03 + interferon) * rng.gamma(2.0, 0.5, n_obs)
    rate[:, names.index("stress")] += 0.12 * rng.gamma(1.2, 1.0, n_obs)
    sex = np.array([sample.sex for sample in SAMPLES])[positions.sample]
    for each in ("female", "male"):
        rate[:, names.index(each)] = sex == each

    first = np.array([a.at for a in ANCHORS.values()], np.float32)
    at = 0.6 * (weight @ first) + rng.normal(0, 0.6, (n_obs, 2)) * (1 + 0.8 * weight[:, [anchors.index("plasma")]])
    mitochondria = rng.lognormal(0, 0.38, n_obs) * (0.65 + 0.35 * library)
    factor = rng.standard_normal((n_obs, _FACTORS))
    depth = library * rng.lognormal(np.log(2300), 0.33, n_obs)

    doublet = rng.random(n_obs) < 0.012
    other = rng.integers(0, n_obs, n_obs)
    for table in (rate, weight, at, factor):
        table[doublet] = 0.55 * table[doublet] + 0.45 * table[other[doublet]]
    depth[doublet] *= 1.5
    mixed = doublet & (labels.lineage.codes != labels.lineage.codes[other])
    score = np.clip(rng.beta(1.6, 18, n_obs) + mixed * rng.normal(0.42, 0.12, n_obs), 0, 1).astype(np.float32)
    return Cells(
        labels=labels,
        doublet_score=score,
        predicted_doublet=score > 0.38,
        rate=rate.astype(np.float32),
        weight=weight,
        factor=factor.astype(np.float32),
        start=at.astype(np.float32),
        depth=depth.astype(np.float32),
        ribosome=(ribosome * rng.lognormal(0, 0.18, n_obs)).astype(np.float32),
        mitochondria=mitochondria.astype(np.float32),
    )


def _labels(
    rng: np.random.Generator,
    positions: _Positions,
    weight: Floats,
    divides: npt.NDArray[np.bool_],
    phase_angle: npt.NDArray[np.float64],
) -> Labels:
    n_obs = len(positions.path)
    types = list(CELL_TYPES)
    code = np.zeros(n_obs, np.int8)
    blurred = positions.along + rng.normal(0, 0.025, n_obs)
    for number, path in enumerate(PATHS):
        here = positions.path == number
        named = np.searchsorted([until for until, _ in path.cell_types[:-1]], blurred[here])
        code[here] = np.array([types.index(name) for _, name in path.cell_types])[named]
    lineages = list(LINEAGES)
    lineage = np.array([lineages.index(lineage) for lineage, _ in CELL_TYPES.values()])[code]

    depths = np.array([np.nan if a.depth is None else a.depth for a in ANCHORS.values()])
    off = np.isnan(depths)
    time = weight @ np.nan_to_num(depths) + rng.normal(0, 0.06, n_obs)
    time[(weight[:, off] > 0).any(axis=1)] = np.nan
    time -= np.nanmin(time)
    time /= np.nanmax(time)

    phase = np.where(divides, np.where(np.sin(phase_angle) > np.sin(phase_angle - 1.9), 1, 2), 0)
    of_sample = np.array([(CONDITIONS.index(s.condition), SEXES.index(s.sex), s.age) for s in SAMPLES])
    condition, sex, age = of_sample[positions.sample].T
    return Labels(
        cell_type=_categorical(code, types),
        lineage=_categorical(lineage, lineages),
        sample=_categorical(positions.sample, [s.name for s in SAMPLES]),
        condition=_categorical(condition, CONDITIONS),
        sex=_categorical(sex, SEXES),
        age=age,
        phase=_categorical(phase, ["G1", "S", "G2M"]),
        pseudotime=time.astype(np.float32),
    )


def _categorical(codes: npt.NDArray[np.integer[Any]], categories: Sequence[str]) -> Categorical:
    return Categorical(codes.astype(np.int8), categories)


@dataclass(frozen=True)
class GenePanel:
    """The genes: their names, basal expression, and the expression that each program adds."""

    names: list[str]
    base: Floats
    program: Floats
    by_anchor: Floats
    by_factor: Floats
    ribosomal: npt.NDArray[np.bool_]
    mitochondrial: npt.NDArray[np.bool_]
    housekeeping: npt.NDArray[np.bool_]
    sex_linked: npt.NDArray[np.bool_]


def simulate_genes(rng: np.random.Generator, n_vars: int) -> GenePanel:
    """Choose genes of the panel, markers first, and simulate their expression.

    Parameters
    ----------
    rng
        Random number generator.
    n_vars
        Number of genes, at most the size of the panel.
    """
    programs = {name: _levels(text) for name, text in PROGRAMS.items()}
    housekeeping = _levels(HOUSEKEEPING)
    first = list(dict.fromkeys([*(g for levels in programs.values() for g in levels), *housekeeping, *PANEL]))
    chosen = set(first[:n_vars])
    names = [name for name in PANEL if name in chosen]
    markers = {name for levels in programs.values() for name in levels}

    base = np.minimum(rng.lognormal(np.log(0.16), 1.15, len(names)), 6)
    program = np.zeros((len(programs), len(names)), np.float32)
    for column, name in enumerate(names):
        if name in housekeeping:
            base[column] = housekeeping[name] * rng.lognormal(0, 0.15)
        elif name.startswith("MT-"):
            base[column] = rng.lognormal(np.log(28), 0.6)
        elif name.startswith(("RPL", "RPS")):
            base[column] = 0.5 if name.endswith("Y1") else rng.lognormal(np.log(26), 0.6)
        elif name in markers:
            base[column] = rng.lognormal(np.log(0.05), 0.5)
        for row, levels in enumerate(programs.values()):
            program[row, column] = levels.get(name, 0.0)
    if "RPS4Y1" in names:
        base[names.index("RPS4Y1")] = 0.02

    ribosomal = np.array([name.startswith(("RPL", "RPS")) and name != "RPS4Y1" for name in names])
    mitochondrial = np.array([name.startswith("MT-") for name in names])
    kept = np.array([name in housekeeping for name in names])
    quiet = np.where(ribosomal | mitochondrial, 0.25, np.where(kept, 0.6, 1.0))
    lineage_of = np.array([_lineage_of(name) for name in ANCHORS])
    shared = rng.normal(0, 0.30, (lineage_of.max() + 1, len(names)))
    own = rng.normal(0, 0.20, (len(ANCHORS), len(names)))
    loading = rng.normal(0, 0.10, (_FACTORS, len(names))) * (rng.random((_FACTORS, len(names))) < 0.5)
    return GenePanel(
        names=names,
        base=base.astype(np.float32),
        program=program,
        by_anchor=((shared[lineage_of] + own) * quiet).astype(np.float32),
        by_factor=(loading * quiet).astype(np.float32),
        ribosomal=ribosomal,
        mitochondrial=mitochondrial,
        housekeeping=kept,
        sex_linked=np.array([name in programs["female"] or name in programs["male"] for name in names]),
    )


def _lineage_of(anchor: str) -> int:
    lineages = list(LINEAGES)
    for path in PATHS:
        if path.end == anchor:
            return lineages.index(CELL_TYPES[path.cell_types[-1][1]][0])
        if path.start == anchor:
            return lineages.index(CELL_TYPES[path.cell_types[0][1]][0])
    raise LookupError(anchor)


def expected_counts(
    cells: Cells, genes: GenePanel, rows: slice, sample_effect: Floats, ambient: Floats | None
) -> Floats:
    """Return the expected counts of some cells, cells by genes.

    Parameters
    ----------
    cells, genes
        The simulated cells and genes.
    rows
        The cells.
    sample_effect
        Effect of each sample on each gene, a factor.
    ambient
        Profile of the free RNA in every droplet; None: unknown.
    """
    level = cells.weight[rows] @ genes.by_anchor
    level += cells.factor[rows] @ genes.by_factor
    np.exp(level, out=level)
    level *= genes.base
    level[:, genes.ribosomal] *= cells.ribosome[rows, None]
    level[:, genes.mitochondrial] *= cells.mitochondria[rows, None]
    level += cells.rate[rows] @ genes.program
    level *= sample_effect[cells.labels.sample.codes[rows]]
    level /= level.sum(axis=1, keepdims=True)
    if ambient is not None:
        level *= np.float32(0.985)
        level += np.float32(0.015) * ambient
    level *= cells.depth[rows, None]
    return level
