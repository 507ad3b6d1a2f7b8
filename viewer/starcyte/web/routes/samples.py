"""Samples: the columns that look like them, and the designs of comparisons over them."""

from __future__ import annotations

from starcyte.web.context import context
from starcyte.web.contract.base import given
from starcyte.web.contract.design import (
    DesignOfSamples,
    DesignRequest,
    DesignUnit,
    SampleColumnInfo,
    SampleColumns,
)
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.responses import answer_cached, answer_json
from starcyte.web.routing.blueprint import Routes
from starcyte.web.routing.route import READ

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
