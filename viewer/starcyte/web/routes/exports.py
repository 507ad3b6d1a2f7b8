"""What users make, as files: tables of annotations, gene sets, a session, a new h5ad."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request, send_file

from starcyte.errors import BadRequest, NotFound
from starcyte.web.context import context
from starcyte.web.media import CSV, JSON
from starcyte.web.preconditions import mine, only
from starcyte.web.responses import body_json
from starcyte.web.routes.analysis import answer_job, owner

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starcyte.curation.files.new_file import NewFile
    from starcyte.store.dataset import Tick

blueprint = Blueprint("exports", __name__)


@blueprint.get("/export/annotations.csv", defaults={"ending": "csv"})
@blueprint.get("/export/annotations.tsv", defaults={"ending": "tsv"})
@blueprint.get("/export/annotations.tabular", defaults={"ending": "tabular"})
def annotation_table(ending: str) -> Response:
    """Return annotations as a table, a row for each cell; those that are named, or all."""
    from starcyte.curation.files.tables import FORMS, annotations_table

    curation, user = mine()
    wanted = request.args.getlist("name")
    with curation.store.read() as reading:
        found = {annotation.name: annotation for annotation in curation.annotations.all(user, reading)}
    for name in wanted:
        if name not in found:
            raise NotFound(f"There is no annotation {name!r}.", "Ask for the list again.")
    chosen = [found[name] for name in dict.fromkeys(wanted)] or list(found.values())
    form = FORMS[ending]
    return _file(annotations_table(chosen, context().cell_names(), form), f"annotations.{ending}", form.media_type)


@blueprint.get("/export/genesets.gmt", defaults={"ending": "gmt"})
@blueprint.get("/export/genesets.csv", defaults={"ending": "csv"})
def gene_set_file(ending: str) -> Response:
    """Return all gene sets."""
    from starcyte.curation.files.tables import gene_sets_csv, gene_sets_gmt

    curation, user = mine()
    listed = curation.gene_sets.listed(user)
    if ending == "gmt":
        return _file([gene_sets_gmt(listed)], "gene_sets.gmt", "text/tab-separated-values")
    return _file([gene_sets_csv(listed)], "gene_sets.csv", CSV)


@blueprint.get("/export/session.json")
def session() -> Response:
    """Return all that was made but figures, to go on from elsewhere."""
    from starcyte.curation.files.session import write_session

    curation, user = mine()
    return _file(
        write_session(curation.snapshot(user), context().dataset(), context().cell_names()), "session.json", JSON
    )


@blueprint.post("/export/h5ad")
def h5ad() -> Response:
    """Have a new h5ad made with all annotations as columns of obs, now or as a job."""
    from starcyte.curation.files.tables import write_h5ad

    only(body_json())
    ctx, dataset = context(), context().dataset()
    ctx.loader.check_complete()
    curation, user = mine()
    downloads = ctx.downloads()
    with curation.store.read() as reading:
        revision, made = reading.newest(user), curation.annotations.all(user, reading)
    if not made:
        raise BadRequest("There are no annotations to write.", "Make some first.")

    def work(tick: Tick) -> NewFile:
        return downloads.make(user, lambda path: write_h5ad(made, dataset, path, user, tick))

    def is_stale(result: Any) -> bool:
        return not downloads.is_there(result)

    key = json.dumps(["h5ad", user, revision])
    return answer_job(ctx.jobs.submit(key, work, owner(), "new file", is_stale), None, 0)


@blueprint.get("/export/files/<file_id>")
def file(file_id: str) -> Response:
    """Return a file that was made."""
    _, user = mine()
    made = context().downloads().get(user, file_id)
    return send_file(
        made.path,
        mimetype="application/x-hdf5",
        as_attachment=True,
        download_name=made.name,
        etag=made.id,
        max_age=0,
    )


def _file(blocks: Iterable[bytes], name: str, media_type: str) -> Response:
    """Return a file, sent as it is made: it may have a row for each of a million cells."""
    from starcyte.curation.files.filenames import safe_stem

    response = Response(blocks, mimetype=media_type)
    stem = safe_stem(context().dataset().title, "dataset")[:80]
    response.headers["Content-Disposition"] = f'attachment; filename="{stem}_{name}"'
    return response
