"""Labels: what each operation makes of one, who is refused, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
from pyroaring import BitMap
from starcyte.curation.annotations.edit import EditedLabel
from starcyte.curation.curation import Curation
from starcyte.curation.database.revisions import ANY
from starcyte.curation.models import Category
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
def labels(curation):
    """Labels among which one has cells 0-9 in a, 10-19 in b."""
    curation.labels.create(ME, "types", [EditedLabel("a", "#ff0000", "first"), EditedLabel("b")])
    curation.labels.assign(ME, "types", "a", BitMap(range(10)))
    curation.labels.assign(ME, "types", "b", BitMap(range(10, 20)))
    return curation.labels


def cells(labels, name="types", user=ME):
    return {c.name: set(c.cells) for c in labels.get(user, name).categories}


def revision(labels, name="types"):
    return labels.get(ME, name).revision


def test_a_label_holds_what_was_assigned(labels):
    label = labels.get(ME, "types")
    assert cells(labels) == {"a": set(range(10)), "b": set(range(10, 20))}
    assert [(c.name, c.color, c.note) for c in label.categories] == [("a", "#ff0000", "first"), ("b", "", "")]
    assert label.codes(N).tolist() == [0] * 10 + [1] * 10 + [-1] * 10
    (info,) = labels.listed(ME)
    assert (info.name, info.revision, info.counts) == ("types", label.revision, (10, 10))


def test_a_cell_is_in_one_category(labels):
    info, n = labels.assign(ME, "types", "b", BitMap(range(5, 25)))
    assert n == 10
    assert cells(labels) == {"a": set(range(5)), "b": set(range(5, 25))}
    assert info.counts == (5, 20)


def test_cells_are_unlabelled(labels):
    _, n = labels.assign(ME, "types", None, BitMap(range(5, 30)))
    assert n == 15
    assert cells(labels) == {"a": set(range(5)), "b": set()}


def test_what_changes_nothing_is_no_revision(labels):
    before = revision(labels)
    assert labels.assign(ME, "types", "a", BitMap(range(3)))[1] == 0
    assert labels.put(ME, "types", before, [EditedLabel("a"), EditedLabel("b")]).revision == before
    assert revision(labels) == before


def test_categories_are_renamed_reordered_recoloured_and_merged(labels):
    labels.put(ME, "types", ANY, [EditedLabel("B", was=("b",)), EditedLabel("a", color="#00ff00")])
    assert list(cells(labels).items()) == [("B", set(range(10, 20))), ("a", set(range(10)))]
    assert labels.get(ME, "types").categories[1].color == "#00ff00"
    assert labels.get(ME, "types").categories[1].note == "first"
    labels.put(ME, "types", ANY, [EditedLabel("a", was=("B",)), EditedLabel("B", was=("a",))])
    assert cells(labels) == {"a": set(range(10, 20)), "B": set(range(10))}
    labels.put(ME, "types", ANY, [EditedLabel("all", was=("a", "B"))])
    assert cells(labels) == {"all": set(range(20))}


def test_a_category_that_is_not_mentioned_is_deleted(labels):
    info = labels.put(ME, "types", ANY, [EditedLabel("b"), EditedLabel("new")])
    assert cells(labels) == {"b": set(range(10, 20)), "new": set()}
    assert info.counts == (10, 0)


def test_a_label_is_renamed_and_its_cells_stay(labels):
    labels.put(ME, "types", ANY, new_name="kinds")
    assert [i.name for i in labels.listed(ME)] == ["kinds"]
    assert cells(labels, "kinds")["a"] == set(range(10))
    with pytest.raises(NotFound):
        labels.get(ME, "types")


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ([EditedLabel("a"), EditedLabel("a")], BadRequest),
        ([EditedLabel("x", was=("a",)), EditedLabel("y", was=("a",))], BadRequest),
        ([EditedLabel("a", was=("b",))], BadRequest),
        ([EditedLabel("x", was=("nobody",))], NotFound),
    ],
)
def test_categories_that_cannot_be_are_refused_and_nothing_changes(labels, wanted, error):
    before = labels.get(ME, "types")
    with pytest.raises(error):
        labels.put(ME, "types", ANY, wanted)
    assert labels.get(ME, "types") == before


def test_a_label_that_is_there_is_not_made_again(labels):
    with pytest.raises(Conflict) as raised:
        labels.create(ME, "types", [])
    assert raised.value.current == labels.listed(ME)[0]


def test_a_change_of_other_cells_since_is_merged(labels):
    before = revision(labels)
    labels.assign(ME, "types", "b", BitMap([20, 21]), expected=before)
    _, n = labels.assign(ME, "types", "a", BitMap([22, 23]), expected=before)
    assert n == 2
    assert cells(labels) == {"a": {*range(10), 22, 23}, "b": {*range(10, 20), 20, 21}}


def test_the_same_cells_given_the_same_since_are_merged(labels):
    before = revision(labels)
    labels.assign(ME, "types", "b", BitMap([20, 21]))
    _, n = labels.assign(ME, "types", "b", BitMap([21, 22]), expected=before)
    assert n == 1
    labels.assign(ME, "types", None, BitMap([0]))
    assert labels.assign(ME, "types", None, BitMap([0, 1]), expected=before)[1] == 1


@pytest.mark.parametrize("category", ["a", None])
def test_the_same_cells_given_something_else_since_are_refused(labels, category):
    before = revision(labels)
    labels.assign(ME, "types", "b", BitMap([5, 20]))
    with pytest.raises(Conflict) as raised:
        labels.assign(ME, "types", category, BitMap([5, 20, 22]), expected=before)
    assert raised.value.current == labels.listed(ME)[0]
    assert cells(labels)["a"] == set(range(10)) - {5}


def test_a_category_that_was_deleted_since_is_not_made_anew(labels):
    before = revision(labels)
    labels.put(ME, "types", ANY, [EditedLabel("b")])
    with pytest.raises(Conflict):
        labels.assign(ME, "types", "a", BitMap([25]), create=True, expected=before)


def test_an_edit_made_before_cells_moved_is_merged(labels):
    before = revision(labels)
    labels.assign(ME, "types", "a", BitMap([25]))
    labels.put(ME, "types", before, [EditedLabel("a", color="#123456"), EditedLabel("c", was=("b",))])
    assert cells(labels) == {"a": {*range(10), 25}, "c": set(range(10, 20))}


def test_a_deletion_made_before_its_cells_grew_is_refused(labels):
    before = revision(labels)
    labels.assign(ME, "types", "a", BitMap([25]))
    with pytest.raises(Conflict):
        labels.put(ME, "types", before, [EditedLabel("b")])


def test_an_edit_made_before_another_edit_is_refused(labels):
    before = revision(labels)
    labels.put(ME, "types", before, [EditedLabel("a"), EditedLabel("b"), EditedLabel("c")])
    with pytest.raises(Conflict):
        labels.put(ME, "types", before, [EditedLabel("a"), EditedLabel("b", color="#000000")])


@pytest.mark.parametrize("expected", [10**9, 0])
def test_a_revision_that_never_was_is_refused(labels, expected):
    with pytest.raises(Conflict):
        labels.assign(ME, "types", "a", BitMap([25]), expected=expected)
    with pytest.raises(Conflict):
        labels.put(ME, "types", expected, [])
    with pytest.raises(Conflict):
        labels.delete(ME, "types", expected=expected)


def test_a_deleted_label_comes_back(labels):
    before = labels.get(ME, "types")
    gone = labels.delete(ME, "types")
    assert labels.listed(ME) == []
    labels.restore(ME, "types", before.revision)
    assert labels.get(ME, "types").categories == before.categories
    assert labels.restore(ME, "types", gone)[1] is None
    assert labels.listed(ME) == []
    assert [c.action for c in labels.revisions(ME, "types")] == [
        "restore", "restore", "delete", "assign", "assign", "create",
    ]  # fmt: skip


def test_a_label_made_under_a_deleted_name_has_its_history(labels):
    before = labels.get(ME, "types")
    labels.delete(ME, "types")
    labels.create(ME, "types", [EditedLabel("other")])
    labels.restore(ME, "types", before.revision)
    assert labels.get(ME, "types").categories == before.categories


def test_a_name_of_then_that_is_anothers_now_is_refused(labels):
    before = revision(labels)
    labels.put(ME, "types", ANY, new_name="kinds")
    labels.create(ME, "types", [])
    with pytest.raises(Conflict):
        labels.restore(ME, "kinds", before)
    with pytest.raises(Conflict):
        labels.put(ME, "kinds", ANY, new_name="types")


def test_labels_begin_from_categories(labels):
    start = [Category("x", "#0000ff", "", BitMap([1, 2])), Category("y", "", "", BitMap([3]))]
    labels.create(ME, "copy", None, start)
    assert cells(labels, "copy") == {"x": {1, 2}, "y": {3}}
    labels.create(ME, "part", [EditedLabel("z", was=("x", "y"))], start)
    assert cells(labels, "part") == {"z": {1, 2, 3}}
    with pytest.raises(BadRequest):
        labels.create(ME, "twice", None, [Category("y", cells=BitMap([7])), Category("x", cells=BitMap([7, 8]))])
    with pytest.raises(BadRequest):
        labels.create(ME, "beyond", None, [Category("y", cells=BitMap([N]))])
    assert [label.name for label in labels.listed(ME)] == ["types", "copy", "part"]


def test_users_see_their_own_alone(labels):
    assert labels.listed("you") == []
    labels.create("you", "types", [EditedLabel("mine")])
    assert cells(labels, user="you") == {"mine": set()}
    with pytest.raises(NotFound):
        labels.assign("they", "types", "a", BitMap([1]))


def test_limits_name_their_setting(tmp_path):
    settings = Settings(max_labels=1, max_label_categories=2, max_text=10)
    curation = Curation(tmp_path / "x.sqlite", settings, N)
    labels = curation.labels
    with pytest.raises(LimitExceeded, match="max_label_categories"):
        labels.create(ME, "types", [EditedLabel("a"), EditedLabel("b"), EditedLabel("c")])
    labels.create(ME, "types", [EditedLabel("a"), EditedLabel("b")])
    with pytest.raises(LimitExceeded, match="max_label_categories"):
        labels.assign(ME, "types", "c", BitMap([1]), create=True)
    with pytest.raises(LimitExceeded, match="max_labels"):
        labels.create(ME, "more", [])
    with pytest.raises(LimitExceeded, match="max_text"):
        labels.put(ME, "types", ANY, new_name="x" * 11)
    labels.delete(ME, "types")
    labels.create(ME, "more", [])
    with pytest.raises(LimitExceeded, match="max_labels"):
        labels.restore(ME, "types", 1)
    curation.close()


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "a\nb", "\ud800", ".", "..", "x/revisions", "a\u2028b"])
def test_names_that_no_path_or_file_can_hold_are_refused(labels, name):
    with pytest.raises(BadRequest):
        labels.create(ME, name, [])
    with pytest.raises(BadRequest):
        labels.put(ME, "types", ANY, new_name=name)


@pytest.mark.parametrize(
    "name", ["a/b", "../x", "<script>", "=1+1", "'; DROP TABLE things; --", "\u202eabc", "x" * 1000]
)
def test_any_other_name_is_text(labels, name):
    labels.create(ME, name, [])
    labels.assign(ME, name, "c", BitMap([4]), create=True)
    assert cells(labels, name) == {"c": {4}}


def test_nothing_is_made_where_all_is_read_only(tmp_path):
    curation = Curation(tmp_path / "x.sqlite", Settings(read_only=True), N)
    with pytest.raises(Forbidden, match="read_only"):
        curation.labels.create(ME, "types", [])
    assert curation.snapshot(ME).labels == []
    curation.close()


def test_a_million_random_cells_take_kilobytes(tmp_path):
    n = 1_000_000
    curation = Curation(tmp_path / "x.sqlite", Settings(), n)
    curation.labels.create(ME, "all", [EditedLabel("a")])
    curation.labels.assign(ME, "all", "a", BitMap(range(n)))
    some = BitMap(np.random.default_rng(1).choice(n, 20_000, replace=False).tolist())
    curation.labels.assign(ME, "all", "b", some, create=True)
    curation.close()
    # a bit for each cell of one category, two bytes for each of the other, twice: standing and to undo
    assert (tmp_path / "x.sqlite").stat().st_size < 400_000
