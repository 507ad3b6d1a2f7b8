"""Many clients, bad clients, and clients that leave."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import re
import socket
from pathlib import Path

import pytest

SECRET = "a-secret-value-of-a-cookie"


def is_well(viewer):
    assert viewer.json("health")["state"] == "ready"
    assert viewer.json("obs/louvain")["n"] == 700
    assert viewer.err == ""


def test_two_hundred_clients_at_once_are_all_answered(viewer):
    paths = ["schema", "obs/bulk_labels", "embeddings/X_umap", "expression?gene=CD3D", "health"]
    alone = {path: viewer.get(path) for path in paths}
    connections = [viewer.client() for _ in range(200)]
    try:
        for i, connection in enumerate(connections):
            connection.request("GET", f"/api/v1/{paths[i % len(paths)]}")
        for i, connection in enumerate(connections):
            response = connection.getresponse()
            assert (response.status, response.read()) == alone[paths[i % len(paths)]]
    finally:
        for connection in connections:
            connection.close()
    is_well(viewer)


def test_clients_that_say_nothing_keep_nobody_out(viewer):
    silent = [viewer.connect() for _ in range(150)]
    try:
        for connection in silent[::2]:
            connection.sendall(b"GET /api/v1/schema HT")
        is_well(viewer)
    finally:
        for connection in silent:
            connection.close()


def test_bodies_that_never_come_keep_nobody_out(viewer):
    head = b"POST /api/v1/diffexp HTTP/1.1\r\nHost: localhost\r\nX-Starcyte-Client: x\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    waiting = [viewer.connect() for _ in range(20)]
    try:
        for connection in waiting:
            connection.sendall(head)
        is_well(viewer)
    finally:
        for connection in waiting:
            connection.close()


def test_nothing_is_left_open_after_many_requests(viewer):
    def ask(number):
        path = ["schema", "obs/louvain", "obs/none", "expression?gene=LYZ", "health", "genes?q=c"][number % 6]
        status, _ = viewer.get(path, "GET", None, Cookie=f"a={number}")
        return status

    def burst():
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            assert set(pool.map(ask, range(100))) == {200, 404}

    burst()
    viewer.wait_until(lambda: viewer.descriptors() < 200)
    settled = [viewer.descriptors()]

    def is_settled():
        settled.append(viewer.descriptors())
        return settled[-1] == settled[-2]

    viewer.wait_until(is_settled)
    descriptors, threads = viewer.descriptors(), viewer.threads()
    burst()
    viewer.wait_until(lambda: viewer.descriptors() <= descriptors)
    assert viewer.threads() <= threads


def test_a_connection_is_kept_for_many_requests(viewer):
    client = viewer.client()
    client.connect()
    own = client.sock.getsockname()
    for path in ["schema", "obs/none", "health", "obs/louvain"] * 5:
        client.request("GET", f"/api/v1/{path}")
        response = client.getresponse()
        response.read()
        assert response.status in {200, 404}
        assert client.sock.getsockname() == own
    client.close()


def test_requests_sent_at_once_are_answered_in_their_order(viewer):
    request = "GET /api/v1/{} HTTP/1.1\r\nHost: localhost\r\n{}\r\n"
    answer = viewer.ask(
        (
            request.format("health", "")
            + request.format("obs/none", "")
            + request.format("schema", "Connection: close\r\n")
        ).encode()
    )
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"200", b"404", b"200"]


def test_clients_that_leave_in_the_middle_are_forgotten(viewer):
    for _ in range(30):
        with viewer.connect() as connection:
            connection.sendall(b"GET /api/v1/embeddings/X_pca HTTP/1.1\r\nHost: localhost\r\n\r\n" * 5)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    is_well(viewer)


ODD = {
    "nonsense": b"\x00\xff\x13nonsense\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c4030300") + b"\x00" * 64 + b"\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "an unknown version": b"GET /api/v1/health HTTP/9.9\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
    "a header over two lines": b"GET / HTTP/1.1\r\nHost: localhost\r\n y\r\n\r\n",
    "two lengths": b"POST /api/v1/none HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
    "length and chunks": b"POST /x HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length that is none": b"POST /api/v1/diffexp HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
    "an unknown coding": b"POST /api/v1/diffexp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
    "a bad chunk": b"POST /api/v1/diffexp HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a whole address": b"GET http://evil.example/api/v1/none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "a path of bytes": b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "a path with a nul": b"GET /api/v1/obs/a%00b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "a huge header": b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"x" * 400_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(40_000)) + b"\r\n",
    "a huge path": b"GET /" + b"x" * 300_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("request_", [pytest.param(v, id=k) for k, v in ODD.items()])
def test_an_odd_request_is_answered_or_dropped_and_forgotten(viewer, request_):
    answer = viewer.ask(request_)
    status = answer.split(b" ")[1] if answer else b"closed"
    assert status in {b"closed", b"501"} or b"200" <= status < b"500", answer[:200]
    assert b"Traceback" not in answer
    is_well(viewer)


def test_many_large_headers_are_answered(viewer):
    headers = {f"X-Header-{i}": "y" * 1000 for i in range(25)}
    assert viewer.get("health", "GET", None, **headers)[0] == 200


def test_an_address_that_is_half_one_closes_its_own_connection(launched, pbmc):
    viewer = launched(pbmc).opened()
    assert viewer.ask(b"GET http://[::1/ HTTP/1.1\r\nHost: localhost\r\n\r\n") == b""
    assert viewer.json("health")["state"] == "ready"
    assert "Traceback" not in viewer.err


def test_a_body_over_the_limit_is_refused(launched, pbmc):
    viewer = launched(pbmc, "--max-body-bytes=2000").opened()
    kind = {"Content-Type": "application/json"}
    body = b'{"a": {"indices": [' + b"1," * 5000 + b"2]}}"
    assert viewer.get("diffexp", "POST", body, **kind)[0] == 413
    head = b"POST /api/v1/diffexp HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n"
    head += b"X-Starcyte-Client: x\r\n\r\n"
    answer = viewer.ask(head + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")
    # the connection may be reset before its answer is read
    assert not answer or answer.startswith(b"HTTP/1.1 413")
    status, answer = viewer.get("diffexp", "POST", b'{"a": {"indices": [1, 2, 3]}, "limit": 1}', **kind)
    assert (status, json.loads(answer)["n_a"]) == (200, 3)
    assert viewer.err == ""


def test_a_body_in_chunks_is_read(viewer):
    body = [b'{"a": {"ranges"', b": [[0, 10]]}, ", b'"limit": 2}']
    status, answer = viewer.get("diffexp", "POST", iter(body), **{"Content-Type": "application/json"})
    assert status == 200
    assert len(json.loads(answer)["genes"]) == 2


def test_no_header_or_cookie_is_logged(launched, pbmc):
    viewer = launched(pbmc, "--max-body-bytes=2000").opened()
    headers = {"Cookie": f"galaxysession={SECRET}", "Authorization": f"Bearer {SECRET}", "X-Api-Key": SECRET}
    for path in ["schema", "obs/none", "expression", f"nothing?token={SECRET}", "/", "/none"]:
        viewer.get(path, "GET", None, **headers)
        viewer.get(path, "POST", b"{", **headers, **{"Content-Type": "application/json"})
    viewer.ask(f"GET / HTTP/1.1\r\nCookie {SECRET}\r\n\r\n".encode())
    assert viewer.stop() == 0
    assert SECRET not in viewer.err + viewer.out
    assert viewer.err == ""


def test_the_server_does_not_name_itself(viewer):
    answer = viewer.ask(b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").lower()
    assert b"\r\nserver:" not in answer
    assert b"waitress" not in answer


@pytest.mark.parametrize("header", ["X-Forwarded-Prefix", "X-Forwarded-Host", "Forwarded", "X-Forwarded-For"])
def test_a_client_that_claims_to_be_a_proxy_is_not_believed(viewer, header):
    status, body = viewer.get("/", "GET", None, **{header: "/evil"})
    assert status == 200
    assert b"evil" not in body


def test_strangers_leave_nothing_on_the_disk(launched, pbmc):
    viewer = launched(pbmc, "--access=token", "--token=a-token-that-is-long").opened()
    strangers = [viewer.connect() for _ in range(20)]
    for connection in strangers:
        connection.sendall(
            b"POST /api/v1/import/session HTTP/1.1\r\nHost: localhost\r\nX-Starcyte-Client: x\r\n"
            b"Content-Length: 9000000\r\n\r\n"
        )
    for connection in strangers:
        assert connection.recv(65536).startswith(b"HTTP/1.1 401")
        with contextlib.suppress(OSError):
            connection.sendall(b"x" * 4_000_000)
    deleted = [f for f in Path(f"/proc/{viewer.process.pid}/fd").iterdir() if "(deleted)" in str(f.readlink())]
    assert deleted == []
    for connection in strangers:
        connection.close()
    assert viewer.json("health")["state"] == "ready"


def test_work_for_a_client_that_has_left_ends(launched, pbmc):
    viewer = launched(pbmc, slowed="gene").opened()
    body = b"GET /api/v1/expression?gene=CD3D HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for _ in range(20):
        with viewer.connect() as connection:
            connection.sendall(body)
    assert viewer.json("health")["state"] == "ready"
