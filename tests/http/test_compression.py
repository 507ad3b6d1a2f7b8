"""Bodies are compressed as the client accepts, and not at all on its own machine."""

from __future__ import annotations

import gzip

import pytest
import zstandard

PATHS = ["obs/bulk_labels", "schema", "embeddings/X_umap", "genes?limit=500", "openapi.json"]
FAR = "203.0.113.9"


def plain(response):
    data, coding = response.get_data(), response.headers.get("Content-Encoding")
    assert int(response.headers["Content-Length"]) == len(data)
    if coding == "gzip":
        return gzip.decompress(data)
    return zstandard.ZstdDecompressor().decompress(data) if coding == "zstd" else data


@pytest.fixture(scope="module", params=["application/json", "application/vnd.starcyte.columns"])
def form(request):
    return request.param


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, zstd;q=0", "gzip"),
        ("GZIP", "gzip"),
        ("br", None),
        ("identity", None),
        ("gzip;q=0", None),
        ("", None),
        (None, None),
        ("nonsense;;q", None),
    ],
)
def test_a_body_is_compressed_as_accepted(real, path, form, accepted, coding):
    expected = real.get(path, headers={"Accept": form}).get_data()
    headers = {"Accept": form} | ({} if accepted is None else {"Accept-Encoding": accepted})
    response = real.get(path, headers=headers)
    assert response.headers.get("Content-Encoding") == coding
    assert plain(response) == expected
    assert "Accept-Encoding" in response.headers["Vary"]
    if coding:
        assert len(response.get_data()) < len(expected)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
def test_nothing_is_compressed_on_the_same_machine(serve, pbmc, address):
    response = serve(pbmc, address).get("schema", headers={"Accept-Encoding": "gzip, zstd"})
    assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize("address", ["10.0.0.3", "2001:db8::1", FAR])
def test_bodies_are_compressed_for_other_machines(serve, pbmc, address):
    response = serve(pbmc, address).get("schema", headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("address", ["", "nonsense", "unix:"])
def test_an_address_that_is_none_is_another_machine(serve, pbmc, address):
    response = serve(pbmc, address).get("schema", headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"


def test_behind_a_proxy_bodies_are_compressed_though_the_peer_is_near(serve, pbmc):
    response = serve(pbmc, "127.0.0.1", trust_prefix=True).get("schema", headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"


def test_small_bodies_are_left_alone(small):
    response = small.get("health", headers={"Accept-Encoding": "gzip, zstd"})
    assert "Content-Encoding" not in response.headers


def test_a_compressed_answer_is_not_sent_again(real):
    headers = {"Accept-Encoding": "gzip"}
    etag = real.get("schema", headers=headers).headers["ETag"]
    assert real.get("schema", headers=headers | {"If-None-Match": etag}).status_code == 304
    assert real.get("schema", headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize("address", ["127.0.0.1", FAR])
def test_a_slow_line_is_compressed_for_whatever_its_address(serve, pbmc, address):
    """Behind the port that ``ssh -L`` forwards, every client has the address of this machine."""
    client = serve(pbmc, address)
    headers = {"Accept": "application/vnd.starcyte.columns", "Accept-Encoding": "gzip, zstd", "Save-Data": "on"}
    whole = client.get("embeddings/X_umap", headers=headers)
    assert whole.headers["Content-Encoding"] == "zstd"
    assert "Save-Data" in whole.headers["Vary"]
    assert int(whole.headers["X-Starcyte-Length"]) == len(plain(whole)) > len(whole.get_data())
    coarse = client.get("embeddings/X_umap?precision=coarse", headers=headers)
    assert len(coarse.get_data()) < 0.8 * len(whole.get_data())
    assert len(plain(coarse)) == len(plain(whole))
