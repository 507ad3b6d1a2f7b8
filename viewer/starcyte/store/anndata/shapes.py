"""The centroids of shapes of SpatialData: circles and polygons, in arrays of Zarr or in GeoParquet.

GeoParquet is read with pyarrow if it is installed. Geometries are well-known binary (OGC 06-103r4): points, polygons
and multipolygons. The centroid of a polygon is that of its area, holes subtracted, as shapely computes it.
"""

from __future__ import annotations

import io
import itertools
import json
import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid, FilterMissing
from starcyte.store.nodes import DAMAGED, Array, Group, reading

_PARQUET = "shapes.parquet"
_POINT, _POLYGON, _MULTI_POLYGON = 1, 3, 6
_POINT_BYTES, _POLYGON_BYTES = 21, 13
# a point as shapely writes an empty one
_NOWHERE = struct.pack("<BIdd", 1, _POINT, math.nan, math.nan)
# geometries whose centroids are computed at once, which bounds memory
_AT_ONCE = 20_000
# what is unpacked is believed up to this many times the bytes that are stored
_MAX_RATIO, _LARGE_BYTES = 100, 64 << 20
# the flags of extended well-known binary: z, m and the reference system
_DIMS, _SRID = 0xC0000000, 0x20000000


def read_centroids(name: str, shapes: Group) -> tuple[Sequence[Any], NDArray[np.float64]]:
    """Return the names of shapes and their centroids in the global coordinates of the dataset.

    Parameters
    ----------
    name
        The region.
    shapes
        Its group.

    Returns
    -------
    names
        The name or number of each shape.
    centroids
        Shape (shapes, 2).

    Raises
    ------
    DatasetInvalid
        If they cannot be read.
    FilterMissing
        If pyarrow is needed, and not installed.
    """
    with reading(f"shapes {name!r}"):
        raw = shapes.file(_PARQUET)
        try:
            names, centroids = _of_arrays(shapes) if raw is None else _of_parquet(raw)
        except (struct.error, IndexError, AttributeError) as error:
            raise DatasetInvalid(f"Its geometries or their metadata are invalid ({error}).", DAMAGED) from None
        if centroids.shape[1] != 2:
            raise DatasetInvalid("Its coordinates have no y.", DAMAGED)
        if len(names) != len(centroids):
            raise DatasetInvalid(f"It has {len(names):,} names, but {len(centroids):,} shapes.", DAMAGED)
        return names, _transformed(centroids, shapes)


def _of_parquet(raw: bytes) -> tuple[Sequence[Any], NDArray[np.float64]]:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise FilterMissing("They are GeoParquet.", "Install pyarrow where starcyte runs.") from None
    file = parquet.ParquetFile(io.BytesIO(raw))
    unpacked = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
    if unpacked > max(_MAX_RATIO * len(raw), _LARGE_BYTES):
        raise DatasetInvalid(f"{_PARQUET} claims to have {unpacked:,} bytes, of which {len(raw):,} are stored.")
    noted = file.schema_arrow.metadata or {}
    column = json.loads(noted.get(b"geo", b"{}")).get("primary_column", "geometry")
    index = (json.loads(noted.get(b"pandas", b"{}")).get("index_columns") or [None])[0]
    if isinstance(index, str):
        names: Sequence[Any] = file.read(columns=[index]).column(0).to_pylist()
    elif isinstance(index, dict):
        # not made a list: the metadata may claim any length
        names = range(int(index["start"]), int(index["stop"]), int(index["step"]))
    else:
        names = range(file.metadata.num_rows)
    found = [
        centroids_of(batch.column(0).to_pylist()) for batch in file.iter_batches(batch_size=_AT_ONCE, columns=[column])
    ]
    return names, np.concatenate([np.empty((0, 2)), *found])


def centroids_of(geometries: Sequence[bytes | None]) -> NDArray[np.float64]:
    """Return the centroids of geometries in well-known binary, shape (geometries, 2).

    Points, and polygons without holes, are read together, as a loop over them takes minutes for a million cells.
    """
    # a row without a geometry has no position
    known = [one or _NOWHERE for one in geometries]
    sizes = np.array([len(one) for one in known], np.int64)
    starts = np.r_[0, np.cumsum(sizes)][:-1]
    raw = np.frombuffer(b"".join(known) + bytes(16), np.uint8)
    out = np.full((len(geometries), 2), np.nan)
    kinds = _numbers(raw, starts + 1, "<u4")
    is_little = raw[starts] == 1
    points = np.flatnonzero(is_little & (kinds == _POINT) & (sizes == _POINT_BYTES))
    for axis in (0, 1):
        out[points, axis] = _numbers(raw, starts[points] + 5 + 8 * axis, "<f8")
    counts = _numbers(raw, np.minimum(starts + 9, raw.size - 4), "<u4").astype(np.int64)
    is_simple = is_little & (kinds == _POLYGON) & (_numbers(raw, starts + 5, "<u4") == 1) & (counts > 1)
    is_simple &= sizes == _POLYGON_BYTES + 16 * counts
    simple = np.flatnonzero(is_simple)
    if simple.size:
        out[simple] = _of_rings(raw, starts[simple] + _POLYGON_BYTES, counts[simple])
    others = np.ones(len(geometries), bool)
    others[points] = others[simple] = False
    for i in np.flatnonzero(others).tolist():
        out[i] = _Reader(known[i]).geometry()[1]
    return out


def _numbers(raw: NDArray[np.uint8], at: NDArray[np.int64], dtype: str) -> NDArray[Any]:
    """Return the number at each of some positions."""
    size = np.dtype(dtype).itemsize
    found: NDArray[Any] = raw[np.minimum(at, raw.size - size)[:, None] + np.arange(size)].view(dtype)[:, 0]
    return found


def _of_rings(raw: NDArray[np.uint8], at: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the centroids of closed rings of points that begin at some positions; see :func:`_area`."""
    first = np.r_[0, np.cumsum(counts)][:-1]
    within = np.arange(int(counts.sum())) - np.repeat(first, counts)
    where = np.repeat(at, counts) + 16 * within
    x, y = (_numbers(raw, where + 8 * axis, "<f8") for axis in (0, 1))
    origin = np.stack([x[first], y[first]], axis=1)
    mean = np.stack([np.add.reduceat(values, first) - values[first] for values in (x, y)], axis=1) / (
        counts[:, None] - 1
    )
    x, y = x - np.repeat(origin[:, 0], counts), y - np.repeat(origin[:, 1], counts)
    # an edge from each point to the next; the last point of a ring has none
    nx, ny = np.r_[x[1:], 0], np.r_[y[1:], 0]
    cross = x * ny - nx * y
    cross[np.r_[first[1:], x.size] - 1] = 0
    twice = np.add.reduceat(cross, first)
    with np.errstate(invalid="ignore", divide="ignore"):
        center = np.stack([np.add.reduceat((a + b) * cross, first) for a, b in ((x, nx), (y, ny))], axis=1)
        center = center / (3 * twice[:, None]) + origin
    return np.where((twice == 0)[:, None], mean, center)


def _of_arrays(shapes: Group) -> tuple[Sequence[Any], NDArray[np.float64]]:
    coords = shapes.array("coords").read().astype(np.float64)
    node = shapes.child("Index")
    names: Sequence[Any] | None = None
    if isinstance(node, Array):
        names = (node.read_text() if node.is_text() else node.read()).ravel().tolist()
    offsets = [shapes.child(f"offset{i}") for i in range(3)]
    if not isinstance(offsets[0], Array):
        centroids = coords[:, :2]
    else:
        rings = offsets[0].read().astype(np.int64)
        of_polygons = offsets[1].read().astype(np.int64) if isinstance(offsets[1], Array) else np.arange(rings.size)
        of_shapes = offsets[2].read().astype(np.int64) if isinstance(offsets[2], Array) else None
        areas = _areas([coords[a:b, :2] for a, b in itertools.pairwise(rings)])
        parts = [_joined(areas[a:b], holes=True) for a, b in itertools.pairwise(of_polygons)]
        if of_shapes is not None:
            parts = [_joined(parts[a:b]) for a, b in itertools.pairwise(of_shapes)]
        centroids = np.array([center for _, center in parts]).reshape(-1, 2)
    return list(range(len(centroids))) if names is None else names, centroids


_Area = tuple[float, NDArray[np.float64]]
"""An area, and its centroid."""


def _areas(rings: list[NDArray[np.float64]]) -> list[_Area]:
    return [_area(ring) for ring in rings]


def _area(ring: NDArray[np.float64]) -> _Area:
    """Return the area and the centroid of a closed ring; of one without an area, the mean of its points."""
    if ring.shape[0] < 2:
        return 0.0, ring.mean(axis=0) if ring.size else np.full(2, np.nan)
    origin = ring[0]
    x, y = (ring - origin).T
    cross = x[:-1] * y[1:] - x[1:] * y[:-1]
    twice = float(cross.sum())
    if twice == 0:
        return 0.0, ring[:-1].mean(axis=0)
    center = np.array([((x[:-1] + x[1:]) * cross).sum(), ((y[:-1] + y[1:]) * cross).sum()]) / (3 * twice)
    return abs(twice) / 2, origin + center


def _joined(parts: list[_Area], holes: bool = False) -> _Area:
    """Return the area and the centroid of several areas; of a ring and its holes, if these follow it."""
    if not parts:
        return 0.0, np.full(2, np.nan)
    signs = [1.0] + [-1.0 if holes else 1.0] * (len(parts) - 1)
    total = sum(sign * area for sign, (area, _) in zip(signs, parts, strict=True))
    if total <= 0:
        return 0.0, np.mean([center for _, center in parts], axis=0)
    weighted = [sign * area * center for sign, (area, center) in zip(signs, parts, strict=True)]
    return total, np.sum(weighted, axis=0) / total


class _Reader:
    """Reads well-known binary from its start."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    def geometry(self) -> _Area:
        order = "<" if self._raw[self._at] else ">"
        (kind,) = struct.unpack_from(f"{order}I", self._raw, self._at + 1)
        self._at += 5 + (4 if kind & _SRID else 0)
        plain = kind & ~(_DIMS | _SRID)
        dims = 2 + bool(kind & 0x80000000) + bool(kind & 0x40000000) + (0, 1, 1, 2)[min(plain // 1000, 3)]
        if plain % 1000 == _POINT:
            return 0.0, self._points(order, 1, dims)[0]
        if plain % 1000 == _POLYGON:
            rings = [self._points(order, self._count(order), dims) for _ in range(self._count(order))]
            return _joined(_areas(rings), holes=True)
        if plain % 1000 == _MULTI_POLYGON:
            return _joined([self.geometry() for _ in range(self._count(order))])
        raise DatasetInvalid(f"A geometry has the type {plain % 1000}, not that of a point or a polygon.")

    def _count(self, order: str) -> int:
        (n,) = struct.unpack_from(f"{order}I", self._raw, self._at)
        self._at += 4
        if n * 8 > len(self._raw):
            raise DatasetInvalid("A geometry claims to have more points than it has bytes.")
        return int(n)

    def _points(self, order: str, n: int, dims: int) -> NDArray[np.float64]:
        found = np.frombuffer(self._raw, f"{order}f8", n * dims, self._at).reshape(n, dims)[:, :2]
        self._at += n * dims * 8
        return found.astype(np.float64)


def _transformed(points: NDArray[np.float64], shapes: Group) -> NDArray[np.float64]:
    """Return points in the global coordinates, as far as the transformation is affine; else as they are."""
    given = shapes.attribute("coordinateTransformations")
    for text in np.atleast_1d(given).tolist() if given is not None else ():
        try:
            transformation = json.loads(text)
            if transformation["output"]["name"] == "global":
                matrix = _affine(transformation)
                return points @ matrix[:, :2].T + matrix[:, 2]
        except (TypeError, ValueError, LookupError, AttributeError, RecursionError):
            continue
    return points


def _affine(given: dict[str, Any]) -> NDArray[np.float64]:
    """Return a transformation of x and y as a matrix of two rows and three columns."""
    names = [axis["name"] for axis in given.get("input", {}).get("axes", [])] or ["x", "y"]
    places = [names.index("x"), names.index("y")]
    whole = np.eye(2, 3)
    match given["type"]:
        case "identity":
            pass
        case "scale":
            whole[:, :2] = np.diag(np.asarray(given["scale"], np.float64)[places])
        case "translation":
            whole[:, 2] = np.asarray(given["translation"], np.float64)[places]
        case "affine":
            matrix = np.asarray(given["affine"], np.float64)
            out = [axis["name"] for axis in given.get("output", {}).get("axes", [])] or names
            rows = [out.index("x"), out.index("y")]
            whole[:, :2] = matrix[np.ix_(rows, places)]
            whole[:, 2] = matrix[rows, -1]
        case "sequence":
            for step in given["transformations"]:
                after = _affine(step)
                whole = np.c_[after[:, :2] @ whole[:, :2], after[:, :2] @ whole[:, 2] + after[:, 2]]
        case other:
            raise ValueError(other)
    return whole
