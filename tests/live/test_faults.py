"""What can go wrong around a server that runs: each ends in a clear message, and the server lives on.

``CONNECTIONS=10000 pytest tests/live/test_faults.py`` is the long form.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
from h5ad_file import write_h5ad
from scipy.sparse import random as random_sparse

CONNECTIONS = int(os.environ.get("CONNECTIONS", "1500"))
#: More than one block of matrix, so that not all of it has been read when the file is hurt
N, GENES = 20_000, 200


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    x = random_sparse(N, GENES, 0.2, "csr", np.float32, rng=np.random.default_rng(5))
    umap = np.zeros((N, 2), np.float32)
    return write_h5ad(tmp_path_factory.mktemp("made") / "cells.h5ad", x, obsm={"X_umap": umap})


@pytest.fixture
def file(made, tmp_path):
    return Path(shutil.copy(made, tmp_path / "cells.h5ad"))


def ask(viewer, path):
    """Return the status and the error of a request."""
    status, body = viewer.get(path, Accept="application/json")
    return status, json.loads(body).get("error")


def is_alive(viewer):
    assert viewer.json("health")["state"] == "ready"
    assert viewer.process.poll() is None
    assert "Traceback" not in viewer.err


def test_a_file_that_is_removed_is_read_on(launched, file):
    viewer = launched(file).opened()
    file.unlink()
    assert ask(viewer, "expression?gene=g7") == (200, None)
    is_alive(viewer)


def test_a_file_that_is_replaced_is_not_mixed_with_the_new_one(launched, file, tmp_path):
    viewer = launched(file).opened()
    before = viewer.json("expression?gene=g7")
    other = write_h5ad(tmp_path / "other.h5ad", np.ones((N, GENES), np.float32))
    other.replace(file)
    assert viewer.json("expression?gene=g7") == before
    assert viewer.json("schema")["n_vars"] == GENES
    is_alive(viewer)


@pytest.mark.parametrize("hurt", ["truncated", "emptied", "overwritten"])
def test_a_file_that_is_hurt_while_it_is_open_is_told(launched, file, hurt):
    viewer = launched(file, "--index-least=1000000000").opened()
    if hurt == "overwritten":
        with file.open("r+b") as stream:
            stream.write(os.urandom(file.stat().st_size))
    else:
        os.truncate(file, file.stat().st_size // 3 if hurt == "truncated" else 0)
    seen = [ask(viewer, path) for path in ("expression?gene=g7", "embeddings/X_umap", "expression?gene=g199")]
    for status, error in seen:
        # what HDF5 has in memory may still be answered
        assert status in {200, 422}, (status, error)
        assert status == 200 or error["code"] == "dataset_invalid"
    if hurt != "overwritten":
        assert any(status == 422 for status, _ in seen)
    viewer.get("diffexp", "POST", b'{"a": {"ranges": [[0, 100]]}}', **{"Content-Type": "application/json"})
    is_alive(viewer)


def test_clients_that_send_a_byte_now_and_then_keep_nobody_out(launched, file):
    viewer = launched(file, "--max-connections=40").opened()
    slow = [viewer.connect() for _ in range(60)]
    try:
        for _ in range(5):
            for connection in slow:
                try:
                    connection.sendall(b"G")
                except OSError:
                    continue  # it had to make room
            is_alive(viewer)
    finally:
        for connection in slow:
            connection.close()
    is_alive(viewer)


def test_a_connection_that_says_nothing_is_closed(launched, file):
    viewer = launched(file, "--connection-timeout=2").opened()
    with viewer.connect() as half:
        half.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n")
        assert half.recv(1000) in {b"", b"HTTP/1.1 408 Request Timeout\r\n"}
    is_alive(viewer)


def test_ever_so_many_connections_keep_nobody_out(launched, file):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    many = CONNECTIONS if hard == resource.RLIM_INFINITY else min(CONNECTIONS, hard - 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    viewer = launched(file).opened()
    files = viewer.descriptors()
    crowd = []
    try:
        for i in range(many):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", viewer.ready["port"]))
            crowd.append(connection)
            if i % 500 == 0:
                is_alive(viewer)
        assert viewer.descriptors() < files + 520, "max_connections"
        is_alive(viewer)
    finally:
        for connection in crowd:
            connection.close()
    viewer.wait_until(lambda: viewer.descriptors() <= files + 2)
    is_alive(viewer)


def test_a_head_over_the_limit_is_refused(launched, file):
    viewer = launched(file, "--max-header-bytes=2000").opened()
    answer = viewer.ask(b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"y" * 3000 + b"\r\n\r\n")
    assert not answer or b" 431 " in answer.splitlines()[0]
    is_alive(viewer)
