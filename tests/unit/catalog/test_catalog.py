"""The datasets of a catalog: found by content, only below its folder, with constant ids."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starcyte.catalog.catalog import Catalog
from starcyte.catalog.config import read_config
from starcyte.catalog.entry import id_of
from starcyte.errors import InputError
from starcyte.settings import Settings

pytestmark = pytest.mark.slow

HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(100)


def put(path: Path, content: bytes = HDF5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def places(catalog: Catalog) -> list[str]:
    return sorted(entry.place for entry in catalog.scan().values())


def scan(given: Path, **settings) -> Catalog:
    return Catalog(str(given), Settings(**settings))


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda name: not name.startswith(".") and len(name.encode()) < 100
)
KINDS = st.sampled_from(["hdf5", "text", "empty", "block", "hidden"])


@given(st.lists(st.tuples(st.lists(NAMES, max_size=2), NAMES, KINDS), max_size=12))
def test_finds_hdf5_files_and_files_named_h5ad_only(tmp_path_factory, files):
    root = tmp_path_factory.mktemp("tree")
    wanted = set()
    for folders, name, kind in files:
        path = root.joinpath(*folders, f".{name}" if kind == "hidden" else name)
        try:
            put(path, {"text": b"text", "empty": b"", "block": bytes(512) + HDF5}.get(kind, HDF5))
        except OSError:  # a file where a folder should be, or the other way round
            continue
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if not f.startswith(".")]
        for name in names:
            content = Path(folder, name).read_bytes()
            if not name.startswith(".") and (b"\x89HDF" in content or name.lower().endswith(".h5ad")):
                wanted.add(Path(folder, name).relative_to(root).as_posix())
    found = scan(root).scan()
    assert {entry.place for entry in found.values()} == wanted
    assert len(found) == len(wanted)
    for key, entry in found.items():
        assert key == entry.id == id_of(entry.place)
        assert re.fullmatch("[a-z0-9][a-z0-9-]*", key)
        assert (entry.problem is None) == (b"\x89HDF" in entry.path.read_bytes())


def test_an_id_does_not_depend_on_other_files(tmp_path):
    put(tmp_path / "a" / "cells.h5ad")
    catalog = scan(tmp_path)
    (before,) = catalog.scan()
    put(tmp_path / "b" / "cells.h5ad")
    put(tmp_path / "a" / "Cells.h5ad")
    after = catalog.scan()
    assert before in after
    assert len(after) == 3
    moved = tmp_path.with_name("moved")
    shutil.move(tmp_path, moved)
    assert before in scan(moved).scan()


@pytest.mark.parametrize(
    "place", ["../../etc/passwd", "a b/ü?#%2F", "", "/", "." * 300, "-", "日本.h5ad", "a\nb", "\udcff"]
)
def test_an_id_is_safe_in_an_address(place):
    assert re.fullmatch("[a-z0-9][a-z0-9-]{0,79}", id_of(place))


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    outside = put(tmp_path / "outside" / "secret.h5ad")
    root = tmp_path / "root"
    inside = put(root / "inside.h5ad")
    (root / "file.h5ad").symlink_to(outside)
    (root / "folder").symlink_to(outside.parent)
    (root / "up").symlink_to(tmp_path)
    (root / "broken.h5ad").symlink_to(tmp_path / "nothing")
    (root / "loop").symlink_to(root / "loop")
    (root / "again.h5ad").symlink_to(inside)
    catalog = scan(root)
    assert places(catalog) == ["again.h5ad", "inside.h5ad"]
    assert catalog.n_refused_links >= 4


def test_a_file_that_becomes_a_link_to_the_outside_is_no_longer_current(tmp_path):
    outside = put(tmp_path / "secret.h5ad")
    path = put(tmp_path / "root" / "cells.h5ad")
    (entry,) = scan(tmp_path / "root").scan().values()
    assert entry.is_current()
    os.utime(outside, ns=(entry.state.changed, entry.state.changed))
    path.unlink()
    path.symlink_to(outside)
    assert not entry.is_current()


def test_a_folder_that_becomes_a_link_to_the_outside_is_no_longer_current(tmp_path):
    put(tmp_path / "root" / "in" / "cells.h5ad")
    (entry,) = scan(tmp_path / "root").scan().values()
    (tmp_path / "root" / "in").rename(tmp_path / "out")
    (tmp_path / "root" / "in").symlink_to(tmp_path / "out")
    # the very same file, and yet not below the folder any more
    assert not entry.is_current()


def test_changes_are_seen_and_nothing_is_opened_twice(tmp_path, monkeypatch):
    looked: list[str] = []
    from starcyte.catalog import scan as scanning

    check = scanning.detect_format
    monkeypatch.setattr(scanning, "detect_format", lambda path: (looked.append(path.name), check(path))[1])
    put(tmp_path / "a.h5ad")
    path = put(tmp_path / "b.dat")
    put(tmp_path / "notes.txt", b"text")
    catalog = scan(tmp_path)
    assert places(catalog) == ["a.h5ad", "b.dat"]
    assert places(catalog) == ["a.h5ad", "b.dat"]
    assert sorted(looked) == ["a.h5ad", "b.dat", "notes.txt"]
    path.write_bytes(b"text now")
    put(tmp_path / "c")
    assert places(catalog) == ["a.h5ad", "c"]
    assert sorted(looked[3:]) == ["b.dat", "c"]


def test_no_more_than_the_limit_are_listed(tmp_path):
    for i in range(5):
        put(tmp_path / f"{i}.h5ad")
    catalog = scan(tmp_path, max_datasets=3)
    assert places(catalog) == ["0.h5ad", "1.h5ad", "2.h5ad"]
    assert "max_datasets" in catalog.notes[0]


def write(path: Path, said) -> Path:
    # JSON is YAML
    path.write_text(said if isinstance(said, str) else json.dumps(said))
    return path


def test_metadata_of_folders_and_datasets(tmp_path):
    put(tmp_path / "a.h5ad")
    put(tmp_path / "in" / "b.h5ad")
    put(tmp_path / "in" / "deep" / "c.h5ad")
    (tmp_path / "a.md").write_text("# beside")
    write(
        tmp_path / "catalog.yml",
        {
            "title": "All",
            "description": "top",
            "settings": {"color_by": "x", "read_only": True},
            "roles": {"*": "read", "ann": "admin"},
            "datasets": [{"path": "in/b.h5ad", "id": "b", "title": "<b>", "roles": {"bob": "annotate"}}],
        },
    )
    write(tmp_path / "in" / "catalog.yml", {"settings": {"color_by": "y"}, "roles": {"*": "none"}})
    catalog = scan(tmp_path)
    found = {entry.place: entry for entry in catalog.scan().values()}
    assert (catalog.title, catalog.metadata.description) == ("All", "top")
    a, b, c = (found[place] for place in ("a.h5ad", "in/b.h5ad", "in/deep/c.h5ad"))
    assert (a.title, a.description, b.title, b.id) == ("", "# beside", "<b>", "b")
    assert a.settings == {"color_by": "x", "read_only": True}
    assert b.settings == c.settings == {"color_by": "y", "read_only": True}
    assert a.roles == {"*": "read", "ann": "admin"}
    assert c.roles == {"*": "none", "ann": "admin"}
    assert b.roles["bob"] == "annotate"


def test_the_configuration_nearest_to_a_dataset_has_precedence(tmp_path):
    put(tmp_path / "in" / "b.h5ad")
    write(tmp_path / "catalog.yml", {"datasets": [{"path": "in/b.h5ad", "title": "far", "roles": {"*": "none"}}]})
    write(tmp_path / "in" / "catalog.yml", {"datasets": [{"path": "b.h5ad", "title": "near"}]})
    (entry,) = scan(tmp_path).scan().values()
    assert entry.title == "near"
    assert entry.roles == {"*": "none"}


@pytest.mark.parametrize(
    "said",
    [
        "roles: {bob: owner}",
        "datasets: [{path: ../../outside.h5ad}]",
        "datasets: [{path: /etc/passwd}]",
        "datasets: [{url: 'https://example.org/a.h5ad'}]",
        "{",
        "a: &a [*a, *a]",
        "settings: {port: 80}",
        "settings: {data_dir: /etc}",
        "- 1",
        "title: [1]",
    ],
)
def test_an_invalid_configuration_hides_the_datasets_of_its_folder(tmp_path, said):
    put(tmp_path / "in" / "b.h5ad")
    put(tmp_path / "a.h5ad")
    write(tmp_path / "in" / "catalog.yml", said)
    catalog = scan(tmp_path)
    found = {entry.place: entry for entry in catalog.scan().values()}
    assert found["a.h5ad"].problem is None
    assert found["a.h5ad"].roles is None
    assert found["in/b.h5ad"].roles == {"*": "none"}
    assert isinstance(found["in/b.h5ad"].problem, InputError)
    assert len(catalog.notes) == 1


def test_the_operators_own_file_may_list_datasets_anywhere(tmp_path):
    outside = put(tmp_path / "elsewhere" / "dataset_1.dat")
    put(tmp_path / "served" / "more" / "m.h5ad")
    title = "'any': \"text\" #<b>é\u202e & \\n {x}"
    given = write(
        tmp_path / "served" / "catalog.yml",
        {
            "datasets": [
                {"path": str(outside), "title": title, "id": "one"},
                {"path": "missing.h5ad"},
                {"url": "https://example.org/far.h5ad?X-Key=secret", "settings": {"embedding": ["X_umap", "X_pca"]}},
                {"folder": "more", "settings": {"color_by": "z"}},
                {"path": str(outside), "title": "the same again"},
            ]
        },
    )
    found = scan(given).scan()
    assert len(found) == 4
    by_place = {entry.place: entry for entry in found.values()}
    assert by_place["dataset_1.dat"].path == outside
    # folded into one printable line, and otherwise as it was
    assert by_place["dataset_1.dat"].title == title.replace("\u202e", "")
    assert by_place["missing.h5ad"].problem.code == "dataset_missing"
    assert str(tmp_path) not in by_place["missing.h5ad"].problem.message
    assert by_place["m.h5ad"].settings == {"color_by": "z"}
    far = by_place["https://example.org/far.h5ad"]
    assert far.settings == {"embedding": ("X_umap", "X_pca")}
    assert "secret" not in far.place + far.id


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("datasets: {a: 1}", "list"),
        ("datasets: [{title: x}]", "path"),
        ("datasets: [{path: a, url: b}]", "one of"),
        ("datasets: [{path: a, id: 'a/b'}]", "id"),
        ("datasets: [{path: a, id: x}, {path: b, id: x}]", "'x'"),
        ("datasets: [{path: a, settings: {color_by: {b: c}}}]", "color_by"),
        ("datasets: [{path: a, surprise: 1}]", "surprise"),
        ("title: 'open", "YAML"),
        ("!!python/object/apply:os.system ['true']", "YAML"),
    ],
)
def test_an_invalid_configuration_of_the_operator_is_an_error(tmp_path, said, word):
    given = write(tmp_path / "catalog.yml", said)
    with pytest.raises(InputError, match=re.escape(word)) as caught:
        scan(given).scan()
    assert caught.value.exit_status == 2
    assert "\n" not in str(caught.value)


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_other_content_is_an_input_error(tmp_path_factory, said):
    path = tmp_path_factory.mktemp("said") / "catalog.yml"
    path.write_bytes(said if isinstance(said, bytes) else said.encode("utf-8", "surrogatepass"))
    try:
        read_config(path)
    except InputError as error:
        assert len(str(error)) < 1200


def test_exponentially_growing_yaml_is_refused(tmp_path):
    lines = ['a: &a ["x"]'] + [
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefghi", "bcdefghij", strict=True)
    ]
    with pytest.raises(InputError):
        read_config(write(tmp_path / "catalog.yml", "\n".join(lines)))


@pytest.mark.parametrize("kind", ["missing", "hdf5", "scheme"])
def test_a_source_that_is_not_a_catalog_is_refused(tmp_path, kind):
    given = {"missing": str(tmp_path / "no"), "hdf5": str(put(tmp_path / "a.h5ad")), "scheme": "ftp://example.org/x"}
    with pytest.raises(InputError):
        Catalog(given[kind], Settings())


def test_a_description_is_limited_and_not_read_through_a_link(tmp_path):
    root = tmp_path / "root"
    put(root / "a.h5ad")
    put(root / "b.h5ad")
    (root / "a.md").write_text("x" * 1000)
    (tmp_path / "secret.md").write_text("secret")
    (root / "b.md").symlink_to(tmp_path / "secret.md")
    found = {entry.place: entry.description for entry in scan(root, max_description=100).scan().values()}
    assert found == {"a.h5ad": "x" * 100, "b.h5ad": ""}


def test_what_is_meant_as_a_dataset_and_not_read_is_a_broken_entry(tmp_path):
    put(tmp_path / "cells.h5ad", b"<!doctype html><title>Log in</title>")
    put(tmp_path / "more.h5ad.gz", gzip.compress(HDF5))
    put(tmp_path / "README.md", b"Some text")
    put(tmp_path / "seurat.rds", b"X\n\0\0\0\3")
    found = {entry.place: str(entry.problem) for entry in scan(tmp_path).scan().values()}
    assert list(found) == ["cells.h5ad", "more.h5ad.gz"]
    assert "is not read: it is a web page (HTML)" in found["cells.h5ad"]
    assert "Unpack it: gunzip -k more.h5ad.gz" in found["more.h5ad.gz"]
