"""The centroids of shapes of SpatialData: circles and polygons, in arrays of Zarr or in GeoParquet.

GeoParquet is read with pyarrow if it is installed. Geometries are well-known binary (OGC 06-103r4): points, polygons
and multipolygons. The centroid of a polygon is that of its area, holes subtracted, as shapely computes it.
"""

from __future__ import annotations

import io
import itertools
import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid, FilterMissing
from starcyte.store.nodes import Array, Group, reading

_PARQUET = "shapes.parquet"
_POINT, _POLYGON, _MULTI_POLYGON = 1, 3, 6
# the flags of extended well-known binary: z, m and the reference system
_DIMS, _SRID = 0xC0000000, 0x20000000


def read_centroids(name: str, shapes: Group) -> tuple[list[Any], NDArray[np.float64]]:
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
        names, centroids = _of_arrays(shapes) if raw is None else _of_parquet(raw)
        return names, _transformed(centroids, shapes)


def _of_parquet(raw: bytes) -> tuple[list[Any], NDArray[np.float64]]:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise FilterMissing("They are GeoParquet.", "Install pyarrow where starcyte runs.") from None
    table = parquet.read_table(io.BytesIO(raw))
    metadata = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}"))
    column = json.loads((table.schema.metadata or {}).get(b"geo", b"{}")).get("primary_column", "geometry")
    index = (metadata.get("index_columns") or [None])[0]
    names = table.column(index).to_pylist() if isinstance(index, str) else list(range(table.num_rows))
    if isinstance(index, dict):
        names = list(range(int(index["start"]), int(index["stop"]), int(index["step"])))
    centroids = np.array([_centroid(bytes(wkb)) for wkb in table.column(column).to_pylist()], np.float64)
    return names, centroids.reshape(-1, 2)


def _of_arrays(shapes: Group) -> tuple[list[Any], NDArray[np.float64]]:
    coords = shapes.array("coords").read().astype(np.float64)
    node = shapes.child("Index")
    names: list[Any] | None = None
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


def _centroid(wkb: bytes) -> NDArray[np.float64]:
    """Return the centroid of a geometry in well-known binary."""
    return _Reader(wkb).geometry()[1]


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
        except (TypeError, ValueError, LookupError, RecursionError):
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
