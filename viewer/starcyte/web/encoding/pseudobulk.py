"""Tables of sums by sample, as a description, as columns and as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from starcyte.compute.pseudobulk.table import SumsTable
from starcyte.errors import LimitExceeded
from starcyte.store.dataset import Dataset
from starcyte.web.contract.pseudobulk import PseudobulkColumn, PseudobulkTable
from starcyte.web.encoding.media import BINARY, CSV
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.encoding.wire import WireColumn, csv_bytes, encode_binary


def pseudobulk_table(table: SumsTable, dataset: Dataset, job_id: str) -> PseudobulkTable:
    """Return the description of a table as it is sent."""
    values = zip(*table.columns.values(), strict=True) if table.columns else ((),) * len(table.names)
    return PseudobulkTable(
        matrix=table.matrix,
        scale=table.scale.kind,
        value=table.values,
        sample=table.sample_column,
        each=table.category_column,
        n_genes=table.n_genes,
        constant=list(table.columns),
        columns=[
            PseudobulkColumn(name=name, sample=sample, category=category, n=n, values=list(of_column))
            for name, sample, category, n, of_column in zip(
                table.names, table.samples, table.categories, table.n.tolist(), values, strict=True
            )
        ],
        fingerprint=dataset.fingerprint,
        job_id=job_id,
    )


def sums_csv(table: SumsTable, dataset: Dataset) -> ResponseOf[Any]:
    """Return genes by samples as CSV, as it is read: the table may be larger than memory should be."""
    names = dataset.genes(table.matrix).names

    def blocks() -> Iterator[bytes]:
        yield csv_bytes(["gene", *table.names], ())
        for genes, values in table.runs():
            # counts are whole numbers
            rows = (values.astype(np.int64) if table.values == "sum" else values).tolist()
            yield csv_bytes(None, ([name, *row] for name, row in zip(names[genes], rows, strict=True)))

    return _csv(blocks(), f"pseudobulk_{table.values}s")


def samples_csv(table: SumsTable) -> ResponseOf[Any]:
    """Return samples by what is known of them as CSV, in the order of the columns of the sums."""
    header = ["name", "sample", *(["category"] if table.category_column else []), "n_cells", *table.columns]
    parts = (table.categories,) if table.category_column else ()
    rows = zip(table.names, table.samples, *parts, table.n.tolist(), *table.columns.values(), strict=True)
    return _csv(iter([csv_bytes(header, rows)]), "pseudobulk_samples")


def sums_binary(table: SumsTable, dataset: Dataset, most_bytes: int) -> ResponseOf[Any]:
    """Return genes by samples as columns; raise LimitExceeded if they are too large to be in memory."""
    if 8 * table.n_genes * len(table.names) > most_bytes:
        raise LimitExceeded(
            f"The table has {len(table.names):,} columns of {table.n_genes:,} genes. The limit is"
            f" {most_bytes >> 20:,} MB (max_expression_bytes).",
            "Ask for CSV, which has no limit.",
        )
    values = np.concatenate([values for _, values in table.runs()])
    names = np.array(dataset.genes(table.matrix).names, dtype=object)
    columns = [WireColumn("gene", names)]
    columns += [
        WireColumn(name, np.ascontiguousarray(column)) for name, column in zip(table.names, values.T, strict=True)
    ]
    return ResponseOf(encode_binary(table.n_genes, columns), mimetype=BINARY)


def _csv(blocks: Iterator[bytes], name: str) -> ResponseOf[Any]:
    response: ResponseOf[Any] = ResponseOf(blocks, mimetype=CSV)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response
