"""The interface against its own description: schemathesis makes the requests and checks the answers."""

from __future__ import annotations

import contract
import pytest
import schemathesis
from hypothesis import given
from hypothesis import settings as examples
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starcyte.compute.corrections import CORRECTIONS
from starcyte.compute.methods import METHODS
from starcyte.compute.methods.method import RESULT_COLUMNS
from starcyte.web.contract.base import Answer
from starcyte.web.contract.comparison import DiffexpGene
from starcyte.web.interface import dataset_routes, describe_catalog, describe_dataset

# whether the data of these can be accepted depends on the dataset: how many cells a group has, which genes there are;
# and on how one comes in
DEPENDENT = {
    f"/api/v1/{path}"
    for path in (
        "cells",
        "cells/match",
        "cells/names",
        "cells/table",
        "cells/{row}",
        "composition",
        "correlation",
        "design",
        "diffexp",
        "diffexp/each",
        "distribution",
        "enrichment",
        "expression",
        "histogram",
        "markers",
        "means",
        "pseudobulk",
        "score",
        "summary",
        # on what was made before
        "agreement",
        "export/files/{file_id}",
        "export/h5ad",
        *(f"export/annotations.{ending}" for ending in ("csv", "tsv", "tabular")),
        "figures/{name}",
        "genesets/{name}",
        "genesets/{name}/restore",
        "import/genesets",
        "import/annotations",
        "import/annotations/preview",
        "import/session",
        "annotations/{name}",
        "annotations/{name}/assign",
        "annotations/{name}/restore",
        "annotations/{name}/revert",
        "annotations/{name}/revisions",
        "results/{name}",
        "login",
        "terms",
        "views/{name}",
    )
}
# refused whatever is sent
DEPENDENT.add("/api/v1/finish")


def accepts_anything(operation):
    """Return whether no request can be at odds with a description: it has no body, and no parameter but a name."""
    return "requestBody" not in operation and all(
        parameter["in"] == "path" and "pattern" not in parameter["schema"]
        for parameter in operation.get("parameters", ())
    )


OPERATIONS = {
    (path, method): operation
    for path, methods in describe_dataset().paths.items()
    for method, operation in methods.items()
}
WITHOUT_WRONG_DATA = {
    *(key for key, operation in OPERATIONS.items() if accepts_anything(operation)),
    # every text is the name of an annotation
    *((f"/api/v1/export/annotations.{ending}", "get") for ending in ("csv", "tsv", "tabular")),
    # every text may be a file
    *((f"/api/v1/import/{kind}", "post") for kind in ("annotations", "genesets", "session")),
    ("/api/v1/finish", "post"),
}
# schemathesis does not know zstd; every change needs a header, which it makes up unless a case is given
PLAIN = {"Accept-Encoding": "identity"}
CHANGING = PLAIN | {"X-Starcyte-Client": "schemathesis"}
GROUPS = {"a": {"where": [{"column": "louvain", "in": ["1"]}]}, "b": {"ranges": [[0, 5]]}, "limit": 3}
SENSIBLE = {
    "/api/v1/health": {},
    "/api/v1/schema": {},
    "/api/v1/samples": {},
    "/api/v1/thumbnail": {},
    "/api/v1/openapi.json": {},
    "/api/v1/embeddings/{name}": {"path_parameters": {"name": "X_umap"}, "query": {"dims": "1,0"}},
    "/api/v1/obs/{name}": {"path_parameters": {"name": "bulk_labels"}},
    "/api/v1/genes": {"query": {"q": "cd", "limit": 5, "matrix": "raw/X"}},
    "/api/v1/expression": {"query": {"gene": "CD3D", "matrix": "raw/X"}},
    "/api/v1/summary": {"query": {"genes": "CD3D,LYZ", "group_by": "louvain"}},
    "/api/v1/cells": {"query": {"rows": "0,17"}},
    "/api/v1/cells/names": {"body": {"selection": {"ranges": [[0, 5]]}}, "media_type": "application/json"},
    "/api/v1/cells/table": {"body": {"selection": {"ranges": [[0, 5]]}}, "media_type": "application/json"},
    "/api/v1/distribution": {"query": {"gene": "CD3D", "group_by": "louvain"}},
    "/api/v1/histogram": {"query": {"column": "n_genes", "bins": 7}},
    "/api/v1/correlation": {"query": {"x": "CD3D", "y_column": "n_genes"}},
    "/api/v1/score": {"query": {"genes": "CD3D,LYZ,NOPE", "method": "score"}},
    "/api/v1/agreement": {"query": {"a": "obs:louvain", "b": "bulk_labels"}},
    "/api/v1/changes": {"query": {"since": 0}},
    "/api/v1/annotations": {},
    "/api/v1/login": {},
    "/api/v1/genesets": {},
    "/api/v1/views": {},
    "/api/v1/markers": {"body": {"group_by": "louvain", "limit": 3}, "media_type": "application/json"},
    "/api/v1/diffexp": {"body": {**GROUPS, "b": "rest"}, "media_type": "application/json"},
}


@pytest.fixture(scope="module")
def described(pbmc_app):
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", pbmc_app)


def asked(described, path, method, mode):
    @examples(max_examples=20, derandomize=True, database=None)
    @given(described[path][method].as_strategy(generation_mode=mode))
    def ask(case):
        excluded = [positive_data_acceptance] if path in DEPENDENT else []
        case.call_and_validate(headers=PLAIN, excluded_checks=excluded)

    ask()


def named(operation):
    return pytest.param(*operation, id=f"{operation[1]} {operation[0].removeprefix('/api/v1')}")


@pytest.mark.parametrize(("path", "method"), [named(o) for o in OPERATIONS])
def test_what_fits_the_description_is_answered_as_described(described, path, method):
    asked(described, path, method, GenerationMode.POSITIVE)


@pytest.mark.parametrize(("path", "method"), [named(o) for o in OPERATIONS if o not in WITHOUT_WRONG_DATA])
def test_what_does_not_fit_the_description_is_refused_as_described(described, path, method):
    asked(described, path, method, GenerationMode.NEGATIVE)


@pytest.mark.parametrize("accept", ["application/json", "text/csv", "application/vnd.starcyte.columns"])
@pytest.mark.parametrize("path", SENSIBLE)
def test_a_sensible_question_is_answered_as_described(described, path, accept):
    method = "post" if "body" in SENSIBLE[path] else "get"
    case = described[path][method].Case(headers={"Accept": accept}, **SENSIBLE[path])
    assert case.call_and_validate(headers=CHANGING).status_code in {200, 202}


@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
def test_a_job_is_answered_as_described(described, real, accept):
    job = real.post("diffexp", GROUPS | {"b": "rest"}).json["job_id"]
    case = described["/api/v1/jobs/{job_id}"]["get"].Case(path_parameters={"job_id": job}, headers={"Accept": accept})
    assert case.call_and_validate(headers=PLAIN).status_code == 200


def test_the_description_names_what_can_be_computed(real):
    schemas = real.json("openapi.json")["components"]["schemas"]
    assert sorted(schemas["DiffexpRequest"]["properties"]["method"]["enum"]) == sorted(METHODS)
    assert schemas["DiffexpRequest"]["properties"]["correction"]["enum"] == list(CORRECTIONS)
    assert DiffexpGene.__struct_fields__ == (*RESULT_COLUMNS, "of_samples")


def test_every_route_is_described(pbmc_app):
    declared = {(part.prefix + route.path, route.method) for part in dataset_routes() for route in part.declared}
    routes = {
        (rule.rule, method)
        for rule in pbmc_app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/")
    }
    assert routes == declared


def objects(schema):
    """Yield every schema within a schema that is of type object."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from objects(part)


@pytest.mark.parametrize("describe", [describe_dataset, describe_catalog])
def test_every_object_of_the_description_has_its_properties_listed(describe):
    found = list(objects(describe().components["schemas"]))
    assert len(found) > 10
    assert [each for each in found if not {"properties", "additionalProperties"} & each.keys()] == []


class Answered(Answer):
    """An answer."""

    n: int


@pytest.mark.parametrize("data", [{"n": "3"}, {"n": 3, "more": 1}, {}, {"n": None}], ids=str)
def test_an_answer_that_is_not_as_declared_fails_its_test(data):
    contract.assert_one_of({"n": 3}, [Answered])
    with pytest.raises(AssertionError):
        contract.assert_one_of(data, [Answered])
