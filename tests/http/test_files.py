"""What users make as files: taken away, brought back, kept current in a folder, and what ends a viewer."""

from __future__ import annotations

import io
import json
import shutil
import time

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from starcyte.web.monitoring.idle import IdleClock

N = 40
T, B = [0, 3, 5, 39], [1, 2]
# what may be a name, and must not be taken for anything else
HOSTILE = ["=1+1", "a,b", "../../etc/passwd", "<b>x</b>", "@SUM(A1)", '"quoted"', "it's", "é😀"]


@pytest.fixture
def page(serve, small_file, tmp_path):
    return serve(small_file, data_dir=str(tmp_path / "data"))


@pytest.fixture
def made(page):
    """A page on which an annotation, a set and a view were made."""
    make(page)
    return page


def make(page, name="type of cell"):
    page.open(f"annotations/{name}", method="PUT", json={"labels": [{"name": "T", "color": "#ff0000", "note": "?"}]})
    page.post(f"annotations/{name}/assign", {"label": "T", "selection": {"indices": T}})
    page.post(f"annotations/{name}/assign", {"label": "B", "selection": {"indices": B}, "create": True})
    page.open("genesets/s", method="PUT", json={"genes": ["CD3D", "a,b", "none"], "description": "of T"})
    page.open("views/v", method="PUT", json={"x": 1, "thumbnail": "data:image/png;base64,AAAA"})
    page.open("results/r", method="PUT", json={"genes": [{"gene": "CD3D", "score": 1.5}]})


def cells_of(page, name):
    """Return the cells of each label."""
    values = page.json(f"annotations/{name}")["columns"][0]["values"]
    return {v: [i for i, w in enumerate(values) if v == w] for v in dict.fromkeys(values) if v is not None}


def all_of(page):
    annotations = [
        {k: v for k, v in x.items() if k not in {"revision", "time"}} for x in page.json("annotations")["annotations"]
    ]
    sets = [(g["name"], g["genes"], g["description"]) for g in page.json("genesets")["genesets"]]
    views = [(v["name"], v["thumbnail"], page.json("views/" + v["name"])) for v in page.json("views")["views"]]
    results = [(r["name"], page.json("results/" + r["name"])) for r in page.json("results")["results"]]
    return annotations, [cells_of(page, x["name"]) for x in annotations], sets, views, results


def bring(page, what, text, **query):
    data = text.encode() if isinstance(text, str) else text
    return page.open(f"import/{what}", method="POST", data=data, content_type="text/csv", query_string=query)


@pytest.mark.parametrize(("ending", "separator"), [("csv", ","), ("tsv", "\t"), ("tabular", "\t")])
def test_annotations_are_a_table_of_all_cells(made, ending, separator):
    made.open("annotations/other", method="PUT", json={"labels": []})
    response = made.get(f"export/annotations.{ending}")
    assert response.headers["Content-Disposition"] == f'attachment; filename="small_annotations.{ending}"'
    table = pd.read_csv(io.StringIO(response.text), sep=separator, index_col=0)
    assert list(table.columns) == ["type of cell", "other"]
    assert list(table.index) == made.json("cells?rows=" + ",".join(map(str, range(N))))["names"]
    assert [i for i, v in enumerate(table["type of cell"]) if v == "T"] == T
    assert table["type of cell"].isna().sum() == N - len(T) - len(B)
    one = made.get(f"export/annotations.{ending}?name=other").text
    assert one.split("\n", 1)[0] == f"cell{separator}other"


def test_missing_annotations_are_not_exported(made, refused):
    refused(made.get("export/annotations.csv?name=none"), 404)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_exported_and_imported_as_text(made, serve, small_file, tmp_path, name):
    made.open("genesets/" + "x", method="PUT", json={"genes": ["CD3D"]})
    path = "annotations/" + "".join(f"%{byte:02x}" for byte in name.encode())
    made.open(path, method="PUT", json={"labels": [{"name": name}]})
    made.post(f"{path}/assign", {"label": name, "selection": {"indices": T}})
    other = serve(small_file, data_dir=str(tmp_path / "other"))
    for kind, file in (("session", "session.json"), ("annotations", "annotations.csv")):
        assert bring(other, kind, made.get(f"export/{file}").data).status_code == 200
    assert [x["name"] for x in other.json("annotations")["annotations"]] == ["type of cell", name]
    assert cells_of(other, path.removeprefix("annotations/")) == {name: T}
    header = made.get("export/annotations.csv").text.split("\n", 1)[0]
    assert not any(field.lstrip('"').startswith(tuple("=+-@")) for field in header.split(","))


def test_a_session_opens_on_another_server_with_all_that_was_made(made, serve, small_file, tmp_path):
    other = serve(small_file, data_dir=str(tmp_path / "other"))
    answer = bring(other, "session", made.get("export/session.json").data).json
    assert [x["name"] for x in answer["annotations"]] == ["type of cell"]
    assert ([g["name"] for g in answer["genesets"]], answer["views"], answer["results"]) == (["s"], ["v"], ["r"])
    assert answer["unmatched"] == answer["duplicated"] == 0
    assert all_of(other) == all_of(made)
    # a second time there is nothing new
    before = other.json("annotations")["revision"]
    assert bring(other, "session", made.get("export/session.json").data).status_code == 200
    assert other.json("annotations")["revision"] == before


def test_annotations_are_matched_by_name_and_unmatched_cells_counted(page):
    text = "cell,mine\nnobody,T\nc39,B\nc0,T\n"
    names = page.json("cells?rows=0,39")["names"]
    answer = bring(page, "annotations", text.replace("c39", names[1]).replace("c0", names[0])).json
    assert (answer["matched"], answer["unmatched"], answer["examples"]) == (2, 1, ["nobody"])
    assert cells_of(page, "mine") == {"T": [0], "B": [39]}
    assert page.json("annotations/mine/revisions")["revisions"][0]["action"] == "import"


def table_with_barcodes(page):
    """A table of columns of which one has the names; a measurement is beside the labels."""
    names = page.json("cells?rows=" + ",".join(map(str, range(N))))["names"]
    score = [k * 0.37 for k in range(N)]
    return pd.DataFrame({"score": score, "barcode": names, "type": ["T" if k % 2 else "B" for k in range(N)]})


def test_a_table_is_previewed_before_anything_is_imported(page, refused):
    table = table_with_barcodes(page)
    text = table.to_csv(index=False) + "0,nobody,B\n"
    before = page.json("annotations")
    answer = bring(page, "annotations/preview", text).json
    assert (answer["titles"], answer["cells"], answer["rows"]) == (list(table), "barcode", N + 1)
    assert (answer["matched"], answer["by"], answer["unmatched"]) == (N, {"name": N}, 1)
    assert (answer["examples"], answer["own"]) == (["nobody"], table["barcode"].tolist()[:5])
    score, kind = answer["columns"]
    assert (score["kind"], score["problem"]) == ("numbers", "numbers, not labels")
    assert kind == {"name": "type", "kind": "labels", "n": 2, "more": False, "examples": ["B", "T"], "problem": ""}
    assert page.json("annotations") == before
    none = bring(page, "annotations/preview", text, cells="type").json
    assert (none["cells"], none["matched"], none["unmatched"]) == ("type", 0, N + 1)
    assert "no column 'x'" in refused(bring(page, "annotations/preview", text, cells="x"), 400)["message"]


def test_the_chosen_columns_of_a_table_are_imported(page, refused):
    table = table_with_barcodes(page).assign(other="x")
    text = table.to_csv(index=False)
    answer = bring(page, "annotations", text, columns="type", cells="barcode").json
    assert [x["name"] for x in answer["annotations"]] == ["type"]
    assert (answer["matched"], answer["by"], answer["left_out"]) == (N, {"name": N}, [])
    assert cells_of(page, "type") == {v: table.index[table["type"] == v].tolist() for v in ("B", "T")}
    answer = bring(page, "annotations", text).json
    assert [x["name"] for x in answer["annotations"]] == ["type", "other"]
    assert answer["left_out"] == [{"name": "score", "reason": "numbers, not labels"}]
    refused(bring(page, "annotations", text, columns="none"), 400)


def test_a_preview_has_the_limits_of_an_import(serve, small_file, tmp_path, refused):
    page = serve(small_file, data_dir=str(tmp_path / "data"), max_import_bytes=1000, max_import_lines=5)
    assert "max_import_bytes" in refused(bring(page, "annotations/preview", "x" * 1001), 413)["message"]
    assert "max_import_lines" in refused(bring(page, "annotations/preview", "a,b\n" * 6), 413)["message"]


def test_a_file_of_other_cells_is_refused(page, refused):
    error = refused(bring(page, "annotations", "cell,mine\nnobody,T\n"), 400)
    assert "'nobody'" in error["message"]
    assert page.json("annotations")["annotations"] == []


def test_an_import_overwrites_nothing(made):
    table = made.get("export/annotations.csv").data
    assert [x["name"] for x in bring(made, "annotations", table).json["annotations"]] == ["type of cell"]
    before = cells_of(made, "type of cell")
    made.post("annotations/type of cell/assign", {"label": "B", "selection": {"indices": [7]}})
    assert [x["name"] for x in bring(made, "annotations", table).json["annotations"]] == ["type of cell (2)"]
    assert cells_of(made, "type of cell (2)") == before
    assert cells_of(made, "type of cell") == before | {"B": [*B, 7]}
    sets = "gene_set_name,gene_symbol\ns,CD3D\nt,MS4A1\n"
    answer = bring(made, "genesets", sets).json
    assert [g["name"] for g in answer["genesets"]] == ["s (2)", "t"]
    assert answer["missing"] == {"s (2)": [], "t": []}


def test_a_file_is_imported_as_a_whole_or_not_at_all(serve, small_file, tmp_path, refused):
    page = serve(small_file, data_dir=str(tmp_path / "data"), max_annotations=2)
    names = page.json("cells?rows=0")["names"]
    error = refused(bring(page, "annotations", f"cell,a,b,c\n{names[0]},x,y,z\n"), 413)
    assert "max_annotations" in error["message"]
    assert page.json("annotations") == {"annotations": [], "revision": 0}
    assert [x["name"] for x in bring(page, "annotations", f"cell,a,b\n{names[0]},x,y\n").json["annotations"]] == [
        "a",
        "b",
    ]


def test_files_may_be_larger_than_other_requests(serve, small_file, tmp_path, refused):
    page = serve(small_file, data_dir=str(tmp_path / "data"), max_body_bytes=100, max_import_bytes=1000)
    names = page.json("cells?rows=0")["names"]
    assert bring(page, "annotations", f"cell,a\n{names[0]},{'x' * 200}\n").status_code == 200
    error = refused(bring(page, "annotations", "x" * 1001), 413)
    assert "max_import_bytes" in error["message"]
    error = refused(page.open("annotations/x", method="PUT", json={"labels": [{"name": "x" * 200}]}), 413)
    assert "max_body_bytes" in error["message"]


def test_gene_sets_are_exported_and_imported(made, serve, small_file, tmp_path):
    assert made.get("export/genesets.gmt").text == "s\tof T\tCD3D\ta,b\tnone\n"
    for k, ending in enumerate(("gmt", "csv")):
        other = serve(small_file, data_dir=str(tmp_path / f"other{k}"))
        answer = bring(other, "genesets", made.get(f"export/genesets.{ending}").data).json
        assert answer["missing"] == {"s": ["none"]}
        assert [(g["genes"], g["description"]) for g in answer["genesets"]] == [(["CD3D", "a,b", "none"], "of T")]
    assert bring(made, "genesets", "CD3D\nMS4A1", name="mine").json["genesets"][0]["name"] == "mine"


def new_file(page, body=None):
    """Have a new h5ad made, and return the answer."""
    answer = page.post("export/h5ad", body or {})
    while answer.status_code == 202:
        time.sleep(0.05)
        answer = page.get("jobs/" + answer.json["job"]["id"])
        if answer.status_code == 200 and answer.json["job"]["state"] in {"queued", "running"}:
            answer.status_code = 202
    assert answer.status_code == 200, answer.text
    return answer.json.get("result", answer.json)


def test_an_exported_h5ad_has_the_annotations_as_columns(made, small_file, tmp_path):
    answer = new_file(made)
    assert answer["file"] == "small_annotated.h5ad"
    response = made.get(answer["download"])
    assert len(response.data) == answer["bytes"]
    assert response.headers["Content-Disposition"] == "attachment; filename=small_annotated.h5ad"
    (tmp_path / "new.h5ad").write_bytes(response.data)
    # HDF5 opens a file with a lock only where it is not open without one
    old, new = ad.read_h5ad(shutil.copy(small_file, tmp_path / "old.h5ad")), ad.read_h5ad(tmp_path / "new.h5ad")
    assert (old.X != new.X).nnz == 0
    assert [i for i, v in enumerate(new.obs["type of cell"]) if v == "T"] == T
    assert list(new.obs["type of cell"].cat.categories) == ["T", "B"]
    assert new.uns["type of cell_colors"][0] == "#ff0000"
    assert new.uns["starcyte"]["source"] == "small.h5ad"
    # the same again is not made again, until something changes or it is gone
    assert new_file(made)["download"] == answer["download"]
    made.post("annotations/type of cell/assign", {"label": "B", "selection": {"indices": [7]}})
    again = new_file(made)
    assert again["download"] != answer["download"]
    assert made.get(answer["download"]).status_code == 404
    assert made.get(again["download"]).status_code == 200


def test_an_exported_h5ad_may_have_some_of_the_cells(made, page, small_file, tmp_path, refused):
    rows = [*range(3, 11), 30]
    answer = new_file(made, {"selection": {"indices": rows}})
    assert answer["notes"] == []
    (tmp_path / "new.h5ad").write_bytes(made.get(answer["download"]).data)
    old, new = ad.read_h5ad(shutil.copy(small_file, tmp_path / "old.h5ad")), ad.read_h5ad(tmp_path / "new.h5ad")
    assert list(new.obs_names) == list(old.obs_names[rows])
    for was, now in ((old.X, new.X), (old.raw.X, new.raw.X), (old.layers["counts"], new.layers["counts"])):
        assert (was[rows] != now).sum() == 0
    np.testing.assert_array_equal(new.obsm["X_umap"], old.obsm["X_umap"][rows])
    assert [i for i, v in zip(rows, new.obs["type of cell"], strict=True) if v == "T"] == [i for i in T if i in rows]
    assert new.uns["starcyte"]["cells"] == f"{len(rows)} of {old.n_obs}"
    # without annotations as well
    assert new_file(page, {"selection": {"where": [{"column": "type", "in": ["B cell"]}]}})["bytes"] > 0
    refused(page.post("export/h5ad", {"selection": {"indices": []}}), 400)


def test_without_annotations_no_h5ad_is_exported(page, refused):
    refused(page.post("export/h5ad", {}), 400)


def test_an_exported_h5ad_is_private_and_removed_with_the_server(serve, small_file, tmp_path, monkeypatch, refused):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    settings = {"data_dir": str(tmp_path / "data"), "user_header": "X-User", "trusted_proxies": "203.0.113.9"}
    page = serve(small_file, **settings)
    ann, bob = {"headers": {"X-User": "ann"}}, {"headers": {"X-User": "bob"}}
    page.open("annotations/mine", method="PUT", json={"labels": [{"name": "T"}]}, **ann)
    answer = page.post("export/h5ad", {}, **ann)
    while answer.status_code == 202:
        answer = page.post("export/h5ad", {}, **ann)
    assert page.get(answer.json["download"], **ann).status_code == 200
    refused(page.get(answer.json["download"], **bob), 404)
    assert list((tmp_path / "cache").rglob(answer.json["download"].rpartition("/")[2]))
    page.app.extensions["starcyte"].close()
    assert not list((tmp_path / "cache").rglob("downloads/*"))


@pytest.fixture
def saving(serve, small_file, tmp_path):
    return serve(small_file, data_dir=str(tmp_path / "data"), outputs_dir=str(tmp_path / "saved"), allow_finish=True)


def test_the_outputs_folder_has_all_files(saving, tmp_path):
    saving.json("schema")
    make(saving)
    saved = tmp_path / "saved"
    wanted = {"annotations.tabular", "gene_sets.gmt", "r.tabular", "session.json"}
    end = time.monotonic() + 30
    while {p.name for p in saved.glob("*")} != wanted and time.monotonic() < end:
        time.sleep(0.05)
    ended = []
    saving.app.extensions["starcyte"].on_end = ended.append
    assert saving.post("finish", {"key": saving.json("schema")["finish_key"]}).json == {"state": "finished"}
    assert {p.name for p in saved.iterdir()} == wanted
    assert saved.joinpath("annotations.tabular").read_bytes() == saving.get("export/annotations.tabular").data
    session = json.loads(saved.joinpath("session.json").read_text())
    assert session["revision"] == saving.json("annotations")["revision"]
    while not ended:
        time.sleep(0.05)
    assert ended == ["finished by its user"]


def test_a_new_h5ad_lands_in_the_outputs_folder(saving, tmp_path):
    make(saving)
    answer = new_file(saving)
    data = saving.get(answer["download"]).data
    assert (tmp_path / "saved" / "small_annotated.h5ad").read_bytes() == data


def test_a_viewer_that_cannot_save_does_not_end(serve, small_file, tmp_path, refused):
    (tmp_path / "file").touch()
    page = serve(
        small_file, data_dir=str(tmp_path / "data"), outputs_dir=str(tmp_path / "file" / "saved"), allow_finish=True
    )
    page.app.extensions["starcyte"].on_end = lambda reason: pytest.fail(reason)
    make(page)
    error = refused(page.post("finish", {"key": page.json("schema")["finish_key"]}), 503, "storage_unusable")
    assert "cannot be written" in error["message"]
    assert "cannot be written" in page.json("health")["problems"][0]
    assert cells_of(page, "type of cell") == {"T": T, "B": B}


def test_only_where_it_is_allowed_a_page_ends_the_viewer(page, refused):
    refused(page.post("finish", {"key": page.json("schema")["finish_key"]}), 403)


def test_a_session_file_is_imported_once(made, serve, small_file, tmp_path):
    file = tmp_path / "session.json"
    file.write_bytes(made.get("export/session.json").data)
    settings = {"data_dir": str(tmp_path / "next"), "session_file": str(file)}
    page = serve(small_file, **settings)
    assert all_of(page) == all_of(made)
    assert "problems" not in page.json("health")
    page.open("annotations/type of cell", method="DELETE")
    # as after a restart: what the user has deleted stays deleted
    assert serve(small_file, **settings).json("annotations")["annotations"] == []
    looking = serve(small_file, **settings | {"data_dir": str(tmp_path / "looking"), "read_only": True})
    assert all_of(looking) == all_of(made)


@pytest.mark.parametrize("content", [b"", b"{", b'{"format": "starcyte session", "version": 99}', None])
def test_an_invalid_session_file_is_reported_and_ignored(serve, small_file, tmp_path, content):
    file = tmp_path / "session.json"
    if content is not None:
        file.write_bytes(content)
    page = serve(small_file, data_dir=str(tmp_path / "data"), session_file=str(file))
    make(page)
    (problem,) = page.json("health")["problems"]
    assert problem.startswith("The session file was not imported: ")


def test_the_idle_time_is_answered_and_reset_by_use(page):
    context = page.app.extensions["starcyte"]
    assert page.post("keep", {}).json == {"idle": None}
    assert "idle" not in page.json("health")
    context.idle = IdleClock(1000, lambda: None)
    context.idle._used -= 400
    left = page.json("health")["idle"]["left"]
    assert 0 < left <= 600
    assert page.post("keep", {}).json["idle"]["timeout"] == 1000
    assert page.json("health")["idle"]["left"] > 600
    context.idle._used -= 400
    page.json("changes?since=0")
    assert page.json("health")["idle"]["left"] <= 600
    page.json("schema")
    assert page.json("health")["idle"]["left"] > 600


def test_the_idle_clock_ends_the_server_and_stops_while_it_is_busy():
    ended, busy = [], [True]
    clock = IdleClock(0.2, lambda: ended.append(time.monotonic()), lambda: busy[0])
    time.sleep(0.6)
    assert not ended
    busy[0] = False
    while not ended:
        time.sleep(0.02)
    assert clock.left == 0


def test_an_invalid_table_is_reported(page, refused):
    for text in (b"", b"\xff\xfe\x00", b"cell\n", b"cell,t\n", b"cell,t\nx\n", b"{}", b"[1]"):
        assert bring(page, "annotations", text).status_code == 400, text
    for text in (b"", b"{}", b"[]", b"x" * 10):
        refused(bring(page, "session", text), 400)
    assert page.json("annotations")["annotations"] == []


def test_gene_sets_are_not_imported_if_saving_them_is_disabled(serve, small_file, made, tmp_path, refused):
    page = serve(small_file, data_dir=str(tmp_path / "other"), disable_gene_sets_save=True)
    refused(bring(page, "genesets", "gene_set_name,gene_symbol\ns,CD3D\n"), 403)
    refused(bring(page, "session", made.get("export/session.json").data), 403)
    assert page.json("annotations")["annotations"] == []
