"""Columns in the form that is asked for, and again only where they have changed."""

from __future__ import annotations

import pytest

BINARY, JSON, CSV = "application/vnd.starcyte.columns", "application/json", "text/csv"
COLUMNS = ["obs/type", "embeddings/X_umap", "expression?gene=CD3D"]
CACHED = [*COLUMNS, "schema", "genes?q=cd", "summary?genes=CD3D&group_by=type"]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("", JSON),
        (BINARY, BINARY),
        (JSON, JSON),
        (CSV, CSV),
        ("text/*", CSV),
        (f"{BINARY}, {JSON};q=0.5", BINARY),
        (f"{BINARY};q=0.1, {JSON};q=0.5", JSON),
        (f"{CSV}, */*;q=0.1", CSV),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
        ("image/png", JSON),
        ("nonsense", JSON),
        (";;;,,,", JSON),
    ],
)
@pytest.mark.parametrize("path", COLUMNS)
def test_the_form_is_the_one_accepted(small, path, accept, form):
    response = small.get(path, headers={} if accept is None else {"Accept": accept})
    assert response.status_code == 200
    assert response.mimetype == form
    assert "Accept" in response.headers["Vary"].replace("Accept-Encoding", "")


@pytest.mark.parametrize("path", CACHED)
@pytest.mark.parametrize("accept", [BINARY, JSON])
def test_what_the_client_has_is_not_sent_again(small, path, accept):
    first = small.get(path, headers={"Accept": accept})
    etag = first.headers["ETag"]
    again = small.get(path, headers={"Accept": accept, "If-None-Match": etag})
    assert again.status_code == 304
    assert again.get_data() == b""
    assert again.headers["ETag"] == etag
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    assert "Accept" in again.headers["Vary"]


@pytest.mark.parametrize("given", ['"other"', 'W/"other"', "nonsense", "", '""'])
def test_what_the_client_has_of_something_else_is_sent(small, given):
    assert small.get("schema", headers={"If-None-Match": given}).status_code == 200


def test_one_of_several_tags_is_enough(small):
    etag = small.get("schema").headers["ETag"]
    assert small.get("schema", headers={"If-None-Match": f'"other", {etag}'}).status_code == 304
    assert small.get("schema", headers={"If-None-Match": "*"}).status_code == 304


def test_the_tag_follows_the_file_and_the_settings(serve, small_file, make_h5ad):
    def tag(path, **settings):
        return serve(path, **settings).get("schema").headers["ETag"]

    copy = make_h5ad(cells=3)
    first = tag(copy)
    assert tag(copy) == first
    assert tag(copy, title="Other") != first
    assert tag(small_file) != first
    with copy.open("r+b") as stream:
        stream.seek(-1, 2)
        last = stream.read(1)
        stream.seek(-1, 2)
        stream.write(bytes([last[0] ^ 1]))
    assert tag(copy) != first


@pytest.mark.parametrize("path", ["obs/no", "genes?limit=x", "expression?gene=no"])
def test_an_error_is_not_kept(small, path):
    etag = small.get("schema").headers["ETag"]
    response = small.get(path, headers={"If-None-Match": '"other"'})
    assert response.status_code in {400, 404}
    assert response.headers.get("ETag") != etag


@pytest.mark.parametrize("path", ["schema", "obs/type", "health"])
def test_the_head_of_an_answer_is_that_of_the_answer(small, path):
    body, head = small.get(path), small.open(path, method="HEAD")
    assert head.status_code == 200
    assert head.get_data() == b""
    assert head.headers["Content-Type"] == body.headers["Content-Type"]
