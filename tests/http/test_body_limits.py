"""The size of what a body decodes to, and the memory that it takes."""

from __future__ import annotations

import gc
import json
import tracemalloc

import flask
import pytest
from starcyte.errors import BadRequest, LimitExceeded
from starcyte.web.contract.selection import Selection
from starcyte.web.encoding.json_limits import check_json

MB = 1 << 20


def peak_of(do):
    """Return the answer, and the most bytes that were allocated meanwhile."""
    tracemalloc.start()
    answer = do()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return answer, peak


def filled(start, unit, end, size):
    return start + (unit + b",") * (size // (len(unit) + 1)) + unit + end


BOMBS = {
    "where": ("POST", "diffexp", filled(b'{"a":{"where":[', b'{"column":"type","in":[]}', b"]}}", 4 * MB)),
    "in": ("POST", "diffexp", filled(b'{"a":{"where":[{"column":"type","in":[', b'"a"', b"]}]}}", 4 * MB)),
    "ranges": ("POST", "diffexp", filled(b'{"a":{"ranges":[', b"[0,1]", b"]}}", 4 * MB)),
    "indices": ("POST", "diffexp", filled(b'{"a":{"indices":[', b"1", b"]}}", 4 * MB)),
    "indices of lists": ("POST", "diffexp", filled(b'{"a":{"indices":[', b"[]", b"]}}", 4 * MB)),
    "lists in a number": ("POST", "cells/names", filled(b'{"selection":[', b"[]", b"]}", 4 * MB)),
    "genes": ("PUT", "genesets/x", filled(b'{"genes":[', b'"ab"', b"]}", MB - 100)),
    "labels": ("PUT", "annotations/x", filled(b'{"labels":[', b'{"name":"a"}', b"]}", MB - 100)),
    "unknown": ("POST", "login", filled(b'{"user":[', b"[]", b"]}", 4000)),
    "a view": ("PUT", "views/x", filled(b'{"x":[', b"[]", b"]}", 4 * MB)),
    "a thumbnail": ("PUT", "views/x", filled(b'{"thumbnail":[', b"[]", b"]}", 4 * MB)),
}


@pytest.mark.parametrize(("method", "path", "body"), [pytest.param(*v, id=k) for k, v in BOMBS.items()])
def test_a_body_takes_little_more_than_its_bytes(serve, small_file, tmp_path, method, path, body):
    client = serve(small_file, data_dir=str(tmp_path))
    client.json("schema")
    client.open(f"{path}0", method=method, data=b"{}", content_type="application/json")
    # what is imported at first is not of the body
    client.open("diffexp", method="POST", json={"a": {"ranges": [[0, 20]]}}).close()
    response, peak = peak_of(
        lambda: client.open(path, method=method, data=body, content_type="application/json").status_code
    )
    assert response in {200, 201, 400, 413}
    # the test client holds the body once more
    assert peak < 4 * len(body) + 4 * MB


@pytest.mark.parametrize(("method", "path", "body"), [pytest.param(*v, id=k) for k, v in BOMBS.items()])
@pytest.mark.parametrize("file", ["good", "damaged"])
def test_nothing_of_a_request_is_kept(serve, small_file, tmp_path, file, method, path, body):
    """Of what failed neither, as errors hold what was in use when they were raised."""
    if file == "damaged":
        small_file = tmp_path / "damaged.h5ad"
        small_file.write_bytes(b"no HDF5")
    client = serve(small_file, data_dir=str(tmp_path))
    for sent in (body[:1000], body, body):
        client.open(path, method=method, data=sent, content_type="application/json").close()
    gc.collect()
    kept = [type(each).__name__ for each in gc.get_objects() if type(each) in {flask.Request, Selection}]
    assert kept == []


def test_a_selection_does_not_wait_for_the_garbage_collector(serve, small_file):
    """It is no large object to it, though its body may have 32 MB."""
    client = serve(small_file)
    body = {"a": {"and": [{"not": {"ranges": [[0, 3]]}}, {"where": [{"column": "type", "in": ["B cell"]}]}]}}
    client.open("diffexp", method="POST", json=body).close()
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        client.open("diffexp", method="POST", json=body).close()
        gc.collect()
        modules = [getattr(each, "__module__", "") or "" for each in gc.garbage]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert [module for module in modules if module.startswith("starcyte")] == []


def test_a_conflict_returns_the_body_as_it_was_sent(serve, small_file, tmp_path):
    client = serve(small_file, data_dir=str(tmp_path))
    made = client.open("annotations/x", method="PUT", json={"labels": [{"name": "a"}]}).json
    client.open("annotations/x/assign", method="POST", json={"label": "a", "selection": {"indices": [1]}})
    body = {"label": "a", "selection": {"indices": [1, *[2] * 500_000]}, "create": True}
    client.open("annotations/x", method="PUT", json={"labels": []}, headers={"If-Match": "*"})
    text = json.dumps(body, separators=(",", ":")).encode()
    headers = {"If-Match": str(made["revision"]), "Content-Type": "application/json"}
    response, peak = peak_of(lambda: client.open("annotations/x/assign", method="POST", data=text, headers=headers))
    assert response.status_code == 412
    assert response.json["yours"] == body
    assert peak < 6 * len(text) + 4 * MB


def test_values_are_counted_beside_lists_of_cells():
    check_json(b'{"a":{"indices":[' + b"1," * 1000 + b"1]}}", 5)
    check_json(b'{"a": {"ranges" : [' + b"[1, 2], " * 1000 + b"[1,2]]}}", 5)
    check_json(json.dumps({"note": "a" * 1000}).encode(), 5)
    with pytest.raises(LimitExceeded, match="max_body_values"):
        check_json(b'{"a":{"where":[' + b"1," * 1000 + b"1]}}", 500)
    with pytest.raises(LimitExceeded, match="max_body_values"):
        check_json(b'{"indices":[]},' * 1000, 500)


@pytest.mark.parametrize("opened", [b"[", b'{"a":', b'{"a":[', b'[{"b]":'])
def test_nesting_is_limited(opened):
    check_json(opened * 10, 500)
    check_json(b"[" + b"[[]]," * 100 + b"[]]", 500)
    check_json(json.dumps({"a": "[" * 200 + '\\"[[' * 20}).encode(), 500)
    with pytest.raises(BadRequest, match="nested"):
        check_json(opened * 40, 500)
