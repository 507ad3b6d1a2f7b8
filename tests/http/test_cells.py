"""Cells by their names."""

from __future__ import annotations

import json


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
