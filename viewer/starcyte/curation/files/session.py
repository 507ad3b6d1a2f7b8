"""Session files: all annotations, gene sets, views and results of a user as one JSON file.

A session can be imported into the same dataset, and into others by the names of their cells.

::

    {"format": "starcyte session", "version": 1, "starcyte": "0.2", "user", "time", "revision",
     "dataset": {"title", "fingerprint", "n_obs", "n_vars"},
     "annotations": [{"name", "labels": [{"name", "color", "note", "cells": RUNS}]}],
     "genesets": [{"name", "description", "genes"}], "views": [{"name", "body"}], "results": [{"name", "body"}],
     "cells": {"rows": RUNS, "names": [..]}}

RUNS encode a set of cells as lengths of runs, alternately outside and inside of it: ``[2, 3, 1, 1]`` are the cells
2, 3, 4 and 6. ``cells`` lists the labelled cells with their names, in order. Figures are not included.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from starcyte import __version__
from starcyte.compute.json_lists import Buffer, Texts, check_utf8, read_numbers, read_texts
from starcyte.curation.files.gene_limits import GeneLimits
from starcyte.curation.models import Annotation, GeneSet, Label, SavedItem, Snapshot
from starcyte.errors import BadRequest, LimitExceeded
from starcyte.settings import Settings

if TYPE_CHECKING:
    from starcyte.curation.cell_names import CellNames
    from starcyte.store.dataset import Dataset

FORMAT = "starcyte session"
VERSION = 1
_HINT = "Use a session.json written by starcyte."
_SAVED_ITEMS = {"views": "view", "results": "result"}
_FEW = 10_000
_ENTRY_BYTES = 50
_SHORT_RUN = 16
_NULL, _EMPTY = msgspec.Raw(b"null"), msgspec.Raw(b"[]")
_KEY = re.compile(r"at `\$.*?(\w+)(?:\[\.*\d*\])*`$")
_MISSING = re.compile("missing required field `(.*?)`")

T = TypeVar("T")


@dataclass(frozen=True)
class Session:
    """The content of a session file, with cells as rows of its own dataset.

    Parameters
    ----------
    fingerprint, n_obs
        Of its dataset.
    snapshot
        The annotations, gene sets and saved items; revisions are 0.
    rows
        The labelled cells.
    names
        Their names.
    """

    fingerprint: str
    n_obs: int
    snapshot: Snapshot
    rows: BitMap
    names: Texts


def write_session(
    snapshot: Snapshot,
    dataset: Dataset,
    cells: CellNames,
    items: Callable[[str], Iterable[SavedItem]] | None = None,
) -> Iterator[bytes]:
    """Yield a session file in blocks.

    Parameters
    ----------
    snapshot
        The annotations, gene sets and saved items.
    dataset
        Their dataset.
    cells
        The names of its cells.
    items
        Returns the saved items of a kind one by one, in place of those of the snapshot, to bound the memory.
    """
    rows = BitMap.union(*(c.cells for annotation in snapshot.annotations for c in annotation.labels), BitMap())
    head: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "starcyte": __version__,
        "user": snapshot.user,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": snapshot.revision,
        "dataset": {
            "title": dataset.title,
            "fingerprint": dataset.fingerprint,
            "n_obs": dataset.n_obs,
            "n_vars": dataset.n_vars,
        },
        "genesets": [
            {"name": g.name, "description": g.description, "genes": list(g.genes)} for g in snapshot.gene_sets
        ],
    }
    yield json.dumps(head).encode()[:-1]
    for key, kind in _SAVED_ITEMS.items():
        yield f', "{key}": ['.encode()
        for i, item in enumerate(items(kind) if items else (k for k in snapshot.saved_items if k.kind == kind)):
            # a body was checked when it was saved
            yield f'{", " if i else ""}{{"name": {json.dumps(item.name)}, "body": '.encode() + item.body + b"}"
        yield b"]"
    for i, annotation in enumerate(snapshot.annotations):
        yield b', "annotations": [' if i == 0 else b", "
        yield f'{{"name": {json.dumps(annotation.name)}, "labels": ['.encode()
        for j, label in enumerate(annotation.labels):
            about = {"name": label.name, "color": label.color, "note": label.note}
            yield f'{", " if j else ""}{json.dumps(about)[:-1]}, "cells": {_runs_text(label.cells)}}}'.encode()
        yield b"]}"
    yield b"]" if snapshot.annotations else b', "annotations": []'
    yield f', "cells": {{"rows": {_runs_text(rows)}, "names": ['.encode()
    mask = np.zeros(cells.n, bool)
    mask[np.frombuffer(rows.to_array(), np.uint32)] = True
    before = b""
    for start, names, _ in cells.blocks():
        rows_of_block = np.flatnonzero(mask[start : start + len(names)]).tolist()
        if rows_of_block:
            yield before + json.dumps([names[i] for i in rows_of_block])[1:-1].encode()
            before = b", "
    yield b"]}}\n"


def runs(cells: BitMap) -> list[int]:
    """Return a set of cells as the lengths of runs, alternately outside and inside of it."""
    at = np.frombuffer(cells.to_array(), np.uint32).astype(np.int64)
    if not at.size:
        return []
    breaks = np.flatnonzero(np.diff(at) != 1) + 1
    starts = at[np.concatenate([[0], breaks])]
    stops = at[np.concatenate([breaks - 1, [at.size - 1]])] + 1
    edges = np.column_stack([starts, stops]).ravel()
    lengths: list[int] = np.diff(edges, prepend=0).tolist()
    return lengths


def _runs_text(cells: BitMap) -> str:
    return json.dumps(runs(cells), separators=(",", ":"))


def from_runs(lengths: Buffer | Sequence[int], n: int) -> BitMap:
    """Return the set of cells of run lengths.

    Parameters
    ----------
    lengths
        A JSON list, or numbers.
    n
        The number of cells.

    Raises
    ------
    BadRequest
        If they are not run lengths of at most n cells.
    """
    if isinstance(lengths, bytes | memoryview | msgspec.Raw):
        blocks: Iterable[NDArray[np.int64]] = read_numbers(lengths, "A list of run lengths of the session")
    else:
        blocks = [np.array(lengths, np.int64)]
    cells, at, is_inside = BitMap(), 0, False
    for block in blocks:
        if block.size and (block.min() < 0 or block.max() > n):
            raise BadRequest("The session has run lengths below 0 or above its number of cells.", _HINT)
        stops = at + np.cumsum(block)
        inside = slice(int(not is_inside), None, 2)
        _add_runs(cells, (stops - block)[inside], np.minimum(stops[inside], n))
        at = int(stops[-1]) if block.size else at
        is_inside ^= bool(block.size % 2)
    if at > n:
        raise BadRequest(f"The session contains cell {at - 1}, but its dataset has {n} cells.", _HINT)
    return cells


def _add_runs(cells: BitMap, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> None:
    lengths = np.maximum(stops - starts, 0)
    is_short = lengths <= _SHORT_RUN
    for start, stop in zip(starts[~is_short].tolist(), stops[~is_short].tolist(), strict=True):
        cells.add_range(start, stop)
    short = lengths[is_short]
    if short.any():
        rows = np.repeat(starts[is_short] - np.cumsum(short) + short, short) + np.arange(short.sum())
        cells |= BitMap(rows.astype(np.uint32))


class _Head(msgspec.Struct):
    """What tells a session from other JSON."""

    format: msgspec.Raw = _NULL
    version: msgspec.Raw = _NULL


class _Label(msgspec.Struct, gc=False):
    name: str
    color: str = ""
    note: str = ""
    cells: msgspec.Raw = _EMPTY


class _AnnotationEntry(msgspec.Struct, gc=False):
    name: str
    labels: msgspec.Raw = _EMPTY


class _GeneSetEntry(msgspec.Struct, gc=False):
    name: str
    description: str = ""
    genes: msgspec.Raw = _EMPTY


class _ItemEntry(msgspec.Struct, gc=False):
    name: str
    body: msgspec.Raw = _NULL


class _Cells(msgspec.Struct):
    rows: msgspec.Raw = _EMPTY
    names: msgspec.Raw = _EMPTY


class _Dataset(msgspec.Struct):
    fingerprint: str = ""
    n_obs: msgspec.Raw = _NULL


class _Body(msgspec.Struct):
    """A session, whose long lists are not decoded with it."""

    dataset: _Dataset
    user: str = ""
    annotations: msgspec.Raw = _EMPTY
    genesets: msgspec.Raw = _EMPTY
    views: msgspec.Raw = _EMPTY
    results: msgspec.Raw = _EMPTY
    cells: _Cells = msgspec.field(default_factory=_Cells)


def read_session(data: bytes, settings: Settings | None = None) -> Session:
    """Return the content of a session file.

    Parameters
    ----------
    data
        The file.
    settings
        ``max_gene_set_genes`` and ``max_import_genes`` are used.

    Raises
    ------
    BadRequest
        If it is not a session file, or is inconsistent.
    LimitExceeded
        If it has too many entries.
    """
    settings = settings or Settings()
    body = _decoded(data)
    n = int(text) if (text := bytes(body.dataset.n_obs)).isdigit() and len(text) <= 10 else -1
    if not 0 <= n < 2**32:
        raise BadRequest("The session has no number of cells (n_obs).", _HINT)
    annotations = tuple(_annotation(entry, n) for entry in _entries(body.annotations, _AnnotationEntry, "annotations"))
    gene_sets = tuple(_gene_sets(_entries(body.genesets, _GeneSetEntry, "genesets"), settings))
    saved_items = tuple(
        SavedItem(kind, _named(entry.name), 0, "application/json", bytes(entry.body))
        for key, kind in _SAVED_ITEMS.items()
        for entry in _entries(getattr(body, key), _ItemEntry, key)
    )
    rows, names = from_runs(body.cells.rows, n), Texts(body.cells.names, "'names' of the session")
    if len(rows) != len(names):
        raise BadRequest(f"The session has {len(rows)} labelled cells but {len(names)} cell names.", _HINT)
    if any(not label.cells.issubset(rows) for annotation in annotations for label in annotation.labels):
        raise BadRequest("The session has labelled cells without a name.", _HINT)
    snapshot = Snapshot(body.user, 0, annotations, gene_sets, saved_items)
    return Session(body.dataset.fingerprint, n, snapshot, rows, names)


def _decoded(data: bytes) -> _Body:
    try:
        check_utf8(data)
        msgspec.json.decode(data, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The session is not JSON: {error}.", _HINT) from None
    try:
        head = msgspec.json.decode(data, type=_Head)
        is_session = bytes(head.format) == f'"{FORMAT}"'.encode()
    except msgspec.ValidationError:
        is_session = False
    if not is_session:
        raise BadRequest("The file is not a session of starcyte.", _HINT)
    version = bytes(head.version)[:20].decode(errors="replace")
    if version != str(VERSION):
        raise BadRequest(
            f"The session has version {version}, but this starcyte reads version {VERSION}.", "Update starcyte."
        )
    return _checked(data, _Body)


def _checked(data: Buffer, kind: type[T], key: str = "") -> T:
    """Decode a part of a session; name its key if it has another type."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        found = _KEY.search(str(error))
        missing = _MISSING.search(str(error))
        name = missing[1] if missing else found[1] if found else key
        raise BadRequest(
            f"{name!r} of the session {'is missing' if missing else 'has the wrong type'}.", _HINT
        ) from None


def _entries(source: msgspec.Raw, kind: type[T], key: str) -> list[T]:
    """Return the objects of a list, of which each opens a brace; small ones would take many times their bytes."""
    text = bytes(source)
    if text.count(b"{") > _FEW + len(text) // _ENTRY_BYTES:
        raise LimitExceeded(f"{key!r} of the session has too many small entries.", _HINT)
    return _checked(source, list[kind], key)  # type: ignore[valid-type]


def place_annotations(session: Session, found: NDArray[np.int32]) -> tuple[Annotation, ...]:
    """Return the annotations of a session for another dataset.

    Parameters
    ----------
    session
        The session.
    found
        For each of its cell names, the row of the dataset; negative if there is none.
    """
    rows = np.frombuffer(session.rows.to_array(), np.uint32)

    def placed(cells: BitMap) -> BitMap:
        placed_rows = found[np.searchsorted(rows, np.frombuffer(cells.to_array(), np.uint32))]
        return BitMap(placed_rows[placed_rows >= 0].astype(np.uint32))

    return tuple(
        Annotation(
            annotation.name, 0, tuple(Label(c.name, c.color, c.note, placed(c.cells)) for c in annotation.labels)
        )
        for annotation in session.snapshot.annotations
    )


def _annotation(entry: _AnnotationEntry, n: int) -> Annotation:
    name, seen, taken = _named(entry.name), set[str](), BitMap()
    labels = []
    for part in _entries(entry.labels, _Label, "labels"):
        cells = from_runs(part.cells, n)
        label = Label(_named(part.name), part.color, part.note, cells)
        if label.name in seen or taken.intersect(cells):
            raise BadRequest(f"Annotation {name!r} of the session has a duplicate label or cell.", _HINT)
        seen.add(label.name)
        taken |= cells
        labels.append(label)
    return Annotation(name, 0, tuple(labels))


def _gene_sets(entries: Iterable[_GeneSetEntry], settings: Settings) -> Iterator[GeneSet]:
    genes = GeneLimits(settings)
    for entry in entries:
        name = _named(entry.name)
        for block in read_texts(entry.genes, "'genes' of the session"):
            genes.add(name, block)
        yield GeneSet(name, 0, genes.take(name), entry.description)


def _named(text: str) -> str:
    if not text:
        raise BadRequest("'name' of the session is empty.", _HINT)
    return text
