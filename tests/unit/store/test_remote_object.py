"""Datasets from an object store: a real client against a stand-in for S3."""

from __future__ import annotations

import pytest
from moto.server import ThreadedMotoServer
from relay import relay
from starcyte.errors import InputError, RemoteFailed
from starcyte.settings import Settings
from starcyte.store.loader import DatasetLoader
from starcyte.store.remote.file import RemoteFile
from starcyte.store.remote.object_store import ObjectStoreSource
from starcyte.store.remote.source import TransferError

pytestmark = pytest.mark.filterwarnings("default")  # boto, aiohttp and moto are not ours


@pytest.fixture(scope="module")
def store(pbmc):
    """Return boto's client of a store that holds the real dataset."""
    import boto3

    with pytest.MonkeyPatch.context() as patch:
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        for name, value in {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_MAX_ATTEMPTS": "1",
        }.items():
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="lab")
        client.put_object(Bucket="lab", Key="a/cells.h5ad", Body=pbmc.read_bytes())
        yield client
        server.stop()


def fetched(url, settings):
    remote = RemoteFile(url, settings)
    try:
        return remote.fetch(lambda *_: None)
    finally:
        remote.release()


@pytest.fixture
def settings(tmp_path):
    return Settings(cache_dir=str(tmp_path), remote_attempts=2)


def test_a_dataset_opens_from_a_store(store, pbmc, settings):
    assert fetched("s3://lab/a/cells.h5ad", settings).read_bytes() == pbmc.read_bytes()
    loader = DatasetLoader(None, settings, remote=RemoteFile("s3://lab/a/cells.h5ad", settings))
    loader.run()
    assert (loader.dataset().n_obs, loader.title) == (700, "cells")
    loader.close()


def test_a_dataset_from_a_store_is_shown_while_it_comes(store, pbmc, settings, monkeypatch):
    monkeypatch.setattr("starcyte.store.remote.download._LARGE", 1 << 20)
    shown = []
    real = DatasetLoader._show

    def show(self, path, part=None):
        real(self, path, part)
        dataset = self.dataset()
        shown.append((part is not None, dataset.obs_column("louvain").values.sum(), dataset.default_matrix))

    monkeypatch.setattr(DatasetLoader, "_show", show)
    store.put_object(Bucket="lab", Key="large.h5ad", Body=pbmc.read_bytes())
    loader = DatasetLoader(None, settings, remote=RemoteFile("s3://lab/large.h5ad", settings))
    loader.run()
    dataset = loader.dataset()
    assert shown == [(True, dataset.obs_column("louvain").values.sum(), "raw/X")]
    assert (loader.is_complete, loader.error) == (True, None)
    assert dataset.path.read_bytes() == pbmc.read_bytes()
    assert dataset.matrix("raw/X").column(0).dense().size == 700
    loader.close()


def test_only_a_changed_object_comes_again(store, pbmc, settings, monkeypatch):
    asked = []
    real = ObjectStoreSource.transfer
    monkeypatch.setattr(ObjectStoreSource, "transfer", lambda *a: asked.append(1) or real(*a))
    store.put_object(Bucket="lab", Key="changing.h5ad", Body=pbmc.read_bytes())
    for _ in range(2):
        fetched("s3://lab/changing.h5ad", settings)
    assert len(asked) == 1
    store.put_object(Bucket="lab", Key="changing.h5ad", Body=pbmc.read_bytes() + b"more")
    path = fetched("s3://lab/changing.h5ad", settings)
    assert (len(asked), path.read_bytes()) == (2, pbmc.read_bytes() + b"more")


def test_a_read_that_fails_is_taken_up(store, pbmc, settings, monkeypatch):
    monkeypatch.setattr("starcyte.store.remote.object_store._PIECE", 1 << 19)
    real, starts = ObjectStoreSource._try, []

    def failing(self, ask):
        if ask.__defaults__:
            starts.append(ask.__defaults__[0])
            if len(starts) == 2:
                raise TransferError("reset")
        return real(self, ask)

    monkeypatch.setattr(ObjectStoreSource, "_try", failing)
    assert fetched("s3://lab/a/cells.h5ad", settings).read_bytes() == pbmc.read_bytes()
    assert starts[:3] == [0, 1 << 19, 1 << 19]


@pytest.mark.parametrize("url", ["s3://lab/none.h5ad", "s3://no-such-bucket/x.h5ad", "s3://lab/a"])
def test_what_is_not_there_is_told(store, settings, url):
    with pytest.raises(RemoteFailed, match=r"nothing at|folder|keys"):
        fetched(url, settings)


@pytest.mark.parametrize(("scheme", "package"), [("gs", "gcsfs"), ("az", "adlfs")])
def test_a_missing_package_is_named(settings, scheme, package):
    with pytest.raises(InputError, match=f"pip install {package}"):
        fetched(f"{scheme}://lab/cells.h5ad", settings)


@pytest.fixture
def between(store, monkeypatch):
    """A relay between the store and who asks it."""
    host, _, port = store.meta.endpoint_url.removeprefix("http://").partition(":")
    with relay(host, int(port)) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{running.port}")
        yield running


def test_a_slow_store_is_waited_for(between, pbmc, settings):
    between.pause = 0.02
    assert fetched("s3://lab/a/cells.h5ad", settings).read_bytes() == pbmc.read_bytes()


def test_a_store_that_resets_connections_is_asked_again(between, pbmc, settings):
    between.resets = [0, 100, 1000]
    patient = Settings(cache_dir=settings.cache_dir, remote_attempts=5)
    assert fetched("s3://lab/a/cells.h5ad", patient).read_bytes() == pbmc.read_bytes()
    assert between.connections > 3


def test_a_store_that_only_resets_is_given_up_with_a_reason(between, settings):
    between.resets = [0] * 1000
    with pytest.raises(RemoteFailed, match=r"^s3://lab/a/cells.h5ad cannot be downloaded: ") as caught:
        fetched("s3://lab/a/cells.h5ad", settings)
    assert "\n" not in str(caught.value)


def test_a_silent_store_is_given_up(between, settings):
    between.silent = True
    impatient = Settings(cache_dir=settings.cache_dir, remote_attempts=2, remote_timeout=0.5)
    with pytest.raises(RemoteFailed, match="cannot be downloaded"):
        fetched("s3://lab/a/cells.h5ad", impatient)


def test_a_store_that_refuses_connections_is_given_up(store, settings, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(RemoteFailed, match="cannot be downloaded"):
        fetched("s3://lab/a/cells.h5ad", settings)
