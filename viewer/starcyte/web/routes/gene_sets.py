"""Gene sets: list, create, edit, restore, delete."""

from __future__ import annotations

from flask import request
from msgspec import UNSET

from starcyte.curation import models
from starcyte.errors import BadRequest, Forbidden
from starcyte.web.context import context
from starcyte.web.contract.annotation import Restoration
from starcyte.web.contract.base import Name, given
from starcyte.web.contract.change import Deleted
from starcyte.web.contract.gene_set import (
    GeneSet,
    GeneSetConflict,
    GeneSetEdit,
    GeneSetRestored,
    GeneSets,
    GeneSetSaved,
)
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.preconditions import answer_revision, current_curation, if_match, if_match_or_any
from starcyte.web.responses import answer_json
from starcyte.web.routing.blueprint import Routes
from starcyte.web.routing.route import READ, WRITE

routes = Routes("gene_sets")

_CONFLICT = {412: GeneSetConflict}


@routes.blueprint.before_request
def refuse_changes() -> None:
    """Raise Forbidden for a change of gene sets if the operator has disabled them."""
    if context().settings.disable_gene_sets_save and request.method not in {"GET", "HEAD"}:
        raise Forbidden(
            "Saving gene sets is disabled on this server (disable_gene_sets_save).",
            "Ask the operator of this server.",
        )


@routes.get("/genesets", errors=READ)
def listed() -> ResponseOf[GeneSets]:
    """Return all gene sets."""
    curation, user = current_curation()
    revision = curation.latest_revision(user)
    return answer_json(GeneSets(genesets=[describe(s) for s in curation.gene_sets.listed(user)], revision=revision))


@routes.get("/genesets/<name:name>", errors=READ)
def one(name: Name) -> ResponseOf[GeneSet]:
    """Return a gene set."""
    curation, user = current_curation()
    found = curation.gene_sets.get(user, name)
    return answer_revision(describe(found), found.revision)


@routes.put("/genesets/<name:name>", other=_CONFLICT | {201: GeneSetSaved}, errors=WRITE, if_match=True)
def put(name: Name, body: GeneSetEdit) -> ResponseOf[GeneSetSaved]:
    """Create a gene set, or (with If-Match) change it."""
    revision = if_match()
    if revision is None:
        if body.genes is UNSET:
            raise BadRequest("A new gene set has no genes.", 'Send {"genes": [..]}.')
        if body.name is not UNSET and body.name != name:
            raise BadRequest("A new gene set has the name in its path.", "Omit the field name.")
    curation, user = current_curation()
    saved = curation.gene_sets.put(user, name, given(body.genes), given(body.description), given(body.name), revision)
    answer = GeneSetSaved(revision=saved.revision, geneset=describe(saved))
    return answer_revision(answer, saved.revision, 201 if revision is None else 200)


@routes.post("/genesets/<name:name>/restore", other=_CONFLICT, errors=WRITE, if_match=True)
def restore(name: Name, body: Restoration) -> ResponseOf[GeneSetRestored]:
    """Restore a gene set, also a deleted one, to a revision."""
    revision = if_match_or_any()
    curation, user = current_curation()
    made, restored = curation.gene_sets.restore(user, name, body.revision, revision)
    geneset = describe(restored) if isinstance(restored, models.GeneSet) else None
    return answer_revision(GeneSetRestored(revision=made, geneset=geneset), made)


@routes.delete("/genesets/<name:name>", other=_CONFLICT, errors=WRITE, if_match=True)
def delete(name: Name) -> ResponseOf[Deleted]:
    """Delete a gene set; it can be restored."""
    curation, user = current_curation()
    return answer_json(Deleted(revision=curation.gene_sets.delete(user, name, if_match_or_any())))


def describe(found: models.GeneSet) -> GeneSet:
    """Return a gene set as it is sent, with the genes that the dataset lacks."""
    dataset = context().dataset()
    known = dataset.gene_lookup(dataset.default_matrix)
    return GeneSet(
        name=found.name,
        revision=found.revision,
        author=found.author,
        time=found.time,
        genes=list(found.genes),
        description=found.description,
        missing=[gene for gene in found.genes if known.match(gene) is None],
    )
