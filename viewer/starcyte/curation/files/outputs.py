"""OutputFiles: the names and contents of a user's files in the outputs folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starcyte.curation.cell_names import CellNames
from starcyte.curation.files.file_names import FileNames, safe_stem
from starcyte.curation.files.result_table import result_table
from starcyte.curation.files.session import write_session
from starcyte.curation.files.write_tables import TABLE_FORMATS, annotations_table, gene_sets_gmt
from starcyte.curation.models import SavedItem, Snapshot
from starcyte.curation.saved_items import read_saved_item

if TYPE_CHECKING:
    from starcyte.curation.curation import Curation
    from starcyte.curation.database.record import Record
    from starcyte.curation.database.transaction import ReadTransaction
    from starcyte.store.dataset import Dataset

ANNOTATIONS, GENE_SETS, SESSION = "annotations", "gene_sets", "session"
_TABULAR = TABLE_FORMATS["tabular"]
_FIGURE_ENDINGS = {"image/svg+xml": "svg", "image/png": "png"}


@dataclass(frozen=True)
class OutputFile:
    """One file of the outputs folder.

    Parameters
    ----------
    name
        The name of the file.
    state
        Changes with the content: the file is written if its last state was another.
    blocks
        Returns the bytes; valid during the read transaction.
    """

    name: str
    state: object
    blocks: Callable[[], Iterable[bytes]]


def user_folder(user: str) -> str:
    """Return the name of a user's folder; empty for the user without a name, whose files are beside the folders."""
    if not user:
        return ""
    stem = safe_stem(user, "user")[:60]
    if stem == user == user.casefold() and "-" not in user:
        return stem
    # the hash keeps apart users whose names have the same safe characters
    return f"{stem}-{hashlib.blake2b(user.encode('utf-8', 'replace'), digest_size=6).hexdigest()}"


def h5ad_name(dataset: Dataset) -> str:
    """Return the file name of the dataset with annotations."""
    return f"{safe_stem(dataset.title, 'dataset')[:80]}_annotated.h5ad"


class OutputFiles:
    """Lists the files of each user.

    Parameters
    ----------
    curation
        The annotations, gene sets and saved items.
    dataset
        Their dataset.
    """

    def __init__(self, curation: Curation, dataset: Dataset) -> None:
        self._curation = curation
        self._dataset = dataset
        self._cells = CellNames(dataset)
        # by id and revision of a result, as the answer takes its whole body
        self._are_tables: dict[tuple[int, int], bool] = {}

    def of(self, user: str, transaction: ReadTransaction) -> Iterator[OutputFile]:
        """Yield the files of a user, the most important first.

        Parameters
        ----------
        user
            The user.
        transaction
            A read transaction, from which all files are written.
        """
        names = FileNames([ANNOTATIONS, GENE_SETS, SESSION, h5ad_name(self._dataset).partition(".")[0]])
        annotations = self._curation.annotations.all(user, transaction)
        gene_sets = self._curation.gene_sets.all(user, transaction)
        if annotations:
            state = [(annotation.name, annotation.revision) for annotation in annotations]
            yield OutputFile(
                f"{ANNOTATIONS}.tabular", state, lambda: annotations_table(annotations, self._cells, _TABULAR)
            )
        if gene_sets:
            state = [(gene_set.name, gene_set.revision) for gene_set in gene_sets]
            yield OutputFile(f"{GENE_SETS}.gmt", state, lambda: [gene_sets_gmt(gene_sets)])
        for record in transaction.records(user, "result"):
            is_table = self._is_table(record, transaction)
            name = names.unique(record.name, _TABULAR.ending if is_table else "json", "result")
            yield _saved_item(name, record, transaction, is_table)
        for record in transaction.records(user, "figure"):
            name = names.unique(record.name, _FIGURE_ENDINGS[record.header["media_type"]], "figure")
            yield _saved_item(name, record, transaction)
        revision = transaction.latest_revision(user)
        if revision:
            snapshot = Snapshot(user, revision, annotations, gene_sets, ())

            def items(kind: str) -> Iterator[SavedItem]:
                return (read_saved_item(transaction, record) for record in transaction.records(user, kind))

            yield OutputFile(
                f"{SESSION}.json", revision, lambda: write_session(snapshot, self._dataset, self._cells, items)
            )

    def _is_table(self, record: Record, transaction: ReadTransaction) -> bool:
        key = record.id, record.revision
        if key not in self._are_tables:
            self._are_tables[key] = result_table(read_saved_item(transaction, record).body, _TABULAR) is not None
        return self._are_tables[key]


def _saved_item(name: str, record: Record, transaction: ReadTransaction, as_table: bool = False) -> OutputFile:
    def blocks() -> list[bytes]:
        body = read_saved_item(transaction, record).body
        return [(result_table(body, _TABULAR) if as_table else body) or b""]

    return OutputFile(name, (record.name, record.revision), blocks)
