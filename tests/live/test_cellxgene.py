"""A command line of cellxgene, with the name of the command replaced."""

from __future__ import annotations

from urllib.request import urlopen


def test_a_command_line_of_cellxgene_works_unchanged(launched, pbmc, tmp_path):
    line = (
        f"{pbmc} --title Blood --about https://example.org/blood --host 127.0.0.1 --port 0 -e umap -e pca"
        f" --max-category-items 5 -de 0.5 -obs louvain --user-generated-data-dir {tmp_path / 'made'} --verbose"
        " --disable-gene-sets-save"
    )
    viewer = launched(*line.split()).opened()
    schema = viewer.json("schema")
    assert (schema["title"], schema["about"]) == ("Blood", "https://example.org/blood")
    assert [e["name"] for e in schema["embeddings"]] == ["X_umap", "X_pca"]
    listed = {c["name"]: c.get("categories") for c in schema["obs"]}
    assert listed["bulk_labels"] is None
    assert len(listed["phase"]) == 3
    assert schema["cells"]["names_from"] == "louvain"
    assert schema["features"]["genesets"] is False
    kind = {"Content-Type": "application/json"}
    status, _ = viewer.get("annotations/mine", "PUT", b'{"labels": []}', **kind)
    assert status == 201
    assert list((tmp_path / "made").glob("*.sqlite"))
    with urlopen(viewer.ready["url"]) as page:
        assert b"<title>" in page.read()
