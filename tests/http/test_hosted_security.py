"""A server that anybody may reach: the whole interface in every mode of access, and what is sent to hurt it."""

from __future__ import annotations

import gzip
import tracemalloc

import msgspec
import pytest
import schemathesis
from hypothesis import given
from hypothesis import settings as examples
from route_table import routes
from schemathesis import GenerationMode
from starcyte.curation.accounts import Accounts
from starcyte.settings import Settings
from starcyte.store.loader import DatasetLoader
from starcyte.web.app import create_app
from starcyte.web.interface import describe_dataset
from starcyte.web.security.access import Access, Role, required_role

PASSWORD, TOKEN = "correct horse", "a-token-that-is-long-enough"
PROXY = {"access": "proxy", "user_header": "X-User", "trusted_proxies": "127.0.0.1", "admins": "admin"}
#: Mode of access and who asks, to settings and headers
MODES = {
    "none": ({"access": "none", "public": True}, {}),
    "none, to read": ({"access": "none", "public": True, "role": "read"}, {}),
    "token": ({"access": "token", "token": TOKEN}, {"Authorization": f"Bearer {TOKEN}"}),
    "token, a stranger": ({"access": "token", "token": TOKEN}, {}),
    "password, a stranger": ({"access": "password"}, {}),
    "password": ({"access": "password"}, {"Cookie": None}),
    "proxy": (PROXY, {"X-User": "eva"}),
    "proxy, an admin": (PROXY, {"X-User": "admin"}),
    "proxy, a stranger": (PROXY, {}),
}
STRANGERS = [name for name in MODES if name.endswith("a stranger")]
OPEN = {"/api/v1/health", "/api/v1/login"}
OPERATIONS = [(path, method) for path, methods in describe_dataset().paths.items() for method in methods]


@pytest.fixture(scope="module", params=MODES)
def site(request, small_file, tmp_path_factory):
    """An application in a mode, and the headers of who asks."""
    given_settings, headers = MODES[request.param]
    folder = tmp_path_factory.mktemp("site")
    settings = Settings(data_dir=str(folder), **given_settings)
    accounts = None
    if settings.access == "password":
        accounts = Accounts(folder / "accounts.sqlite")
        accounts.add("eva", PASSWORD, "annotate")
    loader = DatasetLoader(small_file, settings)
    loader.run()
    app = create_app(settings, loader, Access(settings, accounts))
    app.testing = False
    if "Cookie" in headers:
        answer = app.test_client().post("/api/v1/login", json={"user": "eva", "password": PASSWORD})
        headers = {"Cookie": answer.headers["Set-Cookie"].split(";")[0]}
    yield request.param, app, headers
    app.extensions["starcyte"].stop()
    app.extensions["starcyte"].close()
    loader.close()
    if accounts:
        accounts.close()


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_the_interface_has_no_defect_in_any_mode(site, path, method):
    mode, app, headers = site
    described = schemathesis.openapi.from_dict(msgspec.to_builtins(describe_dataset()))
    described.app = app
    headers = headers | {"Accept-Encoding": "identity", "Accept": "application/json"}

    @examples(max_examples=2, derandomize=True, database=None)
    @given(described[path][method].as_strategy(generation_mode=GenerationMode.POSITIVE))
    def ask(case):
        answer = case.call(headers=headers)
        code = answer.json()["error"]["code"] if answer.status_code >= 400 else ""
        assert answer.status_code < 500 or code != "error", answer.text
        if mode in STRANGERS and path not in OPEN:
            assert answer.status_code == 401, answer.text
        assert answer.headers["x-content-type-options"] == ["nosniff"]
        assert "frame-ancestors" in answer.headers["content-security-policy"][0]

    ask()


def test_no_route_answers_a_stranger(site):
    mode, app, headers = site
    if mode not in STRANGERS:
        pytest.skip("of strangers alone")
    for endpoint, method, path in routes(app):
        answer = app.test_client().open(path, method=method, headers={**headers, "Accept": "application/json"})
        if required_role(endpoint, method) > Role.NOBODY:
            assert (answer.status_code, set(answer.json)) == (401, {"error"}), (endpoint, method)


def test_cross_site_changes_are_refused(site):
    _, app, headers = site
    for claim in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ):
        for _, method, path in routes(app):
            if method == "GET":
                continue
            answer = app.test_client().open(path, method=method, headers=headers | claim)
            assert answer.status_code == 403, (path, method)


DEEP = {
    "lists": b"[" * 200_000,
    "closed lists": b"[" * 100_000 + b"]" * 100_000,
    "objects": b'{"a":' * 100_000,
    "a part": b'{"a": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "a large number": b'{"limit": ' + b"9" * 100_000 + b"}",
    "an exponent": b'{"limit": 1e999999}',
    "half a surrogate": b'{"user": "\\ud800", "password": "\\ud800"}',
    "not UTF-8": b'{"user": "\xff\xfe"}',
}


@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "login"),
        ("POST", "diffexp"),
        ("POST", "markers"),
        ("POST", "cells/names"),
        ("PUT", "annotations/x"),
        ("PUT", "genesets/x"),
        ("PUT", "views/x"),
    ],
)
def test_json_that_is_sent_to_hurt_is_refused(serve, small_file, tmp_path, method, path, body):
    page = serve(small_file, data_dir=str(tmp_path))
    answer = page.open(path, method=method, data=body, content_type="application/json")
    # what is kept for the page is kept as it is sent, and is never parsed here again
    assert answer.status_code in ({400, 401, 413, 422} if path != "views/x" else {200, 201, 400, 413}), answer.text
    assert page.json("health")["state"] == "ready"


@pytest.mark.parametrize(
    "path", ["diffexp", "import/annotations", "import/annotations/preview", "import/genesets", "import/session"]
)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "br"])
def test_a_compressed_body_is_not_blown_up(serve, small_file, tmp_path, path, encoding):
    page = serve(small_file, data_dir=str(tmp_path))
    bomb = gzip.compress(bytes(64 << 20))
    tracemalloc.start()
    try:
        headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
        answer = page.open(path, method="POST", data=bomb, headers=headers)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status_code in {400, 413, 415, 422}, answer.text
    assert peak < 16 << 20


@pytest.mark.parametrize(
    "prefix",
    [
        "/a/../b",
        "//evil.example",
        "/a\r\nSet-Cookie: x=1",
        "https://evil.example",
        '/"><script>',
        "/%2e%2e",
        "/a?b",
        "\\",
    ],
)
def test_an_invalid_prefix_is_ignored(serve, small_file, prefix):
    page = serve(small_file, trust_prefix=True, access="token", token=TOKEN)
    environ = {"HTTP_X_FORWARDED_PREFIX": prefix}
    answer = page._client.get(f"/?token={TOKEN}", environ_base={"REMOTE_ADDR": "127.0.0.1"}, environ_overrides=environ)
    assert "Path=/;" in answer.headers["Set-Cookie"] + ";"
    assert answer.headers["Location"] == "./"
    shown = page._client.get("/", environ_base={"REMOTE_ADDR": "127.0.0.1"}, environ_overrides=environ)
    assert "<base" not in shown.text


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "\\\\evil.example", "javascript:alert(1)", "%0d%0aX: y"]
)
def test_signing_in_leads_nowhere_else(serve, small_file, target):
    page = serve(small_file, access="token", token=TOKEN)
    answer = page.open(f"/{target}", headers={"Accept": "text/html"})
    location = answer.headers.get("Location", "./")
    assert location.startswith(("./", "../", "login")), location
    assert "\r" not in location + "\n".join(answer.headers.keys())
