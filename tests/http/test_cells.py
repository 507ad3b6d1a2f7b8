"""Cells by their names."""

from __future__ import annotations

import io
import json

import anndata
import numpy as np
import pandas as pd


def test_cells_are_searched_by_a_part_of_their_names(small):
    names = small.json("cells?rows=" + ",".join(map(str, range(40))))["names"]
    text = names[17]
    found = small.json(f"cells/search?q={text.upper()}")
    assert found["cells"][0] == {"row": 17, "name": text}
    assert {c["row"] for c in small.json(f"cells/search?q={text[:1]}&limit=100")["cells"]} == {
        i for i, name in enumerate(names) if text[:1].lower() in name.lower()
    }
    found = small.json(f"cells/search?q={text[:1]}&limit=3")
    assert (len(found["cells"]), found["more"]) == (3, True)


def test_a_search_needs_a_text(small, refused):
    refused(small.get("cells/search"), 400)
    refused(small.get("cells/search?q="), 400)
    refused(small.get("cells/search?q=" + "x" * 201), 400)


def test_a_list_of_names_is_a_selection(small, refused):
    names = small.json("cells?rows=3,1,39")["names"]
    found = small.post("cells/match", {"names": [*names, "absent", names[0]]}).json
    assert found["rows"] == [1, 3, 39]
    assert (found["by"], found["missing"], found["ambiguous"], found["examples"]) == ({"name": 3}, 1, 0, ["absent"])
    assert found["own"] == small.json("cells?rows=0,1,2,3,4")["names"]
    for wrong in ("x", [1], [["a"]], None, {}):
        refused(small.post("cells/match", {"names": wrong}), 400)
    refused(small.post("cells/match", {"names": ["x"] * 60_000}), 413)
    assert json.loads(small.post("cells/match", {"names": []}).text)["rows"] == []


def test_a_cell_has_its_values_in_all_columns(small, refused):
    """As the whole columns have them."""
    schema = small.json("schema")
    for row in (0, 9, 17, 39):
        cell = small.json(f"cells/{row}")
        assert (cell["row"], cell["name"]) == (row, small.json(f"cells?rows={row}")["names"][0])
        assert [value["column"] for value in cell["values"]] == [column["name"] for column in schema["obs"]]
        for value in cell["values"]:
            column = small.json(f"obs/{value['column']}")["columns"][0]
            expected = column["values"][row]
            if column.get("categories") and expected is not None:
                expected = None if expected < 0 else column["categories"][expected]
            got = str(value["value"]) if isinstance(value["value"], bool) else value["value"]
            assert got == expected, value
    refused(small.get("cells/40"), 404)
    refused(small.get("cells/x"), 404)


def test_the_table_of_cells_is_that_of_anndata(serve, tmp_path):
    obs = pd.DataFrame(
        {
            "kind": pd.Categorical.from_codes([0, -1, 1, 1, 0, 1], ['a"b', "c,d\ne"]),
            "narrow": np.array([0.1, np.nan, 2, 1e-30, np.inf, -0.3], np.float32),
            "wide": np.array([0.1, 1 / 3, 2, 3, 4, 5]),
            "whole": np.array([1, 2, 2**40 + 1, 4, -5, 6]),
            "number": np.array([1, 2, 2**53 + 1, 4, 5, 6]),
            "flag": [True, False, True, True, False, False],
            "maybe": pd.array([True, None, False, True, None, True], dtype="boolean"),
            "count": pd.array([1, None, 3, 4, 5, 6], dtype="Int64"),
            "text": pd.Series(["x", "y ", "", "é", "v", "w"], dtype=object).to_numpy(),
            "when": pd.to_datetime(["2020-01-02", None, "2021-01-02", "2020-01-02", "2020-01-02", "1969-01-02"]),
        },
        index=[f"cell {i}" for i in range(6)],
    )
    data = anndata.AnnData(np.ones((6, 2), np.float32), obs.drop(columns="when"))
    data.write_h5ad(tmp_path / "file.h5ad")
    page = serve(tmp_path / "file.h5ad", data_dir=str(tmp_path / "data"))
    page.open("annotations/kind", method="PUT", json={"labels": [{"name": "mine"}]})
    page.post("annotations/kind/assign", {"label": "mine", "selection": {"indices": [0, 4]}})
    rows = [0, 1, 2, 4, 5]
    answer = page.post("cells/table", {"selection": {"indices": rows}})
    assert answer.mimetype == "text/csv"
    found = pd.read_csv(io.StringIO(answer.text), index_col="cell", dtype={"text": str}, keep_default_na=True)
    wanted = obs.iloc[rows]
    assert list(found.index) == list(wanted.index)
    assert list(found.columns) == [*(c for c in obs.columns if c != "when"), "kind_2"]
    assert found["kind"].fillna("-").tolist() == wanted["kind"].astype(object).fillna("-").tolist()
    assert found["narrow"].astype(np.float32).equals(wanted["narrow"])
    assert found["wide"].equals(wanted["wide"])
    assert found["whole"].tolist() == wanted["whole"].tolist()
    assert found["number"].tolist() == wanted["number"].tolist()
    assert found["flag"].tolist() == wanted["flag"].tolist()
    assert found["maybe"].astype("boolean").equals(wanted["maybe"])
    assert found["count"].astype("Int64").equals(wanted["count"])
    assert found["text"].fillna("").tolist() == wanted["text"].tolist()
    assert found["kind_2"].fillna("").tolist() == ["mine", "", "", "mine", ""]
    assert page.post("cells/table", {"selection": {"indices": []}}).text.count("\n") == 1
    assert len(pd.read_csv(io.StringIO(page.post("cells/table", {}).text))) == 6


def test_a_table_of_cells_is_read_in_blocks(small, small_file, monkeypatch):
    from starcyte.web.encoding import obs_table

    whole = small.post("cells/table", {}).text
    monkeypatch.setattr(obs_table, "_CELLS_AT_ONCE", 7)
    assert small.post("cells/table", {}).text == whole
