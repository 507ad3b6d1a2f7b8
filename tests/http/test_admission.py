"""Bodies are refused by the head of their request: by route, by length, and for those who may not send them."""

from __future__ import annotations

import io
import shutil

import pytest
from route_table import routes
from starcyte.catalog.catalog import Catalog
from starcyte.curation.accounts import Accounts
from starcyte.settings import Settings
from starcyte.store.loader import DatasetLoader
from starcyte.web.app import create_app, create_catalog_app
from starcyte.web.interface import catalog_routes, dataset_routes
from starcyte.web.security.access import Access, Role, required_role
from starcyte.web.security.admission import BodyLimit, Refusal, admit
from werkzeug.test import EnvironBuilder

TOKEN = "a-token-that-is-long-enough"
PROXY = {"access": "proxy", "user_header": "X-User", "trusted_proxies": "203.0.113.9"}
MODES = {
    "token": {"access": "token", "token": TOKEN},
    "password": {"access": "password"},
    "proxy": PROXY,
}


class Unread(io.BytesIO):
    """A body that must not be read."""

    def read(self, *args):
        raise AssertionError("the body was read")

    readline = readlines = readinto = read


def head(app, method, path, length=1, **headers):
    """Return how an application admits a request by its head."""
    builder = EnvironBuilder(
        path, method=method, headers={"Accept": "application/json", "X-Starcyte-Client": "x"} | headers
    )
    environ = builder.get_environ() | {
        "CONTENT_LENGTH": str(length),
        "REMOTE_ADDR": "203.0.113.9",
        "wsgi.input": Unread(),
    }
    return admit(app.wsgi_app, environ)


@pytest.fixture(scope="module", params=MODES)
def site(request, small_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    settings = Settings(data_dir=str(folder), **MODES[request.param])
    accounts = Accounts(folder / "accounts.sqlite") if settings.access == "password" else None
    loader = DatasetLoader(small_file, settings)
    loader.run()
    app = create_app(settings, loader, Access(settings, accounts))
    yield app
    app.extensions["starcyte"].stop()
    app.extensions["starcyte"].close()
    loader.close()


def test_strangers_may_send_nothing_but_their_password(site):
    for endpoint, method, path in [*routes(site), (None, "POST", "/api/v1/none"), (None, "PUT", "/none")]:
        found = head(site, method, path)
        if endpoint and required_role(endpoint, method) == Role.NOBODY:
            assert found == BodyLimit(4096, ""), endpoint
        else:
            assert isinstance(found, Refusal), endpoint
            assert found.status[:3] in {"303", "401", "404", "405"}, endpoint


def test_those_who_may_send_a_body_get_the_limit_of_its_route(small_app):
    limits = {
        ("PUT", "annotations/x"): (1 << 20, "max_small_body_bytes"),
        ("POST", "annotations/x/assign"): (32 << 20, "max_body_bytes"),
        ("POST", "diffexp"): (32 << 20, "max_body_bytes"),
        ("POST", "cells/names"): (32 << 20, "max_body_bytes"),
        ("POST", "cells/table"): (32 << 20, "max_body_bytes"),
        ("POST", "markers"): (32 << 20, "max_body_bytes"),
        ("PUT", "genesets/x"): (1 << 20, "max_small_body_bytes"),
        ("PUT", "views/x"): (16 << 20, "max_saved_item_bytes"),
        ("PUT", "figures/x"): (16 << 20, "max_saved_item_bytes"),
        ("POST", "import/session"): (128 << 20, "max_import_bytes"),
        ("POST", "import/annotations/preview"): (128 << 20, "max_import_bytes"),
        ("POST", "login"): (4096, ""),
        ("DELETE", "annotations/x"): (4096, ""),
        ("GET", "schema"): (4096, ""),
    }
    for (method, path), expected in limits.items():
        assert head(small_app, method, f"/api/v1/{path}") == BodyLimit(*expected), path


def test_each_route_with_a_body_has_a_size():
    for part in (*dataset_routes(), *catalog_routes()):
        for route in part.declared:
            if route.body is not None or route.accepts:
                assert route.size.isdigit() or getattr(Settings(), route.size) >= 1 << 20, route.path


def test_a_smaller_limit_of_all_bodies_is_that_of_small_ones(serve, small_file):
    app = serve(small_file, max_body_bytes=1000).app
    for path in ("diffexp", "markers"):
        assert head(app, "POST", f"/api/v1/{path}") == BodyLimit(1000, "max_body_bytes")


def test_a_role_that_is_too_small_is_refused_by_the_head(small_file):
    settings = Settings(access="none", public=True, role="read")
    loader = DatasetLoader(small_file, settings)
    loader.run()
    app = create_app(settings, loader)
    assert head(app, "POST", "/api/v1/import/session").status.startswith("403")
    assert head(app, "POST", "/api/v1/diffexp") == BodyLimit(32 << 20, "max_body_bytes")
    crossed = head(app, "POST", "/api/v1/diffexp", **{"Sec-Fetch-Site": "cross-site"})
    assert crossed.status.startswith("403")
    assert b"forbidden" in crossed.body
    loader.close()


def test_datasets_of_a_catalog_stay_hidden_and_closed(small_file, tmp_path):
    shutil.copy(small_file, tmp_path / "open.h5ad")
    settings = Settings(access="token", token=TOKEN, cache_dir=str(tmp_path / "cache"))
    app = create_catalog_app(settings, Catalog(str(tmp_path), settings))
    service = app.extensions["starcyte_catalog"]
    service.refresh()
    (entry,) = service.entries()
    path = f"/d/{entry.id}/api/v1/diffexp"
    assert head(app, "POST", path).status.startswith("401")
    signed_in = {"Authorization": f"Bearer {TOKEN}"}
    assert head(app, "POST", path, **signed_in) == BodyLimit(32 << 20, "max_body_bytes")
    assert head(app, "POST", "/d/none/api/v1/diffexp", **signed_in).status.startswith("404")
    assert service.counts["opened"] == 0
    service.stop()
    service.close()


def test_a_head_is_no_request(serve, small_file):
    app = serve(small_file, max_requests=3).app
    for _ in range(20):
        assert head(app, "POST", "/api/v1/markers") == BodyLimit(32 << 20, "max_body_bytes")
    requests, _, _ = app.extensions["starcyte_traffic"].counted()
    assert not requests
    head(app, "POST", "/api/v1/none")
    requests, _, _ = app.extensions["starcyte_traffic"].counted()
    assert sum(requests.values()) == 1
