"""What users make: what its requests and answers have in common, its changes, agreement, and terms."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from starcyte.errors import BadRequest, Conflict, NotFound
from starcyte.web.answer import answer_json, whole_number
from starcyte.web.context import context
from starcyte.web.guard import current_user

if TYPE_CHECKING:
    from starcyte.curation.curation import Curation
    from starcyte.web.grouping import Grouping

blueprint = Blueprint("curation", __name__)

_REVISION = re.compile(r'(?:W/)?"?([0-9]{1,15})"?')


def mine() -> tuple[Curation, str]:
    """Return what users make of the dataset, and who asks; raise StorageUnusable where nothing can be kept."""
    ctx = context()
    user = current_user(ctx.settings)
    return ctx.curation(), user


def expected() -> int | None:
    """Return the revision that a change is made for, from If-Match; None where it is made for nothing that stands.

    Raises
    ------
    BadRequest
        If the header is something else.
    """
    from starcyte.curation.standing import ANY

    given = request.headers.get("If-Match")
    if given is None:
        return None
    if given.strip() == "*":
        return ANY
    found = _REVISION.fullmatch(given.strip())
    if not found:
        raise BadRequest(f"If-Match is {given!r}.", 'Give one revision, such as "17".')
    return int(found[1])


def expected_or_any() -> int:
    """Return the revision that a change is made for; where the request names none, whatever stands will do."""
    from starcyte.curation.standing import ANY

    revision = expected()
    return ANY if revision is None else revision


def only(body: dict[str, Any], *known: str) -> None:
    """Raise BadRequest for a part of a body that is not known."""
    unknown = set(body) - set(known)
    if unknown:
        raise BadRequest(f"{min(unknown)!r} is no part of the request.", f"It has {', '.join(known)}.")


def part(body: dict[str, Any], name: str, kind: type, default: Any = None) -> Any:
    """Return a part of a body, the default where it is not there or null; raise BadRequest for another type."""
    value = body.get(name)
    if value is None:
        return default
    if type(value) is not kind:
        words = {str: "text", bool: "true or false", list: "a list", int: "a whole number"}
        raise BadRequest(f"{name} is not {words[kind]}.", f"Send it as {words[kind]}.")
    return value


def answer_revision(data: dict[str, Any], revision: int, status: int = 200) -> Response:
    """Return JSON about one thing, with its revision as ETag."""
    response = answer_json(data, status)
    response.set_etag(str(revision))
    return response


def answer_conflict(error: Conflict) -> Response:
    """Say what stands, and what was sent."""
    from starcyte.web import genesets, kept, labels

    current: Any = None
    for describe in (labels.describe, genesets.describe, kept.describe):
        current = current or describe(error.current)
    sent = request.get_json(silent=True) if request.is_json else None
    response = answer_json({"error": error.as_dict(), "current": current, "yours": sent}, error.status)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.after_app_request
def _never_kept(response: Response) -> Response:
    """Let no cache keep what users have made: the next user of it may be another."""
    if request.blueprint in {"curation", "labels", "genesets", "kept"}:
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
    """Compare two labels, or columns of obs: which cells have which categories, and how far they agree."""
    from starcyte.compute.agreement import agreement as compare
    from starcyte.web.grouping import grouping

    pair = []
    for side in ("a", "b"):
        name = request.args.get(side)
        if name is None:
            raise BadRequest(f"{side} is not named.", f"Add {side}=label:<name> or {side}=obs:<column>.")
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
    from starcyte.curation.label_edit import check_number

    codes, categories = found.column.as_categories()
    check_number(len(categories), context().settings)
    name = found.column.info.name if found.label is None else found.label.name
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
