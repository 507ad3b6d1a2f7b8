"""Reading annotations and gene sets from tables of other programs and of starcyte.

Annotations are CSV or tab-separated text with a header, the cell's name in the first column. In annotations of
cellxgene, comments and the label ``unassigned`` are skipped. Gene sets are GMT, the CSV of cellxgene, a CSV with a
column of sets and one of genes, or a plain list of genes.
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
from starcyte.curation.files.session import Session, place_annotations, read_session
from starcyte.curation.files.write_tables import CELLXGENE_COLUMNS, NO_DESCRIPTION
from starcyte.curation.formulas import unescape_formula
from starcyte.curation.models import Annotation, GeneSet, Label
from starcyte.errors import BadRequest

if TYPE_CHECKING:
    from starcyte.store.dataset import Dataset

_MAX_EXAMPLES = 5
_UNASSIGNED = "unassigned"
_SETS = {"gene_set_name", "gene_set", "geneset", "set", "set_name", "name", "term", "pathway", "gs_name"}
_GENES = {"gene_symbol", "gene", "genes", "symbol", "gene_name", "gene_id"}


@dataclass(frozen=True)
class AnnotationTable:
    """The annotations of a file, and how many of its cells are in the dataset.

    Parameters
    ----------
    annotations
        One per column; revisions are 0.
    cells
        The cells of the file, labelled or not.
    unmatched
        The number of rows whose cell is not in the dataset.
    duplicated
        The number of rows whose name is that of several cells, or whose cell has several rows that differ.
    examples
        Some names of unmatched and duplicated rows.
    """

    annotations: tuple[Annotation, ...]
    cells: BitMap
    unmatched: int
    duplicated: int
    examples: tuple[str, ...]

    def require_match(self, file: str) -> None:
        """Raise BadRequest if no cell of the file is in the dataset.

        Parameters
        ----------
        file
            The file, for the message.
        """
        if not self.cells:
            examples = ", ".join(map(repr, self.examples))
            raise BadRequest(
                f"No cell of {file} is in the dataset{f' (such as {examples})' if examples else ''}.",
                "The first column must contain the names of cells, as the index of obs does.",
            )


def read_annotations(data: bytes, dataset: Dataset, cells: CellNames) -> AnnotationTable:
    """Return the annotations of a session or a table.

    Raises
    ------
    BadRequest
        If the file is neither.
    """
    if data.lstrip()[:1] == b"{":
        return session_annotations(read_session(data), dataset, cells)
    return table_annotations(data, cells)


def session_annotations(session: Session, dataset: Dataset, cells: CellNames) -> AnnotationTable:
    """Return the annotations of a session: by position if it is of the same dataset, else by cell names.

    Raises
    ------
    BadRequest
        If its number of cells is not that of the dataset whose fingerprint it has.
    """
    if session.fingerprint == dataset.fingerprint:
        if session.n_obs != dataset.n_obs:
            raise BadRequest(
                f"The session has {session.n_obs} cells, but the dataset of its fingerprint has {dataset.n_obs}.",
                "Use a session.json written by starcyte.",
            )
        return AnnotationTable(tuple(session.snapshot.annotations), session.rows, 0, 0, ())
    # a repeated name does not identify a cell
    found = _consistent(cells.find(session.names), [range(len(session.names))])
    return _table(place_annotations(session, found), found, session.names)


def table_annotations(data: bytes, cells: CellNames) -> AnnotationTable:
    """Return the annotations of a table, by cell names.

    Raises
    ------
    BadRequest
        If it is not a table.
    """
    text, comments = _without_comments(_decode(data))
    is_cellxgene = any("cellxgene" in line for line in comments)
    rows = _rows(text, _separator(text))
    header = next(rows, None)
    if header is None:
        raise BadRequest("The file is empty.", "Use a table of cells and annotations.")
    names: list[str] = []
    width = len(header[1])
    columns: list[list[int]] = []
    codes: list[dict[str, int]] = []
    for line, row in rows:
        if not names and len(row) == width + 1:
            width += 1  # R writes no header for the first column
            header = header[0], ["", *header[1]]
        if not columns:
            columns, codes = [[] for _ in range(width - 1)], [{} for _ in range(width - 1)]
        if len(row) != width:
            raise BadRequest(
                f"Line {line} has {len(row)} fields, but the header has {width}.",
                "Save the table as CSV or tab-separated text.",
            )
        names.append(unescape_formula(row[0]))
        for column, known, value in zip(columns, codes, row[1:], strict=True):
            column.append(known.setdefault(value, len(known)))
    titles = [unescape_formula(title) for title in header[1][1:]]
    if not titles:
        raise BadRequest("The file has only one column.", "Use one column of cell names and one for each annotation.")
    if not names:
        raise BadRequest("The file has a header but no cells.", "Use one row for each cell.")
    if not all(map(str.strip, titles)) or len(set(titles)) < len(titles):
        raise BadRequest("A column of the file has no name, or the same name as another.", "Use different names.")
    found = _consistent(cells.find(names), columns)
    matched = found >= 0
    annotations = [
        _annotation(title, np.array(column, np.int64)[matched], known, found[matched], is_cellxgene)
        for title, column, known in zip(titles, columns, codes, strict=True)
    ]
    return _table(tuple(annotations), found, names)


def _table(annotations: tuple[Annotation, ...], found: NDArray[np.int64], names: Sequence[str]) -> AnnotationTable:
    omitted = np.flatnonzero(found < 0)[: _MAX_EXAMPLES * 4].tolist()
    return AnnotationTable(
        annotations,
        BitMap(found[found >= 0].astype(np.uint32)),
        int((found == ABSENT).sum()),
        int((found == AMBIGUOUS).sum()),
        tuple(dict.fromkeys(names[i] for i in omitted))[:_MAX_EXAMPLES],
    )


def _consistent(found: NDArray[np.int64], columns: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Return the cells, with AMBIGUOUS for a cell of several rows that differ."""
    order = np.argsort(found, kind="stable")
    same = np.diff(found[order]) == 0
    if not same.any():
        return found
    differs = np.zeros(same.size, bool)
    for column in columns:
        differs |= np.diff(np.array(column, np.int64)[order]) != 0
    ambiguous = np.unique(found[order][1:][same & differs])
    return np.where(np.isin(found, ambiguous[ambiguous >= 0]), AMBIGUOUS, found)


def _annotation(
    title: str, values: NDArray[np.int64], known: dict[str, int], rows: NDArray[np.int64], is_cellxgene: bool
) -> Annotation:
    by_code = {code: unescape_formula(text) for text, code in known.items()}
    order = np.argsort(values, kind="stable")
    codes, starts = np.unique(values[order], return_index=True)
    labels: list[Label] = []
    for code, cells in zip(codes.tolist(), np.split(rows[order], starts[1:]) if codes.size else (), strict=True):
        name = by_code[code]
        if name and not (is_cellxgene and name == _UNASSIGNED):
            labels.append(Label(name, cells=BitMap(cells.astype(np.uint32))))
    return Annotation(title, 0, tuple(sorted(labels, key=lambda label: label.name)))


def read_gene_sets(data: bytes, name: str) -> list[GeneSet]:
    """Return the gene sets of a file; revisions are 0.

    Parameters
    ----------
    data
        The file.
    name
        The name of the set of a plain list.

    Raises
    ------
    BadRequest
        If it has no gene sets.
    """
    text, _ = _without_comments(_decode(data))
    head = next((line for line in text.splitlines() if line.strip()), "")
    if not head:
        raise BadRequest("The file is empty.", "Use GMT, CSV or a list of genes.")
    columns = [c.strip().strip('"').casefold() for c in re.split("[,\t;]", head)]
    sets, genes = (next((i for i, c in enumerate(columns) if c in known), None) for known in (_SETS, _GENES))
    if sets is not None and genes is not None:
        described = columns.index(CELLXGENE_COLUMNS[1]) if CELLXGENE_COLUMNS[1] in columns else None
        parsed = _long_table(text, sets, genes, described)
    elif "\t" in head:
        parsed = [_gmt(line) for line in text.split("\n") if line.strip()]
    else:
        parsed = [(name, "", re.split(r"[\s,;]+", text) if "\n" not in text.strip() else re.split(r"[\n,;]+", text))]
    gene_sets: dict[str, GeneSet] = {}
    for title, description, listed in parsed:
        if not title.strip():
            raise BadRequest("A gene set has no name.", "Name each gene set; for a plain list, choose a name.")
        before = gene_sets.get(title, GeneSet(title, 0, ()))
        genes_so_far = (*before.genes, *(gene.strip() for gene in listed))
        unique = tuple(dict.fromkeys(gene for gene in genes_so_far if gene))
        gene_sets[title] = GeneSet(title, 0, unique, before.description or description)
    return list(gene_sets.values())


def _long_table(text: str, sets: int, genes: int, described: int | None) -> list[tuple[str, str, list[str]]]:
    parsed: list[tuple[str, str, list[str]]] = []
    rows = _rows(text, _separator(text))
    next(rows)
    for line, row in rows:
        if len(row) <= max(sets, genes):
            raise BadRequest(f"Line {line} has too few fields: {len(row)}.", "Save the table as CSV.")
        description = row[described] if described is not None and described < len(row) else ""
        parsed.append((unescape_formula(row[sets]), unescape_formula(description), [unescape_formula(row[genes])]))
    return parsed


def _gmt(line: str) -> tuple[str, str, list[str]]:
    title, description, *genes = [*line.rstrip("\r").split("\t"), ""]
    return title, "" if description == NO_DESCRIPTION else description, genes


def _decode(data: bytes) -> str:
    # Excel's "Unicode text" is UTF-16
    encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise BadRequest("The file is not text in UTF-8.", "Save it as CSV in UTF-8.")
    return text


def _without_comments(text: str) -> tuple[str, list[str]]:
    """Return the text after its leading comments, and the comments.

    A header such as ``#cell``, which tables of Galaxy may have, is not a comment.
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
    # two lines, as a header of R may have no separator
    head = "\n".join(text.lstrip("\r\n").split("\n", 2)[:2])
    return next((s for s in "\t,;" if s in head), ",")


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, each with the number of its last line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise BadRequest(f"Line {reader.line_num} cannot be read: {error}.", "Save the table as CSV.") from None
