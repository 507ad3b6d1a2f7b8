"""Results of jobs, as structs and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from starcyte.compute.diffexp import Comparison
from starcyte.compute.markers import GroupMarkers, Markers
from starcyte.compute.methods.method import RESULT_COLUMNS
from starcyte.store.dataset import Dataset
from starcyte.web.contract.comparison import DiffexpGene, DiffexpResult, MarkerGroup, MarkersResult
from starcyte.web.encoding.media import CSV
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.encoding.wire import csv_bytes


def diffexp_result(
    result: Comparison, dataset: Dataset, job_id: str, cutoff: float, limit: int | None, offset: int
) -> DiffexpResult:
    """Return a comparison as it is sent.

    Parameters
    ----------
    result
        The comparison.
    dataset
        Its dataset.
    job_id
        Its job.
    cutoff
        Genes with a smaller absolute log2 fold change are omitted, those without one are not.
    limit, offset
        The page of the genes, best first.
    """
    order = _large(result, result.order(), cutoff)
    page = order[offset:] if limit is None else order[offset : offset + limit]
    return DiffexpResult(
        method=result.method,
        matrix=result.matrix,
        correction=result.correction,
        scale=result.scale,
        fingerprint=dataset.fingerprint,
        n_a=result.n_a,
        n_b=result.n_b,
        n_genes=int(order.size),
        genes=gene_rows(result, dataset.genes(result.matrix).names, page, page),
        job_id=job_id,
    )


def markers_result(result: Markers, dataset: Dataset, job_id: str, cutoff: float) -> MarkersResult:
    """Return markers as they are sent; see ``diffexp_result``."""
    names = dataset.genes(result.matrix).names
    return MarkersResult(
        method=result.method,
        matrix=result.matrix,
        correction=result.correction,
        scale=result.scale,
        fingerprint=dataset.fingerprint,
        group_by=result.group_by,
        n_genes=result.n_genes,
        groups=[
            MarkerGroup(name=group.name, n=group.n, n_rest=group.n_rest, genes=_marker_rows(group, names, cutoff))
            for group in result.groups
        ],
        job_id=job_id,
    )


def result_csv(result: Comparison | Markers, dataset: Dataset, cutoff: float) -> ResponseOf[Any]:
    """Return the whole table of a result as CSV."""
    names = dataset.genes(result.matrix).names
    if isinstance(result, Markers):
        header: tuple[str, ...] = (result.group_by, *RESULT_COLUMNS)
        rows = [
            (group.name, *msgspec.structs.astuple(row))
            for group in result.groups
            for row in _marker_rows(group, names, cutoff)
        ]
        name = "markers"
    else:
        header = RESULT_COLUMNS
        order = _large(result, result.order(), cutoff)
        rows = [msgspec.structs.astuple(row) for row in gene_rows(result, names, order, order)]
        name = "differential_expression"
    response: ResponseOf[Any] = ResponseOf(csv_bytes(header, rows), mimetype=CSV)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _marker_rows(group: GroupMarkers, names: Sequence[str], cutoff: float) -> list[DiffexpGene]:
    order = _large(group, np.arange(group.genes.size), cutoff)
    return gene_rows(group, names, order, group.genes[order])


def gene_rows(
    result: Comparison | GroupMarkers, names: Sequence[str], order: NDArray[np.intp], genes: NDArray[np.intp]
) -> list[DiffexpGene]:
    """Return rows of a result; undefined and infinite numbers become None.

    Parameters
    ----------
    result
        The result.
    names
        The names of all genes of the matrix.
    order
        The positions of the rows in the result, shape (rows,).
    genes
        The positions of their genes in the matrix, shape (rows,).
    """
    columns: list[list[str] | list[float | None]] = [[names[i] for i in genes.tolist()]]
    for field in RESULT_COLUMNS[1:]:
        values = getattr(result, field)[order]
        finite = np.isfinite(values).tolist()
        columns.append([v if ok else None for v, ok in zip(values.tolist(), finite, strict=True)])
    return [DiffexpGene(**dict(zip(RESULT_COLUMNS, row, strict=True))) for row in zip(*columns, strict=True)]


def _large(result: Comparison | GroupMarkers, order: NDArray[np.intp], cutoff: float) -> NDArray[np.intp]:
    """Return the positions of the genes with a change of at least the cutoff, or with an undefined one."""
    return order if cutoff == 0 else order[~(np.abs(result.log2_fold_change[order]) < cutoff)]
