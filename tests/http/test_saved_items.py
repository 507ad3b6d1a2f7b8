"""Gene sets, views, results, figures and terms over HTTP."""

from __future__ import annotations

import json

import pytest

PICTURE = "data:image/png;base64,iVBORw0KGgo="
PNG = b"\x89PNG\r\n\x1a\n rest"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture
def page(serve, small_file, tmp_path):
    """A client of an application with a data folder of its own."""
    return serve(small_file, data_dir=str(tmp_path / "data"))


def put(page, path, body, revision=None, **kwargs):
    headers = {} if revision is None else {"If-Match": str(revision)}
    given = {"json": body} if not isinstance(body, bytes) else {"data": body}
    return page.open(path, method="PUT", headers=headers, **given, **kwargs)


def test_a_gene_set_is_created_edited_restored_and_deleted(page):
    made = put(page, "genesets/T%2FNK", {"genes": ["CD3D", "cd3d", "NOPE", "CD3D"], "description": "of T cells"})
    assert made.status_code == 201
    first = made.json["revision"]
    (found,) = page.json("genesets")["genesets"]
    assert found["genes"] == ["CD3D", "cd3d", "NOPE"]
    assert found["missing"] == ["NOPE"]
    assert found["description"] == "of T cells"
    assert page.json("genesets/T%2FNK") == found == made.json["geneset"]
    edited = put(page, "genesets/T%2FNK", {"genes": ["a,b"], "name": "other"}, first)
    assert edited.status_code == 200
    assert edited.json["geneset"]["name"] == "other"
    assert edited.json["geneset"]["description"] == "of T cells"
    stale = put(page, "genesets/other", {"name": "third"}, first)
    assert stale.status_code == 412
    assert stale.json["current"] == edited.json["geneset"]
    restored = page.post("genesets/other/restore", {"revision": first}).json
    assert restored["geneset"]["name"] == "T/NK"
    assert restored["geneset"]["genes"] == found["genes"]
    gone = page.open("genesets/T%2FNK", method="DELETE").json["revision"]
    assert page.json("genesets")["genesets"] == []
    back = page.post("genesets/T%2FNK/restore", {"revision": edited.json["revision"]}).json
    assert back["geneset"]["name"] == "other"
    assert back["revision"] > gone
    assert page.post("genesets/other/restore", {"revision": gone}).json["geneset"] is None


def test_genes_that_two_tabs_add_and_remove_are_merged(page):
    first = put(page, "genesets/x", {"genes": ["a", "b", "c"]}).json["revision"]
    put(page, "genesets/x", {"genes": ["a", "c", "d"], "name": "y"}, first)
    merged = put(page, "genesets/x", {"genes": ["a", "b", "e"], "description": "mine"}, first)
    assert merged.status_code == 200
    assert merged.json["geneset"]["genes"] == ["a", "d", "e"]
    assert merged.json["geneset"]["name"] == "y"
    assert merged.json["geneset"]["description"] == "mine"
    # nothing of the other is lost where one value alone can be kept
    refused = put(page, "genesets/y", {"description": "other", "genes": []}, first)
    assert refused.status_code == 412
    assert page.json("genesets/y")["genes"] == ["a", "d", "e"]
    page.open("genesets/y", method="DELETE")
    assert put(page, "genesets/y", {"genes": ["a"]}, first).status_code == 412


def test_an_existing_gene_set_is_not_created_again(page, refused):
    put(page, "genesets/x", {"genes": ["CD3D"]})
    assert put(page, "genesets/x", {"genes": ["MS4A1"]}).status_code == 412
    assert put(page, "genesets/x", {"genes": ["MS4A1"]}, "*").status_code == 200
    assert put(page, "genesets/y", {"genes": []}, 1).json["current"] is None
    refused(put(page, "genesets/z", {"description": "none"}), 400)
    put(page, "genesets/y", {"genes": []})
    assert put(page, "genesets/y", {"name": "x"}, "*").status_code == 412


@pytest.mark.parametrize("genes", ["CD3D", [1], [["x"]], [""], ["a\u0000"], {"a": 1}])
def test_invalid_lists_of_genes_are_refused(page, refused, genes):
    refused(put(page, "genesets/x", {"genes": genes}), 400)
    assert page.json("genesets")["genesets"] == []


def test_limits_name_their_setting(serve, small_file, tmp_path, refused):
    page = serve(
        small_file,
        data_dir=str(tmp_path),
        max_gene_sets=1,
        max_gene_set_genes=2,
        max_saved_items=1,
        max_saved_item_bytes=100,
    )
    assert "max_gene_set_genes" in refused(put(page, "genesets/x", {"genes": ["a", "b", "c"]}), 413)["message"]
    put(page, "genesets/x", {"genes": ["a", "b"]})
    assert "max_gene_sets" in refused(put(page, "genesets/y", {"genes": []}), 413)["message"]
    assert "max_saved_item_bytes" in refused(put(page, "views/x", {"x": "y" * 100}), 413)["message"]
    put(page, "views/x", {})
    assert "max_saved_items " in refused(put(page, "views/y", {}), 413)["message"].replace(")", " ")
    assert put(page, "results/y", {}).status_code == 201


@pytest.mark.parametrize("plural", ["views", "results"])
def test_a_saved_item_is_answered_as_it_was_sent(page, plural):
    body = json.dumps({"thumbnail": PICTURE, "numbers": [1.5, None], "text": "ü"}, ensure_ascii=False).encode()
    made = put(page, f"{plural}/a%2Fb", body, content_type="application/json")
    assert made.status_code == 201
    (entry,) = page.json(plural)[plural]
    assert (entry["name"], entry["bytes"], entry["thumbnail"]) == ("a/b", len(body), PICTURE)
    assert page.get(f"{plural}/a%2Fb").data == body
    again = put(page, f"{plural}/a%2Fb", {"new": 1}, made.json["revision"])
    assert again.status_code == 200
    assert page.json(f"{plural}/a%2Fb") == {"new": 1}
    assert "thumbnail" not in page.json(plural)[plural][0]
    stale = put(page, f"{plural}/a%2Fb", {"new": 2}, made.json["revision"])
    assert stale.status_code == 412
    assert stale.json["current"]["revision"] == again.json["revision"]
    assert put(page, f"{plural}/a%2Fb", {}).status_code == 412
    page.open(f"{plural}/a%2Fb", method="DELETE")
    assert page.json(plural)[plural] == []
    assert page.get(f"{plural}/a%2Fb").status_code == 404
    assert put(page, f"{plural}/a%2Fb", {"once": "more"}).status_code == 201


@pytest.mark.parametrize(("media_type", "body"), [("image/png", PNG), ("image/svg+xml", SVG)])
def test_a_figure_is_answered_as_a_file_and_never_as_a_page(page, media_type, body):
    assert put(page, "figures/fig", body, content_type=media_type).status_code == 201
    answer = page.get("figures/fig")
    assert (answer.mimetype, answer.data) == (media_type, body)
    assert answer.headers["Content-Disposition"] == "attachment"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert page.json("figures")["figures"][0]["media_type"] == media_type


@pytest.mark.parametrize(
    ("path", "media_type", "body"),
    [
        ("figures/x", "text/html", b"<svg></svg>"),
        ("figures/x", "image/png", SVG),
        ("figures/x", "image/svg+xml", b"<html></html>"),
        ("figures/x", "image/svg+xml", b""),
        ("views/x", "application/json", b"{"),
        ("views/x", "application/json", b'{"x": NaN}'),
        ("views/x", "application/json", b"[" * 100_000),
        ("views/x", "text/plain", b"{}"),
        ("views/x", "application/json", b'{"thumbnail": "javascript:alert(1)"}'),
        ("views/x", "application/json", b'{"thumbnail": "data:text/html;base64,AAAA"}'),
        ("views/x", "application/json", b'{"thumbnail": "data:image/svg+xml;base64,AAAA"}'),
    ],
)
def test_invalid_saved_items_are_refused(page, refused, path, media_type, body):
    refused(put(page, path, body, content_type=media_type), 400)
    assert page.json("views")["views"] == page.json("figures")["figures"] == []


def test_names_are_completed_from_terms(serve, small_file, tmp_path, refused):
    terms = tmp_path / "terms.csv"
    terms.write_text("id,name,synonyms\nCL:1,T cell,T lymphocyte|T-cell\nCL:2,B cell,\n")
    page = serve(small_file, terms_file=str(terms))
    assert page.json("schema")["features"]["terms"] is True
    assert page.json("terms?q=lympho")["terms"] == [
        {"id": "CL:1", "name": "T cell", "synonyms": ["T lymphocyte", "T-cell"]}
    ]
    assert len(page.json("terms?limit=1")["terms"]) == 1
    refused(page.get("terms?limit=x"), 400)


def test_without_a_file_there_are_no_terms(page, refused):
    assert page.json("schema")["features"]["terms"] is False
    refused(page.get("terms?q=x"), 404)


def test_an_invalid_terms_file_is_reported(serve, small_file, tmp_path, refused):
    page = serve(small_file, terms_file=str(tmp_path / "nowhere"))
    assert "nowhere" in refused(page.get("terms?q=x"), 400)["message"]


@pytest.mark.parametrize(("wanted", "first"), [("CD3D", "CD3D"), ("louvain", ""), ("", "")])
def test_the_page_opens_with_a_colour_that_the_dataset_has(serve, small_file, wanted, first):
    """Of a catalog, whose settings are for all of it, a dataset may not have the column."""
    assert serve(small_file, color_by=wanted).json("schema")["defaults"]["color_by"] == first


def test_the_schema_says_what_the_page_opens_with(serve, small_file):
    page = serve(small_file, color_by="type", first_embedding="X_pca", allow_finish=True, outputs_dir="/nowhere")
    schema = page.json("schema")
    assert schema["defaults"] == {"color_by": "type", "embedding": "X_pca", "min_fraction": 0.1}
    assert {k: schema["features"][k] for k in ("finish", "outputs", "annotations")} == {
        "finish": True,
        "outputs": True,
        "annotations": True,
    }
