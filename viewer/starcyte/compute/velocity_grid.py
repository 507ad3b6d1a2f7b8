"""Velocities of cells averaged on a grid, as scVelo's ``velocity_embedding_grid`` does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from starcyte.store.dataset import Tick, no_tick

Floats = NDArray[np.float64]

# the standard deviation of the Gaussian, in distances of the grid
_SMOOTH = 0.5
_MARGIN = 0.01
# cells of one point, as a share of all
_NEIGHBORS = 50
# a Gaussian that many standard deviations away is less than a rounding error of a sum
_REACH = 9.0
_BATCH_ENTRIES = 1 << 21


@dataclass(frozen=True, eq=False)
class VelocityGrid:
    """Velocities on a grid.

    Parameters
    ----------
    points, velocities
        Shape (n, 2), float64.
    spacing
        The mean distance of two points of the grid along the axes.
    n_cells
        The cells that have a place and a velocity.
    """

    points: Floats
    velocities: Floats
    spacing: float
    n_cells: int


def velocity_grid(
    places: NDArray[np.floating],
    velocities: NDArray[np.floating],
    n_points: int,
    min_mass: float,
    tick: Tick = no_tick,
) -> VelocityGrid:
    """Return the velocities of cells averaged by a Gaussian of their distance to the points of a grid.

    The formula is that of ``compute_velocity_on_grid`` in scVelo 0.3 (Bergen et al. 2020): of the n / 50 nearest cells
    of each point, weighted by a normal density with half the distance of the grid as standard deviation;
    the sum is divided by the sum of weights, or by 1 if that is less; points with little of it are left out.

    Parameters
    ----------
    places, velocities
        Shape (n, 2); cells with a number that is not finite are left out.
    n_points
        The points of the grid on each axis, at least 2.
    min_mass
        The least sum of weights, in percent of its 99th percentile.
    tick
        Called with the fraction done.
    """
    fine = np.isfinite(places).all(axis=1) & np.isfinite(velocities).all(axis=1)
    x, v = places[fine].astype(np.float64), velocities[fine].astype(np.float64)
    n = len(x)
    nothing = np.empty((0, 2))
    if n == 0:
        return VelocityGrid(nothing, nothing, 0.0, 0)
    axes = [_axis(values, n_points) for values in x.T]
    grid = np.column_stack([mesh.ravel() for mesh in np.meshgrid(*axes)])
    spacing = float(np.mean([axis[1] - axis[0] for axis in axes]))
    if not spacing > 0:
        return VelocityGrid(nothing, nothing, 0.0, n)
    mass, mean = _averages(grid, x, v, _SMOOTH * spacing, tick)
    shown = mass > min_mass * np.percentile(mass, 99) / 100
    return VelocityGrid(grid[shown], mean[shown], spacing, n)


def _axis(values: Floats, n: int) -> Floats:
    low, high = values.min(), values.max()
    low -= _MARGIN * (high - low)
    high += _MARGIN * (high - low)
    return np.linspace(low, high, n)


def _averages(grid: Floats, x: Floats, v: Floats, deviation: float, tick: Tick) -> tuple[Floats, Floats]:
    """Return the sum of weights at each point, shape (m,), and the velocity, shape (m, 2)."""
    tree, k = cKDTree(x), max(1, len(x) // _NEIGHBORS)
    mass, mean = np.zeros(len(grid)), np.zeros((len(grid), 2))
    # of cells that are not within reach, the index is that of a row of zeros
    padded = np.vstack([v, np.zeros((1, 2))])
    batch = max(1, _BATCH_ENTRIES // k)
    for start in range(0, len(grid), batch):
        tick(start / len(grid))
        part = slice(start, start + batch)
        distances, cells = tree.query(grid[part], k=range(1, k + 1), distance_upper_bound=_REACH * deviation)
        weights = np.exp(-0.5 * (distances / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
        mass[part] = weights.sum(axis=1)
        mean[part] = np.einsum("mk,mkd->md", weights, padded[cells]) / np.maximum(1, mass[part])[:, None]
    return mass, mean
