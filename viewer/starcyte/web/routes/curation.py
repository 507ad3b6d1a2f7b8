"""A user's annotations, gene sets and saved items together: changes, conflicts, agreement, and terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec
from flask import Response, request

from starcyte.curation.models import AnnotationInfo, GeneSet
from starcyte.curation.saved_items import SavedItemInfo
from starcyte.errors import Conflict, NotFound
from starcyte.web.context import context
from starcyte.web.contract.agreement import Agreement, AgreementQuery, AgreementRequest, AgreementSide
from starcyte.web.contract.annotation import AnnotationConflict
from starcyte.web.contract.change import Change, Changes, ChangesQuery, Kind
from starcyte.web.contract.error import error_of
from starcyte.web.contract.gene_set import GeneSetConflict
from starcyte.web.contract.saved_item import SavedItemConflict
from starcyte.web.contract.term import Term, Terms, TermsQuery
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.preconditions import current_curation
from starcyte.web.responses import answer_json
from starcyte.web.routes import annotations as annotation_routes
from starcyte.web.routes import gene_sets, saved_items
from starcyte.web.routing.blueprint import Routes
from starcyte.web.routing.route import READ

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from starcyte.web.grouping import Grouping

routes = Routes("curation")


def answer_conflict(error: Conflict) -> Response:
    """Return the current state of the thing that the request would change, and the body of the request."""
    from starcyte.curation.annotations.merge import MergeConflict

    # as it was sent: it may name millions of cells
    sent = msgspec.Raw(request.get_data()) if request.is_json else None
    current, described = error.current, error_of(error)
    response: Response
    if request.blueprint == "gene_sets":
        gene_set = gene_sets.describe(current) if isinstance(current, GeneSet) else None
        response = answer_json(GeneSetConflict(error=described, current=gene_set, yours=sent), error.status)
    elif request.blueprint == "saved_items":
        item = saved_items.describe(current) if isinstance(current, SavedItemInfo) else None
        response = answer_json(SavedItemConflict(error=described, current=item, yours=sent), error.status)
    else:
        answer = AnnotationConflict(
            error=described,
            current=annotation_routes.describe(current) if isinstance(current, AnnotationInfo) else None,
            revision=error.revision,
            conflicts=[
                annotation_routes.describe_conflict(one) for one in error.conflicts if isinstance(one, MergeConflict)
            ],
            yours=sent,
        )
        response = answer_json(answer, error.status)
    response.headers["Cache-Control"] = "no-store"
    return response


@routes.blueprint.after_app_request
def _never_cached(response: Response) -> Response:
    """Forbid caching of answers about annotations, gene sets and saved items, which differ by user."""
    if request.blueprint in {"curation", "annotations", "gene_sets", "saved_items", "exports", "imports"}:
        response.headers["Cache-Control"] = "no-store"
    return response


@routes.get("/changes", errors=READ)
def changes(query: ChangesQuery) -> ResponseOf[Changes]:
    """Return the changes since a revision, oldest first.

    If there are many, the first are sent: continue with the revision of the answer.
    """
    curation, user = current_curation()
    revision, found = curation.changes(user, query.since)
    listed = [
        Change(revision=c.number, kind=cast(Kind, c.kind), name=c.name, action=c.action, time=c.time) for c in found
    ]
    return answer_json(Changes(revision=revision, changes=listed))


@routes.get("/agreement", errors=(*READ, 413))
def agreement(query: AgreementQuery) -> ResponseOf[Agreement]:
    """Return the agreement of two annotations or obs columns: counts, adjusted Rand index, Cohen's kappa."""
    return _agreement(query, None)


@routes.post("/agreement", errors=(*READ, 413), size="max_body_bytes")
def agreement_within(body: AgreementRequest) -> ResponseOf[Agreement]:
    """Return the agreement of two annotations or obs columns for some cells."""
    from starcyte.web.grouping import selected_within

    return _agreement(body, selected_within(body.within))


def _agreement(query: AgreementQuery, within: NDArray[np.bool_] | None) -> ResponseOf[Agreement]:
    from starcyte.compute.agreement import agreement as compare
    from starcyte.web.grouping import grouping

    (a, codes_a, names_a), (b, codes_b, names_b) = (_narrow(grouping(name)) for name in (query.a, query.b))
    if within is not None:
        codes_a, codes_b = codes_a[within], codes_b[within]
    found = compare(codes_a, names_a, codes_b, names_b)
    return answer_json(
        Agreement(
            a=AgreementSide(name=a, categories=list(names_a)),
            b=AgreementSide(name=b, categories=list(names_b)),
            counts=found.counts.tolist(),
            n=found.n,
            ari=found.ari,
            kappa=found.kappa,
        )
    )


def _narrow(found: Grouping) -> tuple[str, Any, tuple[str, ...]]:
    """Return name, codes and categories of a grouping; raise LimitExceeded if it has too many categories."""
    from starcyte.curation.annotations.edit import check_number

    codes, categories = found.column.as_categories()
    check_number(len(categories), context().settings)
    annotation = None if found.is_level else found.annotation
    name = found.column.info.name if annotation is None else annotation.name
    return name, codes, categories


@routes.get("/terms", errors=READ)
def terms(query: TermsQuery) -> ResponseOf[Terms]:
    """Return the terms that match a text, best first."""
    known = context().terms()
    if known is None:
        raise NotFound("This server has no terms.", "Start it with --terms-file.")
    found = known.search(query.q, min(query.limit, context().settings.max_genes_listed))
    return answer_json(Terms(terms=[Term(id=t.id, name=t.name, synonyms=list(t.synonyms)) for t in found]))
