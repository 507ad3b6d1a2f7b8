"""What users make, as the files that other programs read.

Tables are CSV or tab-separated, in UTF-8, with a header; the first column names the cell, and an empty field is a cell
without a label. Text that a spreadsheet would take for a formula is defused: see
:mod:`starcyte.curation.files.formulas`.
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
from starcyte.curation.cell_names import BLOCK
from starcyte.curation.files.formulas import defuse
from starcyte.store.dataset import Tick, no_tick

if TYPE_CHECKING:
    from starcyte.curation.cell_names import CellNames
    from starcyte.curation.models import Annotation, GeneSet
    from starcyte.store.dataset import Dataset

CELLXGENE_COLUMNS = ("gene_set_name", "gene_set_description", "gene_symbol", "gene_description")
# GMT has no way to leave the second field out
NO_DESCRIPTION = "na"
# beyond, counting what occurs is slower than sorting it
_COUNTED = 1 << 18
# what some reader takes for the end of a line or of a field
_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")


@dataclass(frozen=True)
class Form:
    """How a table is written.

    Parameters
    ----------
    ending
        Of its files.
    media_type
        On the wire.
    separator
        Between fields.
    one_line
        Whether each row must be one line, as Galaxy's tabular: breaks in texts become spaces.
    """

    ending: str
    media_type: str
    separator: str
    one_line: bool = False

    def field(self, text: str) -> str:
        """Return text as a field."""
        text = text.replace("\0", "\ufffd")
        if self.one_line:
            text = _BREAKS.sub(" ", text)
        text = defuse(text)
        # cellxgene takes what is behind a # for a comment, unless quoted
        if any(c in text for c in ('"', "\n", "\r", self.separator, *(() if self.one_line else "#"))):
            return '"' + text.replace('"', '""') + '"'
        return text

    def row(self, texts: Iterable[str]) -> str:
        """Return a row with its line end."""
        return self.separator.join(map(self.field, texts)) + "\n"


FORMS = {
    f.ending: f
    for f in (
        Form("csv", "text/csv", ","),
        Form("tsv", "text/tab-separated-values", "\t"),
        Form("tabular", "text/tab-separated-values", "\t", one_line=True),
    )
}


def annotations_table(annotations: Sequence[Annotation], cells: CellNames, form: Form) -> Iterator[bytes]:
    """Yield a table of annotations in blocks, one row for each cell.

    Parameters
    ----------
    annotations
        A column for each.
    cells
        The names of the cells.
    form
        How to write it.
    """
    yield encode(form.row(["cell", *(annotation.name for annotation in annotations)]))
    codes = [small_codes(annotation, cells.n) for annotation in annotations]
    texts = [["", *(form.field(c.name) for c in annotation.labels)] for annotation in annotations]
    for start, names, plain in cells.blocks():
        kinds, ends = _ends([c[start : start + BLOCK] for c in codes], texts, form.separator)
        fields = names if plain else map(form.field, names)
        yield encode("".join(map(add, fields, map(ends.__getitem__, kinds.tolist()))))


def small_codes(annotation: Annotation, n_obs: int) -> NDArray[np.signedinteger[Any]]:
    """Return the label of each cell as :meth:`Annotation.codes` does, in as few bytes as it can."""
    codes = np.full(n_obs, -1, np.min_scalar_type(-max(len(annotation.labels), 1)))
    for code, label in enumerate(annotation.labels):
        codes[np.frombuffer(label.cells.to_array(), np.uint32)] = code
    return codes


def _ends(
    codes: Sequence[NDArray[np.signedinteger[Any]]], texts: Sequence[list[str]], separator: str
) -> tuple[NDArray[np.int64], list[str]]:
    """Return, for each row, which end it has, and the ends: what stands behind the name of the cell.

    Rows with the same labels share their end, so that its making is not paid for each cell.
    """
    n = codes[0].size if codes else 0
    kinds, ends = np.zeros(n, np.int64), [""]
    for column, known in zip(codes, texts, strict=True):
        both = kinds * len(known) + (column + 1)
        total = len(ends) * len(known)
        if total <= _COUNTED:
            there = np.flatnonzero(np.bincount(both, minlength=total))
            place = np.zeros(total, np.int64)
            place[there] = np.arange(there.size)
            kinds = place[both]
        else:
            there, kinds = np.unique(both, return_inverse=True)
        ends = [f"{ends[k // len(known)]}{separator}{known[k % len(known)]}" for k in there.tolist()]
    return kinds, [end + "\n" for end in ends]


def encode(text: str) -> bytes:
    """Return UTF-8; halves of characters, which it cannot hold, become question marks."""
    return text.encode("utf-8", "replace")


def write_h5ad(
    annotations: Sequence[Annotation],
    dataset: Dataset,
    target: Path,
    user: str,
    tick: Tick = no_tick,
) -> list[str]:
    """Write a new h5ad file: the dataset with annotations as columns of obs, and its provenance.

    Parameters
    ----------
    annotations
        What to add.
    dataset
        What they are of.
    target
        Where; there must be nothing yet. When this returns the file is whole and on the disk.
    user
        Who made them, for the record.
    tick
        Told of the progress.

    Returns
    -------
    list of str
        What is not as the annotations say, in words: a column of another name.

    Raises
    ------
    StorageFull
        If there is no room.
    InputError
        If the target cannot be written, or the dataset's file has changed.
    """
    from starcyte.store.write.h5ad import NewColumn, copy_with_columns

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
    return copy_with_columns(dataset.path, target, columns, provenance, dataset.fingerprint, tick, apart=True)


def gene_sets_gmt(gene_sets: Sequence[GeneSet]) -> bytes:
    """Return gene sets as GMT: a line each of name, description and genes between tabs.

    It knows no quotes: tabs and line breaks within a text become spaces.
    """
    lines = []
    for gene_set in gene_sets:
        fields = (gene_set.name, gene_set.description or NO_DESCRIPTION, *gene_set.genes)
        lines.append("\t".join(_BREAKS.sub(" ", text) for text in fields) + "\n")
    return encode("".join(lines))


def gene_sets_csv(gene_sets: Sequence[GeneSet]) -> bytes:
    """Return gene sets as CSV in the form of cellxgene: a row for each gene."""
    form = FORMS["csv"]
    rows = [form.row(CELLXGENE_COLUMNS)]
    for gene_set in gene_sets:
        rows += [form.row((gene_set.name, gene_set.description, gene, "")) for gene in gene_set.genes or ("",)]
    return encode("".join(rows))


def result_table(body: bytes, form: Form) -> bytes | None:
    """Return a kept result as a table; None where it holds none.

    Parameters
    ----------
    body
        JSON: a comparison (``genes``, a list of rows) or markers (``groups``, each with a name and ``genes``), itself
        or as its member ``result``.
    form
        How to write it.
    """
    found = _table(json.loads(body))
    if found is None:
        return None
    header, rows = found
    lines = [form.row(header)]
    for row in rows:
        lines.append(form.separator.join(_value(row.get(name), form) for name in header) + "\n")
    return encode("".join(lines))


def _table(body: Any) -> tuple[list[str], list[dict[str, Any]]] | None:
    for part in (body, body.get("result") if isinstance(body, dict) else None):
        if not isinstance(part, dict):
            continue
        rows = _rows(part.get("genes"))
        groups = part.get("groups")
        if not rows and isinstance(groups, list):
            by = str(part.get("group_by") or "group")
            for group in groups:
                if isinstance(group, dict):
                    rows += [{by: group.get("name")} | row for row in _rows(group.get("genes"))]
        if rows:
            # by way of a dictionary: in the order in which they are met
            return list({name: None for row in rows for name in row}), rows
    return None


def _rows(listed: Any) -> list[dict[str, Any]]:
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []


def _value(value: Any, form: Form) -> str:
    if value is None:
        return ""
    # a number may begin with a minus, and stays a number
    return repr(value) if isinstance(value, int | float) else form.field(str(value))
