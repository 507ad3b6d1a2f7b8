"""Rows of obsp and tissue images, compared with anndata and Pillow."""

from __future__ import annotations

import io
import shutil

import anndata
import h5py
import numpy as np
import pytest
from PIL import Image
from scipy.sparse import csc_matrix, csr_matrix, random_array

N = 60


@pytest.fixture(scope="module")
def spatial(tmp_path_factory):
    """Write a file with obsp in every layout, and tissue images."""
    rng = np.random.default_rng(4)
    links = random_array((N, N), density=0.1, rng=rng)
    pixels = rng.integers(0, 256, (30, 50, 3), dtype=np.uint8)
    data = anndata.AnnData(
        X=np.ones((N, 3), np.float32),
        obsm={"spatial": rng.uniform(0, 400, (N, 2))},
        obsp={"rows": csr_matrix(links), "columns": csc_matrix(links), "all": links.toarray()},
        uns={
            "spatial": {
                "slide 1": {
                    "images": {"hires": pixels, "lowres": pixels[::2, ::2].astype(np.float32) / 255},
                    "scalefactors": {"tissue_hires_scalef": 0.125, "tissue_lowres_scalef": 0.0625},
                }
            }
        },
    )
    path = tmp_path_factory.mktemp("obsp") / "spatial.h5ad"
    data.write_h5ad(path)
    return path, links.toarray(), pixels


@pytest.mark.parametrize("name", ["rows", "columns", "all"])
def test_a_row_of_obsp_is_that_of_anndata(serve, spatial, name):
    path, links, _pixels = spatial
    client = serve(path)
    assert set(client.json("schema")["obsp"]) == {"rows", "columns", "all"}
    for cell in (0, 7, N - 1):
        answer = client.json(f"obsp/{name}?cell={cell}", headers={"Accept": "application/json"})
        np.testing.assert_allclose(answer["columns"][0]["values"], links[cell], rtol=1e-6)


def test_older_files_have_obsp_in_uns(serve, pbmc):
    client = serve(pbmc)
    assert set(client.json("schema")["obsp"]) == {"connectivities", "distances"}
    with h5py.File(pbmc, locking=False) as file:
        group = file["uns/neighbors/distances"]
        want = csr_matrix((group["data"][()], group["indices"][()], group["indptr"][()]), shape=(700, 700))
    answer = client.json("obsp/distances?cell=11", headers={"Accept": "application/json"})
    np.testing.assert_allclose(answer["columns"][0]["values"], want[11].toarray()[0], rtol=1e-6)


def test_missing_elements_are_not_found(serve, refused, spatial):
    client = serve(spatial[0])
    refused(client.get("obsp/nothing?cell=0"), 404)
    refused(client.get(f"obsp/rows?cell={N}"), 404)
    refused(client.get("obsp/rows?cell=-1"), 400)
    refused(client.get("obsp/rows"), 400)
    refused(client.get("images/slide%201%2Fnothing"), 404)


def test_an_invalid_matrix_is_left_out(serve, refused, spatial, tmp_path):
    path = tmp_path / "broken.h5ad"
    shutil.copy(spatial[0], path)
    with h5py.File(path, "r+") as file:
        file["obsp/rows/indices"][0] = 10_000
        del file["obsp/columns/indptr"]
    client = serve(path)
    schema = client.json("schema")
    assert schema["obsp"] == ["all"]
    for name in ("columns", "rows"):
        assert any(f"obsp[{name!r}] is left out" in warning for warning in schema["warnings"])
        refused(client.get(f"obsp/{name}?cell=0"), 404)


def test_duplicate_entries_of_a_row_are_summed_as_scipy_does(serve, spatial, tmp_path):
    path = tmp_path / "doubled.h5ad"
    shutil.copy(spatial[0], path)
    with h5py.File(path, "r+") as file:
        links = file["obsp/rows"]
        cell = int(np.flatnonzero(np.diff(links["indptr"][:]) >= 2)[0])
        start = int(links["indptr"][cell])
        links["indices"][start + 1] = links["indices"][start]
        parts = tuple(links[part][:] for part in ("data", "indices", "indptr"))
    answer = serve(path).json(f"obsp/rows?cell={cell}", headers={"Accept": "application/json"})
    expected = csr_matrix(parts, shape=(N, N)).toarray()[cell]
    np.testing.assert_array_equal(answer["columns"][0]["values"], expected)


@pytest.mark.parametrize(("key", "step"), [("hires", 1), ("lowres", 2)])
def test_an_image_has_the_pixels_of_the_file(serve, spatial, key, step):
    path, _links, pixels = spatial
    client = serve(path)
    entry = next(i for i in client.json("schema")["images"] if i["name"] == f"slide 1/{key}")
    assert entry["scale"] == 0.125 / step
    response = client.get(f"images/slide%201%2F{key}")
    assert response.mimetype == "image/png"
    shown = np.asarray(Image.open(io.BytesIO(response.get_data())))
    assert shown.shape == (entry["height"], entry["width"], 3)
    np.testing.assert_array_equal(shown, pixels[::step, ::step])
