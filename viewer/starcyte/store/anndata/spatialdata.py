"""SpatialData: tables of cells in Zarr, beside images, labels, points and shapes.

============================  ========================================================================================
place                         content
============================  ========================================================================================
``tables/<name>``             AnnData (``table`` before version 0.1); ``uns/spatialdata_attrs`` names the column of obs
                              that has the region, and the one that has the number of each cell in the region
``shapes/<region>``           circles or polygons: arrays of Zarr in version 0.1 of the format, GeoParquet since 0.2
``images``, ``labels``,       not read
``points``
============================  ========================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid, NotFound, StarcyteError
from starcyte.store.anndata.embeddings import Embedding, sorted_embeddings
from starcyte.store.anndata.joined_obs import Obs
from starcyte.store.anndata.shapes import read_centroids
from starcyte.store.dataset import EmbeddingInfo, Kind, Warnings
from starcyte.store.nodes import Array, Group

_TABLES = ("tables", "table")
_OTHERS = ("images", "labels", "points", "shapes")
SPATIAL = "spatial"
"""The embedding of the positions of the cells."""
_LISTED = 5


def find_tables(root: Group) -> dict[str, Group]:
    """Return the tables of SpatialData by name; none of anything else."""
    if root.child("obs") is not None:
        return {}
    found: dict[str, Group] = {}
    for place in _TABLES:
        parent = root.group(place)
        if parent is not None:
            inner = {name: parent.group(name) for name in parent.members()}
            found |= {name: table for name, table in inner.items() if table is not None and table.child("obs")}
    return found


def is_spatialdata(root: Group) -> bool:
    """Return whether a root group is SpatialData, with or without a table."""
    return root.attribute("spatialdata_attrs") is not None or bool(find_tables(root))


def choose_table(name: str, root: Group, wanted: str) -> tuple[str, Group]:
    """Return the table to show, and its name.

    Parameters
    ----------
    name
        The name of the store.
    root
        Its root group.
    wanted
        The setting ``table``; empty: the only one.

    Raises
    ------
    DatasetInvalid
        If there is no table, or several and none is wanted.
    NotFound
        If the table that is wanted does not exist.
    """
    tables = find_tables(root)
    names = ", ".join(tables)
    if wanted:
        if wanted not in tables:
            raise NotFound(f"No such table (setting table): {wanted!r}.", f"{name!r} has {names or 'none'}.")
        return wanted, tables[wanted]
    if not tables:
        raise DatasetInvalid(
            f"{name!r} is SpatialData without a table: {left_out(root) or 'it is empty'}.",
            "Give one with a table of its cells (tables/...).",
        )
    if len(tables) > 1:
        raise DatasetInvalid(
            f"{name!r} is SpatialData with {len(tables)} tables: {names}.",
            f"Choose one, such as --table {next(iter(tables))!r} (setting table).",
        )
    return next(iter(tables.items()))


def left_out(root: Group, used: Sequence[str] = ()) -> str:
    """Return what else SpatialData has, but for the shapes that are used, as a list of words; empty if nothing."""
    parts = []
    for kind in _OTHERS:
        group = root.group(kind)
        names = [] if group is None else [name for name in group.members() if kind != "shapes" or name not in used]
        if names:
            parts.append(f"{kind} {_listed(names)}")
    return "; ".join(parts)


def regions_of(table: Group, obs: Obs) -> tuple[str, tuple[str, ...]]:
    """Return the column of obs that has the region of each cell, and the regions; empty if there is none."""
    column = _attribute(table, "region_key")
    if column is None or column not in {info.name for info in obs.columns}:
        return "", ()
    try:
        return column, obs.column(column).as_codes()[1]
    except (StarcyteError, ValueError):
        return "", ()


def with_positions(
    embeddings: dict[str, Embedding], root: Group, table: Group, obs: Obs, warnings: Warnings
) -> tuple[dict[str, Embedding], tuple[str, ...]]:
    """Return the embeddings with the positions of the cells among them, and the regions, each of which is a section.

    Parameters
    ----------
    embeddings
        Those of the table.
    root
        The root group of the store.
    table
        The table.
    obs
        Its obs.
    warnings
        Gets a warning of all that is not shown, and of cells without a shape.
    """
    column, regions = regions_of(table, obs)
    used: list[str] = []
    if SPATIAL not in embeddings and regions:
        positions = _positions(root, table, obs, column, regions, used, warnings)
        if positions is not None:
            embeddings = sorted_embeddings(embeddings | {SPATIAL: Embedding(EmbeddingInfo(SPATIAL, 2), positions)})
    others = left_out(root, used)
    if others:
        warnings.add(f"Of SpatialData the table is shown; left out are {others}.")
    if used:
        warnings.add(f"The positions of the cells are the centroids of shapes {_listed(used)}; outlines are not drawn.")
    return embeddings, regions if SPATIAL in embeddings and len(regions) > 1 else ()


def _positions(
    root: Group,
    table: Group,
    obs: Obs,
    column: str,
    regions: Sequence[str],
    used: list[str],
    warnings: Warnings,
) -> NDArray[np.float64] | None:
    """Return the centroid of the shape of each cell, shape (n_obs, 2); None if there is none."""
    instances = _attribute(table, "instance_key")
    if instances is None:
        return None
    try:
        codes = obs.column(column).as_codes()[0]
        numbers = obs.column(instances)
    except StarcyteError as error:
        warnings.add(f"The positions of the cells are left out: {error.message}")
        return None
    texts = numbers.values if numbers.info.kind is Kind.CONTINUOUS else numbers.as_text()
    keys = [str(value) for value in texts.tolist()]
    positions = np.full((obs.n, 2), np.nan)
    for code, region in enumerate(regions):
        cells = np.flatnonzero(codes == code)
        try:
            shapes = root.group(f"shapes/{region}")
            if shapes is None:
                continue  # a region of labels, whose pixels are not read
            names, centroids = read_centroids(region, shapes)
        except StarcyteError as error:
            warnings.add(f"Shapes {region!r} are left out, and with them the positions of {cells.size} cells: {error}")
            continue
        rows = {str(name): i for i, name in enumerate(names)}
        at = np.array([rows.get(keys[cell], -1) for cell in cells.tolist()], np.intp)
        positions[cells[at >= 0]] = centroids[at[at >= 0]]
        used.append(region)
        absent = int(np.count_nonzero(at < 0))
        if absent:
            warnings.add(f"{absent} of {cells.size} cells have no shape in {region!r}; they are not drawn.")
    return positions if used else None


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(map(repr, names[:_LISTED])) + more


def _attribute(table: Group, name: str) -> str | None:
    """Return a text of ``uns/spatialdata_attrs``; None if there is none."""
    try:
        node = table.child(f"uns/spatialdata_attrs/{name}")
        if isinstance(node, Array) and node.is_text() and node.size == 1:
            return str(np.atleast_1d(node.read_text()).ravel()[0])
    except StarcyteError:
        pass
    return None
