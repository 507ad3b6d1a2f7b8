"""A data folder that fails: the page is told, and all but annotations goes on."""

from __future__ import annotations

import time

CELLS = {"ranges": [[0, 10]]}


def test_a_full_disk_is_reported_and_saved_changes_stay(serve, small_file, mounted, refused):
    page = serve(small_file, data_dir=str(mounted("size=512k")))
    page.open("annotations/mine", method="PUT", json={"labels": [{"name": "T"}]})
    page.post("annotations/mine/assign", {"label": "T", "selection": CELLS})
    annotations = page.json("annotations")
    answers = []
    for i in range(100):
        answers.append(page.open(f"views/v{i}", method="PUT", json={"x": "y" * 20_000}))
        if answers[-1].status_code != 201:
            break
    error = refused(answers[-1], 507, "storage_full")
    assert "is full" in error["message"]
    assert [v["name"] for v in page.json("views")["views"]] == [f"v{i}" for i in range(len(answers) - 1)]
    refused(page.open("views/more", method="PUT", json={"x": "y" * 50_000}), 507)
    assert page.json("annotations")["annotations"] == annotations["annotations"]
    assert page.json("obs/type")["n"] == 40


def test_a_folder_that_cannot_be_written_is_reported(serve, small_file, mounted, refused):
    page = serve(small_file, data_dir=str(mounted("ro")))
    assert page.json("schema")["features"]["annotations"] is False
    (problem,) = page.json("health")["problems"]
    assert "cannot be written" in problem
    assert "--data-dir" in problem
    refused(page.open("annotations/mine", method="PUT", json={"labels": []}), 503, "storage_unusable")
    assert page.json("obs/type")["n"] == 40
    quiet = serve(small_file, data_dir=str(mounted("ro")), read_only=True)
    assert quiet.json("schema")["features"]["annotations"] is False
    assert "problems" not in quiet.json("health")
    refused(quiet.get("annotations"), 403)


def test_a_full_outputs_folder_is_reported_keeps_complete_files_and_is_filled_later(
    serve, small_file, mounted, tmp_path
):
    folder = mounted("size=128k")
    page = serve(small_file, data_dir=str(tmp_path / "data"), outputs_dir=str(folder / "saved"))
    page.open("annotations/mine", method="PUT", json={"labels": [{"name": "T"}]})
    autosave = page.app.extensions["starcyte"].autosave
    assert autosave.flush(60)
    before = {p.name: p.read_bytes() for p in (folder / "saved").iterdir()}
    assert set(before) == {"annotations.tabular", "session.json"}
    view = {"x": "y" * 150_000}
    assert page.open("views/large", method="PUT", json=view).status_code == 201
    assert not autosave.flush(60)
    (problem,) = page.json("health")["problems"]
    assert "No space left on device" in problem
    assert {p.name: p.read_bytes() for p in (folder / "saved").iterdir()} == before
    assert page.json("views/large") == view
    page.open("views/large", method="DELETE")
    assert autosave.flush(60)
    assert "problems" not in page.json("health")
    assert (folder / "saved" / "session.json").read_bytes() != before["session.json"]


def test_an_outputs_folder_that_cannot_be_written_is_reported(serve, small_file, mounted, tmp_path):
    page = serve(small_file, data_dir=str(tmp_path / "data"), outputs_dir=str(mounted("ro") / "saved"))
    page.open("annotations/mine", method="PUT", json={"labels": [{"name": "T"}]})
    end = time.monotonic() + 60
    while "problems" not in page.json("health") and time.monotonic() < end:
        time.sleep(0.05)
    assert "Read-only file system" in page.json("health")["problems"][0]
    assert [x["name"] for x in page.json("annotations")["annotations"]] == ["mine"]
