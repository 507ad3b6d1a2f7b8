"""Means of all genes in groups of cells, as a description and as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starcyte.compute.group_means import GroupMeans
from starcyte.store.dataset import Dataset
from starcyte.web.contract.means import MeansTable
from starcyte.web.encoding.media import CSV
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.encoding.wire import csv_bytes

_GENES_AT_ONCE = 1000


def means_table(means: GroupMeans, dataset: Dataset, job_id: str) -> MeansTable:
    """Return the description of the means as it is sent."""
    return MeansTable(
        matrix=means.matrix,
        group_by=means.column,
        groups=list(means.groups),
        n=means.n.tolist(),
        n_genes=len(means.mean),
        fingerprint=dataset.fingerprint,
        job_id=job_id,
    )


def means_csv(means: GroupMeans, dataset: Dataset, is_long: bool) -> ResponseOf[Any]:
    """Return the means as CSV: a row for each gene, or for each gene and group; empty for a group without cells."""
    genes = dataset.genes(means.matrix)
    ids = genes.ids or genes.names

    def blocks() -> Iterator[bytes]:
        if is_long:
            yield csv_bytes(["gene", "gene_id", "group", "n_cells", "mean", "fraction"], ())
        else:
            columns = [f"{what} {group}" for what in ("mean", "fraction") for group in means.groups]
            yield csv_bytes(["gene", "gene_id", *columns], ())
        for first in range(0, len(means.mean), _GENES_AT_ONCE):
            run = slice(first, first + _GENES_AT_ONCE)
            rows = zip(genes.names[run], ids[run], means.mean[run].tolist(), means.fraction[run].tolist(), strict=True)
            yield csv_bytes(None, (row for each in rows for row in (_long(*each) if is_long else _wide(*each))))

    def _wide(name: str, key: str, mean: list[float], fraction: list[float]) -> Iterator[list[Any]]:
        yield [name, key, *map(_text, mean), *map(_text, fraction)]

    def _long(name: str, key: str, mean: list[float], fraction: list[float]) -> Iterator[list[Any]]:
        for group, n, value, share in zip(means.groups, means.n.tolist(), mean, fraction, strict=True):
            yield [name, key, group, n, _text(value), _text(share)]

    response: ResponseOf[Any] = ResponseOf(blocks(), mimetype=CSV)
    response.headers["Content-Disposition"] = 'attachment; filename="means.csv"'
    return response


def _text(value: float) -> float | str:
    return "" if value != value else value
