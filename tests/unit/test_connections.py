"""Connections that neither read nor write in time, and what is left for all others."""

from __future__ import annotations

import contextlib
import errno
import http.client
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starcyte.connections import HEADER_FIELD, BoundedAdjustments, Server, harden_parser
from starcyte.web.security.admission import BodyLimit, Refusal
from waitress.buffers import TempfileBasedBuffer
from waitress.rfc7230 import HEADER_FIELD_RE
from waitress.task import ThreadedTaskDispatcher

pytestmark = pytest.mark.slow

CHUNK = bytes(range(256)) * 256
N_CHUNKS = 400


class Application:
    """Responses of several shapes, and how much of the stream was asked for."""

    def __init__(self):
        self.asked = self.closed = self.requests = 0

    def __call__(self, environ, start_response):
        path = environ["PATH_INFO"]
        self.requests += 1
        if path == "/stream":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return self
        body = {"/large": CHUNK * 60, "/huge": CHUNK * N_CHUNKS, "/body": environ["wsgi.input"].read()}.get(
            path, b"well"
        )
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    def __iter__(self):
        for _ in range(N_CHUNKS):
            self.asked += 1
            yield CHUNK

    def close(self):
        self.closed += 1


def admit(environ):
    if environ["PATH_INFO"] == "/never":
        return Refusal("403 Forbidden", [("Content-Type", "text/plain")], b"Not here.")
    return BodyLimit(1 << 20, "")


@pytest.fixture
def serving():
    """Return a function that starts a server of two threads and returns it with its application and port."""
    started = []

    def start(stall_timeout=60.0, request_timeout=60.0):
        harden_parser()
        application, dispatcher = Application(), ThreadedTaskDispatcher()
        dispatcher.set_thread_count(2)
        listener = socket.create_server(("127.0.0.1", 0))
        adjustments = BoundedAdjustments(
            stall_timeout, request_timeout, admit, cleanup_interval=1, outbuf_overflow=1 << 40, asyncore_use_poll=True
        )
        place = (listener.family, listener.type, listener.proto, listener.getsockname())
        server = Server(
            application, {}, True, listener, dispatcher=dispatcher, adj=adjustments, bind_socket=False, sockinfo=place
        )
        ended = threading.Event()

        def run():
            while not ended.is_set():
                server.asyncore.loop(timeout=0.1, map=server._map, use_poll=True, count=1)

        thread = threading.Thread(target=run)
        thread.start()
        started.append((server, ended, thread, dispatcher))
        return server, application, listener.getsockname()[1]

    yield start
    for server, ended, thread, dispatcher in started:
        ended.set()
        thread.join()
        for channel in list(server.active_channels.values()):
            channel.handle_close()
        dispatcher.shutdown()
        server.close()


def deaf(port, request, times=1):
    """Ask and read nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", port))
    connection.sendall(request * times)
    return connection


def ask(port, path="/", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET" if body is None else "POST", path, body)
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


def wait_until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, condition
        time.sleep(0.02)


@pytest.mark.parametrize("path", ["/stream", "/large"])
def test_clients_that_do_not_read_keep_no_thread(serving, path):
    server, application, port = serving()
    clients = [deaf(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()) for _ in range(8)]
    wait_until(lambda: sum(channel.pending > 0 for channel in list(server.active_channels.values())) == 8)
    assert ask(port) == (200, b"well")
    assert application.asked < 8 * 300, "the stream is asked for as far as the clients read"
    for client in clients:
        client.close()
    wait_until(lambda: not server.active_channels)
    wait_until(lambda: application.closed == (8 if path == "/stream" else 0))


@pytest.mark.parametrize("path", ["/stream", "/huge"])
def test_a_slow_client_gets_all_of_a_response(serving, path):
    server, _, port = serving()
    client = deaf(port, f"GET {path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
    wait_until(lambda: any(channel._is_waiting for channel in list(server.active_channels.values())))
    received = bytearray()
    while part := client.recv(1 << 20):
        received += part
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200")
    assert body == CHUNK * N_CHUNKS
    client.close()


def test_responses_that_are_not_read_have_a_budget_of_memory(serving):
    server, _, port = serving()
    clients = [deaf(port, b"GET /huge HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(10)]
    wait_until(lambda: 0 < len(server.active_channels) < 6)
    assert ask(port) == (200, b"well")
    for client in clients:
        client.close()


def test_pipelined_requests_are_answered_in_order(serving):
    _, _, port = serving()
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    client.sendall(
        b"".join(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n%d" % i for i in range(6))
        + b"GET / HTTP/1.0\r\n\r\n"
    )
    received = bytearray()
    while part := client.recv(1 << 16):
        received += part
    bodies = [part.split(b"\r\n\r\n")[1] for part in bytes(received).split(b"HTTP/1.")[1:]]
    assert bodies == [b"0", b"1", b"2", b"3", b"4", b"5", b"well"]
    client.close()


def test_a_client_that_pipelines_without_end_is_disconnected(serving):
    server, _, port = serving()
    client = deaf(port, b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n", 200)
    wait_until(lambda: not server.active_channels)
    assert ask(port) == (200, b"well")
    client.close()


def test_a_client_that_stops_reading_is_disconnected(serving):
    server, _, port = serving(stall_timeout=1.0)
    clients = [deaf(port, b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(5)]
    wait_until(lambda: len(server.active_channels) == 5)
    wait_until(lambda: not server.active_channels)
    for client in clients:
        client.close()


@pytest.mark.parametrize(
    "begun",
    [b"GET / HT", b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\nbegun"],
    ids=["head", "body"],
)
def test_a_request_that_is_never_finished_is_closed(serving, begun):
    server, _, port = serving(request_timeout=1.0)
    client = deaf(port, begun)
    wait_until(lambda: len(server.active_channels) == 1)

    def drip():
        # a byte now and then is no progress
        with contextlib.suppress(OSError):
            client.sendall(b"x")
        return not server.active_channels

    wait_until(drip)
    client.close()


@pytest.mark.parametrize(
    ("path", "length", "status"), [("/never", 70_000, b"403"), ("/body", 2 << 20, b"413")], ids=["route", "size"]
)
@pytest.mark.parametrize("expect", ["", "Expect: 100-continue\r\n"], ids=["at once", "after 100"])
def test_a_body_is_refused_by_its_head(serving, path, length, status, expect):
    _, application, port = serving()
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    client.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\n{expect}Content-Length: {length}\r\n\r\n".encode())
    answer = b"".join(iter(lambda: client.recv(1 << 16), b""))
    assert answer.split()[1] == status
    assert application.requests == 0
    client.close()
    assert ask(port, "/body", b"y" * 70_000) == (200, b"y" * 70_000)


@pytest.mark.parametrize("form", ["length", "chunked"])
def test_a_client_that_sends_a_refused_body_gets_the_answer(serving, form):
    server, _, port = serving()
    body = b"z" * (4 << 20)
    status, answer = ask(
        port, "/body", body if form == "length" else iter([body[i : i + 65536] for i in range(0, len(body), 65536)])
    )
    assert status == 413
    assert b"1,048,576 bytes" in answer
    wait_until(lambda: not server.active_channels)


def test_a_client_that_goes_on_with_a_refused_body_is_closed(serving):
    server, _, port = serving()
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    client.sendall(b"POST /never HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n")

    def drip():
        with contextlib.suppress(OSError):
            client.sendall(b"x")
        return not server.active_channels

    wait_until(drip)
    client.close()


@pytest.mark.parametrize("part", [b"1" * (1 << 19), b"0\r\n" + b"a: b\r\n" * (1 << 16)], ids=["length", "trailer"])
def test_the_lines_between_chunks_are_bounded(serving, part):
    _, _, port = serving()
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    with contextlib.suppress(OSError):
        client.sendall(b"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + part)
    assert client.recv(1 << 16).split()[1] == b"413"
    client.close()


def test_a_body_for_which_there_is_no_space_is_refused(serving, monkeypatch):
    _, _, port = serving()

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(TempfileBasedBuffer, "newfile", full)
        status, answer = ask(port, "/body", b"y" * (1 << 20))
    assert status == 507
    assert b"temporary files" in answer
    assert ask(port, "/body", b"y" * (1 << 20))[0] == 200


BLANK = st.sampled_from([b" ", b"\t", b"  ", b"\x00", b"\x0b"])
PART = st.one_of(BLANK, st.sampled_from([b"a", b":", b"B-c", b"\xe9", b'"', b",", b"\x7f", b"\r", b"\n"]))


@given(st.lists(PART, max_size=12).map(b"".join))
def test_lines_of_a_head_match_as_in_waitress(line):
    ours, theirs = HEADER_FIELD.match(line), HEADER_FIELD_RE.match(line)
    assert (ours is None) == (theirs is None)
    if ours and theirs:
        assert ours["name"] == theirs["name"]
        assert ours["value"].strip(b" \t") == theirs["value"].strip(b" \t")


@pytest.mark.parametrize("line", [b"a:" + b" " * 250_000 + b"\x01", b"a:" + b"b " * 125_000 + b"\x01", b"a" * 250_000])
def test_a_head_is_matched_in_linear_time(line):
    # quadratic time would be minutes
    assert HEADER_FIELD.match(line) is None
