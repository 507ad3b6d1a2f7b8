"""Reading annotations and gene sets from tables of other programs and of starcyte.

Annotations are CSV or tab-separated text with a header, the cell's name in any column. In annotations of cellxgene,
comments and the label ``unassigned`` are skipped. Gene sets are GMT, the CSV of cellxgene, a CSV with a column of sets
and one of genes, or a plain list of genes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from starcyte.curation.cell_matching import By
from starcyte.curation.cell_names import ABSENT, AMBIGUOUS, CellNames
from starcyte.curation.files.gene_limits import GeneLimits
from starcyte.curation.files.session import Session, place_annotations, read_session
from starcyte.curation.files.table_columns import read_columns
from starcyte.curation.files.table_rows import TextLines, read_rows, separator
from starcyte.curation.files.write_tables import CELLXGENE_COLUMNS, NO_DESCRIPTION
from starcyte.curation.formulas import unescape_formula
from starcyte.curation.models import Annotation, GeneSet, Label
from starcyte.errors import BadRequest, LimitExceeded
from starcyte.settings import Settings

if TYPE_CHECKING:
    from starcyte.store.dataset import Dataset

_MAX_EXAMPLES = 5
_MAX_BLANKS = 1 << 10
_MAX_COLUMNS = 1000
_HEAD = 10_000
_LINES = 1000
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
    left_out
        The columns that are no annotations, with the reasons.
    by
        The number of rows with a cell by what was compared of their names; empty for a session.
    """

    annotations: tuple[Annotation, ...]
    cells: BitMap
    unmatched: int
    duplicated: int
    examples: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    by: Mapping[By, int] = field(default_factory=dict)

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
                "One of its columns must contain the names of cells, as the index of obs does.",
            )


def read_annotations(
    data: bytes,
    dataset: Dataset,
    cells: CellNames,
    settings: Settings | None = None,
    names_in: str | None = None,
    chosen: Collection[str] | None = None,
) -> AnnotationTable:
    """Return the annotations of a session or a table.

    Parameters
    ----------
    data
        The file.
    dataset, cells
        The dataset, and the names of its cells.
    settings
        Those with the limits of annotations; by default the defaults.
    names_in
        The column of a table with the names of the cells; by default the one with most of them.
    chosen
        The columns to import; by default all.

    Raises
    ------
    BadRequest
        If the file is neither, or has no such column.
    LimitExceeded
        If it has too many columns, or values of a column.
    """
    if data[:_MAX_BLANKS].lstrip()[:1] == b"{":
        return session_annotations(read_session(data, settings), dataset, cells)
    return table_annotations(data, cells, settings, names_in, chosen)


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
    found = cells.find(session.names)
    # a repeated name does not identify a cell
    matched = np.flatnonzero(found >= 0)
    repeated = np.bincount(found[matched], minlength=1)[found[matched]] > 1
    found[matched[repeated]] = AMBIGUOUS
    omitted = set(np.flatnonzero(found < 0)[: _MAX_EXAMPLES * 4].tolist())
    names = [name for i, name in enumerate(islice(session.names, max(omitted, default=-1) + 1)) if i in omitted]
    return AnnotationTable(
        place_annotations(session, found),
        BitMap(found[found >= 0].astype(np.uint32)),
        int((found == ABSENT).sum()),
        int((found == AMBIGUOUS).sum()),
        tuple(dict.fromkeys(names))[:_MAX_EXAMPLES],
    )


def table_annotations(
    data: bytes,
    cells: CellNames,
    settings: Settings | None = None,
    names_in: str | None = None,
    chosen: Collection[str] | None = None,
) -> AnnotationTable:
    """Return the annotations of a table, by cell names; see :func:`read_annotations`."""
    settings = settings or Settings()
    table = read_columns(data, cells, settings, names_in, chosen)
    left_out = tuple((column.title, problem) for column in table.columns if (problem := column.problem))
    columns = table.importable
    if not columns:
        title, problem = left_out[0]
        raise LimitExceeded(
            f"No column of the file has labels. Column {title!r}: {problem}.",
            "Add a column of labels, such as cell types; measurements are not imported.",
        )
    found = table.found
    matched = found >= 0
    annotations = [
        _annotation(column.title, column.codes()[matched], column.known, found[matched], table.is_cellxgene)
        for column in columns
    ]
    return AnnotationTable(
        tuple(annotations),
        BitMap(found[matched].astype(np.uint32)),
        table.matches.n_absent,
        int((found == AMBIGUOUS).sum()),
        table.matches.examples(found),
        left_out,
        table.matches.by(found),
    )


def _annotation(
    title: str, values: NDArray[Any], known: dict[str, int], rows: NDArray[np.int32], is_cellxgene: bool
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


def read_gene_sets(data: bytes, name: str, settings: Settings | None = None) -> list[GeneSet]:
    """Return the gene sets of a file; revisions are 0.

    Parameters
    ----------
    data
        The file.
    name
        The name of the set of a plain list.
    settings
        Those with the limits of gene sets; by default the defaults.

    Raises
    ------
    BadRequest
        If it has no gene sets.
    LimitExceeded
        If it has too many, or too many genes.
    """
    settings = settings or Settings()
    lines, genes = TextLines(data, settings.max_import_lines), GeneLimits(settings)
    head = lines.peek(2)
    if not head:
        raise BadRequest("The file is empty.", "Use GMT, CSV or a list of genes.")
    columns = [c.strip().strip('"').casefold() for c in re.split("[,\t;]", head[0][:_HEAD])]
    set_column, gene_column = (
        next((i for i, c in enumerate(columns) if c in known), None) for known in (_SETS, _GENES)
    )
    if set_column is not None and gene_column is not None:
        described = columns.index(CELLXGENE_COLUMNS[1]) if CELLXGENE_COLUMNS[1] in columns else None
        parsed = _long_table(lines, set_column, gene_column, described)
    elif "\t" in head[0]:
        parsed = (_gmt(line, settings) for line in lines if line.strip())
    else:
        between = r"[\s,;]+" if len(head) == 1 else r"[\n,;]+"
        parsed = (
            (name, "", re.split(between, _checked("".join(some), ",; \t\n", name, settings)))
            for some in iter(lambda: list(islice(lines, _LINES)), [])
        )
    descriptions: dict[str, str] = {}
    for title, description, listed in parsed:
        if not title.strip():
            raise BadRequest("A gene set has no name.", "Name each gene set; for a plain list, choose a name.")
        genes.add(title, filter(None, map(str.strip, listed)))
        descriptions[title] = descriptions.get(title) or description
    return [GeneSet(title, 0, genes.take(title), description) for title, description in descriptions.items()]


def _long_table(lines: TextLines, sets: int, genes: int, described: int | None) -> Iterator[tuple[str, str, list[str]]]:
    rows = read_rows(lines, separator(lines), _MAX_COLUMNS)
    next(rows)
    for line, row in rows:
        if len(row) <= max(sets, genes):
            raise BadRequest(f"Line {line} has too few fields: {len(row)}.", "Save the table as CSV.")
        description = row[described] if described is not None and described < len(row) else ""
        yield unescape_formula(row[sets]), unescape_formula(description), [unescape_formula(row[genes])]


def _gmt(line: str, settings: Settings) -> tuple[str, str, list[str]]:
    line = _checked(line, "\t", line.partition("\t")[0][:100], settings)
    title, description, *genes = [*line.rstrip("\r\n").split("\t"), ""]
    return title, "" if description == NO_DESCRIPTION else description, genes


def _checked(line: str, separators: str, name: str, settings: Settings) -> str:
    """Return a line that has not too many genes, before it is split."""
    # twice, as genes may be repeated
    if sum(map(line.count, separators)) > 2 * settings.max_gene_set_genes + 2:
        raise LimitExceeded(
            f"Gene set {name!r} has more than {settings.max_gene_set_genes} genes (max_gene_set_genes).",
            "Import a smaller set.",
        )
    return line
