"""SpatialData as spatialdata 0.7 writes it: its tables, and the cells at the centroids that shapely computes."""

from __future__ import annotations

import builtins
import json
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starcyte.cli import main
from starcyte.errors import DatasetInvalid, NotFound
from starcyte.settings import Settings
from starcyte.store.anndata.shapes import centroids_of
from starcyte.store.index.stored_dataset import StoredDataset
from starcyte.store.open import open_dataset

FOREIGN = Path(__file__).parents[2] / "data" / "foreign"
CENTROIDS: dict[str, dict[str, list[float]]] = json.loads((FOREIGN / "spatialdata_centroids.json").read_text())


@pytest.fixture(params=["zip", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that returns the path of a store, as a zip file or unpacked."""

    def act(name: str) -> Path:
        packed = FOREIGN / f"spatialdata_{name}.zarr.zip"
        if request.param == "zip":
            return packed
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(tmp_path / f"{name}.zarr")
        return tmp_path / f"{name}.zarr"

    return act


@pytest.fixture
def opened() -> Iterator[Callable[..., StoredDataset]]:
    datasets = []

    def act(path: Path, **settings: Any) -> StoredDataset:
        datasets.append(open_dataset(path, Settings(**settings)))
        return datasets[-1]

    yield act
    for dataset in datasets:
        dataset.close()


def expected(dataset: StoredDataset) -> np.ndarray[Any, Any]:
    """Return the position of each cell, from the region and the number that its table names."""
    regions = dataset.obs_column("region").as_text()
    column = dataset.obs_column("instance")
    numbers = column.as_text() if column.info.kind == "string" else column.values
    return np.array(
        [CENTROIDS[region].get(str(number), [np.nan, np.nan]) for region, number in zip(regions, numbers, strict=True)]
    )


def positions(dataset: StoredDataset, name: str = "spatial") -> np.ndarray[Any, Any]:
    return dataset.embedding(name, [0, 1]).T


def test_polygons_with_holes_and_parts_in_global_coordinates(store: Any, opened: Any) -> None:
    dataset = opened(store("polygons"))
    np.testing.assert_allclose(positions(dataset), expected(dataset), rtol=1e-6)
    assert np.isnan(positions(dataset)).sum() == 2
    assert "1 of 9 cells have no shape in 'cells'; they are not drawn." in dataset.warnings
    assert (
        "Of SpatialData the table is shown; left out are images 'img'; labels 'seg'; points 'tx'." in dataset.warnings
    )


def test_each_region_is_a_section(store: Any, opened: Any) -> None:
    dataset = opened(store("regions"))
    assert [(e.name, e.library) for e in dataset.embeddings] == [
        ("spatial/spots1", "spots1"),
        ("spatial/spots2", "spots2"),
        ("spatial", None),
    ]
    np.testing.assert_allclose(positions(dataset), expected(dataset), rtol=1e-6)
    in_first = dataset.obs_column("region").as_text() == "spots1"
    assert np.isfinite(positions(dataset, "spatial/spots1")).all(axis=1).tolist() == in_first.tolist()


def test_version_0_1_of_the_format(store: Any, opened: Any) -> None:
    dataset = opened(store("v01"))
    np.testing.assert_allclose(positions(dataset), expected(dataset), rtol=1e-6)


def test_of_several_tables_one_is_chosen(
    store: Any, opened: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = store("tables")
    assert main(["inspect", str(path)]) == 2
    assert (
        "is SpatialData with 2 tables: cell_table, spot_table. Choose one, such as --table" in capsys.readouterr().err
    )
    spots, cells = opened(path, table="spot_table"), opened(path, table="cell_table")
    assert (spots.n_obs, cells.n_obs) == (13, 9)
    # annotations and indexes are not those of the other table
    assert spots.fingerprint != cells.fingerprint
    assert spots.revision != cells.revision
    with pytest.raises(NotFound, match=r"No such table .*: 'x'. .* has cell_table, spot_table"):
        opened(path, table="x")


def test_geometries_that_spatialdata_seldom_writes() -> None:
    """By hand: the centroid of a point in big-endian with a z, and of a polygon without an area."""
    flat = struct.pack("<BIII", 1, 3, 1, 3) + np.array([[0, 0], [4, 0], [0, 0]], "<f8").tobytes()
    point = struct.pack(">BI", 0, 1001) + np.array([7, 8, 9], ">f8").tobytes()
    np.testing.assert_array_equal(centroids_of([flat, point]), [[2, 0], [7, 8]])
    with pytest.raises(DatasetInvalid, match="has the type 2"):
        centroids_of([struct.pack("<BI", 1, 2) + bytes(40)])


def test_a_table_is_asked_of_a_plain_file(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="is no SpatialData"):
        open_dataset(FOREIGN / "r_logicals.h5ad", Settings(table="x"))


def test_without_a_table_it_is_named_with_what_it_has(tmp_path: Path) -> None:
    with zipfile.ZipFile(FOREIGN / "spatialdata_polygons.zarr.zip") as archive:
        archive.extractall(tmp_path / "x.zarr")
    shutil.rmtree(tmp_path / "x.zarr" / "tables")
    with pytest.raises(DatasetInvalid, match="is SpatialData without a table: images 'img'; labels 'seg'; points 'tx'"):
        open_dataset(tmp_path / "x.zarr", Settings())


def test_without_pyarrow_the_positions_are_left_out(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    dataset = opened(FOREIGN / "spatialdata_polygons.zarr.zip")
    assert not dataset.embeddings
    assert any("They are GeoParquet. Install pyarrow" in line for line in dataset.warnings)


def test_the_positions_of_the_table_precede_those_of_shapes(tmp_path: Path, opened: Any) -> None:
    import zarr

    with zipfile.ZipFile(FOREIGN / "spatialdata_polygons.zarr.zip") as archive:
        archive.extractall(tmp_path / "x.zarr")
    given = np.arange(18, dtype=np.float64).reshape(9, 2)
    zarr.open_group(tmp_path / "x.zarr")["tables/table/obsm"].create_array("spatial", data=given)
    np.testing.assert_array_equal(positions(opened(tmp_path / "x.zarr")), given)


def test_damaged_shapes_leave_out_the_positions(tmp_path: Path, opened: Any) -> None:
    with zipfile.ZipFile(FOREIGN / "spatialdata_polygons.zarr.zip") as archive:
        archive.extractall(tmp_path / "x.zarr")
    parquet = tmp_path / "x.zarr" / "shapes" / "cells" / "shapes.parquet"
    parquet.write_bytes(parquet.read_bytes()[:-50])
    dataset = opened(tmp_path / "x.zarr")
    assert any(line.startswith("Shapes 'cells' are left out, and with them the positions") for line in dataset.warnings)
    assert dataset.n_obs == 9


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda raw: [one[:30] for one in raw], "more points than it has bytes"),
        (lambda raw: [b"\x01" for _ in raw], "geometries or their metadata are invalid"),
        ({b"geo": b"[]"}, "geometries or their metadata are invalid"),
        (
            {b"pandas": b'{"index_columns": [{"start": 0, "stop": 1000000000000, "step": 1}]}'},
            "1,000,000,000,000 names",
        ),
        ({b"pandas": b'{"index_columns": [{"start": 0, "stop": 1, "step": 1}]}'}, "has 1 names"),
    ],
    ids=["cut", "no type", "geo", "many names", "few names"],
)
def test_hostile_shapes_leave_out_the_positions(change: Any, words: str, tmp_path: Path, opened: Any) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    with zipfile.ZipFile(FOREIGN / "spatialdata_polygons.zarr.zip") as archive:
        archive.extractall(tmp_path / "x.zarr")
    path = tmp_path / "x.zarr" / "shapes" / "cells" / "shapes.parquet"
    table = parquet.read_table(path)
    if isinstance(change, dict):
        table = table.replace_schema_metadata({**table.schema.metadata, **change})
    else:
        place = table.schema.get_field_index("geometry")
        table = table.set_column(place, "geometry", [change(table["geometry"].to_pylist())])
    parquet.write_table(table, path)
    dataset = opened(tmp_path / "x.zarr")
    assert [line for line in dataset.warnings if line.startswith("Shapes 'cells' are left out") and words in line]
    assert dataset.n_obs == 9


def test_a_shape_without_a_geometry_has_no_position() -> None:
    point = struct.pack("<BI2d", 1, 1, 3, 4)
    np.testing.assert_array_equal(centroids_of([None, point, b""]), [[np.nan] * 2, [3, 4], [np.nan] * 2])
