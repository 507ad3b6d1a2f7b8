"""Enrichment of gene sets in a comparison, over HTTP."""

from __future__ import annotations

import base64
import csv
from io import StringIO

import numpy as np
import pytest
from scipy.stats import fisher_exact

GENES = ["CD3D", "CD19", "NKG7", "LYZ"]


def base64_of(values, dtype):
    return base64.b64encode(np.asarray(values, dtype).tobytes()).decode()


def question(genes, scores, sets, **others):
    body = {"genes": genes, "scores": base64_of(scores, "<f8"), "sets": sets, "min_size": 1}
    return body | others


@pytest.fixture
def tested(small):
    """Return the genes of the small dataset, and scores."""
    genes = [g["name"] for g in small.get("genes?q=&limit=1000").json["genes"]]
    return genes, np.linspace(3, -3, len(genes))


def gmt(**sets):
    return {"gmt": "".join("\t".join([name, "of a test", *genes]) + "\n" for name, genes in sets.items()), "name": "f"}


def test_a_users_file_is_tested_as_by_scipy(small, tested):
    genes, scores = tested
    chosen = np.arange(len(genes)) < 2
    sets = {"top": genes[:2], "mixed": [genes[0], genes[-1]], "unknown": ["NOPE"]}
    body = question(genes, scores, gmt(**sets), chosen=base64_of(chosen, "u1"))
    answer = small.post("enrichment", body).json
    assert [s["name"] for s in answer["sets"]] == ["top", "mixed"]
    assert (answer["n_genes"], answer["n_chosen"], answer["n_sets"], answer["n_left_out"]) == (len(genes), 2, 2, 1)
    n = len(genes)
    for found, a in zip(answer["sets"], (2, 1), strict=True):
        assert found["p_value"] == pytest.approx(fisher_exact([[a, 2 - a], [2 - a, n - 4 + a]], "greater").pvalue)
        assert found["genes"] == genes[:a]
        assert (found["score"], found["at_floor"], found["size"]) == (None, False, 2)
    table = small.get(f"jobs/{answer['job_id']}", headers={"Accept": "text/csv"}).text
    rows = list(csv.DictReader(StringIO(table)))
    assert [(r["set"], r["genes"]) for r in rows] == [("top", " ".join(genes[:2])), ("mixed", genes[0])]


def test_all_genes_ranked(small, tested):
    genes, scores = tested
    order = np.random.default_rng(1).permutation(len(genes))
    sets = gmt(top=genes[:2], bottom=genes[-2:])
    body = question([genes[i] for i in order], scores[order], sets, test="ranked")
    answer = small.post("enrichment", body).json
    by_name = {s["name"]: s for s in answer["sets"]}
    assert by_name["top"]["score"] == 1
    assert by_name["bottom"]["score"] == -1
    assert by_name["bottom"]["ranks"] == [len(genes) - 2, len(genes) - 1]
    assert by_name["top"]["effect"] > 1 > -1 > by_name["bottom"]["effect"]


def test_names_are_found_by_id_and_in_lower_case(small, tested):
    genes, scores = tested
    known = small.get(f"genes?q={genes[0]}").json["genes"][0]
    names = [genes[0].lower(), *([known["id"]] if known.get("id") else [])]
    answer = small.post("enrichment", question(genes, scores, gmt(one=names), test="ranked")).json
    assert answer["sets"][0]["size"] == 1


def test_ones_own_sets(client_of, tested):
    genes, scores = tested
    client = client_of("a")
    error = client.post("enrichment", question(genes, scores, {"own": True}, test="ranked"))
    assert error.status_code == 400
    assert "no gene sets" in error.json["error"]["message"]
    client.open("genesets/mine", method="PUT", json={"genes": genes[:2]})
    answer = client.post("enrichment", question(genes, scores, {"own": True}, test="ranked")).json
    assert (answer["library"], [s["name"] for s in answer["sets"]]) == ("your gene sets", ["mine"])
    # the sets as they are, not those of the first question
    client.open("genesets/other", method="PUT", json={"genes": genes[-2:]})
    again = client.post("enrichment", question(genes, scores, {"own": True}, test="ranked")).json
    assert {s["name"] for s in again["sets"]} == {"mine", "other"}


@pytest.fixture
def client_of(serve, small_file, tmp_path):
    return lambda name: serve(small_file, data_dir=str(tmp_path / name), read_only=False)


def test_libraries_of_the_operator(serve, small_file, tmp_path, tested, refused):
    genes, scores = tested
    folder = tmp_path / "sets"
    folder.mkdir()
    (folder / "b cells.gmt").write_text(f"B\t\t{genes[0]}\t{genes[1]}\n")
    (folder / "notes.txt").write_text("not a library")
    single = tmp_path / "t cells.gmt"
    single.write_text(f"T\thttps://example.org\t{genes[2]}\n")
    client = serve(small_file, gene_set_files=f"{folder},{single}")
    answer = client.get("enrichment").json
    assert answer["libraries"] == ["b cells", "t cells"]
    assert {t["id"] for t in answer["tests"]} == {"overrepresentation", "ranked"}
    body = question(genes, scores, {"library": "b cells"}, test="ranked")
    assert [s["name"] for s in client.post("enrichment", body).json["sets"]] == ["B"]
    # a file that has changed is read again
    (folder / "b cells.gmt").write_text(f"plasma cells\t\t{genes[1]}\n")
    assert [s["name"] for s in client.post("enrichment", body).json["sets"]] == ["plasma cells"]
    refused(client.post("enrichment", body | {"sets": {"library": "notes"}}), 404)
    single.unlink()
    answer = client.get("enrichment").json
    assert answer["libraries"] == ["b cells"]
    assert answer["warnings"] == [
        "The gene sets 't cells.gmt' cannot be read: No such file or directory (gene_set_files)."
    ]


@pytest.mark.parametrize(
    ("changes", "status", "told"),
    [
        ({"scores": "AAAA"}, 400, "'scores' has no value for each of"),
        ({"scores": "not base64"}, 400, ""),
        ({"chosen": base64_of([1], "u1")}, 400, "'chosen' has no value"),
        ({"chosen": None}, 400, ""),
        ({"test": "ranked"}, 400, "takes no choice of genes"),
        ({"genes": ["NOPE"] * 6}, 404, "No such gene"),
        ({"matrix": "layers/none"}, 404, ""),
        ({"min_size": 100}, 400, "No set of 'f' has 100 to 500 of the"),
        ({"sets": {"gmt": "a\t\tb"}}, 400, "name"),
        ({"sets": {"own": True, "library": "x"}}, 400, "exactly one"),
        ({"sets": gmt(**{"=cmd()": ["x"]})}, 400, "No set"),
        ({"sets": {"gmt": "", "name": "f"}}, 400, "empty"),
    ],
)
def test_bad_questions_are_refused(small, tested, refused, changes, status, told):
    genes, scores = tested
    body = question(genes, scores, gmt(top=genes[:2]), chosen=base64_of(np.ones(len(genes)), "u1"))
    assert told in refused(small.post("enrichment", body | changes), status)["message"]


def test_libraries_are_bounded(serve, small_file, tested, refused):
    genes, scores = tested
    client = serve(small_file, max_library_sets=2, max_library_genes=5)
    for sets in (gmt(a=genes[:1], b=genes[:1], c=genes[:1]), gmt(a=genes[:3], b=genes[:3])):
        refused(client.post("enrichment", question(genes, scores, sets, test="ranked")), 413)


def test_an_answer_lists_fewer_sets_of_very_many_genes(small, tested, monkeypatch):
    monkeypatch.setattr("starcyte.web.encoding.enrichment._GENES_OF_A_SET", 2)
    genes, scores = tested
    body = question(genes, scores, gmt(a=genes[:4], b=genes[1:5], c=genes[:1]), test="ranked", limit=3)
    answer = small.post("enrichment", body).json
    assert answer["n_sets"] == 3
    assert sum(found["size"] for found in answer["sets"]) <= 6
    assert small.get(f"jobs/{answer['job_id']}", headers={"Accept": "text/csv"}).text.count("\n") == 4


def test_disabled_comparisons_have_no_enrichment(serve, small_file, tested, refused):
    genes, scores = tested
    client = serve(small_file, disable_diffexp=True)
    refused(client.post("enrichment", question(genes, scores, gmt(a=genes[:1]), test="ranked")), 403)
