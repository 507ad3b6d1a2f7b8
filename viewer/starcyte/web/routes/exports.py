"""Exports: tables of annotations, gene sets, a session, a new h5ad."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from flask import send_file
from msgspec import UnsetType

from starcyte.errors import BadRequest, NotFound
from starcyte.web.context import context
from starcyte.web.contract.files import AnnotationTableQuery, ExportRequest, FileId
from starcyte.web.contract.job import ExportedFile, JobAnswer
from starcyte.web.encoding.media import CSV, HDF5, JSON, TSV
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.preconditions import current_curation
from starcyte.web.responses import as_file
from starcyte.web.routes.analysis import answer_job, asker, owner
from starcyte.web.routing.blueprint import Routes
from starcyte.web.routing.route import READ, WRITE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starcyte.curation.files.exported_file import ExportedFile as WrittenFile
    from starcyte.store.dataset import Tick

routes = Routes("exports")


@routes.get("/export/annotations.csv", media=(CSV,), errors=READ)
def annotations_csv(query: AnnotationTableQuery) -> ResponseOf[bytes]:
    """Return annotations as CSV, a row for each cell."""
    return _annotation_table(query.name, "csv")


@routes.get("/export/annotations.<any(tsv, tabular):ending>", media=(TSV,), errors=READ)
def annotations_tsv(ending: str, query: AnnotationTableQuery) -> ResponseOf[bytes]:
    """Return annotations as TSV, a row for each cell; tabular, as Galaxy has it, has no line breaks in its fields."""
    return _annotation_table(query.name, ending)


def _annotation_table(names: list[str], ending: str) -> ResponseOf[bytes]:
    from starcyte.curation.files.write_tables import TABLE_FORMATS, annotations_table

    curation, user = current_curation()
    with curation.store.read() as transaction:
        found = {annotation.name: annotation for annotation in curation.annotations.all(user, transaction)}
    for name in names:
        if name not in found:
            raise NotFound(f"No such annotation: {name!r}.", "Fetch the list of annotations again.")
    chosen = [found[name] for name in dict.fromkeys(names)] or list(found.values())
    form = TABLE_FORMATS[ending]
    return _file(annotations_table(chosen, context().cell_names(), form), f"annotations.{ending}", form.media_type)


@routes.get("/export/genesets.gmt", media=(TSV,), errors=READ)
def gene_sets_gmt() -> ResponseOf[bytes]:
    """Return all gene sets as GMT."""
    from starcyte.curation.files import write_tables

    curation, user = current_curation()
    return _file([write_tables.gene_sets_gmt(curation.gene_sets.listed(user))], "gene_sets.gmt", TSV)


@routes.get("/export/genesets.csv", media=(CSV,), errors=READ)
def gene_sets_csv() -> ResponseOf[bytes]:
    """Return all gene sets in cellxgene's format, a row for each gene."""
    from starcyte.curation.files import write_tables

    curation, user = current_curation()
    return _file([write_tables.gene_sets_csv(curation.gene_sets.listed(user))], "gene_sets.csv", CSV)


@routes.get("/export/session.json", media=(JSON,), errors=READ)
def session() -> ResponseOf[bytes]:
    """Return annotations, gene sets, views and results as a session, to be imported elsewhere."""
    from starcyte.curation.files.session import write_session

    curation, user = current_curation()
    return _file(
        write_session(curation.snapshot(user), context().dataset(), context().cell_names()), "session.json", JSON
    )


@routes.post("/export/h5ad", other={202: JobAnswer}, errors=WRITE, size="max_body_bytes")
def h5ad(body: ExportRequest) -> ResponseOf[ExportedFile]:
    """Write a new h5ad with all annotations as columns of obs, of all cells or some, now or as a job."""
    from starcyte.curation.files.write_tables import write_h5ad
    from starcyte.web.grouping import selected

    ctx, dataset = context(), context().dataset()
    ctx.loader.check_complete()
    curation, user = current_curation()
    downloads = ctx.downloads()
    with curation.store.read() as transaction:
        revision, made = transaction.latest_revision(user), curation.annotations.all(user, transaction)
    rows = None if isinstance(body.selection, UnsetType) else selected(body.selection)
    if rows is None and not made:
        raise BadRequest("There are no annotations to write.", "Create one first.")
    if rows is not None and not rows.any():
        raise BadRequest("The selection has no cells.", "Select some.")
    cells = None if rows is None else hashlib.blake2b(np.packbits(rows).tobytes(), digest_size=16).hexdigest()

    def work(tick: Tick) -> WrittenFile:
        return downloads.make(user, lambda path: write_h5ad(made, dataset, path, user, tick, rows))

    def is_stale(result: Any) -> bool:
        return not downloads.exists(result)

    key = json.dumps(["h5ad", user, revision, cells])
    return answer_job(ctx.jobs.submit(key, work, owner(), "new file", is_stale, asker=asker()))


@routes.get("/export/files/<file_id>", media=(HDF5,), errors=READ)
def file(file_id: FileId) -> ResponseOf[bytes]:
    """Return a new file."""
    _, user = current_curation()
    made = context().downloads().get(user, file_id)
    return as_file(
        send_file(made.path, mimetype=HDF5, as_attachment=True, download_name=made.name, etag=made.id, max_age=0)
    )


def _file(blocks: Iterable[bytes], name: str, media_type: str) -> ResponseOf[bytes]:
    """Return a file that is sent as it is written: it may have a row for each of a million cells."""
    from starcyte.curation.files.file_names import safe_stem

    response: ResponseOf[bytes] = ResponseOf(blocks, mimetype=media_type)
    stem = safe_stem(context().dataset().title, "dataset")[:80]
    response.headers["Content-Disposition"] = f'attachment; filename="{stem}_{name}"'
    return response
