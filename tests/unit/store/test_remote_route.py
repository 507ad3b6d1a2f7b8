"""Datasets at URLs behind a proxy, and with certificates of a private authority."""

from __future__ import annotations

import os
import ssl

import pytest
import trustme
from file_server import file_server
from proxy import proxy as run_proxy
from starcyte.errors import InputError, RemoteFailed
from starcyte.settings import Settings
from starcyte.store.remote.file import RemoteFile
from starcyte.store.remote.http import HttpSource

pytestmark = pytest.mark.slow

NAME = "data.example"


@pytest.fixture(scope="module")
def content():
    return b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 1000


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Remove proxies and certificates from the environment; return the function that sets one."""
    names = [n for n in os.environ if n.lower().endswith("_proxy") or n in {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"}]
    for name in names:
        monkeypatch.delenv(name)
    return monkeypatch.setenv


@pytest.fixture
def bundle(authority, tmp_path):
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return path


def serve_tls(content, authority, *names):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return file_server(content, context)


@pytest.fixture
def tls_server(content, authority):
    """An https server, with a certificate of the authority for its address and a name."""
    with serve_tls(content, authority, "127.0.0.1", NAME) as running:
        yield running


@pytest.fixture
def proxy():
    """A proxy, the only one that resolves the name."""
    with run_proxy() as running:
        running.hosts[NAME] = "127.0.0.1"
        yield running


@pytest.fixture
def settings(tmp_path):
    return Settings(
        cache_dir=str(tmp_path / "cache"), remote_private=True, remote_timeout=5.0, remote_pause=0.01, remote_attempts=1
    )


def fetch(url, settings):
    remote = RemoteFile(url, settings)
    try:
        return remote.fetch(lambda *_: None).read_bytes()
    finally:
        remote.release()


def test_an_http_url_is_requested_from_the_proxy(server, content, proxy, environment, settings):
    environment("HTTP_PROXY", proxy.url)
    url = f"http://{NAME}:{server.server_port}/data/cells.h5ad?key=1"
    assert fetch(url, settings) == content
    assert proxy.requests == [("GET", url)]
    assert server.requests[0][1]["host"] == f"{NAME}:{server.server_port}"


def test_an_https_url_is_tunnelled(tls_server, content, proxy, bundle, environment, settings):
    environment("HTTPS_PROXY", proxy.url)
    environment("SSL_CERT_FILE", str(bundle))
    assert fetch(f"https://{NAME}:{tls_server.server_port}/cells.h5ad", settings) == content
    assert proxy.requests == [("CONNECT", f"{NAME}:{tls_server.server_port}")]


def test_a_name_that_only_the_proxy_resolves_needs_no_permission(server, content, proxy, environment, tmp_path):
    environment("HTTP_PROXY", proxy.url)
    public = Settings(cache_dir=str(tmp_path / "cache"))
    assert fetch(f"http://{NAME}:{server.server_port}/cells.h5ad", public) == content


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "169.254.169.254"])
def test_a_private_address_is_refused_in_spite_of_the_proxy(server, proxy, environment, tmp_path, host):
    environment("HTTP_PROXY", proxy.url)
    public = Settings(cache_dir=str(tmp_path / "cache"), remote_attempts=1)
    with pytest.raises(RemoteFailed, match="not public"):
        fetch(f"http://{host}:{server.server_port}/cells.h5ad", public)
    assert (proxy.requests, server.requests) == ([], [])


def test_ranges_use_one_tunnel(tls_server, content, proxy, bundle, environment, settings):
    environment("HTTPS_PROXY", proxy.url)
    environment("SSL_CERT_FILE", str(bundle))
    url = f"https://{NAME}:{tls_server.server_port}/cells.h5ad"
    reader = HttpSource(url, settings).range_reader(tls_server.etag)
    for start, stop in ((0, 10), (1000, 7000), (5, 10)):
        assert reader.read(start, stop) == content[start:stop]
    reader.close()
    assert len(proxy.requests) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_proxy_is_given_its_password_and_the_server_is_not(
    scheme, server, tls_server, content, proxy, bundle, environment, settings
):
    proxy.login = "user:p@ss"
    environment(f"{scheme.upper()}_PROXY", proxy.url.replace("//", "//user:p%40ss@"))
    environment("SSL_CERT_FILE", str(bundle))
    target = tls_server if scheme == "https" else server
    assert fetch(f"{scheme}://{NAME}:{target.server_port}/cells.h5ad", settings) == content
    assert set(target.requests[0][1]) - {"accept"} == {"host", "user-agent", "accept-encoding"}


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("refusal", "message"), [(407, "requires a password"), (403, "refuses"), (502, "502")], ids=lambda v: str(v)
)
def test_the_refusal_of_a_proxy_is_reported(scheme, refusal, message, proxy, environment, settings):
    proxy.refusal = refusal
    environment(f"{scheme.upper()}_PROXY", proxy.url.replace("//", "//user:secret@"))
    with pytest.raises(RemoteFailed, match=message) as raised:
        fetch(f"{scheme}://{NAME}:1/cells.h5ad", settings)
    assert "secret" not in str(raised.value)


def test_a_proxy_that_is_down_is_reported(environment, settings):
    environment("ALL_PROXY", "127.0.0.1:1")
    with pytest.raises(RemoteFailed, match="the proxy cannot be reached: Connection refused"):
        fetch(f"https://{NAME}/cells.h5ad", settings)


@pytest.mark.parametrize("url", ["socks5://127.0.0.1:1080", "http://[::1", "http://x:99999"])
def test_an_unusable_proxy_is_reported(environment, settings, url):
    environment("HTTPS_PROXY", url)
    with pytest.raises(InputError, match="not an http:// or https:// URL"):
        fetch(f"https://{NAME}/cells.h5ad", settings)


@pytest.mark.parametrize("no_proxy", ["127.0.0.1", "*", "example.org, 127.0.0.1:{port}"])
def test_no_proxy_is_honoured(server, content, proxy, environment, settings, no_proxy):
    environment("HTTP_PROXY", proxy.url)
    environment("NO_PROXY", no_proxy.format(port=server.server_port))
    assert fetch(server.url, settings) == content
    assert proxy.requests == []


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_private_authority_is_trusted_if_the_environment_names_it(
    tls_server, content, bundle, environment, settings, variable
):
    environment(variable, str(bundle))
    assert fetch(tls_server.url, settings) == content


def test_an_unknown_authority_is_refused_in_one_line(tls_server, environment, settings, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    environment("SSL_CERT_FILE", str(other))
    with pytest.raises(RemoteFailed, match=r"certificate of '127\.0\.0\.1' is not trusted: .*SSL_CERT_FILE") as raised:
        fetch(tls_server.url, settings)
    assert "\n" not in str(raised.value)
    assert tls_server.requests == []


@pytest.mark.parametrize("through", ["address", "proxy"])
def test_a_certificate_of_another_host_is_refused(
    content, authority, bundle, proxy, environment, settings, monkeypatch, through
):
    environment("SSL_CERT_FILE", str(bundle))
    if through == "proxy":
        environment("HTTPS_PROXY", proxy.url)
    host = NAME if through == "proxy" else "127.0.0.1"
    with (
        serve_tls(content, authority, "other.example") as server,
        pytest.raises(RemoteFailed, match=r"is not trusted: .*mismatch"),
    ):
        fetch(f"https://{host}:{server.server_port}/cells.h5ad", settings)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_missing_certificates_are_reported(environment, settings, tls_server, variable):
    environment(variable, "/no/such/file.pem")
    with pytest.raises(InputError, match=rf"{variable}.*No such file"):
        fetch(tls_server.url, settings)
