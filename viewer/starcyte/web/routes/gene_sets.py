"""Gene sets: list, make, edit, restore, delete."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from starcyte.errors import BadRequest, Forbidden
from starcyte.web.context import context
from starcyte.web.preconditions import answer_revision, expected, expected_or_any, mine, only, part
from starcyte.web.responses import answer_json, body_json, whole_number

blueprint = Blueprint("gene_sets", __name__)


@blueprint.before_request
def refuse_changes() -> None:
    """Refuse what would change gene sets where the operator does not keep any."""
    if context().settings.disable_gene_sets_save and request.method not in {"GET", "HEAD"}:
        raise Forbidden(
            "Gene sets are not kept here (setting disable_gene_sets_save).", "Ask the operator of this server."
        )


@blueprint.get("/genesets")
def listed() -> Response:
    """Return all gene sets."""
    curation, user = mine()
    revision = curation.newest(user)
    return answer_json({"genesets": [describe(s) for s in curation.gene_sets.listed(user)], "revision": revision})


@blueprint.get("/genesets/<name:name>")
def one(name: str) -> Response:
    """Return one gene set."""
    curation, user = mine()
    found = curation.gene_sets.get(user, name)
    return answer_revision(describe(found) or {}, found.revision)


@blueprint.put("/genesets/<name:name>")
def put(name: str) -> Response:
    """Make a gene set, or change it."""
    from starcyte.curation.gene_sets import check_genes

    revision, body = expected(), body_json()
    only(body, "genes", "description", "name")
    genes = part(body, "genes", list)
    if genes is None and revision is None:
        raise BadRequest("A new gene set has no genes.", 'Send {"genes": [..]}.')
    if genes is not None:
        genes = check_genes(genes)
    new_name = part(body, "name", str)
    if revision is None and new_name not in {None, name}:
        raise BadRequest("A new gene set has one name, that of the path.", "Leave name out.")
    curation, user = mine()
    made = curation.gene_sets.put(user, name, genes, part(body, "description", str), new_name, revision)
    answer = {"revision": made.revision, "geneset": describe(made)}
    return answer_revision(answer, made.revision, 201 if revision is None else 200)


@blueprint.post("/genesets/<name:name>/restore")
def restore(name: str) -> Response:
    """Make a gene set what it was at a revision; also one that was deleted."""
    revision, body = expected_or_any(), body_json()
    only(body, "revision")
    wanted = whole_number(part(body, "revision", int), "revision", None)
    if wanted is None:
        raise BadRequest("No revision is named.", 'Send {"revision": 17}.')
    curation, user = mine()
    made, restored = curation.gene_sets.restore(user, name, wanted, revision)
    return answer_revision({"revision": made, "geneset": describe(restored)}, made)


@blueprint.delete("/genesets/<name:name>")
def delete(name: str) -> Response:
    """Delete a gene set; it can be restored."""
    curation, user = mine()
    return answer_json({"revision": curation.gene_sets.delete(user, name, expected_or_any())})


def describe(found: object) -> dict[str, Any] | None:
    """Return a gene set as lists show it, with the genes that the dataset does not have; None where it is none."""
    from starcyte.curation.models import GeneSet

    if not isinstance(found, GeneSet):
        return None
    dataset = context().dataset()
    known = dataset.genes(dataset.default_matrix)
    return {
        "name": found.name,
        "revision": found.revision,
        "author": found.author,
        "time": found.time,
        "genes": list(found.genes),
        "description": found.description,
        "missing": [gene for gene in found.genes if known.match(gene) is None],
    }
