"""A saved session: all that a user made, in one JSON file that opens on the same data, and by cell names on others.

::

    {"format": "starcyte session", "version": 1, "starcyte": "0.2", "user", "time", "revision",
     "dataset": {"title", "fingerprint", "n_obs", "n_vars"},
     "annotations": [{"name", "labels": [{"name", "color", "note", "cells": RUNS}]}],
     "genesets": [{"name", "description", "genes"}], "views": [{"name", "body"}], "results": [{"name", "body"}],
     "cells": {"rows": RUNS, "names": [..]}}

RUNS are the lengths of runs of cells, by turns of those that are not in it and those that are: ``[2, 3, 1, 1]`` is the
cells 2, 3, 4 and 6. ``cells`` names those that are in a label of any annotation, in their order. Figures are files of
their own.
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
_HINT = "Give a session.json that starcyte has written."
_KEPT = {"views": "view", "results": "result"}


@dataclass(frozen=True)
class Session:
    """What a session file holds, its cells as rows of the data that it was made on.

    Parameters
    ----------
    fingerprint, n_obs
        Of that data.
    snapshot
        What was made; revisions are 0.
    rows
        The cells that are named.
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
    each: Callable[[str], Iterable[SavedItem]] | None = None,
) -> Iterator[bytes]:
    """Yield a session file in blocks.

    Parameters
    ----------
    snapshot
        What the user made.
    dataset
        What it was made on.
    cells
        The names of its cells.
    each
        Gives the saved items of a kind one by one, in place of those of the snapshot: all together may be large.
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
    for key, kind in _KEPT.items():
        yield f', "{key}": ['.encode()
        for i, kept in enumerate(each(kind) if each else (k for k in snapshot.saved_items if k.kind == kind)):
            body = {"name": kept.name, "body": json.loads(kept.body)}
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
        wanted = np.flatnonzero(mask[start : start + len(names)]).tolist()
        if wanted:
            yield before + json.dumps([names[i] for i in wanted])[1:-1].encode()
            before = b", "
    yield b"]}}\n"


def runs(cells: BitMap) -> list[int]:
    """Return the lengths of runs, by turns of cells that are not in it and cells that are."""
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
    """Return the cells of which these are the runs.

    Raises
    ------
    BadRequest
        If they are not runs of n cells at most.
    """
    if not isinstance(lengths, list) or not all(type(v) is int and 0 <= v <= n for v in lengths):
        raise BadRequest("The session's cells are not lengths of runs.", _HINT)
    cells, at = BitMap(), 0
    for i, length in enumerate(lengths):
        if i % 2 and length:
            cells.add_range(at, min(at + length, n))
        at += length
    if at > n:
        raise BadRequest(f"The session names cell {at - 1}, and says that there are {n}.", _HINT)
    return cells


def read_session(data: bytes) -> Session:
    """Return what is in a session file.

    Raises
    ------
    BadRequest
        If it is none, or contradicts itself.
    """
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The session is not JSON: {error}.", _HINT) from None
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise BadRequest("The file is no session of starcyte.", _HINT)
    if body.get("version") != VERSION:
        raise BadRequest(
            f"The session is of version {body.get('version')!r}, and this starcyte reads {VERSION}.", "Update starcyte."
        )
    about = _an(dict, body.get("dataset"), "dataset")
    n = about.get("n_obs")
    if type(n) is not int or not 0 <= n < 2**32:
        raise BadRequest("The session does not say how many cells there were.", _HINT)
    annotations = tuple(_annotation(_an(dict, entry, "annotations"), n) for entry in _listed(body, "annotations"))
    gene_sets = tuple(_gene_set(_an(dict, entry, "genesets")) for entry in _listed(body, "genesets"))
    kept = tuple(
        SavedItem(kind, _text(entry, "name"), 0, "application/json", json.dumps(entry.get("body")).encode())
        for key, kind in _KEPT.items()
        for entry in (_an(dict, e, key) for e in _listed(body, key))
    )
    named = _an(dict, body.get("cells", {}), "cells")
    rows, names = from_runs(named.get("rows", []), n), _texts(named, "names")
    if len(rows) != len(names):
        raise BadRequest(f"The session has {len(rows)} cells and {len(names)} names of cells.", _HINT)
    if any(not label.cells.issubset(rows) for annotation in annotations for label in annotation.labels):
        raise BadRequest("The session has cells without a name.", _HINT)
    snapshot = Snapshot(str(body.get("user", "")), 0, annotations, gene_sets, kept)
    return Session(str(about.get("fingerprint", "")), n, snapshot, rows, names)


def place_annotations(session: Session, found: NDArray[np.int64]) -> tuple[Annotation, ...]:
    """Return the annotations of a session on another dataset.

    Parameters
    ----------
    session
        The session.
    found
        For each of its names, the row of the dataset, -1 where there is none.
    """
    rows = np.frombuffer(session.rows.to_array(), np.uint32)

    def placed(cells: BitMap) -> BitMap:
        there = found[np.searchsorted(rows, np.frombuffer(cells.to_array(), np.uint32))]
        return BitMap(there[there >= 0].astype(np.uint32))

    return tuple(
        Annotation(
            annotation.name, 0, tuple(Label(c.name, c.color, c.note, placed(c.cells)) for c in annotation.labels)
        )
        for annotation in session.snapshot.annotations
    )


def _annotation(entry: dict[str, Any], n: int) -> Annotation:
    name, seen, taken = _text(entry, "name"), set[str](), BitMap()
    labels = []
    for part in (_an(dict, e, "labels") for e in _listed(entry, "labels")):
        cells = from_runs(part.get("cells", []), n)
        label = Label(_text(part, "name"), _text(part, "color", ""), _text(part, "note", ""), cells)
        if label.name in seen or taken.intersect(cells):
            raise BadRequest(f"Annotation {name!r} of the session has a label or a cell twice.", _HINT)
        seen.add(label.name)
        taken |= cells
        labels.append(label)
    return Annotation(name, 0, tuple(labels))


def _gene_set(entry: dict[str, Any]) -> GeneSet:
    genes = tuple(dict.fromkeys(_texts(entry, "genes")))
    return GeneSet(_text(entry, "name"), 0, genes, _text(entry, "description", ""))


def _an(kind: type, value: Any, where: str) -> Any:
    if not isinstance(value, kind):
        raise BadRequest(f"{where!r} of the session is not what it should be.", _HINT)
    return value


def _listed(body: dict[str, Any], key: str) -> list[Any]:
    found: list[Any] = _an(list, body.get(key, []), key)
    return found


def _text(body: dict[str, Any], key: str, default: str | None = None) -> str:
    text: str = _an(str, body.get(key, default), key)
    if not text and default is None:
        raise BadRequest(f"A {key!r} of the session is empty.", _HINT)
    return text


def _texts(body: dict[str, Any], key: str) -> list[str]:
    return [_an(str, text, key) for text in _listed(body, key)]
