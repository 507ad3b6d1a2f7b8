"""The page and its files, under a prefix and without, and nothing beside them."""

from __future__ import annotations

import re

import pytest

PAGE = "<!doctype html>\n<html><head><title>starcyte</title></head><body></body></html>"


def without_preview(response):
    """Return a page without what is told to those who show a link to it."""
    return re.sub("<meta [^>]*>", "", response.text)


@pytest.fixture
def static(tmp_path, monkeypatch):
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "assets" / "main-1a2b.js").write_text("let cells = 0;\n" * 200)
    (folder / "icon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("a secret")
    monkeypatch.setattr("starcyte.web.routes.pages.STATIC", folder)
    return folder


@pytest.fixture
def page(static, serve, small_file):
    return serve(small_file)


def test_the_page(page):
    response = page.get("/")
    assert response.status_code == 200
    assert response.mimetype == "text/html"
    assert without_preview(response) == PAGE
    assert "no-cache" in response.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/", "/assets/main-1a2b.js", "/icon.svg"])
def test_the_page_is_there_while_the_dataset_opens(static, serve, small_file, path):
    assert serve(small_file, run=False).get(path).status_code == 200


def test_the_page_is_there_when_the_dataset_cannot_be_opened(static, serve, tmp_path):
    assert serve(tmp_path / "missing.h5ad").get("/").status_code == 200


def test_a_page_that_is_not_built_says_so(serve, small_file, refused, tmp_path, monkeypatch):
    monkeypatch.setattr("starcyte.web.routes.pages.STATIC", tmp_path / "nowhere")
    error = refused(serve(small_file).get("/"), 500)
    assert "not built" in error["message"]
    assert serve(small_file).get("health").status_code == 200


def test_files_have_their_types(page):
    assert page.get("/assets/main-1a2b.js").mimetype in {"text/javascript", "application/javascript"}
    assert page.get("/icon.svg").mimetype == "image/svg+xml"


def test_named_files_are_kept_for_long_and_others_are_asked_for_again(page):
    named, other = page.get("/assets/main-1a2b.js"), page.get("/icon.svg")
    assert "max-age=31536000" in named.headers["Cache-Control"]
    assert "31536000" not in other.headers["Cache-Control"]
    again = page.get("/icon.svg", headers={"If-None-Match": other.headers["ETag"]})
    assert (again.status_code, again.get_data()) == (304, b"")


def test_files_are_compressed_for_other_machines(page, static):
    plain = page.get("/assets/main-1a2b.js")
    small = page.get("/assets/main-1a2b.js", headers={"Accept-Encoding": "gzip"})
    assert plain.text == (static / "assets" / "main-1a2b.js").read_text()
    assert small.headers["Content-Encoding"] == "gzip"
    assert len(small.get_data()) < len(plain.get_data()) / 4


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/assets/../../secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/..%5csecret.txt",
        "/..;/secret.txt",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/etc/passwd",
        "/assets",
        "/assets/",
        "/.",
        "/..",
        "/index.html%00.js",
        "/%00",
        "/" + "a/" * 4000,
        "/" + "x" * 10_000,
        "/con",
        "/~root",
    ],
    ids=lambda p: p[:40],
)
def test_nothing_beside_the_static_folder_is_served(page, refused, path):
    response = page.get(path)
    assert "a secret" not in response.text
    assert "root:" not in response.text
    assert response.status_code != 500
    refused(response, response.status_code)
    assert response.status_code in {400, 404, 414, 421}


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("/interactivetool/ep/a1/b2", "/interactivetool/ep/a1/b2/"),
        ("/interactivetool/ep/a1/b2/", "/interactivetool/ep/a1/b2/"),
        ("/", None),
        ('/"><script>alert(1)</script>', None),
        ("//evil.example", None),
        ("/a/../b", None),
        ("http://evil.example/", None),
    ],
)
def test_a_trusted_prefix_is_the_base_of_the_page(static, serve, small_file, given, base):
    text = serve(small_file, trust_prefix=True).get("/", headers={"X-Forwarded-Prefix": given})
    text = without_preview(text)
    assert text == (PAGE if base is None else PAGE.replace("<head>", f'<head><base href="{base}">'))


def test_a_prefix_that_is_not_trusted_changes_nothing(page):
    assert without_preview(page.get("/", headers={"X-Forwarded-Prefix": "/evil"})) == PAGE


EP = "/interactivetool/ep/a1b2/c3d4"


@pytest.mark.parametrize("given", [EP, f"{EP}/"])
@pytest.mark.parametrize(
    ("path", "base"),
    [
        # as a Kubernetes ingress sends it, with and without the slash
        (f"{EP}/", f"{EP}/"),
        (EP, f"{EP}/"),
        # as gx-it-proxy sends it, or a domain of its own
        ("/", None),
        # the beginning of another name
        (f"{EP}5/", "nothing"),
    ],
)
def test_a_base_path_may_be_left_in_requests(static, serve, small_file, given, path, base):
    response = serve(small_file, base_path=given).get(path)
    if base == "nothing":
        assert response.status_code == 404
    else:
        assert without_preview(response) == (
            PAGE if base is None else PAGE.replace("<head>", f'<head><base href="{base}">')
        )


def test_everything_is_found_below_the_base_path(static, serve, small_file):
    viewer = serve(small_file, base_path=EP)
    for path in ("/assets/main-1a2b.js", "/api/v1/health", "/api/v1/schema"):
        assert viewer.get(EP + path).data == viewer.get(path).data
    assert viewer.get(f"{EP}/api/v1/nothing").status_code == 404


def test_a_base_path_that_is_no_path_is_no_base(static, serve, small_file):
    text = serve(small_file, base_path='/"><script>').get('/"><script>/')
    text = without_preview(text)
    assert text == PAGE
