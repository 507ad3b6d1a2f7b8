"""Annotations and gene sets from the files of other programs, and from our own.

Annotations: CSV or tab-separated, the cell's name first, with a header; cellxgene's annotations too, whose comments are
passed over and whose ``unassigned`` is no label. Gene sets: GMT, cellxgene's CSV, a CSV with a column of sets and
one of genes, or a plain list.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from starcyte.curation.cell_names import ABSENT, AMBIGUOUS, CellNames
from starcyte.curation.files.formulas import restore
from starcyte.curation.files.session import Session, place_annotations, read_session
from starcyte.curation.files.tables import CELLXGENE_COLUMNS, NO_DESCRIPTION
from starcyte.curation.models import Annotation, GeneSet, Label
from starcyte.errors import BadRequest

if TYPE_CHECKING:
    from starcyte.store.dataset import Dataset

_EXAMPLES = 5
_UNASSIGNED = "unassigned"
_SETS = {"gene_set_name", "gene_set", "geneset", "set", "set_name", "name", "term", "pathway", "gs_name"}
_GENES = {"gene_symbol", "gene", "genes", "symbol", "gene_name", "gene_id"}


@dataclass(frozen=True)
class AnnotationTable:
    """Annotations as a file gives them.

    Parameters
    ----------
    annotations
        One for each column; revisions are 0.
    cells
        The cells that the file says something of, be it that they have no label.
    unmatched
        Rows of the file whose cell is not in the dataset.
    duplicated
        Rows left out because the dataset has several cells of the name, or the file several rows that do not agree.
    examples
        Some names of rows left out.
    """

    annotations: tuple[Annotation, ...]
    cells: BitMap
    unmatched: int
    duplicated: int
    examples: tuple[str, ...]


def read_annotations(data: bytes, dataset: Dataset, cells: CellNames) -> AnnotationTable:
    """Return the annotations of a saved session or of a table, whichever the file is.

    Raises
    ------
    BadRequest
        If it is neither.
    """
    if data.lstrip()[:1] == b"{":
        return session_annotations(read_session(data), dataset, cells)
    return table_annotations(data, cells)


def session_annotations(session: Session, dataset: Dataset, cells: CellNames) -> AnnotationTable:
    """Return the annotations of a session: by position on the same dataset, by the names of the cells on others.

    Raises
    ------
    BadRequest
        If it contradicts the data that it says it was made on.
    """
    if session.fingerprint == dataset.fingerprint:
        if session.n_obs != dataset.n_obs:
            raise BadRequest(
                f"The session says that this dataset has {session.n_obs} cells, and it has {dataset.n_obs}.",
                "Give a session.json that starcyte has written.",
            )
        return AnnotationTable(tuple(session.snapshot.annotations), session.rows, 0, 0, ())
    # a name that occurs twice may be either cell
    found = _agreeing(cells.find(session.names), [range(len(session.names))])
    return _table(place_annotations(session, found), found, session.names)


def table_annotations(data: bytes, cells: CellNames) -> AnnotationTable:
    """Return the annotations of a table, by the names of the cells.

    Raises
    ------
    BadRequest
        If it is no table.
    """
    text, comments = _without_comments(_decode(data))
    is_cellxgene = any("cellxgene" in line for line in comments)
    rows = _rows(text, _separator(text))
    header = next(rows, None)
    if header is None:
        raise BadRequest("The file is empty.", "Give a table of cells and annotations.")
    names: list[str] = []
    width = len(header[1])
    columns: list[list[int]] = []
    codes: list[dict[str, int]] = []
    for line, row in rows:
        if not names and len(row) == width + 1:
            width += 1  # written by R, which names the columns alone
            header = header[0], ["", *header[1]]
        if not columns:
            columns, codes = [[] for _ in range(width - 1)], [{} for _ in range(width - 1)]
        if len(row) != width:
            raise BadRequest(
                f"Line {line} has {len(row)} fields where the header has {width}.",
                "Save the table as CSV or tab-separated text.",
            )
        names.append(restore(row[0]))
        for column, known, value in zip(columns, codes, row[1:], strict=True):
            column.append(known.setdefault(value, len(known)))
    titles = [restore(title) for title in header[1][1:]]
    if not titles:
        raise BadRequest(
            "The file has one column only.", "Give the names of cells first, then a column for each annotation."
        )
    if not names:
        raise BadRequest("The file has a header, and no cells.", "Give the names of cells, a row for each.")
    if not all(map(str.strip, titles)) or len(set(titles)) < len(titles):
        raise BadRequest("A column of the file has no name, or that of another.", "Give each its own name.")
    found = _agreeing(cells.find(names), columns)
    kept = found >= 0
    annotations = [
        _annotation(title, np.array(column, np.int64)[kept], known, found[kept], is_cellxgene)
        for title, column, known in zip(titles, columns, codes, strict=True)
    ]
    return _table(tuple(annotations), found, names)


def _table(annotations: tuple[Annotation, ...], found: NDArray[np.int64], names: Sequence[str]) -> AnnotationTable:
    left_out = np.flatnonzero(found < 0)[: _EXAMPLES * 4].tolist()
    return AnnotationTable(
        annotations,
        BitMap(found[found >= 0].astype(np.uint32)),
        int((found == ABSENT).sum()),
        int((found == AMBIGUOUS).sum()),
        tuple(dict.fromkeys(names[i] for i in left_out))[:_EXAMPLES],
    )


def _agreeing(found: NDArray[np.int64], columns: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Return the cells with AMBIGUOUS for those that stand in several rows which are not the same."""
    order = np.argsort(found, kind="stable")
    same = np.diff(found[order]) == 0
    if not same.any():
        return found
    unlike = np.zeros(same.size, bool)
    for column in columns:
        unlike |= np.diff(np.array(column, np.int64)[order]) != 0
    torn = np.unique(found[order][1:][same & unlike])
    return np.where(np.isin(found, torn[torn >= 0]), AMBIGUOUS, found)


def _annotation(
    title: str, values: NDArray[np.int64], known: dict[str, int], rows: NDArray[np.int64], is_cellxgene: bool
) -> Annotation:
    by_code = {code: restore(text) for text, code in known.items()}
    order = np.argsort(values, kind="stable")
    codes, starts = np.unique(values[order], return_index=True)
    labels: list[Label] = []
    for code, cells in zip(codes.tolist(), np.split(rows[order], starts[1:]) if codes.size else (), strict=True):
        name = by_code[code]
        if name and not (is_cellxgene and name == _UNASSIGNED):
            labels.append(Label(name, cells=BitMap(cells.astype(np.uint32))))
    return Annotation(title, 0, tuple(sorted(labels, key=lambda c: c.name)))


def read_gene_sets(data: bytes, name: str) -> list[GeneSet]:
    """Return the gene sets of a file; revisions are 0.

    Parameters
    ----------
    data
        The file.
    name
        What to call a plain list, which does not say it itself.

    Raises
    ------
    BadRequest
        If there is none in it.
    """
    text, _ = _without_comments(_decode(data))
    head = next((line for line in text.splitlines() if line.strip()), "")
    if not head:
        raise BadRequest("The file is empty.", "Give gene sets as GMT, CSV or a list of genes.")
    columns = [c.strip().strip('"').casefold() for c in re.split("[,\t;]", head)]
    sets, genes = (next((i for i, c in enumerate(columns) if c in known), None) for known in (_SETS, _GENES))
    if sets is not None and genes is not None:
        described = columns.index(CELLXGENE_COLUMNS[1]) if CELLXGENE_COLUMNS[1] in columns else None
        made = _long(text, sets, genes, described)
    elif "\t" in head:
        made = [_gmt(line) for line in text.split("\n") if line.strip()]
    else:
        made = [(name, "", re.split(r"[\s,;]+", text) if "\n" not in text.strip() else re.split(r"[\n,;]+", text))]
    gathered: dict[str, GeneSet] = {}
    for title, description, listed in made:
        if not title.strip():
            raise BadRequest("A gene set has no name.", "Give each a name; a plain list has none, choose one for it.")
        before = gathered.get(title)
        wanted = (*(before.genes if before else ()), *(g.strip() for g in listed))
        told = (before.description if before else "") or description
        gathered[title] = GeneSet(title, 0, tuple(dict.fromkeys(g for g in wanted if g)), told)
    return list(gathered.values())


def _long(text: str, sets: int, genes: int, described: int | None) -> list[tuple[str, str, list[str]]]:
    made: list[tuple[str, str, list[str]]] = []
    rows = _rows(text, _separator(text))
    next(rows)
    for line, row in rows:
        if len(row) <= max(sets, genes):
            raise BadRequest(f"Line {line} has {len(row)} fields, too few.", "Save the table as CSV.")
        description = row[described] if described is not None and described < len(row) else ""
        made.append((restore(row[sets]), restore(description), [restore(row[genes])]))
    return made


def _gmt(line: str) -> tuple[str, str, list[str]]:
    title, description, *genes = [*line.rstrip("\r").split("\t"), ""]
    return title, "" if description == NO_DESCRIPTION else description, genes


def _decode(data: bytes) -> str:
    # what Excel calls Unicode text
    encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise BadRequest("The file is not text in UTF-8.", "Save it as CSV in UTF-8.")
    return text


def _without_comments(text: str) -> tuple[str, list[str]]:
    """Return the text from its first line that is no comment, and the comments.

    Galaxy's tables may have headers such as ``#cell``: they are none.
    """
    comments: list[str] = []
    while text.startswith("#"):
        line, _, rest = text.partition("\n")
        if not line.startswith("# ") and re.search("[,\t;]", line):
            break
        comments.append(line)
        text = rest
    return text, comments


def _separator(text: str) -> str:
    # two lines: a header may have one name only
    head = "\n".join(text.lstrip("\r\n").split("\n", 2)[:2])
    return next((s for s in "\t,;" if s in head), ",")


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, with the number of the line on which each ends."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise BadRequest(f"Line {reader.line_num} cannot be read: {error}.", "Save the table as CSV.") from None
