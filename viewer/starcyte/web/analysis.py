"""What is computed from the file: summaries, comparisons, jobs."""

from __future__ import annotations

import csv
import json
from typing import Any

from flask import Blueprint, Response, request

from starcyte.compute import CORRECTIONS, METHODS, RESULT_COLUMNS
from starcyte.errors import BadRequest, LimitExceeded
from starcyte.web.answer import answer_json, answer_once, body_json, whole_number
from starcyte.web.context import context
from starcyte.web.media import CSV, JSON

blueprint = Blueprint("analysis", __name__)


@blueprint.get("/summary")
def summary() -> Response:
    """Return mean and fraction expressing of some genes in each category of a column."""
    from starcyte.compute.summary import summarize

    ctx, dataset = context(), context().dataset()
    # as a line of CSV: a name that holds a comma is quoted
    names = [n for row in csv.reader([request.args.get("genes", "")]) for n in row if n]
    group_by, matrix_name = request.args.get("group_by"), request.args.get("matrix", "X")
    if not names or group_by is None:
        raise BadRequest("A summary needs genes and group_by.", "Add ?genes=a,b&group_by=<column>.")
    if len(names) > ctx.settings.max_summary_genes:
        raise LimitExceeded(
            f"{len(names)} genes are more than {ctx.settings.max_summary_genes} (setting max_summary_genes).",
            "Ask for fewer.",
        )

    def make() -> Response:
        matrix, known = ctx.matrix(matrix_name), dataset.genes(matrix_name)
        positions = [known.index(n) for n in names]
        result = summarize(matrix, positions, dataset.obs_column(group_by), ctx.tick)
        rows = [
            {"gene": known.names[p], "mean": _nullable(mean), "fraction": _nullable(fraction)}
            for p, mean, fraction in zip(positions, result.mean, result.fraction, strict=True)
        ]
        return answer_json(
            {
                "matrix": matrix_name,
                "group_by": group_by,
                "groups": list(result.groups),
                "n": result.n.tolist(),
                "genes": rows,
            }
        )

    return answer_once(make)


def _nullable(values: Any) -> list[float | None]:
    return [v if -float("inf") < v < float("inf") else None for v in values.tolist()]


@blueprint.post("/diffexp")
def diffexp() -> Response:
    """Compare two groups of cells, now or as a job."""
    from starcyte.compute.diffexp import compare
    from starcyte.compute.selection import select

    ctx, dataset, body = context(), context().dataset(), body_json()
    unknown = set(body) - {"a", "b", "method", "matrix", "correction", "limit", "offset"}
    if unknown:
        raise BadRequest(
            f"{min(unknown)!r} is no part of a comparison.", "It has a, b, method, correction, matrix, limit, offset."
        )
    method, matrix_name = body.get("method", METHODS[0]), body.get("matrix", "X")
    correction = body.get("correction", CORRECTIONS[0])
    if method not in METHODS:
        raise BadRequest(f"There is no method {method!r}.", f"Methods: {', '.join(METHODS)}.")
    if correction not in CORRECTIONS:
        raise BadRequest(f"There is no correction {correction!r}.", f"Corrections: {', '.join(CORRECTIONS)}.")
    if not isinstance(matrix_name, str):
        raise BadRequest("matrix is not a name.", "Give the name of a matrix of the schema.")
    limit, offset = _page(body.get("limit"), body.get("offset"))
    matrix = ctx.matrix(matrix_name)
    a = select(dataset, body.get("a"), "selection a")
    b = ~a if body.get("b", "rest") == "rest" else select(dataset, body["b"], "selection b")
    key = json.dumps([method, correction, matrix_name, body.get("a"), body.get("b", "rest")], sort_keys=True)
    cores = ctx.settings.cores
    job = ctx.jobs.submit(key, lambda tick: compare(dataset, matrix, a, b, method, correction, cores, tick))
    job.ended.wait(ctx.settings.answer_wait)
    if job.error:
        raise job.error
    if job.state == "done":
        response = answer_json(_result(job.result, job.id, limit, offset))
    else:
        response = answer_json({"job": job.as_dict()}, 202)
    # relative, as every URL: the path in front is the proxy's business
    response.autocorrect_location_header = False
    response.headers["Location"] = f"jobs/{job.id}"
    return response


@blueprint.get("/jobs/<job_id>")
def job_state(job_id: str) -> Response:
    """Say how far a job is, with its result where it is done; as CSV, the whole table."""
    from starcyte.compute.diffexp import as_rows
    from starcyte.web.wire import csv_bytes

    limit, offset = _page(request.args.get("limit"), request.args.get("offset"))
    job = context().jobs.get(job_id)
    if job.state == "done" and request.accept_mimetypes.best_match([JSON, CSV], default=JSON) == CSV:
        names = context().dataset().genes(job.result.matrix).names
        rows = as_rows(job.result, names, job.result.order())
        response = Response(csv_bytes(RESULT_COLUMNS, (tuple(r.values()) for r in rows)), mimetype=CSV)
        response.headers["Content-Disposition"] = 'attachment; filename="differential_expression.csv"'
        return response
    answer: dict[str, Any] = {"job": job.as_dict()}
    if job.state == "done":
        answer["result"] = _result(job.result, job.id, limit, offset)
    return answer_json(answer)


@blueprint.delete("/jobs/<job_id>")
def job_cancel(job_id: str) -> Response:
    """Stop a job before its next block."""
    return answer_json({"job": context().jobs.cancel(job_id).as_dict()})


def _page(limit: Any, offset: Any) -> tuple[int | None, int]:
    return (
        whole_number(request.args.get("limit", limit), "limit", None),
        whole_number(request.args.get("offset", offset), "offset", 0) or 0,
    )


def _result(result: Any, job_id: str, limit: int | None, offset: int) -> dict[str, Any]:
    from starcyte.compute.diffexp import as_rows

    dataset = context().dataset()
    order = result.order()
    page = order[offset:] if limit is None else order[offset : offset + limit]
    return {
        "method": result.method,
        "matrix": result.matrix,
        "correction": result.correction,
        "scale": result.scale,
        "n_a": result.n_a,
        "n_b": result.n_b,
        "fingerprint": dataset.fingerprint,
        "n_genes": int(order.size),
        "job_id": job_id,
        "genes": as_rows(result, dataset.genes(result.matrix).names, page),
    }
