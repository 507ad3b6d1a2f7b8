"""Spatial positions of the cells of the demo dataset: a section of bone marrow for each sample.

Each section has bone along its edges, fat vacuoles, sinusoids and an arteriole, a lymphoid follicle and islands of
red-cell formation. Each cell type prefers some of these, and within a type the less mature cells are near the bone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from starcyte.store.write.elements import Categorical

Floats = npt.NDArray[np.float64]

_SIDE = 1000.0
_GAP = 140.0
_SECTIONS_IN_A_ROW = 3


@dataclass(frozen=True)
class Tissue:
    """Distances of each position to the structures, in micrometres; `patch` varies slowly from -1 to 1."""

    bone: Floats
    sinusoid: Floats
    arteriole: Floats
    fat: Floats
    follicle: Floats
    island: Floats
    patch: Floats


def place_cells(
    rng: np.random.Generator, sample: Categorical, cell_type: Categorical, pseudotime: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return the position of each cell in micrometres, with the sections side by side.

    Parameters
    ----------
    rng
        Random number generator.
    sample, cell_type, pseudotime
        Columns of obs.
    """
    names = cell_type.as_text()
    time = pseudotime.astype(np.float64)
    places = np.zeros((len(time), 2), np.float32)
    for number in np.unique(sample.codes):
        cells = np.flatnonzero(sample.codes == number)
        spots, tissue = _tissue(rng, len(cells))
        chosen = _assign(rng, names[cells], time[cells], tissue)
        corner = np.array([number % _SECTIONS_IN_A_ROW, number // _SECTIONS_IN_A_ROW]) * (_SIDE + _GAP)
        places[cells] = spots[chosen] + corner
    return places


def _tissue(rng: np.random.Generator, n: int) -> tuple[Floats, Tissue]:
    """Return `n` positions of cells, and their distances to the structures."""
    fat = rng.uniform(60, _SIDE - 60, (26, 2))
    apart = np.sqrt(((fat[:, None] - fat[None]) ** 2).sum(axis=2)) + np.eye(len(fat)) * 1e4
    radius = np.minimum(rng.uniform(24, 44, len(fat)), apart.min(axis=1) / 2.1)
    sinusoids = [_vessel(rng, angle) for angle in rng.uniform(0, np.pi) + np.array([0.0, 0.9, 1.9])]
    arteriole = _vessel(rng, rng.uniform(0, np.pi))
    follicle = rng.uniform(280, _SIDE - 280, 2)
    islands = rng.uniform(80, _SIDE - 80, (17, 2))
    wave = rng.uniform(0, 2 * np.pi, (4, 4))

    spacing = _SIDE / np.sqrt(max(n, 1) * 1.0)
    while True:
        spots = _closely_packed(rng, spacing)
        angle = np.arctan2(*(spots - _SIDE / 2).T)
        reach = np.abs((spots - _SIDE / 2) / (_SIDE / 2))
        rim = (reach**5).sum(axis=1) ** (1 / 5)
        edge = 0.97 + 0.022 * np.sin(np.arange(2, 6) * angle[:, None] + wave[0]).sum(axis=1)
        bone = (edge - rim) * _SIDE / 2
        # a trabecula on one side
        across = spots[:, 1] - _SIDE * (0.5 + 0.17 * np.sin(wave[1, 0])) - 60 * np.sin(spots[:, 0] / 170 + wave[1, 1])
        along = np.maximum(spots[:, 0] - 330, 0) if wave[1, 2] > np.pi else np.maximum(670 - spots[:, 0], 0)
        bone = np.minimum(bone, np.hypot(across, along) - 22)
        to_fat = (np.sqrt(((spots[:, None] - fat[None]) ** 2).sum(axis=2)) - radius).min(axis=1)
        to_sinusoid = np.min([_distance_to_line(spots, line) for line in sinusoids], axis=0)
        to_arteriole = _distance_to_line(spots, arteriole)
        free = (bone > 0) & (to_fat > 0) & (to_sinusoid > 9) & (to_arteriole > 6)
        if free.sum() >= n:
            break
        spacing *= 0.97
    kept = rng.permutation(np.flatnonzero(free))[:n]
    tissue = Tissue(
        bone=bone[kept],
        sinusoid=to_sinusoid[kept] - 9,
        arteriole=to_arteriole[kept] - 6,
        fat=to_fat[kept],
        follicle=np.hypot(*((spots[kept] - follicle) * [1.0, 1.2]).T),
        island=np.sqrt(((spots[kept][:, None] - islands[None]) ** 2).sum(axis=2)).min(axis=1),
        patch=np.sin(spots[kept] @ rng.normal(0, 1 / 55, 2)) * np.sin(spots[kept] @ rng.normal(0, 1 / 55, 2)),
    )
    return spots[kept], tissue


def _closely_packed(rng: np.random.Generator, spacing: float) -> Floats:
    """Return the positions of closely packed cells, with about six neighbours each."""
    columns, rows = int(_SIDE / spacing) + 2, int(_SIDE / (spacing * 0.866)) + 2
    x, y = np.meshgrid(np.arange(columns, dtype=float), np.arange(rows, dtype=float))
    x += 0.5 * (y % 2)
    spots = np.stack([x.ravel() * spacing, y.ravel() * spacing * 0.866], axis=1)
    spots += rng.normal(0, 0.24 * spacing, spots.shape)
    # long waves bend the rows
    for _ in range(3):
        vector = rng.normal(0, 1 / 90, 2)
        spots += rng.normal(0, 9, 2) * np.sin(spots @ vector + rng.uniform(0, 6))[:, None]
    return spots


def _vessel(rng: np.random.Generator, angle: float) -> Floats:
    """Return the points of a winding line across the section."""
    direction = np.array([np.cos(angle), np.sin(angle)])
    normal = np.array([-direction[1], direction[0]])
    along = np.linspace(-0.75, 0.75, 90)[:, None] * _SIDE
    bends = rng.uniform(0, 2 * np.pi, 3)
    winding = (np.sin(along / [210, 95, 40] + bends) * [70, 32, 12]).sum(axis=1, keepdims=True)
    centre = _SIDE / 2 + rng.uniform(-230, 230) * normal
    line: Floats = centre + along * direction + winding * normal
    return line


def _distance_to_line(spots: Floats, line: Floats) -> Floats:
    fine = np.stack(
        [np.interp(np.linspace(0, len(line) - 1, 500), np.arange(len(line)), axis) for axis in line.T], axis=1
    )
    return np.asarray(cKDTree(fine).query(spots)[0])


def _proximity(distance: Floats, reach: float) -> Floats:
    return np.exp(-np.maximum(distance, 0) / reach)


def _assign(
    rng: np.random.Generator, names: npt.NDArray[np.object_], time: Floats, tissue: Tissue
) -> npt.NDArray[np.int64]:
    """Return the index of the position of each cell; cell types with few suitable positions choose first."""
    core = _proximity(tissue.follicle - 78, 9)
    mantle = _proximity(np.abs(tissue.follicle - 112) - 22, 12)
    outside = np.log(1.001 - 0.99 * (tissue.follicle < 138))
    bone, island, sinusoid, arteriole = tissue.bone, tissue.island, tissue.sinusoid, tissue.arteriole
    # preferences of the types, as logarithms of relative probabilities
    preferences: dict[str, Floats] = {
        "Endothelial": 11 * np.maximum(_proximity(sinusoid, 4), _proximity(arteriole, 4)),
        "Reticular stroma": 7 * np.maximum(_proximity(arteriole, 14), 0.8 * _proximity(bone, 8))
        + 4 * _proximity(tissue.fat, 7),
        "Plasma cell": 8 * _proximity(arteriole - 6, 13) + 3 * _proximity(sinusoid - 4, 8) + outside,
        "B cell": 10 * core + 1.5 * mantle,
        "CD4+ T cell": 5.5 * mantle - 2 * core + 1.2 * _proximity(arteriole, 30) + 1.2 * tissue.patch,
        "CD8+ T cell": 3.4 * mantle - 2 * core + 1.2 * tissue.patch,
        "Megakaryocyte": 5 * _proximity(sinusoid - 4, 10) + outside,
        "HSC/MPP": 6 * _proximity(bone, 26) + 2.5 * _proximity(arteriole, 24) + outside,
        "Early erythroblast": 8 * _proximity(island - 14, 10) - 2 * _proximity(bone, 20) + outside,
        "Late erythroblast": 7 * _proximity(island - 30, 13)
        + 1.6 * _proximity(sinusoid, 20)
        - 2 * _proximity(bone, 25)
        + outside,
        "MEP": 6 * _proximity(island - 24, 16) + 1.5 * _proximity(bone, 60) + outside,
        "Pro-B cell": 4 * _proximity(np.abs(bone - 34), 22) + outside,
        "GMP": 5.5 * _proximity(np.abs(bone - 22), 18) + outside,
        "NK cell": 2 * _proximity(sinusoid, 26) - tissue.patch + outside,
        "pDC": 2.5 * mantle + 0.8 * tissue.patch,
    }
    chosen = np.zeros(len(names), np.int64)
    left = np.ones(len(names), bool)
    others = sorted(set(names) - set(preferences))
    for name in [*preferences, *others]:
        cells = np.flatnonzero(names == name)
        appeal = preferences.get(name, 3.2 * _proximity(np.abs(bone - 80), 45) - 1.5 * tissue.patch + outside)
        score = np.where(left, appeal + rng.gumbel(size=len(left)), -np.inf)
        taken = np.argsort(-score, kind="stable")[: len(cells)]
        left[taken] = False
        order = np.argsort(bone[taken] + rng.normal(0, 45, len(taken)), kind="stable")
        ripe = np.argsort(np.nan_to_num(time[cells], nan=0.5) + rng.normal(0, 0.02, len(cells)), kind="stable")
        chosen[cells[ripe]] = taken[order]
    return chosen
