"""What comes through Galaxy's proxy, in both of its modes, is what the viewer sent."""

import json
import re
import struct
import time
import warnings

import anndata
import numpy as np
import pytest

BINARY = {"Accept": "application/vnd.starcyte.columns"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def adata(dataset):
    with warnings.catch_warnings():
        # the file is of an older anndata
        warnings.simplefilter("ignore")
        return anndata.read_h5ad(dataset)


def columns(body):
    """Read binary columns as the interface describes them: name to array, and to the header's entry."""
    assert body[:4] == b"SCC1"
    (length,) = struct.unpack_from("<I", body, 4)
    header = json.loads(body[8 : 8 + length])

    def array(part):
        return np.frombuffer(body, part["dtype"], part["length"], 8 + length + part["offset"])

    arrays = {}
    for entry in header["columns"]:
        values = array(entry)
        if entry["layout"] == "sparse":
            dense = np.zeros(header["n"], values.dtype)
            dense[array(entry["indices"])] = values
            values = dense
        arrays[entry["name"]] = (values, entry)
    return arrays


def test_page(entry):
    answer = entry.get("/")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "frame-ancestors" not in answer.headers["Content-Security-Policy"]
    base = re.findall(r'<base href="([^"]*)"', answer.text)
    assert base == ([f"{entry.prefix}/"] if entry.mode == "path" else [])


def test_all_that_the_page_loads(entry):
    page = entry.get("/").text
    loaded = re.findall(r'<(?:script|link)[^>]*\b(?:src|href)="([^"]+)"', page)
    assert any(url.endswith(".js") for url in loaded)
    for url in loaded:
        assert not re.match(r"/|[a-z]+:", url), "a URL that is not relative leaves the prefix"
        answer = entry.get("/" + url.removeprefix("./"))
        assert answer.status_code == 200
        assert answer.content
        if url.endswith(".js"):
            assert "javascript" in answer.headers["Content-Type"]


def test_address_without_its_last_slash(by_path):
    # the proxy answers it with the page and does not redirect: relative URLs hold through the base alone
    answer = by_path.get("")
    assert answer.status_code == 200
    assert f'<base href="{by_path.prefix}/">' in answer.text


def test_a_browsers_own_header_does_not_count(by_path):
    answer = by_path.get("/", headers={"X-Forwarded-Prefix": "/elsewhere"})
    assert f'<base href="{by_path.prefix}/">' in answer.text
    assert "elsewhere" not in answer.text


@pytest.mark.parametrize("prefix", ['/"><script>alert(1)</script>', "//evil.example", "https://evil.example", "/a b"])
def test_a_header_is_never_markup(by_domain, prefix):
    # under a domain the proxy sets no header, and takes none away
    answer = by_domain.get("/", headers={"X-Forwarded-Prefix": prefix})
    assert answer.status_code in {200, 400}
    assert "evil" not in answer.text
    assert "alert(1)" not in answer.text
    assert "/a b" not in answer.text


def test_health(entry):
    health = entry.get("/api/v1/health").json()
    assert (health["app"], health["state"], health["title"]) == ("starcyte", "ready", "PBMC")


def test_schema(entry, adata):
    schema = entry.get("/api/v1/schema").json()
    assert (schema["n_obs"], schema["n_vars"]) == adata.shape
    assert {e["name"] for e in schema["embeddings"]} >= {"X_umap", "X_pca"}


def test_embedding(entry, adata):
    answer = entry.get("/api/v1/embeddings/X_umap", headers=BINARY)
    assert answer.headers["Content-Type"] == "application/vnd.starcyte.columns"
    got = columns(answer.content)
    np.testing.assert_array_equal(got["x"][0], adata.obsm["X_umap"][:, 0].astype("float32"))
    np.testing.assert_array_equal(got["y"][0], adata.obsm["X_umap"][:, 1].astype("float32"))


def test_categories(entry, adata):
    codes, header = columns(entry.get("/api/v1/obs/bulk_labels", headers=BINARY).content)["bulk_labels"]
    assert list(np.array(header["categories"])[codes]) == list(adata.obs["bulk_labels"])


@pytest.mark.parametrize("matrix", ["X", "raw/X"])
def test_expression(entry, adata, matrix):
    table = adata if matrix == "X" else adata.raw
    gene = next(g for g in ("CD3D", "CD79A", "NKG7") if g in table.var_names)
    answer = entry.get("/api/v1/expression", params={"gene": gene, "matrix": matrix}, headers=BINARY)
    want = table[:, gene].X
    want = (want.toarray() if hasattr(want, "toarray") else np.asarray(want)).ravel()
    np.testing.assert_array_equal(columns(answer.content)[gene][0], want.astype("float32"))


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_compressed(entry, coding):
    plain = entry.get("/api/v1/schema", headers={"Accept-Encoding": "identity"})
    answer = entry.get("/api/v1/schema", headers={"Accept-Encoding": coding})
    # the browser is far away, though the proxy is near
    assert answer.headers.get("Content-Encoding", "identity") == coding
    assert answer.json() == plain.json()


def test_not_asked_for_twice(entry):
    first = entry.get("/api/v1/embeddings/X_umap", headers=BINARY)
    again = entry.get("/api/v1/embeddings/X_umap", headers={**BINARY, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/v1/expression?gene=NO_SUCH_GENE", 404), ("/api/v1/obs/no%20such%2Fcolumn", 404), ("/api/v1/nothing", 404)],
)
def test_errors_keep_their_shape(entry, path, status):
    answer = entry.get(path)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message", "hint"}


def test_comparison(entry, adata):
    asked = {
        "a": {"where": [{"column": "bulk_labels", "in": ["CD19+ B"]}]},
        "b": "rest",
        "method": "t-test",
        "matrix": "raw/X",
        "limit": 5,
    }
    answer = entry.post("/api/v1/diffexp", json=asked, headers={"Sec-Fetch-Site": "same-origin"})
    end = time.monotonic() + 30
    while answer.status_code == 202:
        assert time.monotonic() < end
        time.sleep(0.1)
        job = answer.json()["job"]
        assert job["state"] in {"queued", "running", "done"}
        answer = entry.get(f"/api/v1/jobs/{job['id']}", params={"limit": 5})
        if answer.json().get("job", {}).get("state") in {"queued", "running"}:
            continue
        break
    assert answer.status_code == 200
    result = answer.json().get("result", answer.json())
    assert result["n_a"] == (adata.obs["bulk_labels"] == "CD19+ B").sum()
    assert len(result["genes"]) == 5
    assert {"CD79A", "CD79B", "CD74"} & {g["gene"] for g in result["genes"]}


def test_write_from_another_site_is_refused(entry):
    answer = entry.post("/api/v1/diffexp", json={}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_large_body(entry, adata):
    cells = list(range(adata.n_obs))
    asked = {
        "a": {"indices": cells[:300]},
        "b": {"indices": cells[300:]},
        "method": "t-test",
        "matrix": "raw/X",
        "pad": "x",
    }
    body = json.dumps(asked).replace('"x"', json.dumps("x" * 3_000_000))
    answer = entry.post("/api/v1/diffexp", data=body, headers=JSON)
    # taken or refused as a whole: an answer in the one shape, and no connection cut off
    assert answer.status_code in {200, 202, 400}
    assert answer.json()


def test_viewer_that_is_not_there(nobody):
    # not ours to change, but what the user sees until the port is bound: so it is bound at once
    answer = nobody.get("/api/v1/health")
    assert (answer.status_code, answer.text) == (502, "Proxy target missing")


def test_unknown_address_is_not_the_viewer(by_path):
    by_path.prefix = by_path.prefix[:-1] + "0"
    answer = by_path.get("/api/v1/health")
    assert "starcyte" not in answer.text
