"""What users make as a whole: its changes, its conflicts, agreement, and terms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from starcyte.errors import BadRequest, Conflict, NotFound
from starcyte.web.context import context
from starcyte.web.preconditions import mine
from starcyte.web.responses import answer_json, whole_number
from starcyte.web.routes import annotations as annotation_routes
from starcyte.web.routes import gene_sets, saved_items

if TYPE_CHECKING:
    from starcyte.web.grouping import Grouping

blueprint = Blueprint("curation", __name__)


def answer_conflict(error: Conflict) -> Response:
    """Say what stands, and what was sent."""
    current: Any = None
    for describe in (annotation_routes.describe, gene_sets.describe, saved_items.describe):
        current = current or describe(error.current)
    sent = request.get_json(silent=True) if request.is_json else None
    response = answer_json({"error": error.as_dict(), "current": current, "yours": sent}, error.status)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.after_app_request
def _never_kept(response: Response) -> Response:
    """Let no cache keep what users have made: the next user of it may be another."""
    if request.blueprint in {"curation", "annotations", "gene_sets", "saved_items", "exports", "imports"}:
        response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/changes")
def changes() -> Response:
    """Return what has changed since a revision."""
    since = whole_number(request.args.get("since"), "since", 0) or 0
    curation, user = mine()
    revision, found = curation.changes(user, since)
    listed = [{"revision": c.number, "kind": c.kind, "name": c.name, "action": c.action, "time": c.time} for c in found]
    return answer_json({"revision": revision, "changes": listed})


@blueprint.get("/agreement")
def agreement() -> Response:
    """Compare two annotations, or columns of obs: which cells have which categories, and how far they agree."""
    from starcyte.compute.agreement import agreement as compare
    from starcyte.web.grouping import grouping

    pair = []
    for side in ("a", "b"):
        name = request.args.get(side)
        if name is None:
            raise BadRequest(f"{side} is not named.", f"Add {side}=annotation:<name> or {side}=obs:<column>.")
        pair.append(_narrow(grouping(name)))
    (a, codes_a, names_a), (b, codes_b, names_b) = pair
    found = compare(codes_a, names_a, codes_b, names_b)
    return answer_json(
        {
            "a": {"name": a, "categories": list(names_a)},
            "b": {"name": b, "categories": list(names_b)},
            "counts": found.counts.tolist(),
            "n": found.n,
            "ari": None if math.isnan(found.ari) else found.ari,
            "kappa": None if math.isnan(found.kappa) else found.kappa,
        }
    )


def _narrow(found: Grouping) -> tuple[str, Any, tuple[str, ...]]:
    """Return name, codes and categories of a grouping that has not too many of them."""
    from starcyte.curation.annotations.edit import check_number

    codes, categories = found.column.as_categories()
    check_number(len(categories), context().settings)
    name = found.column.info.name if found.annotation is None else found.annotation.name
    return name, codes, categories


@blueprint.get("/terms")
def terms() -> Response:
    """Return the terms that match a text, best first."""
    limit = whole_number(request.args.get("limit"), "limit", 20, context().settings.max_genes_listed)
    known = context().terms()
    if known is None:
        raise NotFound("No terms are given here.", "Start with --terms-file.")
    found = known.search(request.args.get("q", ""), limit or 0)
    return answer_json({"terms": [{"id": t.id, "name": t.name, "synonyms": list(t.synonyms)} for t in found]})
