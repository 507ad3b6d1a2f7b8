"""Samples: the columns that look like them, and the designs of comparisons over them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
from flask import request

from starcyte.store.cell_rows import measured
from starcyte.web.context import context
from starcyte.web.contract.base import given
from starcyte.web.contract.composition import CompositionRequest, CompositionResult
from starcyte.web.contract.design import (
    DesignOfSamples,
    DesignRequest,
    DesignUnit,
    SampleColumnInfo,
    SampleColumns,
)
from starcyte.web.contract.job import JobAnswer
from starcyte.web.contract.pseudobulk import PseudobulkRequest, PseudobulkTable
from starcyte.web.encoding.media import CSV, JSON
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.responses import answer_cached, answer_json
from starcyte.web.routes.analysis import answer_job, asker, owner, refuse_if_disabled
from starcyte.web.routing.blueprint import Routes
from starcyte.web.routing.route import READ

if TYPE_CHECKING:
    from starcyte.store.dataset import Tick

routes = Routes("samples")


@routes.get("/samples", errors=READ, cached=True)
def samples() -> ResponseOf[SampleColumns]:
    """Return the columns of obs that look like samples."""
    from starcyte.compute.pseudobulk.sample_columns import sample_columns

    def answer() -> ResponseOf[SampleColumns]:
        found = sample_columns(context().dataset())
        return answer_json(
            SampleColumns(
                columns=[
                    SampleColumnInfo(name=c.name, samples=list(c.samples), constant=list(c.constant)) for c in found
                ]
            )
        )

    return answer_cached(answer)


@routes.post("/design", errors=(*READ, 413), size="max_body_bytes")
def design(body: DesignRequest) -> ResponseOf[DesignOfSamples]:
    """Return the samples of a comparison, and whether they allow it."""
    from starcyte.web.grouping import groups_of
    from starcyte.web.requested_samples import samples_of

    a, b = groups_of(body.a, body.b, given(body.within))
    found = samples_of(a, b, body.sample, body.covariates, body.min_cells).design(a, b)
    return answer_json(
        DesignOfSamples(
            sample=body.sample,
            covariates=body.covariates,
            units=[
                DesignUnit(
                    sample=unit.sample,
                    side="b" if unit.side else "a",
                    n=unit.n_cells,
                    covariates=list(unit.covariates),
                    left_out=unit.left_out or None,
                )
                for unit in found.units
            ],
            is_paired=found.is_paired,
            coefficients=list(found.coefficients),
            warnings=list(found.warnings),
            problem=found.problem or None,
        )
    )


@routes.post("/pseudobulk", other={202: JobAnswer}, errors=(*READ, 413), size="max_body_bytes")
def pseudobulk(body: PseudobulkRequest) -> ResponseOf[PseudobulkTable]:
    """Sum the counts of each sample, or of each sample and category, now or as a job."""
    from starcyte.compute.diffexp import known_scale
    from starcyte.compute.options import Options
    from starcyte.compute.pseudobulk.table import SumsTable, sums_table
    from starcyte.store.index.sums import Groups, MergedSums
    from starcyte.web.grouping import grouping, selected_within
    from starcyte.web.requested_samples import samples_of

    refuse_if_disabled()
    ctx, dataset = context(), context().dataset()
    ctx.loader.check_complete()
    matrix, each = ctx.matrix(body.matrix), given(body.each)
    column = None if each is None else grouping(each).column
    codes = None if column is None else column.as_categories()[0]
    chosen = selected_within(body.within)
    within = measured(matrix, np.ones(dataset.n_obs, np.bool_) if chosen is None else chosen)
    samples = samples_of(within, np.zeros_like(within), body.sample, (), body.min_cells)
    scale = Options(scale=given(body.scale)).scale_of(known_scale(dataset, matrix))
    cells = hashlib.blake2b(np.packbits(within).tobytes() + samples.codes.tobytes(), digest_size=16)
    if codes is not None:
        cells.update(codes.tobytes())
    key = json.dumps(["pseudobulk", matrix.name, scale.kind, body.sample, each, body.min_cells, cells.hexdigest()])

    def read(groups: Groups, tick: Tick) -> MergedSums:
        return ctx.sums().merged(matrix.name, groups, lambda: samples.parts(np.where(within, 0, 2), codes), tick)

    def work(tick: Tick) -> SumsTable:
        return sums_table(dataset, matrix, scale, samples, column, within, read, tick)

    return answer_job(ctx.jobs.submit(key, work, owner(), "table", asker=asker()))


@routes.post("/composition", media=(JSON, CSV), errors=(*READ, 413), size="max_body_bytes")
def composition(body: CompositionRequest) -> ResponseOf[CompositionResult]:
    """Compare the proportions of the categories of a column over samples."""
    from starcyte.compute.composition import compare_composition
    from starcyte.web.encoding.composition import composition_csv, composition_result
    from starcyte.web.grouping import grouping, groups_of
    from starcyte.web.requested_samples import samples_of

    a, b = groups_of(body.a, body.b, given(body.within))
    samples = samples_of(a, b, body.sample, body.covariates, body.min_cells)
    found = compare_composition(a, b, samples, grouping(body.column).column, body.transform)
    result = composition_result(found, body.covariates, context().dataset())
    is_csv = request.accept_mimetypes.best_match([JSON, CSV], default=JSON) == CSV
    return composition_csv(result) if is_csv else answer_json(result)
