"""64-bit integers beyond 2^53, which are identifiers: every digit is kept wherever they are shown or exported."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from columns import decode
from h5ad_file import Categorical, Nullable, write_h5ad
from scipy.sparse import csr_array

N = 80
BASE = 9_007_199_254_740_993  # 2^53 + 1, the first integer that a float does not hold
DIGITS = np.arange(N, dtype=np.int64) + BASE
FEW = np.array([BASE, -BASE, 1_234_567_890_123_456_789])
COLUMNS = {
    "different": DIGITS,
    "repeated": FEW[np.arange(N) % 3],
    "unsigned": np.arange(N, dtype=np.uint64) + np.uint64(2**63 + 1),
    "one": np.r_[np.zeros(N - 1, np.int64), BASE],
    "nullable": Nullable(DIGITS, np.arange(N) % 9 == 0),
    "big endian": DIGITS.astype(">i8"),
    "category": Categorical((np.arange(N) % 3).astype(np.int8), FEW),
}
AMOUNTS = {"exact": np.r_[np.arange(N - 1), 2**53], "int32": np.arange(N, dtype=np.int32)}


def digits(column):
    """Return the text of each value by Python's integers; None where missing."""
    if isinstance(column, Categorical):
        return [str(int(column.categories[code])) for code in column.codes]
    if isinstance(column, Nullable):
        return [None if m else str(int(v)) for v, m in zip(column.values, column.mask, strict=True)]
    return [str(int(v)) for v in column]


@pytest.fixture
def client(serve, tmp_path):
    rng = np.random.default_rng(1)
    x = csr_array(rng.poisson(1.0, (N, 3)).astype(np.float32))
    path = write_h5ad(tmp_path / "ids.h5ad", x, obs=COLUMNS | AMOUNTS, obsm={"X_umap": rng.random((N, 2))})
    return serve(path, data_dir=str(tmp_path / "data"))


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_keeps_its_digits_in_every_form(client, name):
    wanted = digits(COLUMNS[name])
    assert client.json(f"obs/{name}")["columns"][0]["values"] == wanted
    binary = client.get(f"obs/{name}", headers={"Accept": "application/vnd.starcyte.columns"}).get_data()
    entry = decode(binary)[1][0]
    assert (entry.entry["values"] if entry.entry["dtype"] == "string" else entry.plain()) == [
        text if text is not None else ("" if entry.entry["dtype"] == "string" else None) for text in wanted
    ]
    rows = list(csv.reader(io.StringIO(client.get(f"obs/{name}", headers={"Accept": "text/csv"}).text)))
    # a text that a spreadsheet would take for a formula has an apostrophe in front
    assert [row[0].removeprefix("'") for row in rows[1:]] == [text or "" for text in wanted]


def test_integers_that_floats_hold_are_numbers(client):
    kinds = {column["name"]: column["kind"] for column in client.json("schema")["obs"]}
    assert [kinds[name] for name in AMOUNTS] == ["continuous", "continuous"]
    assert client.json("obs/exact")["columns"][0]["values"][-1] == 2**53


@pytest.mark.parametrize("wanted", [int(FEW[2]), str(FEW[2])], ids=["as a number", "as a text"])
def test_groups_and_selections_name_identifiers(client, wanted):
    answer = client.json("summary?genes=g0&group_by=repeated")
    assert sorted(answer["groups"]) == sorted(map(str, FEW))
    cells = {"column": "repeated", "in": [wanted]}
    within = client.post("summary", {"genes": "g0", "group_by": "category", "within": cells}).json
    n = dict(zip(within["groups"], within["n"], strict=True))
    assert n == {str(FEW[0]): 0, str(FEW[1]): 0, str(FEW[2]): int((np.arange(N) % 3 == 2).sum())}


def test_an_annotation_of_identifiers_is_exported_with_its_digits(client):
    assert client.open("annotations/own", method="PUT", json={"from": "obs:repeated"}).status_code == 201
    rows = list(csv.reader(io.StringIO(client.get("export/annotations.csv").text)))
    column = next(row for row in rows if "own" in row).index("own")
    assert [row[column].removeprefix("'") for row in rows[-N:]] == digits(COLUMNS["repeated"])


def test_cells_are_named_by_identifiers(serve, tmp_path):
    path = write_h5ad(tmp_path / "names.h5ad", csr_array(np.ones((N, 1), np.float32)), obs={"id": DIGITS})
    client = serve(path, obs_names="id", data_dir=str(tmp_path / "data"))
    assert client.json("cells?rows=0,1,79")["names"] == [str(DIGITS[i]) for i in (0, 1, 79)]
