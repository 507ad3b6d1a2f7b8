"""Datasets from URLs: copied once and whole, whatever the server does; refused where they are not allowed."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket

import pytest
from starcyte.errors import Cancelled, DatasetInvalid, InputError, RemoteFailed
from starcyte.settings import Settings
from starcyte.store.loader import DatasetLoader
from starcyte.store.remote import http as remote_http
from starcyte.store.remote.file import RemoteFile
from starcyte.store.remote.http import HttpSource, addresses, is_public
from starcyte.store.remote.source import TransferError, is_url


@pytest.fixture
def content(pbmc):
    return pbmc.read_bytes()


@pytest.fixture
def settings(tmp_path):
    def make(**changed):
        return Settings(
            **({"cache_dir": str(tmp_path / "cache"), "remote_private": True, "remote_timeout": 5.0} | changed)
        )

    return make


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr("starcyte.store.remote.download._MAX_PAUSE", 0.01)


def fetch(url, settings, told=None):
    remote = RemoteFile(url, settings)
    try:
        return remote.fetch(lambda done, message: None if told is None else told.append((done, message)))
    finally:
        remote.release()


def test_a_file_comes_whole_with_its_progress(server, content, settings):
    told = []
    path = fetch(server.url, settings(), told)
    assert path.read_bytes() == content
    assert path.name == "cells.h5ad"
    fractions = [done for done, message in told if message.startswith("Downloading")]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert told[-1][1] == f"Downloading: {len(content) / 1e6:.1f} of {len(content) / 1e6:.1f} MB"


def test_a_copy_is_not_fetched_again_until_the_file_changes(server, content, settings):
    first = fetch(server.url, settings())
    again = fetch(server.url, settings())
    assert (again, len(server.requests)) == (first, 2)
    assert server.requests[1][1]["if-none-match"] == '"one"'
    server.content, server.etag = content + b"more", '"two"'
    server.length = len(server.content)
    assert fetch(server.url, settings()).read_bytes() == content + b"more"


def test_a_server_with_dates_alone_is_asked_by_date(server, settings):
    server.etag, server.modified = "", "Wed, 21 Oct 2026 07:28:00 GMT"
    fetch(server.url, settings())
    fetch(server.url, settings())
    assert server.requests[1][1]["if-modified-since"] == server.modified


def test_a_copy_is_shown_where_the_server_cannot_be_asked(server, settings, caplog):
    path = fetch(server.url, settings())
    server.statuses = [503]
    assert fetch(server.url, settings()) == path
    assert "the copy made earlier is shown" in caplog.text


@pytest.mark.parametrize("status", [403, 404])
def test_a_copy_is_not_shown_where_the_server_refuses_it_now(server, settings, status):
    fetch(server.url, settings())
    server.statuses = [status]
    with pytest.raises(RemoteFailed):
        fetch(server.url, settings())


def test_a_transfer_that_breaks_off_is_taken_up_where_it_was(server, content, settings):
    server.cuts = [300_000, 200_000]
    path = fetch(server.url, settings())
    assert path.read_bytes() == content
    ranges = [headers.get("range") for _, headers in server.requests]
    assert ranges[0] is None
    starts = [int(r.removeprefix("bytes=").removesuffix("-")) for r in ranges[1:]]
    assert len(starts) == 2
    assert 0 < starts[0] <= 300_000 < starts[1] <= 500_000, "the second attempt went on from the first"
    assert all(headers["if-range"] == '"one"' for _, headers in server.requests[1:])


def test_a_part_is_taken_up_by_the_next_process(server, content, settings):
    server.cuts = [300_000] + [0] * 9
    with pytest.raises(RemoteFailed, match="cannot be downloaded"):
        fetch(server.url, settings(remote_attempts=2))
    server.cuts, before = [], len(server.requests)
    assert fetch(server.url, settings()).read_bytes() == content
    assert server.requests[before][1]["range"].startswith("bytes=")


def test_a_file_that_changes_between_two_attempts_is_not_mixed(server, content, settings):
    other = bytearray(content)
    other[400_000:] = bytes(len(content) - 400_000)

    def change(done, _):
        server.content, server.etag = bytes(other), '"two"'

    server.cuts = [300_000]
    remote = RemoteFile(server.url, settings())
    assert remote.fetch(change).read_bytes() == bytes(other)
    assert [h.get("if-range") for _, h in server.requests] == [None, '"one"']
    remote.release()


@pytest.mark.parametrize("trouble", ["ignores ranges", "no version", "weak version", "another range"])
def test_without_a_way_to_go_on_it_begins_again(server, content, settings, trouble):
    server.cuts = [300_000]
    if trouble == "ignores ranges":
        server.ranges = False
    elif trouble == "no version":
        server.etag = ""
    elif trouble == "weak version":
        server.etag = 'W/"one"'
    elif trouble == "another range":
        server.wrong_range = True
    assert fetch(server.url, settings()).read_bytes() == content


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(server, content, settings, status):
    server.statuses = [status, status]
    assert fetch(server.url, settings()).read_bytes() == content
    assert len(server.requests) == 3


@pytest.mark.parametrize(("status", "said"), [(401, "password"), (403, "refuses"), (404, "no such"), (410, "no more")])
def test_what_will_not_pass_is_told_at_once(server, settings, status, said):
    server.statuses = [status] * 9
    with pytest.raises(RemoteFailed, match=said):
        fetch(server.url, settings())
    assert len(server.requests) == 1


def test_nobody_there_is_told(settings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(RemoteFailed, match="refused"):
        fetch(f"http://127.0.0.1:{port}/cells.h5ad", settings(remote_attempts=2))


def test_a_silent_server_is_given_up(server, settings):
    server.pause, server.piece, server.etag = 2.0, 1000, ""
    with pytest.raises(RemoteFailed, match="silent"):
        fetch(server.url, settings(remote_timeout=0.2, remote_attempts=1))


def test_a_slow_server_is_waited_for(server, content, settings):
    server.pause, server.piece = 0.02, 1 << 17
    assert fetch(server.url, settings(remote_timeout=1.0)).read_bytes() == content


def test_a_length_that_is_too_long_is_noticed(server, content, settings):
    server.length = len(content) + 1000
    with pytest.raises(RemoteFailed, match=f"after {len(content):,} of {len(content) + 1000:,}"):
        fetch(server.url, settings(remote_attempts=2))


def test_a_length_that_is_too_short_gives_a_truncated_file(server, content, settings):
    server.length = len(content) // 2
    loader = DatasetLoader(None, settings(), remote=RemoteFile(server.url, settings()))
    loader.run()
    with pytest.raises(DatasetInvalid, match="truncated"):
        loader.dataset()
    loader.close()


def test_a_file_of_unknown_length_comes_whole(server, content, settings):
    server.length, told = None, []
    assert fetch(server.url, settings(), told).read_bytes() == content
    assert told[-1][0] is None


@pytest.mark.parametrize("length", ["said", "not said"])
@pytest.mark.parametrize("name", ["remote_bytes", "cache_bytes"])
def test_what_is_too_large_is_refused(server, settings, tmp_path, length, name):
    if length == "not said":
        server.length = None
    with pytest.raises(InputError, match=name):
        fetch(server.url, settings(**{name: 500_000}))
    assert not list(tmp_path.rglob("part")), "nothing is left on the disk"


def test_a_full_disk_is_told_before_it_is_full(server, settings, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 1000))
    with pytest.raises(InputError, match="no room"):
        fetch(server.url, settings())


def test_what_is_sent_compressed_is_refused(server, settings):
    server.encoding = "gzip"
    with pytest.raises(RemoteFailed, match="compressed"):
        fetch(server.url, settings())


def test_a_page_is_not_taken_for_a_dataset(server, settings):
    server.content = b"<!doctype html><title>Please log in</title>" * 100_000
    server.length = len(server.content)
    with pytest.raises(DatasetInvalid, match="not an HDF5 file"):
        fetch(server.url, settings())


def test_a_checksum_is_checked(server, content, settings):
    good = hashlib.sha256(content).hexdigest()
    assert fetch(f"{server.url}#sha256={good}", settings()).read_bytes() == content
    with pytest.raises(RemoteFailed, match="another checksum"):
        fetch(f"{server.url}#sha256={'0' * 64}", settings())


def test_a_download_can_be_given_up(server, settings):
    server.pause, server.piece = 0.05, 1 << 14
    remote, told = RemoteFile(server.url, settings()), []
    with pytest.raises(Cancelled):
        remote.fetch(lambda done, _: told.append(done), lambda: len(told) > 5)


def test_downloads_not_used_for_longest_go(server, content, settings):
    bounded = settings(cache_bytes=int(2.5 * len(content)))
    base = server.url.removesuffix("cells.h5ad")
    paths = [fetch(f"{base}{name}.h5ad", bounded) for name in ("a", "b")]
    held = RemoteFile(f"{base}a.h5ad", bounded)
    held.fetch(lambda *_: None)
    newest = fetch(f"{base}c.h5ad", bounded)
    assert [p.exists() for p in (*paths, newest)] == [True, False, True], "one that is open stays"
    held.release()


def test_the_url_is_written_nowhere(server, settings, tmp_path):
    fetch(f"{server.url}?key=SECRET", settings())
    written = b"".join(p.read_bytes() for p in tmp_path.rglob("*.json"))
    assert b"SECRET" not in written
    assert json.loads(written)["version"] == '"one"'
    assert not [p for p in tmp_path.rglob("*") if "SECRET" in p.name]
    server.statuses = [404] * 3
    with pytest.raises(RemoteFailed) as raised:
        fetch(f"{server.url}?key=SECRET2", settings())
    assert "SECRET" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file:///etc/passwd", "malformed"),
        ("file://localhost/etc/passwd", "remote_schemes"),
        ("ftp://example.org/x.h5ad", "remote_schemes"),
        ("gopher://example.org/x.h5ad", "remote_schemes"),
        ("http:///x.h5ad", "malformed"),
        ("http://[::1/x.h5ad", "malformed"),
        ("http://example.org:99999/x", "malformed"),
        ("http://example.org/a b", "malformed"),
        ("http://example.org/a\r\nHost: evil", "malformed"),
        ("http://user:secret@example.org/x.h5ad", "user name"),
        ("http://evil.example/x.h5ad#md5=1", "sha256"),
    ],
)
def test_a_url_that_is_not_taken(settings, url, said):
    with pytest.raises(InputError, match=said) as raised:
        RemoteFile(url, settings())
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("hosts", "host", "allowed"),
    [
        ("", "example.org", True),
        ("example.org", "example.org", True),
        ("example.org", "EXAMPLE.org", True),
        ("example.org", "example.org.", True),
        ("example.org", "evil-example.org", False),
        ("example.org", "a.example.org", False),
        ("*.example.org", "a.example.org", True),
        ("*.example.org", "evilexample.org", False),
        ("a.org, b.org", "b.org", True),
        ("a.org, b.org", "c.org", False),
    ],
)
def test_hosts_are_those_the_operator_lists(settings, hosts, host, allowed):
    if allowed:
        RemoteFile(f"https://{host}/x.h5ad", settings(remote_hosts=hosts))
    else:
        with pytest.raises(InputError, match="remote_hosts"):
            RemoteFile(f"https://{host}/x.h5ad", settings(remote_hosts=hosts))


PRIVATE = [
    *("127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
    *("255.255.255.255", "224.0.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1"),
    # where clouds tell a machine its secrets
    *("fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "::ffff:168.63.129.16"),
    *("fec0::1", "192.88.99.1", "198.18.0.1", "64:ff9b:1::7f00:1", "::127.0.0.1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_that_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:7f00:1]", "0"])
def test_our_own_machine_is_refused_however_it_is_written(server, settings, host):
    port = server.server_address[1]
    with pytest.raises(RemoteFailed, match=r"public|not found"):
        fetch(f"http://{host}:{port}/data/cells.h5ad", settings(remote_private=False, remote_attempts=1))
    assert server.requests == []


def test_a_redirect_is_followed(server, content, settings):
    server.location = "/other/cells.h5ad"
    assert fetch(server.url, settings()).read_bytes() == content
    assert [path for path, _ in server.requests] == ["/data/cells.h5ad", "/other/cells.h5ad"]


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("http://127.0.0.2:1/x.h5ad", "no public address"),
        ("http://169.254.169.254/latest/meta-data", "no public address"),
        ("file:///etc/passwd", "malformed"),
        ("file://localhost/etc/passwd", "remote_schemes"),
        ("http://user@example.org/x", "user name"),
        ("/data/cells.h5ad", "from address to address"),
    ],
)
def test_a_redirect_is_checked_as_the_url_was(server, settings, monkeypatch, location, said):
    # of all private addresses that of the first server counts as public
    real = remote_http.is_public
    monkeypatch.setattr(remote_http, "is_public", lambda a: a == "127.0.0.1" or real(a))
    server.location = location
    with pytest.raises(InputError, match=said):
        fetch(server.url, settings(remote_private=False, remote_attempts=1))
    assert {path for path, _ in server.requests} == {"/data/cells.h5ad"}


def test_a_name_is_connected_to_at_the_address_that_was_checked(server, settings, monkeypatch):
    """DNS rebinding: the name's second answer would be our own machine."""
    answers = iter(["203.0.113.9", "127.0.0.1"])
    asked = []

    def resolve(host, port, *args, **kwargs):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    connected = []

    def connect(address, timeout):
        connected.append(address[0])
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(remote_http, "is_public", lambda a: a == "203.0.113.9")
    with pytest.raises(RemoteFailed, match="refused"):
        fetch("http://rebinding.example/x.h5ad", settings(remote_private=False, remote_attempts=1))
    assert (asked, connected) == (["rebinding.example"], ["203.0.113.9"])


def test_one_private_address_among_public_ones_is_enough_to_refuse(settings, monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 80)) for a in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(RemoteFailed, match=r"10\.0\.0\.1"):
        addresses("both.example", 80, settings(remote_private=False))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("http://x/y", True), ("s3://b/k", True), ("a.h5ad", False), ("/a/b", False), ("C:\\x", False), ("a:b", False)],
)
def test_urls_are_told_from_paths(text, expected):
    assert is_url(text) is expected


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/cells.h5ad", "cells.h5ad"),
        ("a/%2e%2e%2fpasswd", "passwd.h5ad"),
        ("..", "dataset.h5ad"),
        ("a%00b.h5ad", "a_b.h5ad"),
        (".hidden.h5ad", "hidden.h5ad"),
        ("x" * 300 + ".h5ad", "x" * 95 + ".h5ad"),
        ("%E7%B4%B0%E8%83%9E.h5ad", "細胞.h5ad"),
        ("state.json", "state.json.h5ad"),
        ("part", "part.h5ad"),
    ],
)
def test_a_copy_has_a_name_that_is_safe(settings, path, name):
    assert RemoteFile(f"https://example.org/{path}", settings()).name == name


def test_a_remote_dataset_opens(server, settings):
    loader = DatasetLoader(None, settings(), remote=RemoteFile(server.url, settings()))
    assert loader.title == "cells"
    loader.run()
    assert loader.dataset().n_obs == 700
    loader.close()


def test_one_closed_while_it_comes_is_let_go(server, settings):
    server.pause, server.piece = 0.05, 1 << 14
    loader = DatasetLoader(None, settings(), remote=RemoteFile(server.url, settings()))
    loader.start()
    while not server.requests:
        pass
    loader.close()
    with pytest.raises(Cancelled):
        loader.wait()


def test_a_version_that_came_in_part_is_never_continued_with_another(server, content, settings, monkeypatch):
    server.cuts = [300_000] + [0] * 9
    with pytest.raises(RemoteFailed):
        fetch(server.url, settings(remote_attempts=2))
    other = bytes(reversed(content[8:]))
    server.content, server.etag, server.cuts = content[:8] + other, '"two"', []
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 0))
        with pytest.raises(InputError, match="no room"):
            fetch(server.url, settings())
    assert fetch(server.url, settings()).read_bytes() == server.content


@pytest.fixture
def parts(server, settings):
    """Return what reads parts of the server's file as it is now."""
    opened = HttpSource(server.url, settings()).parts(server.etag)
    yield opened
    opened.close()


def test_parts_come_over_one_connection(server, content, parts, monkeypatch):
    connected = []
    real = remote_http._connect
    monkeypatch.setattr(remote_http, "_connect", lambda *a: connected.append(a) or real(*a))
    for start, stop in ((0, 10), (1000, 70_000), (len(content) - 5, len(content))):
        assert parts.read(start, stop) == content[start:stop]
    assert len(connected) == 1


def test_a_connection_that_was_closed_is_made_anew(server, content, parts):
    assert parts.read(0, 10) == content[:10]
    parts._kept[0].sock.shutdown(socket.SHUT_RDWR)
    assert parts.read(10, 20) == content[10:20]


@pytest.mark.parametrize("careless", [False, True])
def test_parts_of_another_version_are_refused(server, parts, careless):
    server.etag, server.careless = '"two"', careless
    with pytest.raises(TransferError, match="replaced") as raised:
        parts.read(0, 10)
    assert raised.value.begin_again


def test_a_part_is_no_longer_than_was_asked_for(server, parts):
    server.endless = True
    with pytest.raises(TransferError, match="11 bytes came in place of 10"):
        parts.read(0, 10)


def test_a_part_of_another_place_is_refused(server, parts):
    server.wrong_range = True
    with pytest.raises(TransferError, match="another range"):
        parts.read(0, 10)


@pytest.mark.parametrize("status", [403, 503])
def test_a_part_that_is_refused_is_told(server, parts, status):
    server.statuses = [status]
    with pytest.raises((TransferError, RemoteFailed), match=r"503|refuses"):
        parts.read(0, 10)


def test_parts_follow_a_redirect_each_time_it_is_needed(server, content, settings):
    server.location = f"http://127.0.0.1:{server.server_port}/elsewhere/cells.h5ad"
    opened = HttpSource(server.url, settings()).parts(server.etag)
    assert opened.read(0, 10) == content[:10]
    assert opened.read(10, 20) == content[10:20]
    assert [path for path, _ in server.requests] == ["/data/cells.h5ad", *["/elsewhere/cells.h5ad"] * 2]
    # what a redirect led to may be so for a while only
    server.statuses = [403]
    assert opened.read(20, 30) == content[20:30]
    places = [path.split("/")[1] for path, _ in server.requests[3:]]
    assert places == ["elsewhere", "data", "elsewhere"]
    opened.close()
