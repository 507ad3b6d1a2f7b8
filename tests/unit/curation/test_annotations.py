"""Annotations: what each operation makes of one, who is refused, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
from pyroaring import BitMap
from starcyte.curation.annotations.edit import EditedLabel, NewLabel
from starcyte.curation.curation import Curation
from starcyte.curation.database.revisions import Resolution, Seen
from starcyte.curation.models import Label
from starcyte.errors import BadRequest, Conflict, Forbidden, LimitExceeded, NotFound
from starcyte.settings import Settings

N = 30
ME = "me"


@pytest.fixture
def curation(tmp_path):
    made = Curation(tmp_path / "data" / "x.sqlite", Settings(), N)
    yield made
    made.close()


@pytest.fixture
def annotations(curation):
    """Annotations among which one has cells 0-9 in a, 10-19 in b."""
    curation.annotations.create(ME, "types", [EditedLabel("a", "#ff0000", "first"), EditedLabel("b")])
    curation.annotations.assign(ME, "types", "a", BitMap(range(10)))
    curation.annotations.assign(ME, "types", "b", BitMap(range(10, 20)))
    return curation.annotations


def cells(annotations, name="types", user=ME):
    return {c.name: set(c.cells) for c in annotations.get(user, name).labels}


def revision(annotations, name="types"):
    return annotations.get(ME, name).revision


def test_an_annotation_holds_what_was_assigned(annotations):
    annotation = annotations.get(ME, "types")
    assert cells(annotations) == {"a": set(range(10)), "b": set(range(10, 20))}
    assert [(c.name, c.color, c.note) for c in annotation.labels] == [("a", "#ff0000", "first"), ("b", "", "")]
    assert annotation.codes(N).tolist() == [0] * 10 + [1] * 10 + [-1] * 10
    (info,) = annotations.listed(ME)
    assert (info.name, info.revision, info.counts) == ("types", annotation.revision, (10, 10))


def test_a_cell_is_in_one_label(annotations):
    info, n = annotations.assign(ME, "types", "b", BitMap(range(5, 25)))
    assert n == 10
    assert cells(annotations) == {"a": set(range(5)), "b": set(range(5, 25))}
    assert info.counts == (5, 20)


def test_cells_are_unlabelled(annotations):
    _, n = annotations.assign(ME, "types", None, BitMap(range(5, 30)))
    assert n == 15
    assert cells(annotations) == {"a": set(range(5)), "b": set()}


def test_a_change_without_effect_makes_no_revision(annotations):
    before = revision(annotations)
    assert annotations.assign(ME, "types", "a", BitMap(range(3)))[1] == 0
    assert annotations.put(ME, "types", Seen(before), [EditedLabel("a"), EditedLabel("b")]).revision == before
    assert revision(annotations) == before


def test_labels_are_renamed_reordered_recoloured_and_merged(annotations):
    annotations.put(ME, "types", Seen(), [EditedLabel("B", was=("b",)), EditedLabel("a", color="#00ff00")])
    assert list(cells(annotations).items()) == [("B", set(range(10, 20))), ("a", set(range(10)))]
    assert annotations.get(ME, "types").labels[1].color == "#00ff00"
    assert annotations.get(ME, "types").labels[1].note == "first"
    annotations.put(ME, "types", Seen(), [EditedLabel("a", was=("B",)), EditedLabel("B", was=("a",))])
    assert cells(annotations) == {"a": set(range(10, 20)), "B": set(range(10))}
    annotations.put(ME, "types", Seen(), [EditedLabel("all", was=("a", "B"))])
    assert cells(annotations) == {"all": set(range(20))}


def test_a_label_that_is_not_mentioned_is_deleted(annotations):
    info = annotations.put(ME, "types", Seen(), [EditedLabel("b"), EditedLabel("new")])
    assert cells(annotations) == {"b": set(range(10, 20)), "new": set()}
    assert info.counts == (10, 0)


def test_an_annotation_is_renamed_and_its_cells_stay(annotations):
    annotations.put(ME, "types", Seen(), new_name="kinds")
    assert [i.name for i in annotations.listed(ME)] == ["kinds"]
    assert cells(annotations, "kinds")["a"] == set(range(10))
    with pytest.raises(NotFound):
        annotations.get(ME, "types")


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ([EditedLabel("a"), EditedLabel("a")], BadRequest),
        ([EditedLabel("x", was=("a",)), EditedLabel("y", was=("a",))], BadRequest),
        ([EditedLabel("a", was=("b",))], BadRequest),
        ([EditedLabel("x", was=("nobody",))], NotFound),
    ],
)
def test_invalid_labels_are_refused_and_nothing_changes(annotations, wanted, error):
    before = annotations.get(ME, "types")
    with pytest.raises(error):
        annotations.put(ME, "types", Seen(), wanted)
    assert annotations.get(ME, "types") == before


def test_an_existing_annotation_is_not_created_again(annotations):
    with pytest.raises(Conflict) as raised:
        annotations.create(ME, "types", [])
    assert raised.value.current == annotations.listed(ME)[0]


def test_a_change_of_other_cells_since_is_merged(annotations):
    before = revision(annotations)
    annotations.assign(ME, "types", "b", BitMap([20, 21]), seen=Seen(before))
    _, n = annotations.assign(ME, "types", "a", BitMap([22, 23]), seen=Seen(before))
    assert n == 2
    assert cells(annotations) == {"a": {*range(10), 22, 23}, "b": {*range(10, 20), 20, 21}}


def test_the_same_cells_given_the_same_since_are_merged(annotations):
    before = revision(annotations)
    annotations.assign(ME, "types", "b", BitMap([20, 21]))
    _, n = annotations.assign(ME, "types", "b", BitMap([21, 22]), seen=Seen(before))
    assert n == 1
    annotations.assign(ME, "types", None, BitMap([0]))
    assert annotations.assign(ME, "types", None, BitMap([0, 1]), seen=Seen(before))[1] == 1


@pytest.mark.parametrize("label", ["a", None])
def test_the_same_cells_given_something_else_since_are_refused(annotations, label):
    before = revision(annotations)
    annotations.assign(ME, "types", "b", BitMap([5, 20]))
    with pytest.raises(Conflict) as raised:
        annotations.assign(ME, "types", label, BitMap([5, 20, 22]), seen=Seen(before))
    assert raised.value.current == annotations.listed(ME)[0]
    assert cells(annotations)["a"] == set(range(10)) - {5}


def test_a_label_that_was_deleted_since_is_in_conflict(annotations):
    before = revision(annotations)
    annotations.put(ME, "types", Seen(), [EditedLabel("b")])
    with pytest.raises(Conflict) as raised:
        annotations.assign(ME, "types", "a", BitMap([25]), Seen(before))
    (conflict,) = raised.value.conflicts
    assert (conflict.field, conflict.mine, conflict.theirs, conflict.n) == ("deleted", "a", None, 1)
    resolution = Resolution(raised.value.revision, [conflict.key])
    annotations.assign(ME, "types", "a", BitMap([25]), Seen(before, (), resolution))
    assert cells(annotations)["a"] == {*range(10), 25}


def test_conflicts_are_reported_again_when_there_is_a_later_revision(annotations):
    before = revision(annotations)
    annotations.assign(ME, "types", "b", BitMap([0]))
    with pytest.raises(Conflict) as raised:
        annotations.assign(ME, "types", None, BitMap([0, 1]), Seen(before))
    annotations.assign(ME, "types", "b", BitMap([1]))
    resolution = Resolution(raised.value.revision, [c.key for c in raised.value.conflicts])
    with pytest.raises(Conflict) as again:
        annotations.assign(ME, "types", None, BitMap([0, 1]), Seen(before, (), resolution))
    assert [c.n for c in again.value.conflicts] == [2]
    assert cells(annotations)["b"] == {0, 1, *range(10, 20)}


def test_an_edit_made_before_cells_moved_is_merged(annotations):
    before = revision(annotations)
    annotations.assign(ME, "types", "a", BitMap([25]))
    annotations.put(ME, "types", Seen(before), [EditedLabel("a", color="#123456"), EditedLabel("c", was=("b",))])
    assert cells(annotations) == {"a": {*range(10), 25}, "c": set(range(10, 20))}


def test_a_deletion_made_before_its_cells_grew_is_refused(annotations):
    before = revision(annotations)
    annotations.assign(ME, "types", "a", BitMap([25]))
    with pytest.raises(Conflict):
        annotations.put(ME, "types", Seen(before), [EditedLabel("b")])


def test_two_tabs_rename_two_labels(annotations):
    before = revision(annotations)
    annotations.put(ME, "types", Seen(before), [EditedLabel("A", was=("a",)), EditedLabel("b")])
    info = annotations.put(ME, "types", Seen(before), [EditedLabel("a"), EditedLabel("B", was=("b",))])
    assert info.merged
    assert cells(annotations) == {"A": set(range(10)), "B": set(range(10, 20))}


def test_two_tabs_name_a_label_and_the_annotation(annotations):
    before = revision(annotations)
    annotations.put(ME, "types", Seen(before), new_name="kinds")
    info = annotations.put(ME, "types", Seen(before), [EditedLabel("A", was=("a",)), EditedLabel("b")])
    assert info.name == "kinds"
    assert cells(annotations, "kinds") == {"A": set(range(10)), "b": set(range(10, 20))}


def test_a_name_that_another_annotation_has_by_now_is_not_taken_for_it(annotations):
    before = revision(annotations)
    annotations.put(ME, "types", Seen(before), new_name="kinds")
    annotations.create(ME, "types", [EditedLabel("a")])
    annotations.assign(ME, "types", "a", BitMap([25]), Seen(before))
    assert cells(annotations, "kinds")["a"] == {*range(10), 25}
    assert cells(annotations)["a"] == set()


def test_changes_of_a_tab_that_has_not_seen_those_of_another_follow_each_other(annotations):
    before = revision(annotations)
    annotations.assign(ME, "types", "b", BitMap([20]))
    own = annotations.put(ME, "types", Seen(before), [EditedLabel("A", was=("a",)), EditedLabel("b")]).revision
    labels = [EditedLabel("A"), EditedLabel("B", was=("b",)), EditedLabel("c")]
    annotations.put(ME, "types", Seen(before, (own,)), labels)
    assert cells(annotations) == {"A": set(range(10)), "B": {*range(10, 20), 20}, "c": set()}
    # the tab has not seen the label of cell 20, and is asked before it takes it away
    with pytest.raises(Conflict):
        annotations.assign(ME, "types", "A", BitMap([20]), Seen(before, (own,)))


def test_a_change_is_undone_and_those_of_others_stay(annotations):
    mine = annotations.assign(ME, "types", "b", BitMap([0, 1]))[0].revision
    annotations.assign(ME, "types", "a", BitMap([25]))
    annotations.put(ME, "types", Seen(), [EditedLabel("A", was=("a",)), EditedLabel("b")])
    undone = annotations.revert(ME, "types", mine)
    assert cells(annotations) == {"A": {*range(10), 25}, "b": set(range(10, 20))}
    annotations.revert(ME, "types", undone.revision)
    assert cells(annotations) == {"A": {*range(2, 10), 25}, "b": {0, 1, *range(10, 20)}}


def test_a_creation_and_a_deletion_are_undone(annotations):
    made = annotations.create(ME, "new", [EditedLabel("x")]).revision
    gone = annotations.revert(ME, "new", made)
    assert gone.deleted
    annotations.revert(ME, "new", gone.revision)
    assert cells(annotations, "new") == {"x": set()}
    annotations.assign(ME, "new", "x", BitMap([1]))
    with pytest.raises(Conflict) as raised:
        annotations.revert(ME, "new", made)
    assert [(c.label, c.n) for c in raised.value.conflicts] == [("x", 1)]


@pytest.mark.parametrize("expected", [10**9, 0])
def test_a_revision_that_never_was_is_refused(annotations, expected):
    with pytest.raises(Conflict):
        annotations.assign(ME, "types", "a", BitMap([25]), seen=Seen(expected))
    with pytest.raises(Conflict):
        annotations.put(ME, "types", Seen(expected), [])
    with pytest.raises(Conflict):
        annotations.delete(ME, "types", seen=Seen(expected))


def test_a_deleted_annotation_is_restored(annotations):
    before = annotations.get(ME, "types")
    gone = annotations.delete(ME, "types")
    assert annotations.listed(ME) == []
    annotations.restore(ME, "types", before.revision)
    assert annotations.get(ME, "types").labels == before.labels
    assert annotations.restore(ME, "types", gone)[1] is None
    assert annotations.listed(ME) == []
    assert [c.action for c in annotations.revisions(ME, "types")] == [
        "restore", "restore", "delete", "assign", "assign", "create",
    ]  # fmt: skip


def test_an_annotation_made_under_a_deleted_name_has_its_history(annotations):
    before = annotations.get(ME, "types")
    annotations.delete(ME, "types")
    annotations.create(ME, "types", [EditedLabel("other")])
    annotations.restore(ME, "types", before.revision)
    assert annotations.get(ME, "types").labels == before.labels


def test_a_name_of_then_that_is_anothers_now_is_refused(annotations):
    before = revision(annotations)
    annotations.put(ME, "types", Seen(), new_name="kinds")
    annotations.create(ME, "types", [])
    with pytest.raises(Conflict):
        annotations.restore(ME, "kinds", before)
    with pytest.raises(Conflict):
        annotations.put(ME, "kinds", Seen(), new_name="types")


def test_annotations_begin_from_labels(annotations):
    start = [Label("x", "#0000ff", "", BitMap([1, 2])), Label("y", "", "", BitMap([3]))]
    annotations.create(ME, "copy", None, start)
    assert cells(annotations, "copy") == {"x": {1, 2}, "y": {3}}
    annotations.create(ME, "part", [EditedLabel("z", was=("x", "y"))], start)
    assert cells(annotations, "part") == {"z": {1, 2, 3}}
    with pytest.raises(BadRequest):
        annotations.create(ME, "twice", None, [Label("y", cells=BitMap([7])), Label("x", cells=BitMap([7, 8]))])
    with pytest.raises(BadRequest):
        annotations.create(ME, "beyond", None, [Label("y", cells=BitMap([N]))])
    assert [annotation.name for annotation in annotations.listed(ME)] == ["types", "copy", "part"]


def test_users_see_only_their_own(annotations):
    assert annotations.listed("you") == []
    annotations.create("you", "types", [EditedLabel("mine")])
    assert cells(annotations, user="you") == {"mine": set()}
    with pytest.raises(NotFound):
        annotations.assign("they", "types", "a", BitMap([1]))


def test_limits_name_their_setting(tmp_path):
    settings = Settings(max_annotations=1, max_annotation_labels=2, max_text=10)
    curation = Curation(tmp_path / "x.sqlite", settings, N)
    annotations = curation.annotations
    with pytest.raises(LimitExceeded, match="max_annotation_labels"):
        annotations.create(ME, "types", [EditedLabel("a"), EditedLabel("b"), EditedLabel("c")])
    annotations.create(ME, "types", [EditedLabel("a"), EditedLabel("b")])
    with pytest.raises(LimitExceeded, match="max_annotation_labels"):
        annotations.assign(ME, "types", NewLabel("c", create=True), BitMap([1]))
    with pytest.raises(LimitExceeded, match="max_annotations"):
        annotations.create(ME, "more", [])
    with pytest.raises(LimitExceeded, match="max_text"):
        annotations.put(ME, "types", Seen(), new_name="x" * 11)
    annotations.delete(ME, "types")
    annotations.create(ME, "more", [])
    with pytest.raises(LimitExceeded, match="max_annotations"):
        annotations.restore(ME, "types", 1)
    curation.close()


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "a\nb", "\ud800", ".", "..", "x/revisions", "a\u2028b"])
def test_names_that_no_path_or_file_can_hold_are_refused(annotations, name):
    with pytest.raises(BadRequest):
        annotations.create(ME, name, [])
    with pytest.raises(BadRequest):
        annotations.put(ME, "types", Seen(), new_name=name)


@pytest.mark.parametrize(
    "name", ["a/b", "../x", "<script>", "=1+1", "'; DROP TABLE things; --", "\u202eabc", "x" * 1000]
)
def test_any_other_name_is_text(annotations, name):
    annotations.create(ME, name, [])
    annotations.assign(ME, name, NewLabel("c", create=True), BitMap([4]))
    assert cells(annotations, name) == {"c": {4}}


def test_read_only_refuses_all_changes(tmp_path):
    curation = Curation(tmp_path / "x.sqlite", Settings(read_only=True), N)
    with pytest.raises(Forbidden, match="read_only"):
        curation.annotations.create(ME, "types", [])
    assert curation.snapshot(ME).annotations == []
    curation.close()


def test_a_million_random_cells_take_kilobytes(tmp_path):
    n = 1_000_000
    curation = Curation(tmp_path / "x.sqlite", Settings(), n)
    curation.annotations.create(ME, "all", [EditedLabel("a")])
    curation.annotations.assign(ME, "all", "a", BitMap(range(n)))
    some = BitMap(np.random.default_rng(1).choice(n, 20_000, replace=False).tolist())
    curation.annotations.assign(ME, "all", NewLabel("b", create=True), some)
    curation.close()
    # a bit for each cell of one label, two bytes for each of the other, twice: standing and to undo
    assert (tmp_path / "x.sqlite").stat().st_size < 400_000
