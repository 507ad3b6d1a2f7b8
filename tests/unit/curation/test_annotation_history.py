"""Annotations against a plain model: lists of sets, in which every revision is kept whole."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import settings as run
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from pyroaring import BitMap
from starcyte.curation.annotations.edit import EditedLabel, NewLabel
from starcyte.curation.curation import Curation
from starcyte.curation.database.revisions import Seen
from starcyte.curation.models import Label
from starcyte.errors import BadRequest, Conflict, NotFound
from starcyte.settings import Settings

pytestmark = pytest.mark.slow

N = 12
# mostly one annotation of one user, so that much happens to it
USERS = st.sampled_from(["", "", "", "", "anna"])
NAMES = st.sampled_from(["x", "x", "x", "y"])
LABELS = st.sampled_from(["a", "b", "c", "d"])
CELLS = st.frozensets(st.integers(0, N - 1), max_size=N)


@dataclass(frozen=True)
class Cat:
    """A label; its identity stays when it is renamed."""

    identity: int
    name: str
    color: str
    cells: frozenset[int]


@dataclass(frozen=True)
class Moment:
    """An annotation at a revision; no labels where it is gone."""

    name: str
    gone: bool
    cats: tuple[Cat, ...]

    def find(self, name):
        return next((c for c in self.cats if c.name == name), None)

    def of_cells(self):
        return {cell: c.identity for c in self.cats for cell in c.cells}


class Model:
    """What should be there: for each user the things, each a dict of revision to moment."""

    def __init__(self):
        self.things = {}
        self.identities = 0

    def of(self, user):
        return self.things.setdefault(user, [])

    def standing(self, user, name):
        found = [t for t in self.of(user) if not last(t).gone and last(t).name == name]
        return found[0] if found else None

    def gone(self, user, name):
        found = [t for t in self.of(user) if last(t).gone and last(t).name == name]
        return max(found, key=max) if found else None

    def new(self):
        self.identities += 1
        return self.identities


def last(thing):
    return thing[max(thing)]


class AnnotationsAgainstTheModel(RuleBasedStateMachine):
    revisions = Bundle("revisions")

    @initialize(target=revisions)
    def begin(self):
        self.folder = Path(tempfile.mkdtemp())
        self.model = Model()
        self.curation = Curation(self.folder / "x.sqlite", Settings(), N)
        halves = frozenset(range(N // 2)), frozenset(range(N // 2, N - 2))
        start = [Label(name, cells=BitMap(cells)) for name, cells in zip("ab", halves, strict=True)]
        revision = self.annotations.create("", "x", None, start).revision
        cats = tuple(Cat(self.model.new(), name, "", cells) for name, cells in zip("ab", halves, strict=True))
        self.model.of("").append({revision: Moment("x", False, cats)})
        return revision

    def teardown(self):
        self.curation.close()
        shutil.rmtree(self.folder)

    @property
    def annotations(self):
        return self.curation.annotations

    @rule()
    def open_again(self):
        self.curation.close()
        self.curation = Curation(self.folder / "x.sqlite", Settings(), N)

    @rule(target=revisions, user=USERS, name=NAMES, labels=st.lists(LABELS, unique=True))
    def create(self, user, name, labels):
        wanted = [EditedLabel(c) for c in labels]
        if self.model.standing(user, name) is not None:
            with pytest.raises(Conflict):
                self.annotations.create(user, name, wanted)
            return 0
        revision = self.annotations.create(user, name, wanted).revision
        thing = self.model.gone(user, name)
        if thing is None:
            thing = {}
            self.model.of(user).append(thing)
        cats = tuple(Cat(self.model.new(), c, "", frozenset()) for c in labels)
        thing[revision] = Moment(name, False, cats)
        return revision

    @rule(
        target=revisions,
        user=USERS,
        name=NAMES,
        label=st.one_of(st.none(), LABELS),
        cells=CELLS,
        create=st.booleans(),
    )
    def assign(self, user, name, label, cells, create):
        def do():
            target = None if label is None else NewLabel(label, create=create)
            return self.annotations.assign(user, name, target, BitMap(cells))

        thing = self.model.standing(user, name)
        if thing is None:
            with pytest.raises(NotFound):
                do()
            return 0
        now = last(thing)
        target = None if label is None else now.find(label)
        if label is not None and target is None and not create:
            with pytest.raises(NotFound):
                do()
            return 0
        info, n = do()
        cats = now.cats
        if label is not None and target is None:
            target = Cat(self.model.new(), label, "", frozenset())
            cats = (*cats, target)
        after = tuple(
            replace(c, cells=c.cells | cells if target and c.identity == target.identity else c.cells - cells)
            for c in cats
        )
        moment = Moment(name, False, after)
        before, behind = now.of_cells(), moment.of_cells()
        assert n == sum(before.get(c) != behind.get(c) for c in range(N))
        if moment == now:
            assert info.revision == max(thing)
        else:
            assert info.revision > max(thing)
            thing[info.revision] = moment
        return info.revision

    @rule(target=revisions, user=USERS, name=NAMES, data=st.data(), new_name=st.one_of(st.none(), NAMES))
    def put(self, user, name, data, new_name):
        thing = self.model.standing(user, name)
        if thing is None:
            with pytest.raises(Conflict):
                self.annotations.put(user, name, Seen(), [], new_name)
            return 0
        now = last(thing)
        names = [c.name for c in now.cats]
        # each of the present ones stays, is deleted, or goes into one of the wanted ones
        into = {n: data.draw(st.one_of(st.none(), LABELS), label=n) for n in names}
        order = data.draw(st.permutations(sorted({i for i in into.values() if i is not None})))
        colors = {o: data.draw(st.sampled_from([None, "#00ff00"])) for o in order}
        wanted = [EditedLabel(o, colors[o], was=tuple(n for n in names if into[n] == o)) for o in order]
        if any(o in names and into[o] is None for o in order):
            with pytest.raises(BadRequest):
                self.annotations.put(user, name, Seen(), wanted, new_name)
            return 0
        if new_name not in {None, name} and self.model.standing(user, new_name) is not None:
            with pytest.raises(Conflict):
                self.annotations.put(user, name, Seen(), wanted, new_name)
            return 0
        info = self.annotations.put(user, name, Seen(), wanted, new_name)
        cats = []
        for o in order:
            parts = [c for c in now.cats if into[c.name] == o]
            color = parts[0].color if colors[o] is None else colors[o]
            cats.append(Cat(parts[0].identity, o, color, frozenset().union(*(p.cells for p in parts))))
        moment = Moment(new_name or name, False, tuple(cats))
        if moment != now:
            thing[info.revision] = moment
        return info.revision

    @rule(target=revisions, user=USERS, name=NAMES)
    def delete(self, user, name):
        thing = self.model.standing(user, name)
        if thing is None:
            with pytest.raises(NotFound):
                self.annotations.delete(user, name)
            return 0
        revision = self.annotations.delete(user, name)
        thing[revision] = Moment(name, True, ())
        return revision

    @rule(target=revisions, user=USERS, name=NAMES, data=st.data(), any_revision=revisions)
    def restore(self, user, name, data, any_revision):
        thing = self.model.standing(user, name) or self.model.gone(user, name)
        if thing is None:
            with pytest.raises(NotFound):
                self.annotations.restore(user, name, any_revision)
            return 0
        revision = data.draw(st.one_of(st.sampled_from(sorted(thing)), st.just(any_revision)))
        if not min(thing) <= revision <= max(thing):
            with pytest.raises(NotFound):
                self.annotations.restore(user, name, revision)
            return 0
        then, now = thing[max(r for r in thing if r <= revision)], last(thing)
        other = None if then.gone else self.model.standing(user, then.name)
        if other is not None and other is not thing:
            with pytest.raises(Conflict):
                self.annotations.restore(user, name, revision)
            return 0
        made, info = self.annotations.restore(user, name, revision)
        assert (info is None) == then.gone
        if then == now:
            assert made == max(thing)
        else:
            assert made > max(thing)
            thing[made] = then
        return made

    @invariant()
    def what_stands_is_what_should(self):
        if not hasattr(self, "curation"):
            return
        for user in ["", "anna"]:
            expected = {
                last(t).name: [(c.name, c.color, set(c.cells)) for c in last(t).cats]
                for t in self.model.of(user)
                if not last(t).gone
            }
            snapshot = self.curation.snapshot(user)
            found = {x.name: [(c.name, c.color, set(c.cells)) for c in x.labels] for x in snapshot.annotations}
            assert found == expected
            counts = {i.name: list(i.counts) for i in self.annotations.listed(user)}
            assert counts == {name: [len(cells) for _, _, cells in cats] for name, cats in expected.items()}
            assert snapshot.revision == max((max(t) for t in self.model.of(user)), default=0)

    @invariant()
    def the_history_is_whole(self):
        if not hasattr(self, "curation"):
            return
        for user in ["", "anna"]:
            revision, changes = self.curation.changes(user, 0)
            assert [c.number for c in changes] == sorted(r for t in self.model.of(user) for r in t)
            assert revision == max([c.number for c in changes], default=0)


AnnotationsAgainstTheModel.TestCase.settings = run(max_examples=60, stateful_step_count=40, deadline=None)
TestAnnotationsAgainstTheModel = AnnotationsAgainstTheModel.TestCase
