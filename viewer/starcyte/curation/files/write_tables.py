"""Writing annotations and gene sets as tables, GMT and h5ad.

Tables are CSV or tab-separated text in UTF-8 with a header. The first column is the cell's name; an empty field is an
unlabelled cell. Text that a spreadsheet would evaluate is escaped, see :mod:`starcyte.curation.formulas`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from starcyte import __version__
from starcyte.curation.formulas import escape_formula
from starcyte.errors import InputError
from starcyte.store.dataset import Tick, no_tick

if TYPE_CHECKING:
    from starcyte.curation.cell_names import CellNames
    from starcyte.curation.models import Annotation, GeneSet
    from starcyte.store.dataset import Dataset

CELLXGENE_COLUMNS = ("gene_set_name", "gene_set_description", "gene_symbol", "gene_description")
# the second field of GMT is not optional
NO_DESCRIPTION = "na"
# combinations of labels above which sorting them is faster than counting them
_MAX_COUNTED = 1 << 18
# characters that some reader takes for the end of a line or a field
_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")


@dataclass(frozen=True)
class TableFormat:
    """A format of tables.

    Parameters
    ----------
    ending
        The ending of its files.
    media_type
        Its media type in HTTP.
    separator
        The separator of fields.
    one_line
        Whether line breaks in a field become spaces, as in Galaxy's tabular.
    """

    ending: str
    media_type: str
    separator: str
    one_line: bool = False

    def field(self, text: str) -> str:
        """Return a text as a field."""
        text = text.replace("\0", "\ufffd")
        if self.one_line:
            text = _BREAKS.sub(" ", text)
        text = escape_formula(text)
        # cellxgene reads an unquoted # as the start of a comment
        if any(c in text for c in ('"', "\n", "\r", self.separator, *(() if self.one_line else "#"))):
            return '"' + text.replace('"', '""') + '"'
        return text

    def row(self, texts: Iterable[str]) -> str:
        """Return a row with its line break."""
        return self.separator.join(map(self.field, texts)) + "\n"


TABLE_FORMATS = {
    f.ending: f
    for f in (
        TableFormat("csv", "text/csv", ","),
        TableFormat("tsv", "text/tab-separated-values", "\t"),
        TableFormat("tabular", "text/tab-separated-values", "\t", one_line=True),
    )
}


def annotations_table(
    annotations: Sequence[Annotation], cells: CellNames, form: TableFormat, max_counted: int = _MAX_COUNTED
) -> Iterator[bytes]:
    """Yield a table of annotations in blocks, one row per cell.

    Parameters
    ----------
    annotations
        The columns.
    cells
        The names of the cells.
    form
        The format.
    max_counted
        The number of combinations of labels above which they are sorted instead of counted.
    """
    yield encode(form.row(["cell", *(annotation.name for annotation in annotations)]))
    codes = [small_codes(annotation, cells.n) for annotation in annotations]
    texts = [["", *(form.field(c.name) for c in annotation.labels)] for annotation in annotations]
    for start, names, plain in cells.blocks():
        codes_of_block = [c[start : start + len(names)] for c in codes]
        places, endings = _row_endings(codes_of_block, texts, form.separator, max_counted)
        fields = names if plain else map(form.field, names)
        yield encode("".join(map(add, fields, map(endings.__getitem__, places.tolist()))))


def small_codes(annotation: Annotation, n_obs: int) -> NDArray[np.signedinteger[Any]]:
    """Return the codes of :meth:`Annotation.codes` in the smallest integer type."""
    codes = np.full(n_obs, -1, np.min_scalar_type(-max(len(annotation.labels), 1)))
    for code, label in enumerate(annotation.labels):
        codes[np.frombuffer(label.cells.to_array(), np.uint32)] = code
    return codes


def _row_endings(
    codes: Sequence[NDArray[np.signedinteger[Any]]], texts: Sequence[list[str]], separator: str, max_counted: int
) -> tuple[NDArray[np.int64], list[str]]:
    """Return the text after the cell's name: the place of each row's ending, and the different endings.

    Rows with the same labels share their ending, which is so formatted once and not for every cell.
    """
    n = codes[0].size if codes else 0
    places, endings = np.zeros(n, np.int64), [""]
    for column, known in zip(codes, texts, strict=True):
        combined = places * len(known) + (column + 1)
        total = len(endings) * len(known)
        if total <= max_counted:
            present = np.flatnonzero(np.bincount(combined, minlength=total))
            place = np.zeros(total, np.int64)
            place[present] = np.arange(present.size)
            places = place[combined]
        else:
            present, places = np.unique(combined, return_inverse=True)
        endings = [f"{endings[k // len(known)]}{separator}{known[k % len(known)]}" for k in present.tolist()]
    return places, [ending + "\n" for ending in endings]


def encode(text: str) -> bytes:
    """Return text as UTF-8, with question marks in place of lone surrogates."""
    return text.encode("utf-8", "replace")


def write_h5ad(
    annotations: Sequence[Annotation],
    dataset: Dataset,
    target: Path,
    user: str,
    tick: Tick = no_tick,
    rows: NDArray[np.bool_] | None = None,
) -> list[str]:
    """Write a new h5ad file: a copy of the dataset with the annotations as obs columns, and their provenance in uns.

    Parameters
    ----------
    annotations
        The annotations.
    dataset
        Their dataset.
    target
        The new file, which must not exist. It is on the disk when this returns.
    user
        Their author, for the provenance.
    tick
        Called with the progress.
    rows
        The cells to write, bool, shape (n_obs,); None for all.

    Returns
    -------
    list of str
        Differences from the annotations: a column with another name; elements that are left out.

    Raises
    ------
    StorageFull
        If the disk is full.
    InputError
        If the target cannot be written, or the file of the dataset has changed.
    """
    from starcyte.store.hdf5.format import H5AD
    from starcyte.store.open import detect_format
    from starcyte.store.write.h5ad import NewColumn, copy_with_columns
    from starcyte.store.write.subset import subset_with_columns

    # a store in the network has no file
    is_in_place = dataset.path.suffix in {".zarr", ".zip"} and not dataset.path.exists()
    if is_in_place or detect_format(dataset.path) is not H5AD:
        raise InputError(
            f"{dataset.path.name!r} is Zarr: only of an .h5ad file a copy with annotations is written.",
            "Export the annotations as a table, and join it to obs by the names of the cells.",
        )
    if dataset.content != "AnnData":
        raise InputError(
            f"{dataset.path.name!r} is {dataset.content}: only of an .h5ad file a copy with annotations is written.",
            "Export the annotations as a table, and join it to obs by the names of the cells.",
        )
    columns = [
        NewColumn(
            annotation.name,
            small_codes(annotation, dataset.n_obs),
            [c.name for c in annotation.labels],
            [c.color for c in annotation.labels],
        )
        for annotation in annotations
    ]
    provenance = {
        "version": __version__,
        "user": user,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": dataset.path.name,
        "title": dataset.title,
        "fingerprint": dataset.fingerprint,
        "annotations": json.dumps([annotation.name for annotation in annotations]),
    }
    path, expected = dataset.path, dataset.fingerprint
    if rows is not None:
        provenance |= {"cells": f"{int(rows.sum())} of {dataset.n_obs}"}
        return subset_with_columns(path, target, rows, columns, provenance, expected, tick)
    return copy_with_columns(path, target, columns, provenance, expected, tick, isolated=True)


def gene_sets_gmt(gene_sets: Sequence[GeneSet]) -> bytes:
    """Return gene sets as GMT: a line of name, description and genes, separated by tabs, for each.

    GMT has no quotes: tabs and line breaks within a text become spaces.
    """
    lines = []
    for gene_set in gene_sets:
        fields = (gene_set.name, gene_set.description or NO_DESCRIPTION, *gene_set.genes)
        lines.append("\t".join(_BREAKS.sub(" ", text) for text in fields) + "\n")
    return encode("".join(lines))


def gene_sets_csv(gene_sets: Sequence[GeneSet]) -> bytes:
    """Return gene sets as the CSV of cellxgene: a row for each gene."""
    form = TABLE_FORMATS["csv"]
    rows = [form.row(CELLXGENE_COLUMNS)]
    for gene_set in gene_sets:
        rows += [form.row((gene_set.name, gene_set.description, gene, "")) for gene in gene_set.genes or ("",)]
    return encode("".join(rows))
