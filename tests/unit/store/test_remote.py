"""Datasets at URLs: downloaded once and completely despite faults of the server, and refused if not allowed."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket

import pytest
from starcyte.errors import Cancelled, DatasetInvalid, InputError, RemoteFailed
from starcyte.settings import Settings
from starcyte.store.loader import DatasetLoader
from starcyte.store.remote import address as remote_address
from starcyte.store.remote.address import is_public, resolve
from starcyte.store.remote.file import RemoteFile
from starcyte.store.remote.http import HttpSource
from starcyte.store.remote.source import TransferError, is_url

pytestmark = pytest.mark.slow


@pytest.fixture
def content(pbmc):
    return pbmc.read_bytes()


@pytest.fixture
def settings(tmp_path):
    def make(**changed):
        return Settings(
            **{
                "cache_dir": str(tmp_path / "cache"),
                "remote_private": True,
                "remote_timeout": 5.0,
                "remote_pause": 0.01,
                **changed,
            }
        )

    return make


def fetch(url, settings, reports=None):
    remote = RemoteFile(url, settings)
    try:
        return remote.fetch(lambda fraction, message: None if reports is None else reports.append((fraction, message)))
    finally:
        remote.release()


def test_a_file_is_downloaded_completely_with_progress(server, content, settings):
    reports = []
    path = fetch(server.url, settings(), reports)
    assert path.read_bytes() == content
    assert path.name == "cells.h5ad"
    fractions = [fraction for fraction, message in reports if message.startswith("Downloading")]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert reports[-1][1] == f"Downloading: {len(content) / 1e6:.1f} of {len(content) / 1e6:.1f} MB"


def test_a_file_is_downloaded_again_only_if_it_has_changed(server, content, settings):
    first = fetch(server.url, settings())
    again = fetch(server.url, settings())
    assert (again, len(server.requests)) == (first, 2)
    assert server.requests[1][1]["if-none-match"] == '"one"'
    server.content, server.etag = content + b"more", '"two"'
    server.length = len(server.content)
    assert fetch(server.url, settings()).read_bytes() == content + b"more"


def test_a_server_without_etags_is_asked_by_date(server, settings):
    server.etag, server.modified = "", "Wed, 21 Oct 2026 07:28:00 GMT"
    fetch(server.url, settings())
    fetch(server.url, settings())
    assert server.requests[1][1]["if-modified-since"] == server.modified


def test_the_earlier_download_is_shown_if_the_server_fails(server, settings, caplog):
    path = fetch(server.url, settings())
    server.statuses = [503]
    assert fetch(server.url, settings()) == path
    assert "the earlier download is shown" in caplog.text


@pytest.mark.parametrize("status", [403, 404])
def test_the_earlier_download_is_not_shown_if_the_server_refuses(server, settings, status):
    fetch(server.url, settings())
    server.statuses = [status]
    with pytest.raises(RemoteFailed):
        fetch(server.url, settings())


def test_a_broken_transfer_is_resumed(server, content, settings):
    server.cuts = [300_000, 200_000]
    path = fetch(server.url, settings())
    assert path.read_bytes() == content
    ranges = [headers.get("range") for _, headers in server.requests]
    assert ranges[0] is None
    starts = [int(r.removeprefix("bytes=").removesuffix("-")) for r in ranges[1:]]
    assert len(starts) == 2
    assert 0 < starts[0] <= 300_000 < starts[1] <= 500_000, "the second attempt resumed the first"
    assert all(headers["if-range"] == '"one"' for _, headers in server.requests[1:])


def test_a_part_is_resumed_by_the_next_process(server, content, settings):
    server.cuts = [300_000] + [0] * 9
    with pytest.raises(RemoteFailed, match="cannot be downloaded"):
        fetch(server.url, settings(remote_attempts=2))
    server.cuts, before = [], len(server.requests)
    assert fetch(server.url, settings()).read_bytes() == content
    assert server.requests[before][1]["range"].startswith("bytes=")


def test_versions_are_not_mixed_if_the_file_changes_between_attempts(server, content, settings):
    other = bytearray(content)
    other[400_000:] = bytes(len(content) - 400_000)

    def change(*_):
        server.content, server.etag = bytes(other), '"two"'

    server.cuts = [300_000]
    remote = RemoteFile(server.url, settings())
    assert remote.fetch(change).read_bytes() == bytes(other)
    assert [h.get("if-range") for _, h in server.requests] == [None, '"one"']
    remote.release()


@pytest.mark.parametrize("trouble", ["ignores ranges", "no version", "weak version", "another range"])
def test_a_transfer_that_cannot_be_resumed_is_restarted(server, content, settings, trouble):
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
def test_temporary_failures_are_retried(server, content, settings, status):
    server.statuses = [status, status]
    assert fetch(server.url, settings()).read_bytes() == content
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "message"), [(401, "password"), (403, "refuses"), (404, "no such"), (410, "no longer")]
)
def test_permanent_failures_are_reported_at_once(server, settings, status, message):
    server.statuses = [status] * 9
    with pytest.raises(RemoteFailed, match=message):
        fetch(server.url, settings())
    assert len(server.requests) == 1


def test_a_refused_connection_is_reported(settings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(RemoteFailed, match="refused"):
        fetch(f"http://127.0.0.1:{port}/cells.h5ad", settings(remote_attempts=2))


def test_a_silent_server_times_out(server, settings):
    server.pause, server.piece, server.etag = 2.0, 1000, ""
    with pytest.raises(RemoteFailed, match="silent"):
        fetch(server.url, settings(remote_timeout=0.2, remote_attempts=1))


def test_a_slow_server_does_not_time_out(server, content, settings):
    server.pause, server.piece = 0.02, 1 << 17
    assert fetch(server.url, settings(remote_timeout=1.0)).read_bytes() == content


def test_a_content_length_that_is_too_long_is_reported(server, content, settings):
    server.length = len(content) + 1000
    with pytest.raises(RemoteFailed, match=f"after {len(content):,} of {len(content) + 1000:,}"):
        fetch(server.url, settings(remote_attempts=2))


def test_a_content_length_that_is_too_short_gives_a_truncated_file(server, content, settings):
    server.length = len(content) // 2
    loader = DatasetLoader(None, settings(), remote=RemoteFile(server.url, settings()))
    loader.run()
    with pytest.raises(DatasetInvalid, match="truncated"):
        loader.dataset()
    loader.close()


def test_a_file_of_unknown_length_is_downloaded_completely(server, content, settings):
    server.length, reports = None, []
    assert fetch(server.url, settings(), reports).read_bytes() == content
    assert reports[-1][0] is None


@pytest.mark.parametrize("length", ["known", "unknown"])
@pytest.mark.parametrize("name", ["remote_bytes", "cache_bytes"])
def test_a_file_that_is_too_large_is_refused(server, settings, tmp_path, length, name):
    if length == "unknown":
        server.length = None
    with pytest.raises(InputError, match=name):
        fetch(server.url, settings(**{name: 500_000}))
    assert not list(tmp_path.rglob("part")), "nothing is left on the disk"


def test_a_disk_without_room_is_reported_before_the_download(server, settings, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 1000))
    with pytest.raises(InputError, match="no room"):
        fetch(server.url, settings())


def test_a_compressed_response_is_refused(server, settings):
    server.encoding = "gzip"
    with pytest.raises(RemoteFailed, match="compressed"):
        fetch(server.url, settings())


def test_an_html_page_is_refused(server, settings):
    server.content = b"<!doctype html><title>Please log in</title>" * 100_000
    server.length = len(server.content)
    with pytest.raises(DatasetInvalid, match=r"http://.* is not read: it is a web page \(HTML\)"):
        fetch(server.url, settings())


def test_a_checksum_is_verified(server, content, settings):
    good = hashlib.sha256(content).hexdigest()
    assert fetch(f"{server.url}#sha256={good}", settings()).read_bytes() == content
    with pytest.raises(RemoteFailed, match="another checksum"):
        fetch(f"{server.url}#sha256={'0' * 64}", settings())


def test_a_download_can_be_cancelled(server, settings):
    server.pause, server.piece = 0.05, 1 << 14
    remote, reports = RemoteFile(server.url, settings()), []
    with pytest.raises(Cancelled):
        remote.fetch(lambda fraction, _: reports.append(fraction), lambda: len(reports) > 5)


def test_the_least_recently_used_downloads_are_removed(server, content, settings):
    bounded = settings(cache_bytes=int(2.5 * len(content)))
    base = server.url.removesuffix("cells.h5ad")
    paths = [fetch(f"{base}{name}.h5ad", bounded) for name in ("a", "b")]
    held = RemoteFile(f"{base}a.h5ad", bounded)
    held.fetch(lambda *_: None)
    newest = fetch(f"{base}c.h5ad", bounded)
    assert [p.exists() for p in (*paths, newest)] == [True, False, True], "a file in use stays"
    held.release()


def test_the_url_is_not_written_to_the_disk(server, settings, tmp_path):
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
    ("url", "message"),
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
def test_a_url_is_refused(settings, url, message):
    with pytest.raises(InputError, match=message) as raised:
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
def test_hosts_are_limited_by_the_setting(settings, hosts, host, allowed):
    if allowed:
        RemoteFile(f"https://{host}/x.h5ad", settings(remote_hosts=hosts))
    else:
        with pytest.raises(InputError, match="remote_hosts"):
            RemoteFile(f"https://{host}/x.h5ad", settings(remote_hosts=hosts))


PRIVATE = [
    *("127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
    *("255.255.255.255", "224.0.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1"),
    # metadata services of clouds
    *("fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "::ffff:168.63.129.16"),
    *("fec0::1", "192.88.99.1", "198.18.0.1", "64:ff9b:1::7f00:1", "::127.0.0.1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:7f00:1]", "0"])
def test_this_machine_is_refused_in_any_notation(server, settings, host):
    port = server.server_address[1]
    with pytest.raises(RemoteFailed, match=r"not public|not found"):
        fetch(f"http://{host}:{port}/data/cells.h5ad", settings(remote_private=False, remote_attempts=1))
    assert server.requests == []


def test_a_redirect_is_followed(server, content, settings):
    server.location = "/other/cells.h5ad"
    assert fetch(server.url, settings()).read_bytes() == content
    assert [path for path, _ in server.requests] == ["/data/cells.h5ad", "/other/cells.h5ad"]


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("http://127.0.0.2:1/x.h5ad", "not public"),
        ("http://169.254.169.254/latest/meta-data", "not public"),
        ("file:///etc/passwd", "malformed"),
        ("file://localhost/etc/passwd", "remote_schemes"),
        ("http://user@example.org/x", "user name"),
        ("/data/cells.h5ad", "too many redirects"),
    ],
)
def test_a_redirect_is_checked_like_the_url(server, settings, monkeypatch, location, message):
    # among the private addresses, that of the first server is taken for public
    real = remote_address.is_public
    monkeypatch.setattr(remote_address, "is_public", lambda a: a == "127.0.0.1" or real(a))
    server.location = location
    with pytest.raises(InputError, match=message):
        fetch(server.url, settings(remote_private=False, remote_attempts=1))
    assert {path for path, _ in server.requests} == {"/data/cells.h5ad"}


def test_the_connection_is_made_to_the_checked_address(server, content, settings, monkeypatch):
    """DNS rebinding: the second resolution of the name would return another address."""
    port, answers, names = server.server_port, iter(["127.0.0.1", "127.0.0.2"]), []
    real = socket.getaddrinfo

    def resolve_once(host, *args, **kwargs):
        if host != "rebinding.example":
            return real(host, *args, **kwargs)
        names.append(host)
        return real(next(answers), *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_once)
    monkeypatch.setattr(remote_address, "is_public", lambda a: a == "127.0.0.1")
    path = fetch(f"http://rebinding.example:{port}/data/cells.h5ad", settings(remote_private=False))
    assert (path.read_bytes(), names) == (content, ["rebinding.example"])
    assert server.requests[0][1]["host"] == f"rebinding.example:{port}"


def test_each_address_of_a_host_is_tried(server, content, settings, monkeypatch):
    real = socket.getaddrinfo

    def two(host, *args, **kwargs):
        hosts = ["127.0.0.2", "127.0.0.1"] if host == "two.example" else [host]
        return [info for name in hosts for info in real(name, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    assert fetch(f"http://two.example:{server.server_port}/cells.h5ad", settings()).read_bytes() == content
    assert len(server.requests) == 1


def test_a_host_with_one_private_address_is_refused(settings, monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 80)) for a in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(RemoteFailed, match=r"10\.0\.0\.1"):
        resolve("both.example", 80, settings(remote_private=False))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("http://x/y", True), ("s3://b/k", True), ("a.h5ad", False), ("/a/b", False), ("C:\\x", False), ("a:b", False)],
)
def test_urls_and_paths_are_distinguished(text, expected):
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
def test_the_downloaded_file_has_a_safe_name(settings, path, name):
    assert RemoteFile(f"https://example.org/{path}", settings()).name == name


def test_a_remote_dataset_opens(server, settings):
    loader = DatasetLoader(None, settings(), remote=RemoteFile(server.url, settings()))
    assert loader.title == "cells"
    loader.run()
    assert loader.dataset().n_obs == 700
    loader.close()


def test_closing_cancels_a_download(server, settings):
    server.pause, server.piece = 0.05, 1 << 14
    loader = DatasetLoader(None, settings(), remote=RemoteFile(server.url, settings()))
    loader.start()
    while not server.requests:
        pass
    loader.close()
    with pytest.raises(Cancelled):
        loader.wait()


def test_a_part_is_not_resumed_with_another_version(server, content, settings, monkeypatch):
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
def ranges(server, settings):
    """Return a reader of ranges of the server's file in its current version."""
    opened = HttpSource(server.url, settings()).range_reader(server.etag)
    yield opened
    opened.close()


def test_ranges_use_one_connection(server, content, ranges):
    for start, stop in ((0, 10), (1000, 70_000), (len(content) - 5, len(content))):
        assert ranges.read(start, stop) == content[start:stop]
    assert server.connections == 1


def test_a_connection_that_the_server_closes_is_replaced(server, content, ranges):
    server.closes = True
    assert ranges.read(0, 10) == content[:10]
    assert ranges.read(10, 20) == content[10:20]
    assert server.connections == 2


@pytest.mark.parametrize("careless", [False, True])
def test_ranges_of_another_version_are_refused(server, ranges, careless):
    server.etag, server.careless = '"two"', careless
    with pytest.raises(TransferError, match="replaced") as raised:
        ranges.read(0, 10)
    assert raised.value.restart


def test_a_range_longer_than_requested_is_refused(server, ranges):
    server.endless = True
    with pytest.raises(TransferError, match="11 bytes were received in place of 10"):
        ranges.read(0, 10)


def test_a_range_at_another_offset_is_refused(server, ranges):
    server.wrong_range = True
    with pytest.raises(TransferError, match="another range"):
        ranges.read(0, 10)


@pytest.mark.parametrize("status", [403, 503])
def test_a_failed_range_request_is_reported(server, ranges, status):
    server.statuses = [status]
    with pytest.raises((TransferError, RemoteFailed), match=r"503|refuses"):
        ranges.read(0, 10)


def test_ranges_follow_a_redirect_again_if_its_target_fails(server, content, settings):
    server.location = f"http://127.0.0.1:{server.server_port}/elsewhere/cells.h5ad"
    opened = HttpSource(server.url, settings()).range_reader(server.etag)
    assert opened.read(0, 10) == content[:10]
    assert opened.read(10, 20) == content[10:20]
    assert [path for path, _ in server.requests] == ["/data/cells.h5ad", *["/elsewhere/cells.h5ad"] * 2]
    server.statuses = [403]
    assert opened.read(20, 30) == content[20:30]
    places = [path.split("/")[1] for path, _ in server.requests[3:]]
    assert places == ["elsewhere", "data", "elsewhere"]
    opened.close()
