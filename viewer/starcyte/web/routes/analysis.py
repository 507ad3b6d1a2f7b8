"""Comparisons of groups of cells, and the jobs that compute them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import numpy as np
from flask import request
from msgspec import UNSET, UnsetType

from starcyte.compute.methods import METHODS
from starcyte.compute.options import Options
from starcyte.errors import BadRequest, Forbidden, LimitExceeded
from starcyte.store.cell_rows import measured
from starcyte.web.context import Context, context
from starcyte.web.contract.base import given
from starcyte.web.contract.by_category import ByCategoryRequest, ByCategoryResult
from starcyte.web.contract.comparison import DiffexpRequest, DiffexpResult, MarkersRequest, MarkersResult, Page
from starcyte.web.contract.error import error_of
from starcyte.web.contract.job import JOBS, AnyJob, DiffexpJob, Job, JobAnswer, JobId, JobQuery, JobResult
from starcyte.web.contract.means import MeansRequest, MeansTable
from starcyte.web.encoding.media import BINARY, CLIENT, CSV, JSON
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.responses import answer_json
from starcyte.web.routing.blueprint import Routes
from starcyte.web.routing.route import READ
from starcyte.web.security.proxy import client_address, current_user

if TYPE_CHECKING:
    from starcyte.compute.by_category import ComparisonByCategory
    from starcyte.compute.diffexp import Comparison
    from starcyte.compute.jobs import Job as RunningJob
    from starcyte.compute.markers import Markers
    from starcyte.store.dataset import Matrix, Tick
    from starcyte.web.grouping import Grouping

routes = Routes("analysis")

# mean, squared deviations, amount and number of positive values of a gene in a group
_MOMENT_BYTES = 28


@routes.blueprint.before_request
def refuse_if_disabled() -> None:
    """Raise Forbidden if comparisons are disabled."""
    if context().settings.disable_diffexp:
        raise Forbidden(
            "Differential expression is disabled on this server (disable_diffexp).",
            "Ask the operator of this server.",
        )


@routes.post("/diffexp", other={202: JobAnswer}, errors=(*READ, 413), size="max_body_bytes")
def diffexp(body: DiffexpRequest, query: Page) -> ResponseOf[DiffexpResult]:
    """Compare two groups of cells, gene by gene, now or as a job."""
    from starcyte.compute.diffexp import compare, is_quick
    from starcyte.compute.pseudobulk.samples import sides_of
    from starcyte.web.grouping import groups_of
    from starcyte.web.requested_samples import kept_sums, requested_samples

    options = _options(body)
    ctx, dataset, matrix = context(), context().dataset(), _matrix(body.matrix)
    a, b = groups_of(body.a, body.b, given(body.within))
    # those that a modality lacks are in no sample
    in_a, in_b = measured(matrix, a), measured(matrix, b)
    samples = requested_samples(
        options.test, in_a, in_b, given(body.sample), given(body.covariates), given(body.min_cells)
    )
    design = None if samples is None else samples.design(in_a, in_b)
    # by the cells themselves: an annotation may change, and another user's may have the same name
    cells = hashlib.blake2b(np.packbits(a).tobytes() + np.packbits(b).tobytes(), digest_size=16)
    if design is not None:
        design.check()
        cells.update(repr((design.used, design.coefficients)).encode() + design.codes.tobytes())
    key = json.dumps(["diffexp", astuple(options), matrix.name, cells.hexdigest()])
    cores = ctx.settings.cores

    def work(tick: Tick) -> Comparison:
        ready = _after_index(ctx, matrix, options.method, tick)
        sums = None if samples is None else kept_sums(ctx, matrix, samples, sides_of(in_a, in_b))
        return compare(dataset, matrix, a, b, options, cores, ready, design, sums)

    def quick() -> bool:
        if options.test.is_slow:
            return False
        if design is not None:
            from starcyte.store.index.sums import Groups

            return ctx.sums().is_kept(matrix.name, Groups(design.codes, len(design.used)))
        return is_quick(dataset, matrix, a, b, options.method)

    page = Page(limit=_first(query.limit, body.limit), offset=_first(query.offset, body.offset))
    return answer_job(ctx.jobs.submit(key, work, owner=owner(), quick=quick, asker=asker()), page)


@routes.post("/diffexp/each", other={202: JobAnswer}, errors=(*READ, 413), size="max_body_bytes")
def each(body: ByCategoryRequest) -> ResponseOf[ByCategoryResult]:
    """Compare two groups of cells within each category of a column, now or as a job."""
    from starcyte.compute.by_category import compare_by_category
    from starcyte.compute.cells_by_category import compare_cells_by_category
    from starcyte.compute.pseudobulk.samples import sides_of
    from starcyte.web.grouping import grouping, groups_of
    from starcyte.web.requested_samples import kept_sums, requested_samples

    options = _options(body)
    ctx, dataset, matrix, column = context(), context().dataset(), _matrix(body.matrix), grouping(body.each)
    a, b = groups_of(body.a, body.b, given(body.within))
    in_a, in_b = measured(matrix, a), measured(matrix, b)
    samples = requested_samples(
        options.test, in_a, in_b, given(body.sample), given(body.covariates), given(body.min_cells)
    )
    cells = hashlib.blake2b(np.packbits(a).tobytes() + np.packbits(b).tobytes(), digest_size=16)
    names: list[Any] = []
    if samples is None:
        _check_groups(matrix, column, sides=2)
    else:
        for values in (samples.codes, *(c.values for c in samples.covariates)):
            cells.update(values.tobytes())
        names = [samples.column, [covariate.name for covariate in samples.covariates], samples.min_cells]
    key = json.dumps(["each", astuple(options), matrix.name, column.key, names, cells.hexdigest()])

    def work(tick: Tick) -> ComparisonByCategory[Any]:
        if samples is None:
            ready = _after_index(ctx, matrix, options.method, tick)
            return compare_cells_by_category(dataset, matrix, a, b, column.column, options, ctx.settings.cores, ready)
        # sums of many groups are read gene by gene
        ctx.loader.wait_for_index(matrix.name, lambda done: tick(done / 2))
        sums = kept_sums(ctx, matrix, samples, sides_of(in_a, in_b), column.column.as_categories()[0])
        cores = ctx.settings.cores
        return compare_by_category(
            dataset, matrix, a, b, samples, column.column, options, cores, lambda done: tick(0.5 + done / 2), sums
        )

    job = ctx.jobs.submit(key, work, owner=owner(), asker=asker())
    return answer_job(job, Page(limit=body.limit))


@routes.post("/markers", other={202: JobAnswer}, errors=(*READ, 413), size="max_body_bytes")
def markers(body: MarkersRequest) -> ResponseOf[MarkersResult]:
    """Compare every category of a column with all other cells, now or as a job."""
    from starcyte.compute.markers import find_markers
    from starcyte.web.grouping import grouping, selected_within

    ctx, dataset, matrix, found = context(), context().dataset(), _matrix(body.matrix), grouping(body.group_by)
    options, limit = _options(body), min(body.limit, context().settings.max_markers)
    if options.test.over_samples:
        raise BadRequest(
            f"Markers compare cells, and {options.test.name} compares samples.",
            "Choose another method, or compare one category with the rest.",
        )
    _check_groups(matrix, found)
    column, within = found.column, selected_within(body.within)
    cells = None if within is None else hashlib.blake2b(np.packbits(within).tobytes(), digest_size=16).hexdigest()
    key = json.dumps(["markers", astuple(options), matrix.name, found.key, limit, cells])
    cores = ctx.settings.cores

    def work(tick: Tick) -> Markers:
        ready = _after_index(ctx, matrix, options.method, tick)
        return find_markers(dataset, matrix, column, limit, options, cores, ready, within)

    return answer_job(ctx.jobs.submit(key, work, owner=owner(), asker=asker()))


@routes.post("/means", other={202: JobAnswer}, errors=(*READ, 413), size="max_body_bytes")
def means(body: MeansRequest) -> ResponseOf[MeansTable]:
    """Compute mean and fraction expressing of all genes in each category of a column, now or as a job."""
    from starcyte.compute.group_means import GroupMeans, group_means
    from starcyte.web.grouping import grouping, selected_within

    ctx, matrix, found = context(), _matrix(body.matrix), grouping(body.group_by)
    _check_groups(matrix, found)
    column, within = found.column, selected_within(body.within)
    cells = None if within is None else hashlib.blake2b(np.packbits(within).tobytes(), digest_size=16).hexdigest()
    key = json.dumps(["means", matrix.name, found.key, cells])
    cores = ctx.settings.cores

    def work(tick: Tick) -> GroupMeans:
        return group_means(matrix, column, within, cores, tick)

    return answer_job(ctx.jobs.submit(key, work, owner(), "table", asker=asker()))


@routes.get("/jobs/<job_id>", media=(JSON, CSV, BINARY), errors=(*READ, 413))
def job_state(job_id: JobId, query: JobQuery) -> ResponseOf[AnyJob]:
    """Return the state of a job, with its result if it is done; as CSV, the whole table."""
    from starcyte.web.encoding.job_results import job_table

    job, ctx = context().jobs.get(job_id), context()
    if job.state == "done":
        accepted = request.accept_mimetypes.best_match([JSON, CSV, BINARY], default=JSON)
        table = job_table(job.result, ctx.dataset(), ctx.settings, accepted, given(query.table))
        if table is not None:
            return table
    described = _describe(job)
    if job.state != "done":
        return answer_json(DiffexpJob(job=described))
    result = _result(job, query)
    return answer_json(JOBS[type(result)](job=described, result=result))


@routes.delete("/jobs/<job_id>", errors=READ)
def job_cancel(job_id: JobId) -> ResponseOf[JobAnswer]:
    """Cancel a job."""
    return answer_json(JobAnswer(job=_describe(context().jobs.cancel(job_id, asker=asker()))))


def _options(body: DiffexpRequest | MarkersRequest | ByCategoryRequest) -> Options:
    return Options(body.method, body.correction, body.fold_change, body.min_fraction, given(body.scale))


def _after_index(ctx: Context, matrix: Matrix, method: str, tick: Tick) -> Tick:
    """Wait for the index if the method reads gene by gene, and return the tick of the comparison itself.

    Without an index the whole file would be read once for every run of genes.
    """
    if not METHODS[method].needs_index:
        return tick
    ctx.loader.wait_for_index(matrix.name, lambda done: tick(done / 2))
    return lambda done: tick(0.5 + done / 2)


def _check_groups(matrix: Matrix, found: Grouping, sides: int = 1) -> None:
    """Raise LimitExceeded if the moments of all genes in all groups, or on their sides, would take too much memory."""
    n, most = len(found.column.as_categories()[1]), context().settings.max_group_bytes
    if n * sides * matrix.shape[1] * _MOMENT_BYTES > most:
        raise LimitExceeded(
            f"{found.column.info.name!r} has {n:,} categories of {matrix.shape[1]:,} genes: more than {most >> 20:,} MB"
            " (max_group_bytes).",
            "Choose a column of fewer categories.",
        )


def _matrix(name: str) -> Matrix:
    # a job that waited for the rest of a download would take the place of others in the queue
    context().loader.check_complete()
    return context().matrix(name)


def _first(*values: int | UnsetType) -> int | UnsetType:
    return next((value for value in values if value is not UNSET), UNSET)


def owner() -> str:
    """Return the user of the request, or the address if there is none, for the fair queue of jobs."""
    settings = context().settings
    user = current_user(settings)
    return f"user {user}" if user else f"address {client_address(settings)}"


def asker() -> str:
    """Return the page of the request: one of a user does not cancel the job of another."""
    return f"{owner()} {request.headers.get(CLIENT, '')[:64]}"


def answer_job(job: RunningJob, page: Page | None = None) -> ResponseOf[Any]:
    """Return the result of a job that is soon done, else its state with status 202.

    Parameters
    ----------
    job
        The job.
    page
        The genes of a comparison, or sets, that are sent; by default all genes.
    """
    context().jobs.wait(job)
    if job.error:
        raise job.error.anew()
    response: ResponseOf[Any]
    if job.state == "done":
        response = answer_json(_result(job, page or Page()))
    else:
        response = answer_json(JobAnswer(job=_describe(job)), 202)
    # relative, as every URL: the server does not know the path in front of it
    response.autocorrect_location_header = False
    response.headers["Location"] = f"jobs/{job.id}"
    return response


def _describe(job: RunningJob) -> Job:
    error = error_of(job.error) if job.error else UNSET
    return Job(id=job.id, state=job.state, progress=round(job.progress, 4), error=error)


def _result(job: RunningJob, page: Page) -> JobResult:
    from starcyte.web.encoding.job_results import job_result

    ctx = context()
    return job_result(job.result, ctx.dataset(), ctx.settings, job.id, given(page.limit), given(page.offset) or 0)
