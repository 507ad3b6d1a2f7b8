"""What stands in the outputs folder for one user: which files, under which names, with what in them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starcyte.curation.cell_names import CellNames
from starcyte.curation.files.filenames import FileNames, safe_stem
from starcyte.curation.files.session import write_session
from starcyte.curation.files.tables import FORMS, annotations_table, gene_sets_gmt, result_table
from starcyte.curation.models import SavedItem, Snapshot
from starcyte.curation.saved_items import read_saved_item

if TYPE_CHECKING:
    from starcyte.curation.curation import Curation
    from starcyte.curation.database.record import Record
    from starcyte.curation.database.transaction import Reading
    from starcyte.store.dataset import Dataset

ANNOTATIONS, GENE_SETS, SESSION = "annotations", "gene_sets", "session"
_FORM = FORMS["tabular"]
_FIGURES = {"image/svg+xml": "svg", "image/png": "png"}


@dataclass(frozen=True)
class Output:
    """One file.

    Parameters
    ----------
    name
        Of the file.
    state
        What it holds, in short: it is written anew when this is another.
    blocks
        Called for its bytes, while the read transaction lasts in which it was made.
    """

    name: str
    state: object
    blocks: Callable[[], Iterable[bytes]]


def folder_of(user: str) -> str:
    """Return the name of a user's folder; empty for the user without a name, whose files lie beside the folders."""
    if not user:
        return ""
    stem = safe_stem(user, "user")[:60]
    if stem == user == user.casefold() and "-" not in user:
        return stem
    # two users must never share a folder, whatever they are called
    return f"{stem}-{hashlib.blake2b(user.encode('utf-8', 'replace'), digest_size=6).hexdigest()}"


def dataset_name(dataset: Dataset) -> str:
    """Return what the file with the annotations in it is called."""
    return f"{safe_stem(dataset.title, 'dataset')[:80]}_annotated.h5ad"


class Outputs:
    """Knows the files of each user as they should be.

    Parameters
    ----------
    curation
        What users make.
    dataset
        What they make it of.
    """

    def __init__(self, curation: Curation, dataset: Dataset) -> None:
        self._curation = curation
        self._dataset = dataset
        self._cells = CellNames(dataset)
        # by the number of the result and its revision: the answer needs the whole of it
        self._are_tables: dict[tuple[int, int], bool] = {}

    def of(self, user: str, reading: Reading) -> Iterator[Output]:
        """Yield the files of a user, those that matter most first.

        Parameters
        ----------
        user
            Whose files.
        reading
            A read transaction: all files are of one moment.
        """
        names = FileNames([ANNOTATIONS, GENE_SETS, SESSION, dataset_name(self._dataset).partition(".")[0]])
        annotations = self._curation.annotations.all(user, reading)
        gene_sets = self._curation.gene_sets.all(user, reading)
        if annotations:
            state = [(annotation.name, annotation.revision) for annotation in annotations]
            yield Output(f"{ANNOTATIONS}.tabular", state, lambda: annotations_table(annotations, self._cells, _FORM))
        if gene_sets:
            state = [(g.name, g.revision) for g in gene_sets]
            yield Output(f"{GENE_SETS}.gmt", state, lambda: [gene_sets_gmt(gene_sets)])
        for thing in reading.things(user, "result"):
            is_table = self._is_table(thing, reading)
            name = names.give(thing.name, _FORM.ending if is_table else "json", "result")
            yield _kept(name, thing, reading, is_table)
        for thing in reading.things(user, "figure"):
            yield _kept(names.give(thing.name, _FIGURES[thing.header["media_type"]], "figure"), thing, reading)
        revision = reading.newest(user)
        if revision:
            snapshot = Snapshot(user, revision, annotations, gene_sets, ())

            def each(kind: str) -> Iterator[SavedItem]:
                return (read_saved_item(reading, thing) for thing in reading.things(user, kind))

            yield Output(f"{SESSION}.json", revision, lambda: write_session(snapshot, self._dataset, self._cells, each))

    def _is_table(self, thing: Record, reading: Reading) -> bool:
        key = thing.id, thing.revision
        if key not in self._are_tables:
            self._are_tables[key] = result_table(read_saved_item(reading, thing).body, _FORM) is not None
        return self._are_tables[key]


def _kept(name: str, thing: Record, reading: Reading, as_table: bool = False) -> Output:
    def blocks() -> list[bytes]:
        body = read_saved_item(reading, thing).body
        return [(result_table(body, _FORM) if as_table else body) or b""]

    return Output(name, (thing.name, thing.revision), blocks)
