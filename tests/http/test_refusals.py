"""Every refusal has the one shape, whatever is thrown at the interface."""

from __future__ import annotations

import logging
from urllib.parse import quote

import h5py
import numpy as np
import pytest
from columns import decode

PATHS = ["health", "schema", "embeddings/X_umap", "obs/type", "genes", "expression", "samples", "openapi.json"]
BINARY = {"Accept": "application/vnd.starcyte.columns"}

HOSTILE = {
    "slashes": "a/b/c",
    "leading slash": "/etc/passwd",
    "two slashes": "//evil.example/x",
    "up": "..",
    "up and down": "../../etc/passwd",
    "here": ".",
    "markup": "<script>alert(1)</script>",
    "attribute": '"><img src=x onerror=alert(1)>',
    "percent": "100%",
    "percent-encoded": "%2e%2e%2f",
    "question mark": "a?b=c",
    "hash": "a#b",
    "semicolon": "a;b",
    "backslash": "..\\..\\x",
    "command": "$(touch /tmp/x)`id`;rm -rf ~",
    "template": "{{7*7}}${7*7}%(x)s{0}",
    "newline": "a\nb\r\nSet-Cookie: x=1",
    "nul": "a\x00b",
    "unicode": "naïve 細胞 🧬",
    "right to left": "\u202egpj.exe",
    "long": "x" * 10_000,
    "space": " ",
    "plus": "a+b",
    "colon": "http://evil.example",
}


def hostile(name):
    return pytest.param(HOSTILE[name], id=name)


@pytest.mark.parametrize("name", [hostile(n) for n in HOSTILE])
@pytest.mark.parametrize("folder", ["obs", "embeddings"])
def test_a_hostile_name_in_a_path_is_not_found(small, refused, folder, name):
    error = refused(small.get(f"{folder}/{quote(name, safe='')}"), 404, "not_found")
    assert "\r" not in error["message"]


@pytest.mark.parametrize("name", [hostile(n) for n in HOSTILE])
@pytest.mark.parametrize(
    "path", ["expression?gene=", "expression?gene=CD3D&matrix=", "summary?group_by=type&genes=", "genes?matrix="]
)
def test_a_hostile_name_in_a_query_is_not_found(small, refused, path, name):
    refused(small.get(path + quote(name, safe="")), 404, "not_found")


@pytest.mark.parametrize("name", [hostile(n) for n in HOSTILE])
def test_a_hostile_text_finds_no_gene_but_is_no_error(small, name):
    assert small.get("genes", query_string={"q": name}).status_code == 200


@pytest.mark.parametrize("name", [hostile(n) for n in HOSTILE if n not in {"nul", "here", "long"}])
def test_a_hostile_name_in_the_file_is_a_name(serve, make_h5ad, name):
    path = make_h5ad(
        np.arange(6, dtype=np.float32).reshape(3, 2),
        obs={} if "/" in name else {name: np.array([5, 6, 7])},
        obsm={} if "/" in name else {name: np.ones((3, 2), np.float32)},
        genes=[name, "other"],
    )
    client = serve(path)
    _, (column,) = decode(client.get("expression", query_string={"gene": name}, headers=BINARY).get_data())
    assert column.entry["name"] == name
    assert column.values.tolist() == [0, 2, 4]
    assert client.json("genes", query_string={"q": name})["genes"][0]["name"] in {name, "other"}
    if "/" not in name:
        _, (column,) = decode(client.get(f"obs/{quote(name, safe='')}", headers=BINARY).get_data())
        assert column.entry["name"] == name
        assert column.values.tolist() == [5, 6, 7]
        assert client.get(f"embeddings/{quote(name, safe='')}").status_code == 200
        assert client.json("schema")["obs"][0]["name"] == name


@pytest.mark.parametrize("name", ["a/b", "/a", "a//b", "//", "../a", "a/"])
def test_a_column_of_an_old_file_may_hold_slashes(serve, tmp_path, name):
    table = np.array([(b"c0", 5), (b"c1", 6)], [("index", "S2"), (name, "i4")])
    with h5py.File(tmp_path / "old.h5ad", "w") as file:
        file["obs"], file["var"] = table, np.array([(b"g",)], [("index", "S1")])
    client = serve(tmp_path / "old.h5ad")
    assert client.json("schema")["obs"][0]["name"] == name
    for path in (f"obs/{quote(name, safe='')}", f"obs/{name}"):
        assert client.json(path)["columns"] == [{"name": name, "values": [5, 6]}]


@pytest.mark.parametrize(
    "path", ["obs/%ff%fe", "obs/%ED%A0%80", "obs/%", "obs/%zz", "expression?gene=%ff", "genes?q=%ff"]
)
def test_what_is_no_utf8_is_not_an_error_of_ours(small, path):
    assert small.get(path).status_code in {200, 400, 404}


@pytest.mark.parametrize(
    "path",
    [
        *("/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/health", "/api/v1//health"),
        *("/API/v1/health", "/api/v1/obs%2Ftype/x", "/nothing", "/x.js", "/favicon.ico"),
    ],
)
def test_a_path_that_leads_nowhere_is_not_found(small, refused, path):
    refused(small.get(path), 404, "not_found")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "BREW"])
@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_not_allowed(small, refused, path, method):
    response = small.open(path, method=method)
    refused(response, 405, "method_not_allowed")
    assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_comparison_is_posted(small, refused, method):
    response = small.open("diffexp", method=method)
    refused(response, 405, "method_not_allowed")
    assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {"Origin": "http://[::"}]
)
def test_a_write_from_another_site_is_forbidden(small, refused, headers):
    refused(small.post("diffexp", {"a": {"indices": [0, 1, 2]}}, headers=headers), 403, "forbidden")
    refused(small.open("jobs/0123456789abcdef", method="DELETE", headers=headers), 403, "forbidden")


@pytest.mark.parametrize(
    "path",
    ["health", "schema", "obs/type", "obs/none", "nothing", "/", "/x", "jobs/x", "expression", "openapi.json"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD"])
@pytest.mark.parametrize("allow_framing", [False, True], ids=["alone", "in frames"])
def test_every_answer_is_protected(serve, small_file, path, method, allow_framing):
    headers = serve(small_file, allow_framing=allow_framing).open(path, method=method).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "script-src 'self';" in headers["Content-Security-Policy"]
    assert ("frame-ancestors 'self'" in headers["Content-Security-Policy"]) is not allow_framing
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "X-Frame-Options" not in headers
    assert "Set-Cookie" not in headers
    assert "Access-Control-Allow-Origin" not in headers


def test_a_defect_is_told_without_its_details(small, refused, monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr("starcyte.store.anndata.dataset.AnnDataDataset.genes", broken)
    with caplog.at_level(logging.ERROR):
        response = small.get("genes?q=in-the-query", headers={"Cookie": "galaxysession=in-the-cookie"})
    error = refused(response, 500)
    assert "secret" not in str(error)
    assert "GET /api/v1/genes failed" in caplog.text
    assert "in-the-query" not in caplog.text
    assert "in-the-cookie" not in caplog.text


def test_a_broken_column_breaks_its_own_request_only(serve, make_h5ad, refused):
    path = make_h5ad(np.ones((3, 2), np.float32), obs={"good": np.arange(3)})
    with h5py.File(path, "r+") as file:
        group = file["obs"].create_group("bad")
        group.attrs["encoding-type"], group.attrs["ordered"] = "categorical", False
        group["codes"] = np.array([0, 1, 9], np.int8)
        group["categories"] = np.array([b"a", b"b"])
        file["obs"].attrs.create("column-order", ["good", "bad"], dtype=h5py.string_dtype())
    client = serve(path)
    refused(client.get("obs/bad"), 422, "dataset_invalid")
    assert client.get("obs/good").status_code == 200


@pytest.mark.parametrize("cookie", ["x" * 5000, "=;=;=", "a=\x80\xff"], ids=["long", "empty", "binary"])
def test_cookies_and_odd_headers_are_nothing_to_us(small, cookie):
    headers = {"Cookie": cookie, "Authorization": "Basic !!!", "X-Forwarded-Prefix": "/x", "Range": "bytes=0-1"}
    assert small.get("schema", headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["", "evil.example", "a b", "[::1", "x" * 3000, "localhost:99999"])
def test_any_host_is_answered_without_a_defect(small, host):
    assert small.get("schema", headers={"Host": host}).status_code in {200, 400, 421}
    posted = small.post("diffexp", {"a": {"indices": [0, 1, 2]}}, headers={"Host": host, "Origin": "http://x"})
    assert posted.status_code in {400, 403, 421}
