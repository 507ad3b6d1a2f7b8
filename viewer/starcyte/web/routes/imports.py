"""Imports: files of annotations and gene sets, and sessions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flask import request

from starcyte.web.context import context
from starcyte.web.contract.annotation import Annotation
from starcyte.web.contract.base import given
from starcyte.web.contract.files import (
    AnnotationsImported,
    AnnotationsImportQuery,
    AnnotationsPreview,
    AnnotationsPreviewQuery,
    GeneSetsImported,
    GeneSetsImportQuery,
    LeftOutColumn,
    SessionImported,
    TableColumn,
)
from starcyte.web.contract.gene_set import GeneSet
from starcyte.web.encoding.media import CSV, JSON, TEXT, TSV
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.preconditions import current_curation
from starcyte.web.responses import answer_json
from starcyte.web.routes import annotations as annotation_routes
from starcyte.web.routes import gene_sets

if TYPE_CHECKING:
    from starcyte.curation import models
from starcyte.web.routing.blueprint import Routes
from starcyte.web.routing.route import WRITE

routes = Routes("imports")

_OWN_NAMES = 5


@routes.post("/import/annotations", accepts=(CSV, TSV, JSON), errors=WRITE, size="max_import_bytes")
def import_annotations(query: AnnotationsImportQuery) -> ResponseOf[AnnotationsImported]:
    """Import annotations by the names of the cells: CSV, TSV, cellxgene's annotations, or a session.

    Names with another prefix or suffix are found by their barcodes, if whole names find fewer cells. An annotation
    whose name is taken gets a number.
    """
    from starcyte.curation.files import importer
    from starcyte.curation.files.read_tables import read_annotations

    curation, user = current_curation()
    table = read_annotations(
        request.get_data(cache=False),
        context().dataset(),
        context().cell_names(),
        context().settings,
        given(query.cells),
        query.columns or None,
    )
    table.require_match("the file")
    names = importer.import_annotations(curation, user, table.annotations)
    return answer_json(
        AnnotationsImported(
            annotations=_annotations(names),
            matched=len(table.cells),
            by=dict(table.by),
            left_out=[LeftOutColumn(name=name, reason=reason) for name, reason in table.left_out],
            **_matches(table),
        )
    )


@routes.post("/import/annotations/preview", accepts=(CSV, TSV), errors=WRITE, size="max_import_bytes")
def preview_annotations(query: AnnotationsPreviewQuery) -> ResponseOf[AnnotationsPreview]:
    """Return the columns of a table, and how many of its rows are cells of the dataset. Nothing is imported."""
    from starcyte.curation.files.table_columns import preview_table

    cells = context().cell_names()
    preview = preview_table(request.get_data(cache=False), cells, context().settings, given(query.cells))
    return answer_json(
        AnnotationsPreview(
            titles=list(preview.titles),
            cells=preview.names_in,
            columns=[
                TableColumn(
                    name=column.title,
                    kind="labels" if not column.problem else "numbers" if column.are_numbers else "text",
                    n=column.n,
                    more=column.has_more,
                    examples=list(column.examples),
                    problem=column.problem,
                )
                for column in preview.columns
            ],
            rows=preview.n_rows,
            matched=preview.n_cells,
            by=preview.by,
            own=cells.first(_OWN_NAMES),
            **_matches(preview),
        )
    )


@routes.post("/import/genesets", accepts=(TSV, CSV, TEXT), errors=WRITE, size="max_import_bytes")
def import_gene_sets(query: GeneSetsImportQuery) -> ResponseOf[GeneSetsImported]:
    """Import gene sets: GMT, CSV (also cellxgene's), or a plain list."""
    from starcyte.curation.files import importer
    from starcyte.curation.files.read_tables import read_gene_sets

    gene_sets.refuse_changes()
    curation, user = current_curation()
    found = read_gene_sets(request.get_data(cache=False), query.name, context().settings)
    renamed = _other_names(found)
    known = [replace(s, genes=tuple(dict.fromkeys(renamed.get(gene, gene) for gene in s.genes))) for s in found]
    described = _gene_sets(importer.import_gene_sets(curation, user, known))
    return answer_json(
        GeneSetsImported(genesets=described, missing={g.name: g.missing for g in described}, renamed=renamed)
    )


def _other_names(found: Iterable[models.GeneSet]) -> dict[str, str]:
    """Return the names in the dataset of genes that the sets name by an alias, a synonym or in another spelling."""
    dataset = context().dataset()
    known = dataset.gene_lookup(dataset.default_matrix)
    renamed = {}
    for gene in dict.fromkeys(gene for gene_set in found for gene in gene_set.genes):
        matched = known.match(gene) if known.position(gene) is None else None
        if matched is not None:
            renamed[gene] = known.name(matched)
    return renamed


@routes.post("/import/session", accepts=(JSON,), errors=WRITE, size="max_import_bytes")
def import_session() -> ResponseOf[SessionImported]:
    """Import a session."""
    from starcyte.curation.files import importer
    from starcyte.curation.files.read_tables import session_annotations
    from starcyte.curation.files.session import read_session

    curation, user = current_curation()
    session = read_session(request.get_data(cache=False), context().settings)
    if session.snapshot.gene_sets:
        gene_sets.refuse_changes()
    table = session_annotations(session, context().dataset(), context().cell_names())
    imported = importer.import_session(curation, user, session, table.annotations)
    return answer_json(
        SessionImported(
            annotations=_annotations(imported.annotations),
            genesets=_gene_sets(imported.gene_sets),
            views=list(imported.views),
            results=list(imported.results),
            **_matches(table),
        )
    )


def _matches(table: Any) -> dict[str, Any]:
    return {"unmatched": table.unmatched, "duplicated": table.duplicated, "examples": list(table.examples)}


def _annotations(names: Iterable[str]) -> list[Annotation]:
    curation, user = current_curation()
    found = {annotation.name: annotation for annotation in curation.annotations.listed(user)}
    return [annotation_routes.describe(found[name]) for name in names if name in found]


def _gene_sets(names: Iterable[str]) -> list[GeneSet]:
    curation, user = current_curation()
    found = {gene_set.name: gene_set for gene_set in curation.gene_sets.listed(user)}
    return [gene_sets.describe(found[name]) for name in names if name in found]
