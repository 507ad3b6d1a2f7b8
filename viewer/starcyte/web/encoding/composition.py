"""The composition of samples, as a struct and as CSV."""

from __future__ import annotations

from typing import Any

import numpy as np

from starcyte.compute.composition import Composition
from starcyte.store.dataset import Dataset
from starcyte.web.contract.comparison import SampleUsed
from starcyte.web.contract.composition import CategoryProportions, CompositionResult
from starcyte.web.encoding.media import CSV
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.encoding.results import comment_lines
from starcyte.web.encoding.wire import csv_bytes

_SCALES = {"logit": "log(p / (1 - p)), 0.5 added to each count", "arcsine": "arcsin(sqrt(p))"}


def composition_result(result: Composition, covariates: list[str], dataset: Dataset) -> CompositionResult:
    """Return the composition of samples as it is sent."""
    found, design = result.statistics, result.design
    return CompositionResult(
        column=result.column,
        sample=design.sample_column,
        covariates=covariates,
        samples=[SampleUsed(sample=u.sample, side="b" if u.side else "a", n=u.n_cells) for u in design.used],
        is_paired=design.is_paired,
        coefficients=list(design.coefficients),
        transform=result.transform,
        df=found.df,
        warnings=result.warnings,
        categories=[
            CategoryProportions(
                name=name,
                proportions=found.values[k].tolist(),
                mean_a=float(found.mean_a[k]),
                mean_b=float(found.mean_b[k]),
                log2_ratio=_finite(found.log2_fold_change[k]),
                score=_finite(found.t[k]),
                p_value=_finite(found.p_value[k]),
                p_adjusted=_finite(found.p_adjusted[k]),
            )
            for k, name in enumerate(result.categories)
        ],
        fingerprint=dataset.fingerprint,
    )


def composition_csv(result: CompositionResult) -> ResponseOf[Any]:
    """Return the composition of samples as CSV, below lines of ``#`` that say how it was tested."""
    header = ("category", "log2_ratio", "score", "p_value", "p_adjusted", "mean_a", "mean_b")
    columns = tuple(f"{unit.sample} ({unit.side})" for unit in result.samples)
    rows = [
        (c.name, c.log2_ratio, c.score, c.p_value, c.p_adjusted, c.mean_a, c.mean_b, *c.proportions)
        for c in result.categories
    ]
    lines = [
        f"proportions of {result.column} by {result.sample}",
        f"moderated t-test (propeller) of {_SCALES[result.transform]}",
        f"model: {', '.join(result.coefficients)}",
        "p-values adjusted by benjamini-hochberg for all categories",
        "log2 ratio: of the means of the proportions of the samples of each side",
        *result.warnings,
    ]
    response: ResponseOf[Any] = ResponseOf(comment_lines(lines) + csv_bytes(header + columns, rows), mimetype=CSV)
    response.headers["Content-Disposition"] = 'attachment; filename="composition.csv"'
    return response


def _finite(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None
