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
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from starcyte import __version__
from starcyte.curation.models import Annotation, GeneSet, Label, SavedItem, Snapshot
from starcyte.errors import BadRequest

if TYPE_CHECKING:
    from starcyte.curation.cell_names import CellNames
    from starcyte.store.dataset import Dataset

FORMAT = "starcyte session"
VERSION = 1
_HINT = "Use a session.json written by starcyte."
_SAVED_ITEMS = {"views": "view", "results": "result"}


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
    names: Sequence[str]


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
            body = {"name": item.name, "body": json.loads(item.body)}
            yield (", " if i else "").encode() + json.dumps(body).encode()
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


def from_runs(lengths: Any, n: int) -> BitMap:
    """Return the set of cells of run lengths.

    Raises
    ------
    BadRequest
        If they are not run lengths of at most n cells.
    """
    if not isinstance(lengths, list) or not all(type(v) is int and 0 <= v <= n for v in lengths):
        raise BadRequest("The cells of the session are not run lengths.", _HINT)
    cells, at = BitMap(), 0
    for i, length in enumerate(lengths):
        if i % 2 and length:
            cells.add_range(at, min(at + length, n))
        at += length
    if at > n:
        raise BadRequest(f"The session contains cell {at - 1}, but its dataset has {n} cells.", _HINT)
    return cells


def read_session(data: bytes) -> Session:
    """Return the content of a session file.

    Raises
    ------
    BadRequest
        If it is not a session file, or is inconsistent.
    """
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The session is not JSON: {error}.", _HINT) from None
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise BadRequest("The file is not a session of starcyte.", _HINT)
    if body.get("version") != VERSION:
        raise BadRequest(
            f"The session has version {body.get('version')!r}, but this starcyte reads version {VERSION}.",
            "Update starcyte.",
        )
    about = _checked(dict, body.get("dataset"), "dataset")
    n = about.get("n_obs")
    if type(n) is not int or not 0 <= n < 2**32:
        raise BadRequest("The session has no number of cells (n_obs).", _HINT)
    annotations = tuple(_annotation(_checked(dict, entry, "annotations"), n) for entry in _listed(body, "annotations"))
    gene_sets = tuple(_gene_set(_checked(dict, entry, "genesets")) for entry in _listed(body, "genesets"))
    saved_items = tuple(
        SavedItem(kind, _text(entry, "name"), 0, "application/json", json.dumps(entry.get("body")).encode())
        for key, kind in _SAVED_ITEMS.items()
        for entry in (_checked(dict, e, key) for e in _listed(body, key))
    )
    named = _checked(dict, body.get("cells", {}), "cells")
    rows, names = from_runs(named.get("rows", []), n), _texts(named, "names")
    if len(rows) != len(names):
        raise BadRequest(f"The session has {len(rows)} labelled cells but {len(names)} cell names.", _HINT)
    if any(not label.cells.issubset(rows) for annotation in annotations for label in annotation.labels):
        raise BadRequest("The session has labelled cells without a name.", _HINT)
    snapshot = Snapshot(str(body.get("user", "")), 0, annotations, gene_sets, saved_items)
    return Session(str(about.get("fingerprint", "")), n, snapshot, rows, names)


def place_annotations(session: Session, found: NDArray[np.int64]) -> tuple[Annotation, ...]:
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


def _annotation(entry: dict[str, Any], n: int) -> Annotation:
    name, seen, taken = _text(entry, "name"), set[str](), BitMap()
    labels = []
    for part in (_checked(dict, e, "labels") for e in _listed(entry, "labels")):
        cells = from_runs(part.get("cells", []), n)
        label = Label(_text(part, "name"), _text(part, "color", ""), _text(part, "note", ""), cells)
        if label.name in seen or taken.intersect(cells):
            raise BadRequest(f"Annotation {name!r} of the session has a duplicate label or cell.", _HINT)
        seen.add(label.name)
        taken |= cells
        labels.append(label)
    return Annotation(name, 0, tuple(labels))


def _gene_set(entry: dict[str, Any]) -> GeneSet:
    genes = tuple(dict.fromkeys(_texts(entry, "genes")))
    return GeneSet(_text(entry, "name"), 0, genes, _text(entry, "description", ""))


def _checked(kind: type, value: Any, key: str) -> Any:
    if not isinstance(value, kind):
        raise BadRequest(f"{key!r} of the session has the wrong type.", _HINT)
    return value


def _listed(body: dict[str, Any], key: str) -> list[Any]:
    found: list[Any] = _checked(list, body.get(key, []), key)
    return found


def _text(body: dict[str, Any], key: str, default: str | None = None) -> str:
    text: str = _checked(str, body.get(key, default), key)
    if not text and default is None:
        raise BadRequest(f"{key!r} of the session is empty.", _HINT)
    return text


def _texts(body: dict[str, Any], key: str) -> list[str]:
    return [_checked(str, text, key) for text in _listed(body, key)]
