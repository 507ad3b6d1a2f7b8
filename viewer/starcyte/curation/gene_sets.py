"""GeneSets: the named lists of genes of users, in the database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from starcyte.curation.database.record import Record
from starcyte.curation.database.revisions import (
    ANY,
    changed_since,
    check_revision,
    no_such,
    record_or_deleted,
    too_many,
)
from starcyte.curation.database.store import Store
from starcyte.curation.database.transaction import ReadTransaction, WriteTransaction
from starcyte.curation.models import GeneSet
from starcyte.curation.names import check_name, check_note
from starcyte.errors import Conflict, LimitExceeded, NotFound
from starcyte.settings import Settings

KIND = "geneset"
_EMPTY: dict[str, Any] = {"genes": [], "description": ""}


class GeneSets:
    """The gene sets of all users of one dataset.

    Parameters
    ----------
    store
        The database.
    settings
        ``max_gene_sets``, ``max_gene_set_genes`` and ``max_text`` are used.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def listed(self, user: str) -> list[GeneSet]:
        """Return all gene sets of a user."""
        with self._store.read() as transaction:
            return self.all(user, transaction)

    def all(self, user: str, transaction: ReadTransaction) -> list[GeneSet]:
        """Return all gene sets of a user in a read transaction."""
        return [_gene_set(record) for record in transaction.records(user, KIND)]

    def get(self, user: str, name: str) -> GeneSet:
        """Return a gene set by name; raise NotFound if there is none."""
        with self._store.read() as transaction:
            record = transaction.record(user, KIND, name)
        if record is None:
            raise no_such("gene set", name)
        return _gene_set(record)

    def put(
        self,
        user: str,
        name: str,
        genes: Sequence[str] | None,
        description: str | None = None,
        new_name: str | None = None,
        expected: int | None = None,
        action: str = "",
    ) -> GeneSet:
        """Create or change a gene set.

        Parameters
        ----------
        user, name
            The gene set.
        genes
            Names, of which duplicates are dropped; None keeps the present ones.
        description
            None keeps the present one.
        new_name
            Its new name.
        expected
            The revision that the change was made for; None only creates, ANY creates or changes. Genes that were added
            or removed since stay so.
        action
            The action in the history; by default ``create`` or ``edit``.

        Raises
        ------
        Conflict
            If it exists already or was changed since the expected revision, or if the new name is taken.
        BadRequest, LimitExceeded
            If the name, the genes or the description are invalid.
        """
        check_name(name, "the gene set", self._settings)
        if new_name is not None:
            check_name(new_name, "the gene set", self._settings)
        if description is not None:
            check_note(description, "The description", self._settings)
        new_genes = None if genes is None else self._genes(genes)
        with self._store.write(user) as transaction:
            record = transaction.record(user, KIND, name)
            if expected is not None and expected != ANY:
                # it may have been renamed since
                record = transaction.record_at(user, KIND, [expected], name) or record
            if expected is None and record is not None:
                raise Conflict(
                    f"Gene set {name!r} exists already.", "Choose another name, or send If-Match.", _gene_set(record)
                )
            if expected is not None and (expected != ANY or genes is None):
                check_revision(record, expected, name, _gene_set)
            header = dict(_EMPTY if record is None else record.header)
            if new_genes is not None:
                header["genes"] = new_genes
            if description is not None:
                header["description"] = description
            name_after = new_name or (name if record is None else record.name)
            if record is not None and expected is not None and expected not in {ANY, record.revision}:
                name_after, header = _merged(transaction, record, expected, new_name, new_genes, description)
                self._genes(header["genes"])
            if record is not None and (name_after, header) == (record.name, record.header):
                return _gene_set(record)
            self._refuse_taken(transaction, user, record, name_after)
            action = action or ("create" if record is None else "edit")
            record = record or transaction.deleted_record(user, KIND, name)
            return self._save(transaction, user, record, name_after, header, action)

    def restore(self, user: str, name: str, revision: int, expected: int = ANY) -> tuple[int, GeneSet | None]:
        """Restore a gene set, also a deleted one, to the state of a revision, as a new revision.

        Returns
        -------
        revision, gene_set
            The new revision; the set is None if it was deleted at that revision, and so is now.

        Raises
        ------
        NotFound
            If there is no such set or revision, or its undo was deleted.
        Conflict
            If it was changed since the expected revision, or its former name is taken.
        """
        with self._store.write(user) as transaction:
            record = record_or_deleted(transaction, user, KIND, name, "gene set")
            if expected not in {ANY, record.revision}:
                raise _changed(record, expected)
            former_name, deleted, header = _at(transaction, record, revision)
            if (former_name, deleted, header) == (record.name, record.deleted, record.header):
                return record.revision, None if deleted else _gene_set(record)
            if not deleted:
                self._refuse_taken(transaction, user, record, former_name)
            restored = self._save(transaction, user, record, former_name, header, "restore", deleted)
            return restored.revision, None if deleted else restored

    def delete(self, user: str, name: str, expected: int = ANY) -> int:
        """Delete a gene set, which can be restored, and return the revision of the deletion.

        Raises
        ------
        NotFound
            If there is none.
        Conflict
            If it was changed since the expected revision.
        """
        with self._store.write(user) as transaction:
            record = transaction.record(user, KIND, name)
            if record is None:
                raise no_such("gene set", name)
            if expected not in {ANY, record.revision}:
                raise _changed(record, expected)
            return self._save(transaction, user, record, name, record.header, "delete", deleted=True).revision

    def _genes(self, given: Sequence[str]) -> list[str]:
        genes = list(dict.fromkeys(check_name(g, "a gene", self._settings) for g in given))
        limit = self._settings.max_gene_set_genes
        if len(genes) > limit:
            raise LimitExceeded(
                f"A gene set of {len(genes)} genes is too large. The limit is {limit} (max_gene_set_genes).",
                "Omit some.",
            )
        return genes

    def _refuse_taken(self, transaction: WriteTransaction, user: str, record: Record | None, name: str) -> None:
        other = transaction.record(user, KIND, name)
        if other is not None and (record is None or other.id != record.id):
            raise Conflict(f"Another gene set has the name {name!r}.", "Rename that one first.", _gene_set(other))

    def _save(
        self,
        transaction: WriteTransaction,
        user: str,
        record: Record | None,
        name: str,
        header: dict[str, Any],
        action: str,
        deleted: bool = False,
    ) -> GeneSet:
        if (record is None or record.deleted) and not deleted:
            limit = self._settings.max_gene_sets
            if len(transaction.records(user, KIND)) >= limit:
                raise too_many("gene sets", limit, "max_gene_sets")
        before = {"name": name, "deleted": True, "header": _EMPTY}
        if record is not None:
            before = {"name": record.name, "deleted": record.deleted, "header": record.header}
        undo = json.dumps(before, separators=(",", ":")).encode()
        size = len(header["genes"])
        return _gene_set(transaction.save(record, KIND, name, header, action, size, undo, deleted=deleted))


def _at(transaction: ReadTransaction, record: Record, revision: int) -> tuple[str, bool, dict[str, Any]]:
    """Return name, whether deleted, and header of a gene set at a revision."""
    if not transaction.first_revision(record) <= revision <= record.revision:
        raise NotFound(f"Gene set {record.name!r} has no revision {revision}.", "Reload the changes.")
    next_change = None
    for next_change in transaction.changes_with_undo(record, revision):
        if next_change.undo is None:
            raise NotFound(
                f"Revision {revision} of gene set {record.name!r} is no longer stored (max_user_bytes).",
                "Choose a later revision.",
            )
    if next_change is None:
        return record.name, record.deleted, record.header
    assert next_change.undo is not None
    before = json.loads(next_change.undo)
    return before["name"], before["deleted"], before["header"]


def _merged(
    transaction: ReadTransaction,
    record: Record,
    expected: int,
    new_name: str | None,
    genes: list[str] | None,
    description: str | None,
) -> tuple[str, dict[str, Any]]:
    """Return name and header after a change of an older revision and the changes since.

    Raises
    ------
    Conflict
        If both changed the name or the description, the gene set is deleted, or the revision is not stored.
    """
    if record.deleted:
        raise _changed(record, expected)
    try:
        name_before, deleted, before = _at(transaction, record, expected)
    except NotFound:
        raise _changed(record, expected) from None
    if deleted:
        raise _changed(record, expected)

    def decided(was: str, mine: str | None, theirs: str) -> str:
        if mine is None or mine in {was, theirs}:
            return theirs
        if theirs != was:
            raise _changed(record, expected)
        return mine

    header = dict(record.header)
    if genes is not None:
        was, mine = set(before["genes"]), set(genes)
        kept = [g for g in header["genes"] if g in mine or g not in was]
        known = {*header["genes"], *was}
        header["genes"] = kept + [g for g in genes if g not in known]
    header["description"] = decided(before["description"], description, header["description"])
    return decided(name_before, new_name, record.name), header


def _gene_set(record: Record) -> GeneSet:
    header = record.header
    return GeneSet(
        record.name, record.revision, tuple(header["genes"]), header["description"], record.author, record.time
    )


def _changed(record: Record, expected: int) -> Conflict:
    return changed_since(record, "Gene set", expected, None if record.deleted else _gene_set(record))
