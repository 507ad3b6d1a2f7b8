"""Gene sets: lists of genes that users keep, in the database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from starcyte.curation.database.record import Change, Record
from starcyte.curation.database.revisions import ANY, check_revision, no_such, too_many
from starcyte.curation.database.store import Store
from starcyte.curation.database.transaction import Reading, Writing
from starcyte.curation.models import GeneSet
from starcyte.curation.names import check_name, check_note
from starcyte.errors import BadRequest, Conflict, LimitExceeded, NotFound
from starcyte.settings import Settings

KIND = "geneset"


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
        with self._store.read() as reading:
            return self.all(user, reading)

    def all(self, user: str, reading: Reading) -> list[GeneSet]:
        """Return all gene sets of a user in a read transaction."""
        return [_gene_set(t) for t in reading.things(user, KIND)]

    def get(self, user: str, name: str) -> GeneSet:
        """Return a gene set by name; raise NotFound where there is none."""
        with self._store.read() as reading:
            thing = reading.thing(user, KIND, name)
        if thing is None:
            raise no_such("gene set", name)
        return _gene_set(thing)

    def revisions(self, user: str, name: str) -> list[Change]:
        """Return the history of a gene set that stands or was deleted, newest first."""
        with self._store.read() as reading:
            thing = reading.thing(user, KIND, name) or reading.gone(user, KIND, name)
            if thing is None:
                raise no_such("gene set", name)
            return reading.history(thing)

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
        """Make a gene set, or change it.

        Parameters
        ----------
        user, name
            Which one.
        genes
            Names, repeats are left out; None leaves them as they are.
        description
            None leaves it as it is.
        new_name
            What it will be called.
        expected
            The revision that the change is made for; None makes a new set, ANY makes or changes it.
        action
            What to call it in the history.

        Raises
        ------
        Conflict
            If it is there already, or has changed since the expected revision, or the new name is another's.
        BadRequest, LimitExceeded
            If the name, the genes or the description cannot be.
        """
        check_name(name, "the gene set", self._settings)
        if new_name is not None:
            check_name(new_name, "the gene set", self._settings)
        if description is not None:
            check_note(description, "The description", self._settings)
        wanted = None if genes is None else self._genes(genes)
        with self._store.write(user) as writing:
            thing = writing.thing(user, KIND, name)
            if expected is None and thing is not None:
                raise Conflict(
                    f"There is a gene set {name!r} already.", "Choose another name, or send If-Match.", _gene_set(thing)
                )
            if expected is not None and (expected != ANY or genes is None):
                check_revision(thing, expected, name, _gene_set)
            header: dict[str, Any] = {"genes": [], "description": ""} if thing is None else dict(thing.header)
            if wanted is not None:
                header["genes"] = wanted
            if description is not None:
                header["description"] = description
            called = new_name or name
            if thing is not None and (called, header) == (thing.name, thing.header):
                return _gene_set(thing)
            if thing is not None and expected not in {ANY, thing.revision}:
                raise _changed(thing)
            self._refuse_taken(writing, user, thing, called)
            action = action or ("create" if thing is None else "edit")
            return self._save(writing, user, thing or writing.gone(user, KIND, name), called, header, action)

    def restore(self, user: str, name: str, revision: int, expected: int = ANY) -> tuple[int, GeneSet | None]:
        """Make a gene set what it was at a revision, as a new revision; also one that was deleted.

        Returns
        -------
        revision, gene_set
            The new revision; the set is None where it was deleted at the revision asked for, and so is now.

        Raises
        ------
        NotFound
            If there is no such set or revision, or its history is no longer kept.
        Conflict
            If it has changed since the expected revision, or its name of then is another's now.
        """
        with self._store.write(user) as writing:
            thing = writing.thing(user, KIND, name) or writing.gone(user, KIND, name)
            if thing is None:
                raise no_such("gene set", name)
            if expected not in {ANY, thing.revision}:
                raise _changed(thing)
            called, gone, header = _at(writing, thing, revision)
            if (called, gone, header) == (thing.name, thing.gone, thing.header):
                return thing.revision, None if gone else _gene_set(thing)
            if not gone:
                self._refuse_taken(writing, user, thing, called)
            restored = self._save(writing, user, thing, called, header, "restore", gone)
            return restored.revision, None if gone else restored

    def delete(self, user: str, name: str, expected: int = ANY) -> int:
        """Delete a gene set, and return the revision of that; it can be restored.

        Raises
        ------
        NotFound
            If there is none.
        Conflict
            If it has changed since the expected revision.
        """
        with self._store.write(user) as writing:
            thing = writing.thing(user, KIND, name)
            if thing is None:
                raise no_such("gene set", name)
            if expected not in {ANY, thing.revision}:
                raise _changed(thing)
            return self._save(writing, user, thing, name, thing.header, "delete", gone=True).revision

    def _genes(self, given: Sequence[str]) -> list[str]:
        genes = list(dict.fromkeys(check_name(g, "a gene", self._settings) for g in given))
        most = self._settings.max_gene_set_genes
        if len(genes) > most:
            raise LimitExceeded(
                f"{len(genes)} genes are more than a set may have, {most} (setting max_gene_set_genes).",
                "Leave some out.",
            )
        return genes

    def _refuse_taken(self, writing: Writing, user: str, thing: Record | None, name: str) -> None:
        other = writing.thing(user, KIND, name)
        if other is not None and (thing is None or other.id != thing.id):
            raise Conflict(f"There is another gene set {name!r}.", "Rename that first.", _gene_set(other))

    def _save(
        self,
        writing: Writing,
        user: str,
        thing: Record | None,
        name: str,
        header: dict[str, Any],
        action: str,
        gone: bool = False,
    ) -> GeneSet:
        if (thing is None or thing.gone) and not gone:
            most = self._settings.max_gene_sets
            if len(writing.things(user, KIND)) >= most:
                raise too_many("gene sets", most, "max_gene_sets")
        before = {"name": name, "gone": True, "header": {"genes": [], "description": ""}}
        if thing is not None:
            before = {"name": thing.name, "gone": thing.gone, "header": thing.header}
        undo = json.dumps(before, separators=(",", ":")).encode()
        return _gene_set(writing.save(thing, KIND, name, header, action, len(header["genes"]), undo, gone=gone))


def _at(reading: Reading, thing: Record, revision: int) -> tuple[str, bool, dict[str, Any]]:
    """Return name, whether it was gone, and header of a gene set at a revision."""
    if not reading.first(thing) <= revision <= thing.revision:
        raise NotFound(f"Gene set {thing.name!r} has no revision {revision}.", "Ask for the changes.")
    next_change = None
    for next_change in reading.undoing(thing, revision):
        if next_change.undo is None:
            raise NotFound(
                f"Revision {revision} of gene set {thing.name!r} is no longer kept (setting max_user_bytes).",
                "Choose a newer one.",
            )
    if next_change is None:
        return thing.name, thing.gone, thing.header
    assert next_change.undo is not None
    before = json.loads(next_change.undo)
    return before["name"], before["gone"], before["header"]


def _gene_set(thing: Record) -> GeneSet:
    header = thing.header
    return GeneSet(thing.name, thing.revision, tuple(header["genes"]), header["description"], thing.author, thing.time)


def _changed(thing: Record) -> Conflict:
    current = None if thing.gone else _gene_set(thing)
    return Conflict(
        f"Gene set {thing.name!r} has changed since (it is at {thing.revision}).", "Look at it again.", current
    )


def check_genes(given: Any) -> list[str]:
    """Return genes as parsed from JSON; raise BadRequest where they are no list of texts."""
    if not isinstance(given, list) or any(not isinstance(g, str) for g in given):
        raise BadRequest("The genes are no list of names.", 'Send {"genes": ["CD3D", ..]}.')
    return given
