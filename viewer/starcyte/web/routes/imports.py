"""Files of labels and gene sets, and sessions, taken in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from starcyte.errors import BadRequest
from starcyte.web.context import context
from starcyte.web.preconditions import mine
from starcyte.web.responses import answer_json
from starcyte.web.routes import annotations as web_labels
from starcyte.web.routes import gene_sets as web_genesets

blueprint = Blueprint("imports", __name__)


@blueprint.before_request
def _allow_large() -> None:
    request.max_content_length = context().settings.max_import_bytes


@blueprint.post("/import/labels")
def labels() -> Response:
    """Take in the labels of a table or a session, by the names of the cells."""
    from starcyte.curation.files.imports import take_labels
    from starcyte.curation.files.read import read_labels

    curation, user = mine()
    table = read_labels(request.get_data(cache=False), context().dataset(), context().cell_names())
    if not table.cells:
        examples = ", ".join(map(repr, table.examples))
        raise BadRequest(
            f"No cell of the file is in the dataset{f' (such as {examples})' if examples else ''}.",
            "The first column must hold the names of cells, as the index of obs does.",
        )
    names = take_labels(curation, user, table.labels)
    return answer_json({"labels": _labels(names), "matched": len(table.cells), **_missed(table)})


@blueprint.post("/import/genesets")
def genesets() -> Response:
    """Take in the gene sets of a file."""
    from starcyte.curation.files.imports import take_genesets
    from starcyte.curation.files.read import read_genesets

    web_genesets.refuse_changes()
    curation, user = mine()
    found = read_genesets(request.get_data(cache=False), request.args.get("name", ""))
    names = take_genesets(curation, user, found)
    described = _genesets(names)
    return answer_json({"genesets": described, "missing": {g["name"]: g["missing"] for g in described}})


@blueprint.post("/import/session")
def session() -> Response:
    """Take in all that a session holds."""
    from starcyte.curation.files.imports import take_session
    from starcyte.curation.files.read import session_labels
    from starcyte.curation.files.session import read_session

    curation, user = mine()
    given = read_session(request.get_data(cache=False))
    if given.snapshot.genesets:
        web_genesets.refuse_changes()
    table = session_labels(given, context().dataset(), context().cell_names())
    taken = take_session(curation, user, given, table.labels)
    return answer_json(
        {
            "labels": _labels(taken.labels),
            "genesets": _genesets(taken.genesets),
            "views": list(taken.views),
            "results": list(taken.results),
            **_missed(table),
        }
    )


def _missed(table: Any) -> dict[str, Any]:
    return {"unmatched": table.unmatched, "duplicated": table.duplicated, "examples": list(table.examples)}


def _labels(names: Any) -> list[dict[str, Any]]:
    curation, user = mine()
    found = {label.name: label for label in curation.labels.listed(user)}
    return [web_labels.describe(found[name]) or {} for name in names if name in found]


def _genesets(names: Any) -> list[dict[str, Any]]:
    curation, user = mine()
    found = {geneset.name: geneset for geneset in curation.genesets.listed(user)}
    return [web_genesets.describe(found[name]) or {} for name in names if name in found]
