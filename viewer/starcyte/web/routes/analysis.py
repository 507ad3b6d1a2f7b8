"""Comparisons of groups of cells, and the jobs that compute them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from flask import Blueprint, Response, request

from starcyte.compute.corrections import CORRECTIONS, DEFAULT_CORRECTION
from starcyte.compute.methods import DEFAULT_METHOD, METHODS
from starcyte.errors import BadRequest, Forbidden
from starcyte.web.context import Context, context
from starcyte.web.media import CSV, JSON
from starcyte.web.responses import answer_json, body_json, whole_number

if TYPE_CHECKING:
    from starcyte.compute.diffexp import Comparison
    from starcyte.compute.jobs import Job
    from starcyte.compute.markers import Markers
    from starcyte.store.dataset import Matrix, Tick

blueprint = Blueprint("analysis", __name__)


@blueprint.before_request
def _refuse_all() -> None:
    if context().settings.disable_diffexp:
        raise Forbidden("Cells are not compared here (setting disable_diffexp).", "Ask the operator of this server.")


@blueprint.post("/diffexp")
def diffexp() -> Response:
    """Compare two groups of cells, now or as a job."""
    from starcyte.compute.diffexp import compare, is_quick
    from starcyte.web.grouping import selected

    ctx, dataset, body = context(), context().dataset(), body_json()
    _refuse_others(body, ("a", "b", *_COMMON))
    method, correction, matrix = _common(body)
    page = _page(body.get("limit"), body.get("offset"))
    a = selected(body.get("a"), "selection a")
    b = ~a if body.get("b", "rest") == "rest" else selected(body["b"], "selection b")
    # by the cells themselves: an annotation may hold others by the next time, and is another user's under the same name
    cells = hashlib.blake2b(np.packbits(a).tobytes() + np.packbits(b).tobytes(), digest_size=16).hexdigest()
    key = json.dumps(["diffexp", method, correction, matrix.name, cells])
    cores = ctx.settings.cores

    def work(tick: Tick) -> Comparison:
        return compare(dataset, matrix, a, b, method, correction, cores, _after_index(ctx, matrix, method, tick))

    def quick() -> bool:
        return is_quick(dataset, matrix, a, b, method)

    return answer_job(ctx.jobs.submit(key, work, owner=owner(), quick=quick), *page)


@blueprint.post("/markers")
def markers() -> Response:
    """Compare every category of a column with all other cells, now or as a job."""
    from starcyte.compute.markers import find_markers
    from starcyte.web.grouping import grouping

    ctx, body = context(), body_json()
    _refuse_others(body, ("group_by", *_COMMON[:-1]))
    method, correction, matrix = _common(body)
    group_by = body.get("group_by")
    if not isinstance(group_by, str):
        raise BadRequest("group_by is not a name.", "Give the name of a column of obs.")
    limit = whole_number(body.get("limit"), "limit", 50, ctx.settings.max_markers) or 0
    found = grouping(group_by)
    column = found.column
    key = json.dumps(["markers", method, correction, matrix.name, found.key, limit])
    cores = ctx.settings.cores

    def work(tick: Tick) -> Markers:
        return find_markers(matrix, column, limit, method, correction, cores, _after_index(ctx, matrix, method, tick))

    return answer_job(ctx.jobs.submit(key, work, owner=owner()), None, 0)


@blueprint.get("/jobs/<job_id>")
def job_state(job_id: str) -> Response:
    """Say how far a job is, with its result where it is done; as CSV, the whole table."""
    from starcyte.curation.files.new_file import NewFile
    from starcyte.web.results import as_csv

    page = _page(request.args.get("limit"), request.args.get("offset"))
    job = context().jobs.get(job_id)
    is_table = job.state == "done" and not isinstance(job.result, NewFile)
    if is_table and request.accept_mimetypes.best_match([JSON, CSV], default=JSON) == CSV:
        return as_csv(job.result, context().dataset(), context().settings.diffexp_lfc_cutoff)
    return answer_json(_job_answer(job, *page))


@blueprint.delete("/jobs/<job_id>")
def job_cancel(job_id: str) -> Response:
    """Stop a job before its next block."""
    return answer_json({"job": context().jobs.cancel(job_id).as_dict()})


def _after_index(ctx: Context, matrix: Matrix, method: str, tick: Tick) -> Tick:
    """Wait for the index if the method reads gene by gene, and return the tick of the comparison itself.

    Without an index the whole file would be read once for every run of genes.
    """
    if not METHODS[method].needs_index:
        return tick
    ctx.loader.wait_for_index(matrix.name, lambda done: tick(done / 2))
    return lambda done: tick(0.5 + done / 2)


_COMMON = ("method", "correction", "matrix", "limit", "offset")


def _refuse_others(body: dict[str, Any], known: Sequence[str]) -> None:
    unknown = set(body) - set(known)
    if unknown:
        raise BadRequest(f"{min(unknown)!r} is no part of the question.", f"It has {', '.join(known)}.")


def _common(body: dict[str, Any]) -> tuple[str, str, Matrix]:
    # a job that waited for the rest of a file would keep those of others from their turn
    context().loader.check_complete()
    method, correction = body.get("method", DEFAULT_METHOD), body.get("correction", DEFAULT_CORRECTION)
    if not isinstance(method, str) or method not in METHODS:
        raise BadRequest(f"There is no method {method!r}.", f"Methods: {', '.join(METHODS)}.")
    if not isinstance(correction, str) or correction not in CORRECTIONS:
        raise BadRequest(f"There is no correction {correction!r}.", f"Corrections: {', '.join(CORRECTIONS)}.")
    matrix = body.get("matrix", "X")
    if not isinstance(matrix, str):
        raise BadRequest("matrix is not a name.", "Give the name of a matrix of the schema.")
    return method, correction, context().matrix(matrix)


def owner() -> str:
    """Return who asks for jobs, for their turns."""
    # the page names itself at random, so that users behind one proxy take turns too
    return request.headers.get("X-Starcyte-Client", request.remote_addr or "")[:64]


def _page(limit: Any, offset: Any) -> tuple[int | None, int]:
    return (
        whole_number(request.args.get("limit", limit), "limit", None),
        whole_number(request.args.get("offset", offset), "offset", 0) or 0,
    )


def answer_job(job: Job, limit: int | None, offset: int) -> Response:
    """Return the result of a job that is quick, else how far it is."""
    job.ended.wait(context().settings.answer_wait)
    if job.error:
        raise job.error
    answer = _job_answer(job, limit, offset)
    response = answer_json(answer["result"]) if job.state == "done" else answer_json(answer, 202)
    # relative, as every URL: the path in front is the proxy's business
    response.autocorrect_location_header = False
    response.headers["Location"] = f"jobs/{job.id}"
    return response


def _job_answer(job: Job, limit: int | None, offset: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"job": job.as_dict()}
    if job.state == "done":
        from starcyte.web.results import as_json

        cutoff = context().settings.diffexp_lfc_cutoff
        answer["result"] = as_json(job.result, context().dataset(), limit, offset, cutoff) | {"job_id": job.id}
    return answer
