"""Annotations over HTTP: what a page and a script can do with them, and what they are told."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

N = 40
CELLS = {"ranges": [[0, 10]]}


@pytest.fixture
def page(serve, small_file, tmp_path):
    """A client of an application with a data folder of its own."""
    return serve(small_file, data_dir=str(tmp_path / "data"))


def make(page, name="mine", **body):
    response = page.open(f"annotations/{name}", method="PUT", json={"labels": []} | body)
    assert response.status_code == 201, response.text
    return response.json["revision"]


def put(page, name, body, revision=None, **kwargs):
    headers = {} if revision is None else {"If-Match": revision if revision == "*" else f'"{revision}"'}
    return page.open(f"annotations/{name}", method="PUT", json=body, headers=headers, **kwargs)


def assign(page, name, label, selection, revision=None, **more):
    headers = {} if revision is None else {"If-Match": str(revision)}
    return page.post(f"annotations/{name}/assign", {"label": label, "selection": selection} | more, headers=headers)


def codes(page, name="mine"):
    return page.json(f"annotations/{name}")["columns"][0]["values"]


def test_an_annotation_is_created_assigned_and_listed(page):
    assert page.json("annotations") == {"annotations": [], "revision": 0}
    made = put(page, "mine", {"labels": [{"name": "T", "color": "#FF0000", "note": "all of them"}, {"name": "B"}]})
    assert made.status_code == 201
    assert made.headers["ETag"] == f'"{made.json["revision"]}"'
    assert made.headers["Cache-Control"] == "no-store"
    done = assign(page, "mine", "T", CELLS)
    assert done.status_code == 200
    assert done.json["n"] == 10
    listed = page.json("annotations")
    (annotation,) = listed["annotations"]
    assert listed["revision"] == annotation["revision"] == done.json["revision"]
    assert annotation["labels"] == [
        {"id": 0, "name": "T", "color": "#ff0000", "note": "all of them", "n": 10},
        {"id": 1, "name": "B", "color": "", "note": "", "n": 0},
    ]
    assert annotation["n_unlabelled"] == 30
    assert annotation["author"] == ""
    assert annotation == done.json["annotation"]
    assert codes(page) == ["T"] * 10 + [None] * 30


def test_an_annotation_is_answered_as_a_column_is(page):
    make(page, "a/b")
    assign(page, "a%2Fb", "=1+1", CELLS, create=True)
    csv = page.get("annotations/a%2Fb", headers={"Accept": "text/csv"})
    assert csv.text.splitlines()[:2] == ["cell,a/b", f"{page.json('cells?rows=0')['names'][0]},'=1+1"]
    binary = page.get("annotations/a%2Fb", headers={"Accept": "application/vnd.starcyte.columns"})
    assert binary.data.startswith(b"SCC1")
    assert binary.headers["ETag"] == csv.headers["ETag"]
    assert b'"categories":["=1+1"]' in binary.data


def test_an_annotation_starts_from_a_column_or_from_an_annotation(page):
    put(page, "copy", {"from": "type"})
    assert codes(page, "copy") == page.json("obs/type")["columns"][0]["values"]
    (annotation,) = page.json("annotations")["annotations"]
    schema = page.json("schema")
    (column,) = [c for c in schema["obs"] if c["name"] == "type"]
    assert [c["color"] for c in annotation["labels"]] == column["colors"]
    put(page, "again", {"from": "annotation:copy", "labels": [{"name": "B and T", "was": ["B cell", "T, naïve"]}]})
    values = page.json("obs/type")["columns"][0]["values"]
    assert codes(page, "again") == ["B and T" if v in {"B cell", "T, naïve"} else None for v in values]
    put(page, "doublet", {"from": "obs:doublet"})
    assert codes(page, "doublet") == [str(i % 6 == 0) for i in range(N)]


def test_a_column_of_numbers_or_none_starts_no_annotation(page, refused):
    refused(put(page, "x", {"from": "age"}), 400)
    refused(put(page, "x", {"from": "nobody"}), 404)
    assert page.json("annotations")["annotations"] == []


def test_an_existing_annotation_is_not_created_again(page):
    make(page)
    again = put(page, "mine", {"labels": []})
    assert again.status_code == 412
    assert again.json["error"]["code"] == "conflict"
    assert again.json["current"] == page.json("annotations")["annotations"][0]
    assert again.json["yours"] == {"labels": []}
    assert again.headers["Cache-Control"] == "no-store"


def test_two_tabs_of_one_user(page):
    """Each works from what it saw last: other cells are merged, the same are told, and nothing is lost."""
    first = make(page, labels=[{"name": "T"}, {"name": "B"}])
    one = assign(page, "mine", "T", {"indices": [0, 1, 2]}, first)
    two = assign(page, "mine", "B", {"indices": [5, 6]}, first)
    assert (one.status_code, two.status_code) == (200, 200)
    assert codes(page)[:7] == ["T", "T", "T", None, None, "B", "B"]
    three = assign(page, "mine", "B", {"indices": [2, 3]}, first)
    assert three.status_code == 412
    assert three.json["conflicts"] == [
        {"key": "cells:1:0", "field": "cells", "label": "", "mine": "B", "theirs": "T", "n": 1}
    ]
    assert three.json["revision"] == two.json["revision"]
    assert three.json["current"]["revision"] == two.json["revision"]
    assert three.json["yours"]["selection"] == {"indices": [2, 3]}
    assert codes(page)[:4] == ["T", "T", "T", None]
    assert assign(page, "mine", "B", {"indices": [2, 3]}, three.json["current"]["revision"]).status_code == 200
    # the first tab hears of all of it
    told = page.json(f"changes?since={first}")
    assert [c["action"] for c in told["changes"]] == ["assign"] * 3
    assert told["revision"] == told["changes"][-1]["revision"]
    assert page.json(f"changes?since={told['revision']}") == {"revision": told["revision"], "changes": []}


def test_a_conflict_is_resolved_part_by_part(page):
    first = make(page, labels=[{"name": "T"}, {"name": "B"}])
    assign(page, "mine", "T", {"indices": [0, 1]}, first)
    labels = [{"name": "T cell", "ids": [0]}, {"name": "B", "ids": [1]}]
    assert put(page, "mine", {"labels": labels}, first).json["merged"]
    refused = assign(page, "mine", "B", {"indices": [1, 2]}, first)
    key = refused.json["conflicts"][0]["key"]
    assert codes(page)[:3] == ["T cell", "T cell", None]
    resolve = {"revision": refused.json["revision"], "mine": [key]}
    done = assign(page, "mine", "B", {"indices": [1, 2]}, first, resolve=resolve)
    assert (done.json["n"], done.json["merged"]) == (2, True)
    assert codes(page)[:3] == ["T cell", "B", "B"]
    undone = page.post("annotations/mine/revert", {"revision": done.json["revision"]})
    assert undone.json["annotation"]["labels"][0]["n"] == 2
    assert codes(page)[:3] == ["T cell", "T cell", None]


@pytest.mark.parametrize("seed", range(40))
def test_random_edits_of_three_offline_clients_lose_no_assignment(page, seed):
    """Each cell has a record of who gave it which label last; only who asks for its cells may change it."""
    rng = random.Random(seed)
    first = make(page, labels=[{"name": name} for name in "abc"])
    revision = assign(page, "mine", "a", CELLS, first).json["revision"]
    clients = [{"seen": revision, "own": [], "queue": []} for _ in range(3)]
    listed = page.json("annotations")["annotations"][0]

    def send(client, method, path, body):
        match = ", ".join(f'"{r}"' for r in [client["seen"], *client["own"]])
        return page.open(f"annotations/mine{path}", method=method, json=body, headers={"If-Match": match})

    for step in range(30):
        client = rng.choice(clients)
        if rng.random() < 0.6:
            cells = rng.sample(range(N), 6)
            label = rng.choice([None, 0, 1, 2])
            if rng.random() < 0.3:
                names = [{"name": c["name"], "ids": [c["id"]]} for c in listed["labels"]]
                k = rng.randrange(3)
                names[k]["name"] = f"renamed {step}"
                client["queue"].append(("PUT", "", {"labels": names}, set(), k))
            else:
                body = {"label": None if label is None else "abc"[label], "selection": {"indices": cells}}
                body |= {} if label is None else {"label_id": label}
                client["queue"].append(("POST", "/assign", body, set(cells), label))
        while client["queue"] and rng.random() < 0.5:
            method, path, body, touched, target = client["queue"].pop(0)
            ids = {c["name"]: c["id"] for c in page.json("annotations")["annotations"][0]["labels"]}
            before = [ids.get(name) for name in codes(page)]
            answer = send(client, method, path, body)
            if answer.status_code == 412:
                keys = [c["key"] for c in answer.json["conflicts"] if rng.random() < 0.5]
                assert answer.json["conflicts"]
                ids = {c["name"]: c["id"] for c in page.json("annotations")["annotations"][0]["labels"]}
                assert [ids.get(name) for name in codes(page)] == before, "nothing is written before the choice"
                body = body | {"resolve": {"revision": answer.json["revision"], "mine": keys}}
                answer = send(client, method, path, body)
            assert answer.status_code == 200, answer.text
            labels = answer.json["annotation"]["labels"]
            assert len(labels) == 3
            ids = {c["name"]: c["id"] for c in labels}
            after = [ids.get(name) for name in codes(page)]
            changed = {k for k in range(N) if before[k] != after[k]}
            assert changed <= touched
            assert all(after[k] == target for k in changed)
            client["own"].append(answer.json["revision"])
            if not client["queue"]:
                client |= {"seen": answer.json["revision"], "own": []}


def test_undo_and_redo_are_restored_revisions(page):
    made = make(page, labels=[{"name": "T"}])
    filled = assign(page, "mine", "T", CELLS).json["revision"]
    gone = page.open("annotations/mine", method="DELETE").json["revision"]
    assert page.json("annotations")["annotations"] == []
    undone = page.post("annotations/mine/restore", {"revision": filled}).json
    assert undone["annotation"]["labels"][0]["n"] == 10
    assert undone["revision"] > gone
    page.post("annotations/mine/restore", {"revision": made})
    assert codes(page) == [None] * N
    redone = page.post("annotations/mine/restore", {"revision": gone})
    assert redone.json["annotation"] is None
    history = page.json("annotations/mine/revisions")["revisions"]
    assert [r["n_labelled"] for r in history] == [0, 0, 10, 0, 10, 0]
    assert [r["revision"] for r in history] == sorted((r["revision"] for r in history), reverse=True)


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        "../../etc/passwd",
        "/",
        "//x",
        "<img src=x onerror=alert(1)>",
        "=HYPERLINK(1)",
        "\u202eright to left",
        "שלום",
        "assign",
        "x/assign",
        "x/restore",
        'quo"te',
        "per%20cent",
        "?q=1#x",
        " ",
    ],
)
def test_any_text_is_a_name(page, name):
    from urllib.parse import quote

    path = quote(name, safe="")
    response = put(page, path, {"labels": [{"name": name}] if name.strip() else []})
    if not name.strip():
        assert response.status_code == 400
        return
    assert response.status_code == 201, response.text
    assert assign(page, path, name, CELLS).json["n"] == 10
    assert [annotation["name"] for annotation in page.json("annotations")["annotations"]] == [name]
    assert codes(page, path)[:11] == [name] * 10 + [None]
    renamed = put(page, path, {"name": "plain"}, "*")
    assert renamed.json["annotation"]["name"] == "plain"
    assert page.open("annotations/plain", method="DELETE").status_code == 200


@pytest.mark.parametrize(
    ("path", "status"), [("x" * 1001, 413), ("%00", 400), ("a%0Ab", 400), ("%2e%2e", 400), ("x%2Frevisions", 400)]
)
def test_invalid_names_are_refused(page, refused, path, status):
    refused(put(page, path, {"labels": []}), status)
    assert page.json("annotations")["annotations"] == []


@pytest.mark.parametrize("name", ["\\ud800", "\\u0000", "\\n", "", "a" * 10_000])
def test_invalid_names_in_a_body_are_refused(page, name):
    body = f'{{"labels": [{{"name": "{name}"}}]}}'
    response = page.open("annotations/x", method="PUT", data=body, content_type="application/json")
    assert response.status_code in {400, 413}
    assert page.json("annotations")["annotations"] == []


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"label": "T"},
        {"selection": CELLS},
        {"label": 5, "selection": CELLS},
        {"label": "T", "selection": {"indices": [N]}},
        {"label": "T", "selection": {"indices": ["0"]}},
        {"label": "T", "selection": CELLS, "create": "yes"},
        {"label": "T", "selection": CELLS, "more": 1},
    ],
)
def test_an_assignment_that_is_not_understood_is_refused(page, refused, body):
    make(page, labels=[{"name": "T"}])
    refused(page.post("annotations/mine/assign", body), 400)
    assert codes(page) == [None] * N


@pytest.mark.parametrize("given", ["x", '"1", "x"', "-1", "1.5", "9" * 30])
def test_an_invalid_revision_is_refused(page, refused, given):
    make(page)
    refused(page.open("annotations/mine", method="PUT", json={"name": "x"}, headers={"If-Match": given}), 400)


def test_missing_annotations_are_not_found(page, refused):
    for path, method, body in [
        ("annotations/x", "GET", None),
        ("annotations/x", "DELETE", None),
        ("annotations/x/assign", "POST", {"label": None, "selection": CELLS}),
        ("annotations/x/restore", "POST", {"revision": 1}),
        ("annotations/x/revisions", "GET", None),
    ]:
        refused(page.open(path, method=method, json=body), 404)
    make(page)
    refused(assign(page, "mine", "T", CELLS), 404)
    refused(page.post("annotations/mine/restore", {"revision": 99}), 404)
    gone = put(page, "x", {"labels": []}, 3)
    assert gone.status_code == 412
    assert gone.json["current"] is None


def test_cross_site_requests_change_nothing(page, refused):
    refused(page.open("annotations/x", method="PUT", json={}, headers={"Sec-Fetch-Site": "cross-site"}), 403)
    assert page.json("annotations")["annotations"] == []


def test_the_user_is_named_by_a_trusted_proxy(serve, small_file, tmp_path, refused):
    page = serve(small_file, data_dir=str(tmp_path), user_header="X-User", trusted_proxies="203.0.113.0/24")
    anna, ben = {"X-User": "anna"}, {"X-User": "bén".encode().decode("latin-1")}
    page.open("annotations/mine", method="PUT", json={"labels": [{"name": "A"}]}, headers=anna)
    page.open("annotations/mine", method="PUT", json={"labels": [{"name": "B"}]}, headers=ben)
    (of_ben,) = page.json("annotations", headers=ben)["annotations"]
    assert (of_ben["author"], of_ben["labels"][0]["name"]) == ("bén", "B")
    assert page.json("annotations", headers=anna)["annotations"][0]["author"] == "anna"
    assert page.json("annotations")["annotations"] == []
    # what one has compared is not answered to another who has an annotation of that name
    other = serve(
        small_file, "198.51.100.7", data_dir=str(tmp_path), user_header="X-User", trusted_proxies="203.0.113.9"
    )
    refused(other.get("annotations", headers=anna), 403)
    assert other.json("annotations")["annotations"] == []


def test_annotations_take_part_where_columns_do(page):
    """Under the name of a column of obs, too: what is kept for that column is not taken for the annotation."""
    make(page, "type")
    assign(page, "type", "first", CELLS, create=True)
    assign(page, "type", "rest", {"ranges": [[10, N]]}, create=True)
    where = {"where": [{"annotation": "type", "in": ["first"]}]}
    by_annotation = page.post("diffexp", {"a": where}).json
    by_cells = page.post("diffexp", {"a": CELLS}).json
    assert by_annotation["genes"] == by_cells["genes"]
    summary = page.json("summary?genes=CD3D&group_by=annotation:type")
    assert (summary["groups"], summary["n"]) == (["first", "rest"], [10, 30])
    gene = page.json("expression?gene=CD3D")["columns"][0]["values"]
    assert summary["genes"][0]["mean"] == pytest.approx([np.mean(gene[:10]), np.mean(gene[10:])])
    markers = page.post("markers", {"group_by": "annotation:type"}).json
    assert [g["n"] for g in markers["groups"]] == [10, 30]
    distribution = page.json("distribution?gene=CD3D&group_by=annotation:type&split_by=obs:doublet")
    assert sum(g["n"] for g in distribution["groups"]) == N
    assert page.json("summary?genes=CD3D&group_by=type")["groups"] != ["first", "rest"]


def test_answers_follow_the_changes_of_an_annotation(page):
    make(page)
    assign(page, "mine", "T", CELLS, create=True)
    for path in ("summary?genes=CD3D&group_by=annotation:mine", "distribution?gene=CD3D&group_by=annotation:mine"):
        answer = page.get(path)
        assert answer.headers["Cache-Control"] == "no-store"
        assert "ETag" not in answer.headers
    where = {"where": [{"annotation": "mine", "in": ["T"]}]}
    assert page.post("diffexp", {"a": where}).json["n_a"] == 10
    assert page.post("markers", {"group_by": "annotation:mine"}).json["groups"][0]["n"] == 10
    assign(page, "mine", "T", {"indices": [20]})
    assert page.post("diffexp", {"a": where}).json["n_a"] == 11
    assert page.post("markers", {"group_by": "annotation:mine"}).json["groups"][0]["n"] == 11


def test_two_annotations_are_compared(page):
    put(page, "copy", {"from": "type"})
    same = page.json("agreement?a=annotation:copy&b=obs:type")
    assert (same["ari"], same["kappa"]) == (1.0, 1.0)
    assert same["a"]["name"] == "copy"
    assert same["n"] == sum(sum(row[:-1]) for row in same["counts"][:-1])
    make(page, "other", labels=[{"name": "no such"}])
    none = page.json("agreement?a=annotation:other&b=type")
    assert (none["n"], none["ari"], none["kappa"]) == (0, None, None)
    assert sum(none["counts"][-1]) == N


def test_an_annotation_and_a_column_of_the_same_name_are_distinct(serve, make_h5ad, tmp_path):
    from h5ad_file import Categorical

    column = Categorical(np.array([0, 1, 1], np.int8), ["x", "y"])
    path = make_h5ad(np.ones((3, 2), np.float32), obs={"annotation:mine": column})
    page = serve(path, data_dir=str(tmp_path / "data"))
    assert page.json("summary?genes=g0&group_by=annotation:mine")["groups"] == ["x", "y"]
    make(page, "mine", labels=[{"name": "z"}])
    assert page.json("summary?genes=g0&group_by=annotation:mine")["groups"] == ["z"]
    assert page.json("summary?genes=g0&group_by=obs:annotation:mine")["groups"] == ["x", "y"]


def test_read_only_refuses_all_changes(serve, small_file, tmp_path, refused):
    page = serve(small_file, data_dir=str(tmp_path), read_only=True)
    assert page.json("schema")["features"]["annotations"] is False
    refused(put(page, "x", {"labels": []}), 403)
    assert page.json("annotations")["annotations"] == []


def test_a_server_that_cannot_save_still_shows_the_dataset(serve, small_file, tmp_path, refused):
    (tmp_path / "file").write_text("")
    page = serve(small_file, data_dir=str(tmp_path / "file" / "below"))
    assert page.json("schema")["features"]["annotations"] is False
    (problem,) = page.json("health")["problems"]
    assert "cannot be saved" in problem
    assert "--data-dir" in problem
    refused(page.get("annotations"), 503, "storage_unusable")
    refused(put(page, "x", {"labels": []}), 503, "storage_unusable")
    assert page.json("obs/type")["n"] == N
    assert page.post("diffexp", {"a": CELLS}).status_code == 200
    # as soon as it can, it does
    (tmp_path / "file").unlink()
    assert page.json("schema")["features"]["annotations"] is True
    assert "problems" not in page.json("health")


def test_limits_name_their_setting(serve, small_file, tmp_path, refused):
    page = serve(small_file, data_dir=str(tmp_path), max_annotation_labels=2, max_annotations=1, max_text=5)
    error = refused(put(page, "x", {"labels": [{"name": n} for n in "abc"]}), 413, "limit_exceeded")
    assert "max_annotation_labels" in error["message"]
    make(page)
    assert "max_annotations" in refused(put(page, "x", {"labels": []}), 413)["message"]
    body = {"labels": [{"name": "a", "note": "longer"}]}
    assert "max_text" in refused(put(page, "mine", body, "*"), 413)["message"]
    assert "max_annotation_labels" in refused(page.get("agreement?a=barcode&b=type"), 413)["message"]


def test_curation_is_answered_as_json_only(page):
    """A name in it stays text, whatever it looks like."""
    make(page, "%3Cscript%3E")
    response = page.get("annotations")
    assert response.mimetype == "application/json"
    assert json.loads(response.text)["annotations"][0]["name"] == "<script>"
