"""Results of jobs as JSON and CSV."""

from __future__ import annotations

from typing import Any

import numpy as np
from flask import Response
from numpy.typing import NDArray

from starcyte.compute.diffexp import Comparison
from starcyte.compute.markers import GroupMarkers, Markers
from starcyte.compute.methods.method import RESULT_COLUMNS
from starcyte.curation.files.new_file import NewFile
from starcyte.store.dataset import Dataset
from starcyte.web.media import CSV
from starcyte.web.wire import csv_bytes


def as_json(
    result: Comparison | Markers | NewFile, dataset: Dataset, limit: int | None, offset: int, cutoff: float = 0.0
) -> dict[str, Any]:
    """Return a result with its method and what it is of; of a file, where it is had.

    Parameters
    ----------
    result
        A comparison, markers, or a file that was made.
    dataset
        The dataset that it is of.
    limit, offset
        Which genes of a comparison, best first.
    cutoff
        Genes whose change is smaller are left out, those without a fold change are not.
    """
    if isinstance(result, NewFile):
        return {
            "file": result.name,
            "bytes": result.n_bytes,
            "download": f"export/files/{result.id}",
            "notes": list(result.notes),
        }
    names = dataset.genes(result.matrix).names
    answer: dict[str, Any] = {
        "method": result.method,
        "matrix": result.matrix,
        "correction": result.correction,
        "scale": result.scale,
        "fingerprint": dataset.fingerprint,
    }
    if isinstance(result, Markers):
        groups = [
            {"name": g.name, "n": g.n, "n_rest": g.n_rest, "genes": as_rows(g, names, cutoff=cutoff)}
            for g in result.groups
        ]
        return answer | {"group_by": result.group_by, "n_genes": result.n_genes, "groups": groups}
    order = _large(result, result.order(), cutoff)
    page = order[offset:] if limit is None else order[offset : offset + limit]
    rows = as_rows(result, names, page)
    return answer | {"n_a": result.n_a, "n_b": result.n_b, "n_genes": int(order.size), "genes": rows}


def as_csv(result: Comparison | Markers, dataset: Dataset, cutoff: float = 0.0) -> Response:
    """Return the whole table of a result."""
    names = dataset.genes(result.matrix).names
    if isinstance(result, Markers):
        header: tuple[str, ...] = (result.group_by, *RESULT_COLUMNS)
        rows = [(g.name, *row.values()) for g in result.groups for row in as_rows(g, names, cutoff=cutoff)]
        name = "markers"
    else:
        header = RESULT_COLUMNS
        order = _large(result, result.order(), cutoff)
        rows = [tuple(row.values()) for row in as_rows(result, names, order)]
        name = "differential_expression"
    response = Response(csv_bytes(header, rows), mimetype=CSV)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def as_rows(
    result: Comparison | GroupMarkers, names: Any, order: NDArray[np.intp] | None = None, cutoff: float = 0.0
) -> list[dict[str, Any]]:
    """Return genes as JSON rows; undefined and infinite numbers become None.

    Parameters
    ----------
    result
        A comparison, or the markers of one category.
    names
        The names of all genes of the matrix.
    order
        Which genes of a comparison, in their order; all, best first, by default.
    cutoff
        Markers whose change is smaller are left out.
    """
    if isinstance(result, GroupMarkers):
        order = _large(result, np.arange(result.genes.size), cutoff)
        genes = result.genes[order]
    else:
        order = result.order() if order is None else order
        genes = order
    fields = RESULT_COLUMNS[1:]
    columns = []
    for field in fields:
        values = getattr(result, field)[order]
        finite = np.isfinite(values).tolist()
        columns.append([v if ok else None for v, ok in zip(values.tolist(), finite, strict=True)])
    return [
        {"gene": names[i], **dict(zip(fields, row, strict=True))}
        for i, row in zip(genes.tolist(), zip(*columns, strict=True), strict=True)
    ]


def _large(result: Comparison | GroupMarkers, order: NDArray[np.intp], cutoff: float) -> NDArray[np.intp]:
    """Return those whose change is not smaller than a cutoff; where it is not defined, they stay."""
    return order if cutoff == 0 else order[~(np.abs(result.log2_fold_change[order]) < cutoff)]
