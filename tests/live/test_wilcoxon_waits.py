"""A Wilcoxon test that is requested before the index is built waits for it, and reports its progress."""

import json
import time

import numpy as np
from anndata import AnnData
from scipy.sparse import random_array


def test_wilcoxon_waits_for_the_index(tmp_path, launched):
    rng = np.random.default_rng(8)
    values = random_array((3000, 400), density=0.3, format="csr", dtype=np.float32, rng=rng)
    path = tmp_path / "x.h5ad"
    AnnData(values, obs={"half": np.repeat(["a", "b"], 1500)}).write_h5ad(path)
    server = launched(path, "--index-least", "1", "--cache-dir", tmp_path / "cache", "--answer-wait", "0").opened()
    question = json.dumps({"a": {"ranges": [[0, 700]]}, "method": "wilcoxon"})
    _, body = server.get("diffexp", "POST", question, **{"Content-Type": "application/json"})
    answer, seen = json.loads(body), [0.0]
    while "job" in answer and answer["job"]["state"] in {"queued", "running"}:
        seen.append(answer["job"]["progress"])
        time.sleep(0.02)
        answer = server.json(f"jobs/{answer['job']['id']}")
    assert len(answer["result"]["genes"]) == 400
    assert seen == sorted(seen)
    assert list((tmp_path / "cache" / "index").glob("*/index.json"))
