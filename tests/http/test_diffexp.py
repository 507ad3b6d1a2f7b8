"""Comparisons and jobs over HTTP."""

from __future__ import annotations

import csv
import io
import math
import threading
from urllib.parse import urljoin

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from starcyte.compute import diffexp as computed
from starcyte.compute.methods.method import RESULT_COLUMNS

GROUP = {"where": [{"column": "bulk_labels", "in": ["CD19+ B"]}]}
LABELS = {"where": [{"column": "bulk_labels", "in": ["Dendritic"]}]}
DE = "/api/v1/diffexp"


def settled(client, response):
    """Return the result of a comparison, whether it was answered at once or as a job."""
    assert response.status_code in {200, 202}, response.text
    if response.status_code == 200:
        return response.json
    job = response.json["job"]["id"]
    client.app.extensions["starcyte"].jobs.get(job).ended.wait(30)
    return client.json(f"jobs/{job}")["result"]


def compare(client, **body):
    return settled(client, client.post("diffexp", body))


@pytest.fixture
def cells(real):
    """Return a function that gives the numbers of a category's cells."""
    labels = real.json("obs/bulk_labels")["columns"][0]["values"]
    return lambda name: [i for i, label in enumerate(labels) if label == name]


def as_ranges(indices):
    breaks = [i for i in range(1, len(indices)) if indices[i] != indices[i - 1] + 1]
    return [[indices[a], indices[b - 1] + 1] for a, b in zip([0, *breaks], [*breaks, len(indices)], strict=True)]


def test_a_result_names_its_method(real):
    result = compare(real, a=GROUP, b=LABELS, matrix="raw/X", min_fraction=0)
    assert (result["method"], result["matrix"], result["correction"]) == ("t-test", "raw/X", "benjamini-hochberg")
    assert result["fingerprint"] == real.json("schema")["fingerprint"]
    assert (result["n_a"], result["n_b"], result["n_genes"]) == (95, 240, 765)
    assert len(result["genes"]) == 765
    assert set(result["genes"][0]) == set(RESULT_COLUMNS)
    assert result["genes"][0]["gene"] in {"CD79A", "CD79B", "HLA-DRA", "CD74", "CST3"}


def test_genes_are_ordered_by_score(real):
    strength = [abs(g["score"]) for g in compare(real, a=GROUP)["genes"] if g["score"] is not None]
    assert strength == sorted(strength, reverse=True)
    assert len(strength) > 700


@pytest.mark.parametrize("matrix", ["X", "raw/X"])
def test_equal_selections_in_three_forms_give_the_same_result(real, cells, matrix):
    a, b = cells("CD19+ B"), cells("Dendritic")
    forms = [
        ({"indices": a}, {"indices": b}),
        ({"indices": a[::-1]}, {"ranges": as_ranges(b)}),
        ({"ranges": as_ranges(a)}, LABELS),
        (GROUP, {"indices": b}),
        (GROUP, LABELS),
    ]
    first, *others = [compare(real, a=a, b=b, matrix=matrix) for a, b in forms]
    for other in others:
        mine, theirs = ({g["gene"]: g for g in r["genes"]} for r in (first, other))
        assert mine.keys() == theirs.keys()
        for gene, row in mine.items():
            for field, value in row.items():
                if isinstance(value, float):
                    assert math.isclose(theirs[gene][field], value, rel_tol=1e-6, abs_tol=1e-300), (gene, field)
                else:
                    assert theirs[gene][field] == value


def test_the_rest_is_all_other_cells(real, cells):
    a = cells("CD19+ B")
    rest = [i for i in range(700) if i not in set(a)]
    first = compare(real, a=GROUP, b="rest", limit=50)
    second = compare(real, a={"indices": a}, b={"indices": rest}, limit=50)
    third = compare(real, a=GROUP, limit=50)
    assert [g["gene"] for g in first["genes"]] == [g["gene"] for g in second["genes"]]
    assert first["genes"] == third["genes"]
    assert first["n_a"] + first["n_b"] == 700


def test_the_means_are_those_of_the_column(real, cells):
    result = compare(real, a=GROUP, b=LABELS, matrix="raw/X", limit=3)
    for row in result["genes"]:
        query = {"gene": row["gene"], "matrix": "raw/X"}
        values = np.array(real.json("expression", query_string=query)["columns"][0]["values"])
        assert math.isclose(row["mean_a"], values[cells("CD19+ B")].mean(), rel_tol=1e-5)
        assert math.isclose(row["fraction_b"], (values[cells("Dendritic")] > 0).mean(), rel_tol=1e-9)


def test_pages_are_parts_of_the_whole(real):
    whole = compare(real, a=GROUP)["genes"]
    assert compare(real, a=GROUP, limit=10)["genes"] == whole[:10]
    assert compare(real, a=GROUP, limit=10, offset=760)["genes"] == whole[760:]
    assert compare(real, a=GROUP, offset=700)["genes"] == whole[700:]
    assert compare(real, a=GROUP, limit=0)["genes"] == []
    assert compare(real, a=GROUP, offset=10**12)["genes"] == []
    job = compare(real, a=GROUP, limit=1)["job_id"]
    assert real.json(f"jobs/{job}?limit=5&offset=3")["result"]["genes"] == whole[3:8]


def test_the_location_leads_to_the_job(serve, pbmc):
    real = serve(pbmc, answer_wait=30.0)
    response = real.post("diffexp", {"a": GROUP})
    location = response.headers["Location"]
    assert "://" not in location
    assert not location.startswith("/")
    answer = real.json(urljoin(DE, location))
    assert answer["job"]["state"] == "done"
    assert answer["job"]["id"] == response.json["job_id"]


def test_the_whole_table_is_there_as_csv(real):
    result = compare(real, a=GROUP, limit=1)
    response = real.get(f"jobs/{result['job_id']}", headers={"Accept": "text/csv"})
    assert response.mimetype == "text/csv"
    assert "attachment" in response.headers["Content-Disposition"]
    lines = response.text.splitlines(keepends=True)
    comments = [line for line in lines if line.startswith("#")]
    rows = list(csv.DictReader(lines[len(comments) :]))
    whole = compare(real, a=GROUP)["genes"]
    assert list(rows[0]) == list(RESULT_COLUMNS)
    assert [r["gene"] for r in rows] == [g["gene"] for g in whole]
    for row, gene in zip(rows, whole, strict=True):
        assert row["gene_id"] == (gene["gene_id"] or "")
        for name in RESULT_COLUMNS[2:]:
            assert (float(row[name]) if row[name] else None) == gene[name]


COUNTS_AS_FLOATS = {
    "B": [[5, 1], [7, 0], [9, 3]],
    "T": [[2, 4], [3, 9], [1, 7]],
    "NK": [[1, 1], [1, 1], [1, 2]],
}


@pytest.fixture
def counts(serve, tmp_path):
    """A dataset of counts that are stored as float32, with ids of its genes, and a matrix with a hostile name."""
    values = np.array([row for rows in COUNTS_AS_FLOATS.values() for row in rows], np.float32)
    obs = pd.DataFrame(
        {"type": pd.Categorical(np.repeat(list(COUNTS_AS_FLOATS), 3))}, index=[f"c{i}" for i in range(9)]
    )
    var = pd.DataFrame({"gene_ids": ["ENSG00000000001", "ENSG00000000002"]}, index=["up", "down"])
    adata = ad.AnnData(csr_array(values), obs=obs, var=var, layers={'=a\n"b': csr_array(np.log2(values + 1))})
    adata.uns["log1p"] = {"base": 2.0}
    adata.write_h5ad(tmp_path / "counts.h5ad")
    return serve(tmp_path / "counts.h5ad", answer_wait=30.0)


def of_type(name):
    return {"where": [{"column": "type", "in": [name]}]}


def test_a_result_says_how_its_fold_changes_were_computed(counts):
    result = counts.post("diffexp", {"a": of_type("B"), "b": of_type("T")}).json
    assert (result["scale"], result["log_base"], result["min_fraction"]) == ("counts", None, 0.1)
    assert result["fold_change"] == {
        "id": "mean-expression",
        "name": "the ratio of mean expression, as in Seurat 5",
        "formula": "(sum(x) + 1) / n",
        "pseudo_count": 1.0,
    }
    assert "Group a has 3 cells and Group b has 3 cells" in result["warnings"][0]
    assert {g["gene"]: round(g["log2_fold_change"], 6) for g in result["genes"]} == {
        "up": round(math.log2(22 / 7), 6),
        "down": round(math.log2(5 / 21), 6),
    }
    assert {g["gene"]: g["gene_id"] for g in result["genes"]}["up"] == "ENSG00000000001"
    chosen = counts.post("diffexp", {"a": of_type("B"), "b": of_type("T"), "scale": "signed"}).json
    assert (chosen["scale"], chosen["fold_change"]) == ("signed", None)
    assert all(g["log2_fold_change"] is None for g in chosen["genes"])


def test_the_head_of_a_csv_says_how_it_was_computed(counts):
    matrix = counts.json("schema")["matrices"][1]["name"]
    result = counts.post(
        "diffexp", {"a": of_type("B"), "b": of_type("T"), "matrix": matrix, "fold_change": "scanpy"}
    ).json
    assert (result["scale"], result["log_base"], result["fold_change"]["id"]) == ("log1p", 2.0, "scanpy")
    text = counts.get(f"jobs/{result['job_id']}", headers={"Accept": "text/csv"}).text
    head = [line for line in text.splitlines() if line.startswith("#")]
    assert text.splitlines()[: len(head)] == head
    table = pd.read_csv(io.StringIO(text), comment="#")
    assert list(table.columns) == list(RESULT_COLUMNS)
    assert table["gene_id"].tolist() == [g["gene_id"] for g in result["genes"]]
    for part in ("Welch’s t-test", "base 2", "base^mean(x) - 1 + 1e-9", "pseudo-count 1e-09", "0.1 of the cells"):
        assert part in "".join(head), part


def test_the_schema_says_the_scale_of_each_matrix_and_why_one_is_shown(counts):
    schema = counts.json("schema")
    assert [m["scale"] for m in schema["matrices"]] == ["counts", "log1p"]
    assert [m["log_base"] for m in schema["matrices"]] == [None, 2.0]
    assert schema["default_matrix"] == schema["matrices"][1]["name"]
    assert "normalised logarithms" in schema["default_matrix_reason"]
    assert [f["id"] for f in schema["fold_changes"]] == ["mean-expression", "scanpy"]
    assert schema["defaults"]["min_fraction"] == 0.1
    assert [m["id"] for m in schema["methods"] if m["suits_selections"]] == ["wilcoxon"]


@pytest.fixture
def held(monkeypatch):
    """Hold every comparison until the event is set; it still ends when it is cancelled."""
    go, begun, real_compare = threading.Event(), threading.Event(), computed.compare

    def compare_(*args, **kwargs):
        begun.set()
        while not go.wait(0.005):
            next(a for a in (*args, *kwargs.values()) if callable(a))(0.25)
        return real_compare(*args, **kwargs)

    monkeypatch.setattr(computed, "compare", compare_)
    yield go, begun
    go.set()


BODY = {"a": {"ranges": [[0, 20]]}}


def test_a_long_comparison_is_answered_as_a_job(serve, small_file, held):
    go, begun = held
    client = serve(small_file, answer_wait=0.01)
    response = client.post("diffexp", BODY)
    assert response.status_code == 202
    job = response.json["job"]
    assert job["state"] in {"queued", "running"}
    assert 0 <= job["progress"] <= 1
    assert begun.wait(20)
    path = urljoin(DE, response.headers["Location"])
    assert client.json(path).keys() == {"job"}
    assert client.json(path, headers={"Accept": "text/csv"})["job"]["state"] == "running"
    go.set()
    assert client.app.extensions["starcyte"].jobs.get(job["id"]).ended.wait(20)
    answer = client.json(path)
    assert answer["job"]["state"] == "done"
    assert answer["result"]["n_a"] == 20
    assert client.post("diffexp", BODY).json["job_id"] == job["id"]


def test_a_job_can_be_cancelled(serve, small_file, held, refused):
    _, begun = held
    client = serve(small_file, answer_wait=0.01)
    response = client.post("diffexp", BODY)
    path = urljoin(DE, response.headers["Location"])
    assert begun.wait(20)
    deleted = client.open(path, method="DELETE")
    assert deleted.status_code == 200
    client.app.extensions["starcyte"].jobs.get(response.json["job"]["id"]).ended.wait(20)
    answer = client.json(path)
    assert answer["job"]["state"] == "cancelled"
    assert "result" not in answer


def test_more_comparisons_than_the_queue_holds_are_refused(serve, small_file, held, refused):
    client = serve(small_file, answer_wait=0, queue_length=1)
    for n in range(2, 30):
        response = client.post("diffexp", {"a": {"ranges": [[0, n]]}})
        if response.status_code != 202:
            break
    error = refused(response, 429, "too_many_jobs")
    assert "queue_length" in error["message"]
    assert response.headers["Retry-After"]


def test_a_comparison_past_its_deadline_is_cancelled(serve, small_file, held, refused):
    client = serve(small_file, job_deadline=0.05, answer_wait=20)
    assert "job_deadline" in refused(client.post("diffexp", BODY), 409, "cancelled")["message"]


def test_stopping_the_server_ends_a_comparison(serve, small_file, held, refused):
    client = serve(small_file, answer_wait=20)
    _, begun = held
    answers = []
    thread = threading.Thread(target=lambda: answers.append(client.post("diffexp", BODY)))
    thread.start()
    assert begun.wait(20)
    client.app.extensions["starcyte"].stop()
    thread.join(20)
    refused(answers[0], 409, "cancelled")


@pytest.mark.parametrize("path", ["jobs/0123456789abcdef", "jobs/x", "jobs/..", "jobs/%3Cb%3E", "jobs/" + "f" * 5000])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_unknown_job_is_not_found(small, refused, path, method):
    refused(small.open(path, method=method), 404, "not_found")


A = {"indices": [0, 1, 2]}
MALFORMED = {
    "no a": {},
    "a null": {"a": None},
    "a text": {"a": "rest"},
    "a empty": {"a": {"indices": []}},
    "a of one": {"a": {"indices": [4]}},
    "b of one": {"a": A, "b": {"indices": [4]}},
    "no rest": {"a": {"ranges": [[0, 40]]}},
    "overlap": {"a": A, "b": {"ranges": [[2, 9]]}},
    "b null": {"a": A, "b": None},
    "b another word": {"a": A, "b": "others"},
    "b a number": {"a": A, "b": 3},
    "unknown key": {"a": A, "c": A},
    "method unknown": {"a": A, "method": "anova"},
    "method null": {"a": A, "method": None},
    "method a list": {"a": A, "method": ["t-test"]},
    "method an object": {"a": A, "method": {}},
    "correction unknown": {"a": A, "correction": "none"},
    "correction a list": {"a": A, "correction": []},
    "matrix null": {"a": A, "matrix": None},
    "matrix a list": {"a": A, "matrix": ["X"]},
    "limit negative": {"a": A, "limit": -1},
    "limit a truth value": {"a": A, "limit": True},
    "limit a float": {"a": A, "limit": 1.0},
    "limit text": {"a": A, "limit": "ten"},
    "limit a list": {"a": A, "limit": [1]},
    "offset negative": {"a": A, "offset": -5},
    "offset an object": {"a": A, "offset": {}},
}


@pytest.mark.parametrize("body", [pytest.param(v, id=k) for k, v in MALFORMED.items()])
def test_a_malformed_comparison_is_a_bad_request(small, refused, body):
    assert refused(small.post("diffexp", body), 400, "bad_request")["hint"]


@pytest.mark.parametrize(
    "body",
    [{"a": A, "matrix": "Y"}, {"a": {"where": [{"column": "no", "in": ["x"]}]}}],
    ids=["matrix", "column"],
)
def test_unknown_names_in_a_comparison_are_not_found(small, refused, body):
    refused(small.post("diffexp", body), 404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"a"',
        b"1",
        b"\xff\xfe",
        b'{"a": {"indices": [0, 1, NaN]}}',
        b'{"a": {"indices": [0, 1, 1e999]}}',
        b'{"a": {"indices": [0, 1, ' + b"9" * 5000 + b"]}}",
        b'{"a": ' + b"[" * 100_000,
        b'{"a": ' + b'{"where": [' * 50_000,
        b'{"a": {"where": [{"column": "\\ud800", "in": ["\\udfff"]}]}, "method": "\\ud800"}',
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": 1}\x00',
    ],
    ids=lambda b: b[:30].decode("latin-1") or "empty",
)
def test_a_body_that_is_no_object_is_a_bad_request(small, refused, body):
    refused(small.open("diffexp", method="POST", data=body, content_type="application/json"), 400, "bad_request")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", None])
def test_a_body_of_another_type_is_a_bad_request(small, refused, kind):
    refused(small.open("diffexp", method="POST", data=b'{"a": {"indices": [0, 1]}}', content_type=kind), 400)


@pytest.mark.parametrize("path", ["diffexp", "jobs/0123456789abcdef", "health"])
def test_a_body_over_the_limit_is_refused(serve, small_file, refused, path):
    client = serve(small_file, max_body_bytes=1000)
    response = client.open(path, method="POST", data=b" " * 1001, content_type="application/json")
    if path == "diffexp":
        assert "max_body_bytes" in refused(response, 413, "limit_exceeded")["message"]
        within = client.open(path, method="POST", data=b" " * 1000, content_type="application/json")
        refused(within, 400)
    else:
        refused(response, 405)


def test_a_lone_surrogate_is_not_json(small, refused):
    body = b'{"a": {"where": [{"column": "\\ud800", "in": ["x"]}]}}'
    refused(small.open("diffexp", method="POST", data=body, content_type="application/json"), 400, "bad_request")


def test_clauses_are_limited(serve, small_file, refused):
    client = serve(small_file, max_clauses=3)
    one = {"column": "type", "in": ["B cell"]}
    for selection in ({"where": [one] * 4}, {"and": [{"where": [one] * 2}, {"not": {"where": [one] * 2}}]}):
        assert "max_clauses" in refused(client.post("diffexp", {"a": selection}), 413)["message"]
    assert client.post("diffexp", {"a": {"where": [one] * 3}}).status_code == 200


def test_another_page_of_a_user_keeps_its_comparison(serve, small_file):
    client = serve(small_file, answer_wait=0.0)
    jobs = client.app.extensions["starcyte"].jobs
    body = {"a": {"ranges": [[0, 20]]}, "method": "wilcoxon"}
    asked = [client.post("diffexp", body, headers={"X-Starcyte-Client": name}) for name in ("one", "two")]
    (job,) = {id(job): job for job in jobs._jobs.values()}.values()
    assert [answer.status_code in {200, 202} for answer in asked] == [True, True]
    assert len(job.askers) == 2
    client.open(f"jobs/{job.id}", method="DELETE", headers={"X-Starcyte-Client": "one"})
    assert len(job.askers) == 1
    assert not job.cancelled.is_set()


def test_pages_share_the_turn_of_their_user(serve, small_file):
    client = serve(small_file, user_header="X-User", trusted_proxies="203.0.113.9")
    for name in ("one", "two"):
        for user in ("eva", "adam"):
            headers = {"X-Starcyte-Client": name, "X-User": user}
            client.post("diffexp", {"a": {"indices": [0, 1, len(name + user)]}}, headers=headers)
        client.post("diffexp", {"a": {"indices": [0, 2, 9 + len(name)]}}, headers={"X-Starcyte-Client": name})
    owners = {job.owner for job in client.app.extensions["starcyte"].jobs._jobs.values()}
    assert owners == {"user eva", "user adam", "address 203.0.113.9"}
