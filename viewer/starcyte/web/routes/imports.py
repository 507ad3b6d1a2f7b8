"""Files of annotations and gene sets, and sessions, taken in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from starcyte.errors import BadRequest
from starcyte.web.context import context
from starcyte.web.preconditions import mine
from starcyte.web.responses import answer_json
from starcyte.web.routes import annotations as annotation_routes
from starcyte.web.routes import gene_sets as gene_set_routes

blueprint = Blueprint("imports", __name__)


@blueprint.before_request
def _allow_large() -> None:
    request.max_content_length = context().settings.max_import_bytes


@blueprint.post("/import/annotations")
def import_annotations() -> Response:
    """Take in the annotations of a table or a session, by the names of the cells."""
    from starcyte.curation.files.imports import take_annotations
    from starcyte.curation.files.read import read_annotations

    curation, user = mine()
    table = read_annotations(request.get_data(cache=False), context().dataset(), context().cell_names())
    if not table.cells:
        examples = ", ".join(map(repr, table.examples))
        raise BadRequest(
            f"No cell of the file is in the dataset{f' (such as {examples})' if examples else ''}.",
            "The first column must hold the names of cells, as the index of obs does.",
        )
    names = take_annotations(curation, user, table.annotations)
    return answer_json({"annotations": _annotations(names), "matched": len(table.cells), **_missed(table)})


@blueprint.post("/import/genesets")
def import_gene_sets() -> Response:
    """Take in the gene sets of a file."""
    from starcyte.curation.files.imports import take_gene_sets
    from starcyte.curation.files.read import read_gene_sets

    gene_set_routes.refuse_changes()
    curation, user = mine()
    found = read_gene_sets(request.get_data(cache=False), request.args.get("name", ""))
    names = take_gene_sets(curation, user, found)
    described = _gene_sets(names)
    return answer_json({"genesets": described, "missing": {g["name"]: g["missing"] for g in described}})


@blueprint.post("/import/session")
def import_session() -> Response:
    """Take in all that a session holds."""
    from starcyte.curation.files.imports import take_session
    from starcyte.curation.files.read import session_annotations
    from starcyte.curation.files.session import read_session

    curation, user = mine()
    given = read_session(request.get_data(cache=False))
    if given.snapshot.gene_sets:
        gene_set_routes.refuse_changes()
    table = session_annotations(given, context().dataset(), context().cell_names())
    taken = take_session(curation, user, given, table.annotations)
    return answer_json(
        {
            "annotations": _annotations(taken.annotations),
            "genesets": _gene_sets(taken.gene_sets),
            "views": list(taken.views),
            "results": list(taken.results),
            **_missed(table),
        }
    )


def _missed(table: Any) -> dict[str, Any]:
    return {"unmatched": table.unmatched, "duplicated": table.duplicated, "examples": list(table.examples)}


def _annotations(names: Any) -> list[dict[str, Any]]:
    curation, user = mine()
    found = {annotation.name: annotation for annotation in curation.annotations.listed(user)}
    return [annotation_routes.describe(found[name]) or {} for name in names if name in found]


def _gene_sets(names: Any) -> list[dict[str, Any]]:
    curation, user = mine()
    found = {gene_set.name: gene_set for gene_set in curation.gene_sets.listed(user)}
    return [gene_set_routes.describe(found[name]) or {} for name in names if name in found]
