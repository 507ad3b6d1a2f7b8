"""A neighbour embedding in two dimensions, after UMAP, with numpy only.

The nearest neighbours are found by an inverted file: cells are compared with those of the nearest groups. The edge
weights are UMAP's smoothed distances; its attraction and repulsion give the layout, a whole epoch at a time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

# the curve 1 / (1 + A d^2) is close to UMAP's at min_dist 0.3, and needs no exponent
_A = np.float32(0.9)
# larger steps tear the groups apart
_RATE = 0.2
_REPELLED = 4


def neighbours(points: Floats, k: int, rng: np.random.Generator, *, probes: int = 4) -> tuple[Integers, Floats]:
    """Return the `k` (nearly always exactly) nearest neighbours of each point, and their distances.

    Parameters
    ----------
    points
        Points by dimensions.
    k
        Number of neighbours, the point itself not counted.
    rng
        Random number generator.
    probes
        Number of groups a point is compared with.
    """
    n = len(points)
    k = min(k, n - 1)
    n_groups = max(1, n // 250)
    centres = points[rng.choice(n, n_groups, replace=False)]
    for _ in range(4):
        group = _squared(points, centres).argmin(axis=1)
        sums = np.stack([np.bincount(group, column, n_groups) for column in points.T], axis=1)
        centres = (sums / np.maximum(np.bincount(group, minlength=n_groups), 1)[:, None]).astype(np.float32)
    members = [np.flatnonzero(group == each) for each in range(n_groups)]
    near = _squared(centres, centres).argsort(axis=1)
    index = np.zeros((n, k), np.int64)
    distance = np.zeros((n, k), np.float32)
    for each, own in enumerate(members):
        if not len(own):
            continue
        pool = np.empty(0, np.int64)
        for count in range(probes, n_groups + probes):
            pool = np.concatenate([members[other] for other in near[each, :count]])
            if len(pool) > k:
                break
        squared = _squared(points[own], points[pool])
        squared[pool[None, :] == own[:, None]] = np.inf
        best = np.argpartition(squared, k - 1, axis=1)[:, :k]
        found = np.take_along_axis(squared, best, axis=1)
        order = found.argsort(axis=1)
        index[own] = pool[np.take_along_axis(best, order, axis=1)]
        distance[own] = np.sqrt(np.maximum(np.take_along_axis(found, order, axis=1), 0))
    return index, distance


def _squared(a: Floats, b: Floats) -> Floats:
    product = a @ b.T
    product *= -2
    product += np.einsum("ij,ij->i", a, a)[:, None]
    product += np.einsum("ij,ij->i", b, b)[None, :]
    return product


def _weights(distance: Floats) -> Floats:
    """Return UMAP's weights: 1 for the nearest neighbour, decreasing to the same sum for all points."""
    nearest = distance[:, :1]
    beyond = np.maximum(distance - nearest, 0)
    low, high = np.zeros((len(distance), 1)), np.full((len(distance), 1), beyond.mean() * 20)
    target = np.log2(distance.shape[1])
    for _ in range(18):
        scale = (low + high) / 2
        over = np.exp(-beyond / scale).sum(axis=1, keepdims=True) > target
        high, low = np.where(over, scale, high), np.where(over, low, scale)
    weight: Floats = np.exp(-beyond / np.maximum(scale, 1e-3)).astype(np.float32)
    return weight


def layout(points: Floats, start: Floats, rng: np.random.Generator, *, k: int = 20, epochs: int = 100) -> Floats:
    """Return the position of each point in the embedding.

    Parameters
    ----------
    points
        Points by dimensions.
    start
        Initial positions, points by two.
    rng
        Random number generator.
    k
        Number of neighbours.
    epochs
        Number of steps.
    """
    n = len(points)
    index, distance = neighbours(points, k, rng)
    weight = _weights(distance).ravel()
    head = np.repeat(np.arange(n), index.shape[1])
    tail = index.ravel()
    x, y = start.astype(np.float32).T.copy()
    for epoch in range(epochs):
        step = np.float32(1 - epoch / epochs)
        taken = np.flatnonzero(rng.random(len(weight), np.float32) < weight)
        a, b = head[taken], tail[taken]
        dx, dy = x[a] - x[b], y[a] - y[b]
        pull = -2 * _A / (1 + _A * (dx * dx + dy * dy))
        gx, gy = np.clip(pull * dx, -4, 4), np.clip(pull * dy, -4, 4)
        moved_x = np.bincount(a, gx, n) - np.bincount(b, gx, n)
        moved_y = np.bincount(a, gy, n) - np.bincount(b, gy, n)
        a = np.repeat(a, _REPELLED)
        b = rng.integers(0, n, len(a))
        dx, dy = x[a] - x[b], y[a] - y[b]
        squared = dx * dx + dy * dy
        push = 2 / ((0.001 + squared) * (1 + _A * squared))
        moved_x += np.bincount(a, np.clip(push * dx, -4, 4), n)
        moved_y += np.bincount(a, np.clip(push * dy, -4, 4), n)
        x += (_RATE * step * np.clip(moved_x, -6, 6)).astype(np.float32)
        y += (_RATE * step * np.clip(moved_y, -6, 6)).astype(np.float32)
    return np.stack([x - x.mean(), y - y.mean()], axis=1)
