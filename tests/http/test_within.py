"""Every question within some cells has the answer of a file that holds those cells alone."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from starcyte.compute.methods import METHODS

#: Those that compare cells; those that compare samples are in test_samples.py
OF_CELLS = [method.id for method in METHODS.values() if not method.over_samples]
N = 240
GENES = [f"g{k}" for k in range(12)]
LABELS = ["x", "y"]


@pytest.fixture(scope="module")
def whole():
    """A dataset with counts that differ by type and donor."""
    rng = np.random.default_rng(5)
    kind, donor = rng.integers(0, 3, N), rng.integers(0, 4, N)
    rate = 0.4 + rng.random((3, 12)) * 2 + 0.3 * rng.random((4, 12))[donor].mean(0)
    obs = pd.DataFrame(
        {
            "type": pd.Categorical.from_codes(kind, ["A", "B", "C"]),
            "donor": pd.Categorical.from_codes(donor, ["d0", "d1", "d2", "d3"]),
            "mine": pd.Categorical.from_codes(rng.integers(-1, 2, N), LABELS),
            "flag": rng.random(N) < 0.5,
            "size": rng.normal(size=N),
        },
        index=[f"c{k}" for k in range(N)],
    )
    counts = rng.poisson(rate[kind]).astype(np.float32)
    return anndata.AnnData(csr_matrix(np.log1p(counts)), obs, pd.DataFrame(index=GENES))


@pytest.fixture(scope="module")
def kept(whole):
    """The cells of two donors, and some more."""
    return np.asarray(whole.obs["donor"].isin(["d0", "d2"])) | (np.arange(N) % 11 == 0)


@pytest.fixture
def both(serve, whole, kept, tmp_path):
    """Clients of the whole dataset and of the part, each with the column "mine" as an annotation."""
    clients = []
    for name, data in (("whole", whole), ("part", whole[kept].copy())):
        path = tmp_path / f"{name}.h5ad"
        data.write_h5ad(path)
        client = serve(path, data_dir=str(tmp_path / name))
        made = client.open("annotations/own", method="PUT", json={"from": "obs:mine"})
        assert made.status_code == 201
        clients.append(client)
    return clients


def withins(kept, whole):
    """Return the same cells by every form of a selection."""
    rows = np.flatnonzero(kept).tolist()
    donors, others = {"column": "donor", "in": ["d0", "d2"]}, {"indices": list(range(0, N, 11))}
    return {
        "indices": {"indices": rows},
        "ranges": {"ranges": [[r, r + 1] for r in rows]},
        # A or B is not (not A and not B)
        "not": {"not": {"and": [{"not": donors}, {"not": others}]}},
    }


GET = {
    "summary": {"genes": ",".join(GENES[:3]), "group_by": "type"},
    "summary of an annotation": {"genes": ",".join(GENES[:3]), "group_by": "annotation:own"},
    "distribution": {"gene": "g1", "group_by": "type"},
    "distribution split": {"gene": "g1", "group_by": "type", "split_by": "annotation:own"},
    "distribution of a column": {"column": "size", "group_by": "flag"},
    "distribution of all": {"column": "size"},
    "histogram": {"gene": "g2", "bins": 7},
    "correlation": {"x": "g1", "y": "g2"},
    "agreement": {"a": "obs:type", "b": "annotation:own"},
}


def settled(client, path, body):
    response = client.post(path, body)
    assert response.status_code in {200, 202}, response.text
    if response.status_code == 200:
        return response.json
    job = response.json["job"]["id"]
    client.app.extensions["starcyte"].jobs.get(job).ended.wait(60)
    return client.json(f"jobs/{job}")["result"]


def assert_same(one, other, path=""):
    """Compare two answers but for the ids and fingerprints of files and jobs, and for groups without a cell."""
    if isinstance(one, dict):
        assert set(one) == set(other), path
        for key in set(one) - {"job_id", "fingerprint"}:
            assert_same(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), path
        for k, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{path}[{k}]")
    elif isinstance(one, float) or isinstance(other, float):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-6), path
    else:
        assert one == other, path


@pytest.mark.parametrize("form", ["indices", "ranges", "not"])
@pytest.mark.parametrize("question", GET)
def test_a_summary_within_cells_is_that_of_their_file(both, whole, kept, question, form):
    client, part = both
    path = question.split(" ", maxsplit=1)[0]
    query = GET[question]
    wanted = part.json(path + "?" + "&".join(f"{k}={v}" for k, v in query.items()))
    found = settled(client, path, query | {"within": withins(kept, whole)[form]})
    assert_same(found, wanted)
    everything = settled(client, path, query)
    assert_same(everything, client.json(path + "?" + "&".join(f"{k}={v}" for k, v in query.items())))
    with pytest.raises(AssertionError):
        assert_same(everything, wanted)


@pytest.mark.parametrize("group_by", ["type", "annotation:own"])
@pytest.mark.parametrize("method", OF_CELLS)
def test_markers_within_cells_are_those_of_their_file(both, whole, kept, method, group_by):
    client, part = both
    body = {"group_by": group_by, "method": method, "limit": 12}
    wanted = settled(part, "markers", body)
    assert_same(settled(client, "markers", body | {"within": withins(kept, whole)["not"]}), wanted)
    with pytest.raises(AssertionError):
        assert_same(settled(client, "markers", body), wanted)


@pytest.mark.parametrize("b", ["rest", {"column": "type", "in": ["B"]}, {"annotation": "own", "in": ["y"]}], ids=str)
@pytest.mark.parametrize("method", OF_CELLS)
def test_a_comparison_within_cells_is_that_of_their_file(both, whole, kept, method, b):
    client, part = both
    a = {"and": [{"column": "type", "in": ["A"]}, {"not": {"annotation": "own", "in": ["y"]}}]}
    body = {"a": a, "b": b, "method": method}
    wanted = settled(part, "diffexp", body)
    assert_same(settled(client, "diffexp", body | {"within": withins(kept, whole)["ranges"]}), wanted)
    with pytest.raises(AssertionError):
        assert_same(settled(client, "diffexp", body), wanted)


@pytest.mark.parametrize(
    "within",
    [
        {"and": []},
        {"in": ["A"]},
        {"annotation": "own"},
        {"indices": [0], "ranges": [[0, 1]]},
        {"not": {"column": "size", "in": ["1"]}},
        {"and": [{"column": "type", "in": ["nobody"]}]},
        {"not": {"indices": [N]}},
    ],
    ids=str,
)
def test_a_selection_that_is_none_is_refused(both, refused, within):
    refused(both[0].post("summary", GET["summary"] | {"within": within}), 400)


def test_a_missing_annotation_is_not_found(both, refused):
    refused(both[0].post("summary", GET["summary"] | {"within": {"annotation": "nobody", "in": []}}), 404)
