"""The catalog's own interface against its description."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import given
from hypothesis import settings as examples
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starcyte.catalog.catalog import Catalog
from starcyte.settings import Settings
from starcyte.web.app import create_catalog_app
from starcyte.web.interface import catalog_routes, describe_catalog

OPERATIONS = [(path, method) for path, methods in describe_catalog().paths.items() for method in methods]


@pytest.fixture(scope="module")
def described(small_file, tmp_path_factory):
    scratch = tmp_path_factory.mktemp("scratch")
    settings = Settings(cache_dir=str(scratch / "cache"), data_dir=str(scratch / "data"))
    app = create_catalog_app(settings, Catalog(str(small_file.parent), settings))
    service = app.extensions["starcyte_catalog"]
    service.refresh()
    yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    service.stop()
    service.close()


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_what_is_asked_is_answered_as_described(described, path, method):
    @examples(max_examples=15, derandomize=True, database=None)
    @given(described[path][method].as_strategy(generation_mode=GenerationMode.POSITIVE))
    def ask(case):
        # whether a password fits is not to be seen from the question
        excluded = [positive_data_acceptance] if path == "/api/v1/login" else []
        case.call_and_validate(headers={"Accept-Encoding": "identity"}, excluded_checks=excluded)

    ask()


def test_every_route_is_described(described):
    pages = {"/", "/<asset:path>", "/robots.txt", "/status", "/login"}
    declared = {part.prefix + route.path for part in catalog_routes() for route in part.declared}
    assert {rule.rule for rule in described.app.url_map.iter_rules()} - pages == declared
