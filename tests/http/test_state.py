"""What is answered before the dataset is open, and when it cannot be opened."""

from __future__ import annotations

import pytest
from starcyte import __version__

DATA = [
    "schema",
    "embeddings/X_umap",
    "obs/type",
    "genes?q=cd",
    "genes",
    "expression?gene=CD3D",
    "expression",
    "summary?genes=CD3D&group_by=type",
]


def test_health_of_an_open_dataset(small):
    answer = small.json("health")
    assert answer | {"message": ""} == {
        "app": "starcyte",
        "version": __version__,
        "state": "ready",
        "progress": answer["progress"],
        "message": "",
        "title": "small",
    }


def test_health_is_never_kept_by_the_browser(small):
    assert small.get("health").headers["Cache-Control"] == "no-store"


def test_health_while_loading(serve, small_file):
    answer = serve(small_file, run=False, title="My <b>cells</b>").json("health")
    assert answer["state"] == "loading"
    assert answer["message"]
    assert answer["title"] == "My <b>cells</b>"
    assert answer["progress"] is None or 0 <= answer["progress"] <= 1
    assert "error" not in answer


@pytest.mark.parametrize("path", DATA)
def test_data_is_to_be_asked_again_while_loading(serve, small_file, refused, path):
    response = serve(small_file, run=False).get(path)
    refused(response, 503, "dataset_loading")
    assert response.headers["Retry-After"] == "1"
    assert "ETag" not in response.headers


def test_a_comparison_is_to_be_asked_again_while_loading(serve, small_file, refused):
    response = serve(small_file, run=False).post("diffexp", {"a": {"indices": [0, 1]}})
    refused(response, 503, "dataset_loading")
    assert response.headers["Retry-After"] == "1"


BAD = {
    "empty": (b"", 422, "dataset_invalid"),
    "text": (b"cell,gene\n" * 400, 422, "dataset_invalid"),
    "missing": (None, 404, "dataset_missing"),
}


@pytest.fixture(params=BAD)
def bad(request, serve, tmp_path):
    content, status, code = BAD[request.param]
    path = tmp_path / "bad<b>.h5ad"
    if content is not None:
        path.write_bytes(content)
    return serve(path), status, code


def test_health_of_a_bad_file(bad):
    client, _, code = bad
    answer = client.json("health")
    assert answer["state"] == "error"
    assert answer["error"]["code"] == code
    assert answer["error"]["message"] == answer["message"]
    assert answer["error"]["hint"]


@pytest.mark.parametrize("path", DATA)
def test_data_of_a_bad_file_is_its_error(bad, refused, path):
    client, status, code = bad
    response = client.get(path)
    refused(response, status, code)
    assert "Retry-After" not in response.headers


def test_a_comparison_in_a_bad_file_is_its_error(bad, refused):
    client, status, code = bad
    refused(client.post("diffexp", {"a": {"indices": [0, 1]}}), status, code)


@pytest.mark.parametrize("run", [True, False], ids=["open", "loading"])
def test_the_description_is_there_from_the_start(serve, small_file, run):
    assert serve(small_file, run=run).json("openapi.json")["openapi"].startswith("3.1")
