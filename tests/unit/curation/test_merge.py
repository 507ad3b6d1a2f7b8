"""The three-way merge of annotations: what survives, what is in conflict, and 10,000 random sequences of edits."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from pyroaring import BitMap
from starcyte.curation.annotations.edit import EditedLabel, NewLabel, edit_labels, label_cells
from starcyte.curation.annotations.merge import merge, same_state, with_known_labels
from starcyte.curation.annotations.state import AnnotationState, LabelEntry, assign_cells
from starcyte.errors import BadRequest, NotFound
from starcyte.settings import Settings

SETTINGS = Settings()
N = 12
SEQUENCES = 10_000


def state(next_id=10, name="types", **cells):
    entries = tuple(LabelEntry(k, label) for k, label in enumerate(cells))
    return AnnotationState(name, False, entries, {k: BitMap(c) for k, c in enumerate(cells.values())}, next_id)


BASE = state(a=range(4), b=range(4, 8), c=range(8, 10))


def edit(start, *labels):
    return edit_labels(start, labels, SETTINGS)


def label(start, name, cells):
    target = None if name is None else next(e for e in start.entries if e.name == name)
    return assign_cells(start, target, BitMap(cells))[0]


def shown(found):
    return {e.name: sorted(found.cells_of(e.id)) for e in found.entries}


def rows(merged):
    return [(c.field, c.label, c.mine, c.theirs, c.n) for c in merged.conflicts]


def both(base, mine, theirs):
    """Return the merge, which has no conflict."""
    merged = merge(base, mine, theirs)
    assert merged.conflicts == ()
    return shown(merged.state)


KEEP = EditedLabel("a"), EditedLabel("b"), EditedLabel("c")


def test_two_labels_are_renamed():
    mine = edit(BASE, EditedLabel("A", was=("a",)), *KEEP[1:])
    theirs = edit(BASE, KEEP[0], EditedLabel("B", was=("b",)), KEEP[2])
    assert both(BASE, mine, theirs) == {"A": [0, 1, 2, 3], "B": [4, 5, 6, 7], "c": [8, 9]}


def test_a_renamed_label_gets_the_cells_that_were_given_to_its_old_name():
    mine = edit(BASE, EditedLabel("A", was=("a",), color="#123456"), *KEEP[1:])
    theirs = label(BASE, "a", [11])
    assert both(BASE, mine, theirs)["A"] == both(BASE, theirs, mine)["A"] == [0, 1, 2, 3, 11]


def test_a_label_added_meanwhile_is_not_deleted_by_a_list_without_it():
    theirs = label(edit(BASE, *KEEP, EditedLabel("new")), "new", [10])
    mine = edit(replace(BASE, next_id=theirs.next_id), EditedLabel("A", was=("a",)), *KEEP[1:], EditedLabel("mine"))
    assert both(BASE, mine, theirs) == {"A": [0, 1, 2, 3], "b": [4, 5, 6, 7], "c": [8, 9], "new": [10], "mine": []}


def test_the_same_new_label_of_two_is_one():
    theirs = label(edit(BASE, *KEEP, EditedLabel("new")), "new", [10])
    mine = label(edit(replace(BASE, next_id=theirs.next_id), *KEEP, EditedLabel("new")), "new", [10, 11])
    assert both(BASE, mine, theirs)["new"] == [10, 11]


def test_cells_given_to_a_label_that_was_merged_are_in_what_it_was_merged_into():
    mine = edit(BASE, KEEP[0], EditedLabel("b", was=("b", "c")))
    theirs = label(BASE, "c", [0])
    assert both(BASE, mine, theirs) == both(BASE, theirs, mine) == {"a": [1, 2, 3], "b": [0, 4, 5, 6, 7, 8, 9]}


def test_cells_that_left_a_label_do_not_go_with_it():
    theirs = label(BASE, "a", [8])
    for gone in (edit(BASE, *KEEP[:2]), edit(BASE, KEEP[0], EditedLabel("b", was=("b", "c")))):
        assert both(BASE, gone, theirs)["a"] == both(BASE, theirs, gone)["a"] == [0, 1, 2, 3, 8]


@pytest.mark.parametrize("keep", ["mine", "theirs"])
def test_cells_with_two_labels_are_in_conflict(keep):
    mine, theirs = label(BASE, "b", [0, 1, 11]), label(BASE, "c", [1, 2])
    found = merge(BASE, mine, theirs)
    assert rows(found) == [("cells", "", "b", "c", 1)]
    keys = [c.key for c in found.conflicts] if keep == "mine" else []
    assert shown(merge(BASE, mine, theirs, keys).state) == {
        "a": [3],
        "b": [0, *([1] if keep == "mine" else []), 4, 5, 6, 7, 11],
        "c": [*([1] if keep == "theirs" else []), 2, 8, 9],
    }


@pytest.mark.parametrize("keep", ["mine", "theirs"])
def test_a_deleted_label_that_has_grown_is_in_conflict(keep):
    mine, theirs = edit(BASE, *KEEP[:2]), label(BASE, "c", [0, 11])
    found = merge(BASE, mine, theirs)
    assert rows(found) == [("deleted", "c", None, "c", 2)]
    after = shown(merge(BASE, mine, theirs, ["deleted:2"] if keep == "mine" else []).state)
    assert after == {"a": [1, 2, 3], "b": [4, 5, 6, 7]} | ({"c": [0, 8, 9, 11]} if keep == "theirs" else {})
    found = merge(BASE, theirs, mine)
    assert rows(found) == [("deleted", "c", "c", None, 2)]
    after = shown(merge(BASE, theirs, mine, ["deleted:2"] if keep == "mine" else []).state)
    wanted = {"a": [1, 2, 3], "c": [0, 8, 9, 11]} if keep == "mine" else {"a": [0, 1, 2, 3]}
    assert after == wanted | {"b": [4, 5, 6, 7]}


@pytest.mark.parametrize(("keep", "names"), [((), ["b", "y"]), (("name:1",), ["y", "b"])])
def test_one_name_for_two_labels_is_in_conflict(keep, names):
    mine = edit(BASE, KEEP[0], EditedLabel("y", was=("b",)), KEEP[2])
    theirs = edit(BASE, EditedLabel("y", was=("a",)), *KEEP[1:])
    found = merge(BASE, mine, theirs)
    assert rows(found) == [("name", "b", "y", "y (another label)", 4)]
    after = shown(merge(BASE, mine, theirs, keep).state)
    wanted = {"a": [0, 1, 2, 3], "y": [4, 5, 6, 7]} if keep else {"y": [0, 1, 2, 3], "b": [4, 5, 6, 7]}
    assert after == wanted | {"c": [8, 9]}


def test_two_names_of_a_label_are_in_conflict_and_its_colour_is_not():
    mine = edit(BASE, EditedLabel("x", was=("a",)), *KEEP[1:])
    theirs = edit(BASE, EditedLabel("y", was=("a",), color="#123456"), *KEEP[1:])
    assert rows(merge(BASE, mine, theirs)) == [("name", "a", "x", "y", 4)]
    assert merge(BASE, mine, theirs, ["name:0"]).state.entries[0] == LabelEntry(0, "x", "#123456")


def test_a_deleted_annotation_that_was_changed_is_in_conflict():
    gone = AnnotationState("types", deleted=True, next_id=10)
    changed = label(BASE, "b", [0, 1])
    assert rows(merge(BASE, gone, changed)) == [("deleted", "a", None, "a", 2), ("deleted", "b", None, "b", 2)]
    assert merge(BASE, gone, changed, ["deleted"]).state.deleted
    assert same_state(merge(BASE, changed, gone, ["deleted"]).state, changed)
    assert merge(BASE, gone, BASE).conflicts == merge(BASE, BASE, gone).conflicts == ()


def test_an_order_is_kept_and_new_labels_have_their_place():
    mine = edit(BASE, KEEP[2], KEEP[0], EditedLabel("new"), KEEP[1])
    theirs = edit(BASE, EditedLabel("A", was=("a",)), *KEEP[1:])
    assert list(both(BASE, mine, theirs)) == list(both(BASE, theirs, mine)) == ["c", "A", "new", "b"]


# Random sequences


@dataclass
class Write:
    """What a client sends: its effect on a state, the state that it shows then, and the labels that it is about."""

    make: Callable[[AnnotationState], AnnotationState]
    shown: AnnotationState
    labels: set[int]


@dataclass
class Server:
    states: list[AnnotationState]

    def seen(self, revision, own):
        found = self.states[revision]
        for number in own:
            found = merge(self.states[number - 1], self.states[number], found).state
        return found


class Client:
    """A tab: it shows its own changes at once, sends them in order, and adopts the server's state once all are sent."""

    def __init__(self, number, server, rng):
        self.number, self.server, self.rng = number, server, rng
        self.queue, self.done, self.ids, self.fresh = [], [], {}, (number + 1) * 1000
        self.adopt()

    def adopt(self):
        self.base, self.own, self.decided = len(self.server.states) - 1, [], False
        self.shown = self.server.states[-1]

    def edit(self):
        before, rng = replace(self.shown, next_id=self.fresh), self.rng
        kind = rng.choice(["assign"] * 4 + ["new", "rename", "merge", "delete", "color", "order"])
        entries = list(before.entries)
        if kind == "assign" and entries:
            cells, target = BitMap(rng.sample(range(N), rng.randrange(1, 5))), rng.choice([*entries, None])

            def change(start, ids):
                wanted = None if target is None else NewLabel(target.name, ids.get(target.id, target.id))
                return label_cells(start, wanted, cells, SETTINGS)
        else:
            labels = [(e.name, None, (e.id,)) for e in entries]
            k = rng.randrange(len(entries)) if entries else 0
            names = {e.name for e in entries}
            if kind == "new" or len(entries) < 2:
                labels.append((rng.choice([f"new {rng.random()}", "common"]), None, ()))
            elif kind == "rename":
                labels[k] = (rng.choice([f"name {rng.random()}", "other"]), None, (entries[k].id,))
            elif kind == "merge":
                gone = labels.pop(k)
                name, color, was = labels[0]
                labels[0] = (name, color, was + gone[2])
            elif kind == "delete":
                del labels[k]
            elif kind == "color":
                labels[k] = (entries[k].name, f"#{rng.randrange(16**6):06x}", (entries[k].id,))
            else:
                rng.shuffle(labels)
            if len({name for name, _, _ in labels}) < len(labels) or (kind == "rename" and labels[k][0] in names):
                return

            def change(start, ids):
                wanted = [EditedLabel(n, c, ids=tuple(ids.get(i, i) for i in was)) for n, c, was in labels]
                return edit_labels(start, wanted, SETTINGS)

        self.shown = change(before, {})
        self.fresh = self.shown.next_id
        self.queue.append(Write(lambda start: change(start, self.ids), self.shown, {e.id for e in before.entries}))

    def undo(self):
        """Have the latest own change undone."""
        if not self.queue and self.done:
            number = self.done.pop()
            self.settle(self.server.states[number], self.server.states[number - 1])

    def sync(self):
        """Send the first change, or adopt what others did."""
        if not self.queue:
            self.adopt()
            return
        write = self.queue.pop(0)
        current = self.server.states[-1]
        base = replace(self.server.seen(self.base, self.own), next_id=current.next_id)
        base = with_known_labels(base, current, {self.ids.get(i, i) for i in write.labels})
        try:
            mine = write.make(base)
        except (NotFound, BadRequest, StopIteration):
            # only after a decision against this client can a change refer to what is not there
            assert self.decided
            self.queue.clear()
            self.adopt()
            return
        self.settle(base, mine, write)

    def settle(self, base, mine, write=None):
        states = self.server.states
        conflicts = merge(base, mine, states[-1]).conflicts
        keep = {c.key for c in conflicts if self.rng.random() < 0.5}
        self.decided |= any(c.key not in keep for c in conflicts)
        after = merge(base, mine, states[-1], keep).state
        check(base, mine, states[-1], after, conflicts)
        if write is not None:
            found = {e.name: e.id for e in after.entries}
            self.ids |= {e.id: found[e.name] for e in write.shown.entries if e.id >= 1000 and e.name in found}
        if not same_state(states[-1], after):
            states.append(after)
            self.own.append(len(states) - 1)
            if write is not None:
                self.done.append(len(states) - 1)
        if not self.queue:
            self.adopt()


def of_cells(found):
    return {cell: entry.id for entry in found.entries for cell in found.cells_of(entry.id)}


def check(base, mine, current, after, conflicts):
    """Check a merge by what each side did to each cell and label."""
    was, my, their, now = map(of_cells, (base, mine, current, after))
    was_labels, my_labels, their_labels, now_labels = (
        {e.id: e for e in s.entries} for s in (base, mine, current, after)
    )
    assert len(now) == sum(len(after.cells_of(e.id)) for e in after.entries), "a cell has one label"
    names = {e.name: e.id for e in after.entries}
    assert len(names) == len(after.entries)
    if conflicts:
        return
    for cell in range(N):
        # the same new label of both has the id of theirs
        wanted = my.get(cell)
        if wanted is not None and wanted not in was_labels:
            wanted = names[my_labels[wanted].name]
        moved = was.get(cell) != my.get(cell)
        went_with_label = moved and was.get(cell) not in my_labels and was.get(cell) is not None
        if now.get(cell) != their.get(cell):
            assert moved or their.get(cell) not in my_labels, "moved by nobody"
            assert now.get(cell) is not None or my.get(cell) is None, "taken away by nobody"
        if moved and their.get(cell) == was.get(cell):
            assert now.get(cell) == wanted or wanted not in their_labels, "the change is lost"
        if moved and not went_with_label and wanted in their_labels:
            assert now.get(cell) == wanted, "the change is lost"
    for number, entry in was_labels.items():
        assert (number in now_labels) == (number in my_labels and number in their_labels), "a label is lost"
        if number in now_labels:
            for attribute in ("name", "color", "note"):
                values = {getattr(labels[number], attribute) for labels in (my_labels, their_labels)}
                changed = values - {getattr(entry, attribute)} or values
                assert getattr(now_labels[number], attribute) in changed, "a change of a label is lost"
    for labels in (my_labels, their_labels):
        for number, entry in labels.items():
            assert number in was_labels or entry.name in names, "a new label is lost"


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_no_assignment_is_lost_that_nobody_took_away(part):
    writes = conflicts = 0
    for seed in range(part * SEQUENCES // 10, (part + 1) * SEQUENCES // 10):
        rng = random.Random(seed)
        server = Server([state(a=range(3), b=range(3, 7), c=[9])])
        clients = [Client(k, server, rng) for k in range(rng.choice([2, 2, 3]))]
        offline = set()
        for _ in range(rng.randrange(6, 16)):
            client = rng.choice(clients)
            if rng.random() < 0.15:
                offline ^= {client.number}
            if rng.random() < 0.08:
                client.undo()
            elif rng.random() < 0.6:
                client.edit()
            elif client.number not in offline:
                client.sync()
        while any(c.queue for c in clients):
            rng.choice([c for c in clients if c.queue]).sync()
        for client in clients:
            client.adopt()
        assert len({tuple(shown(c.shown)) for c in clients}) == 1
        writes += len(server.states)
        conflicts += sum(c.decided for c in clients)
    assert writes > 2000
