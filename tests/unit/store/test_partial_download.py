"""Partial downloads: the metadata are shown correctly, the matrices are reported as missing, and the rest follows."""

from __future__ import annotations

import errno
import multiprocessing
import os
import threading
import time
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from damaged import hanging
from files import CASES
from hypothesis import given
from hypothesis import strategies as st
from starcyte.errors import Cancelled, DatasetInvalid, DatasetLoading, InputError, NotFound, RemoteFailed, StarcyteError
from starcyte.settings import Settings, load
from starcyte.store.loader import DatasetLoader
from starcyte.store.open import open_dataset
from starcyte.store.remote.byte_ranges import UNIT, MissingRanges
from starcyte.store.remote.file import RemoteFile
from starcyte.store.remote.metadata_first import PartialDownload, fetch_metadata, read_metadata
from starcyte.store.remote.partial_file import PartialFile, ReadAhead
from starcyte.store.remote.source import TransferError

pytestmark = pytest.mark.slow

GALAXY_DATA = Path(__file__).parents[3] / "galaxy_wrappers" / "tools" / "starcyte" / "test-data"
N, M = 4000, 1000
# the missing bytes in tests, which must not be taken for data
FILLER = b"\xa5"


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """A file that consists mostly of matrices, in its middle."""
    rng = np.random.default_rng(1)
    x = sp.random_array((N, M), density=0.5, rng=rng, dtype=np.float32, format="csr")
    adata = ad.AnnData(
        x,
        obs=pd.DataFrame(
            {
                "type": pd.Categorical(rng.choice(["B", "T", "NK"], N)),
                "depth": rng.random(N),
                "name": [f"cell {i} of many" for i in range(N)],
                "good": rng.random(N) > 0.5,
            },
            index=[f"AAACCTG-{i}" for i in range(N)],
        ),
        var=pd.DataFrame(index=[f"gene {i}" for i in range(M)]),
        obsm={"X_umap": rng.random((N, 2), np.float32), "X_pca": rng.random((N, 20), np.float32)},
        layers={"counts": sp.random_array((N, M), density=0.3, rng=rng, format="csr")},
        obsp={"distances": sp.random_array((N, N), density=0.01, rng=rng, format="csr")},
    )
    path = tmp_path_factory.mktemp("content") / "cells.h5ad"
    adata.write_h5ad(path)
    return path.read_bytes()


@pytest.fixture
def settings(tmp_path):
    return Settings(
        cache_dir=str(tmp_path / "cache"),
        remote_private=True,
        remote_timeout=5.0,
        remote_pause=0.01,
        remote_partial_bytes=1 << 16,
        index_least=1000,
    )


@pytest.fixture
def opened(server, settings):
    """A function that opens the server's file; the datasets are closed after the test."""
    all_opened = []

    def start(**options):
        options = {"retry_seconds": 0.05, **options}
        loader = DatasetLoader(None, settings, remote=RemoteFile(server.url, settings), **options)
        all_opened.append(loader)
        loader.start()
        return loader

    yield start
    for loader in all_opened:
        loader.close()


def until(holds):
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def n_requested(server):
    """Return the sum of the bytes of all requested ranges."""
    ranges = [
        headers["range"].removeprefix("bytes=").split("-") for _, headers in server.requests if "range" in headers
    ]
    return sum(int(last) + 1 - int(first) for first, last in ranges)


class LocalReader:
    """Reads ranges of bytes in memory."""

    def __init__(self, content):
        self.content, self.requests = content, []

    def read(self, start, stop):
        self.requests.append((start, stop))
        return self.content[start:stop]

    def close(self):
        pass


def fill_metadata(content, part, unit=UNIT, read_ahead=None):
    """Write the metadata of a file to a part that is filled otherwise, and return its missing ranges."""
    part.write_bytes(FILLER * len(content))
    missing = MissingRanges(len(content), unit=unit)
    descriptor = os.open(part, os.O_RDWR)
    reader = LocalReader(content)
    partial = PartialDownload("https://example.org/x", "1", part.with_name("x.h5ad"), part, part, len(content))
    source = type("Source", (), {"range_reader": lambda self, version: reader})()
    try:
        read_metadata(partial, load({}), descriptor, missing, source, read_ahead)
    finally:
        os.close(descriptor)
    return missing


def outcome(request):
    """Return a result that can be compared, or the class and code of the error."""
    try:
        found = request()
    except StarcyteError as error:
        return type(error), error.code
    if isinstance(found, np.ndarray):
        return found.dtype, found.tobytes()
    return found


def unknown_without_values(description):
    """Return a description without what is found from the values of matrices."""
    scales = {"scale": None, "log_base": None}
    matrices = [matrix | scales for matrix in description["matrices"]]
    return description | {"matrices": matrices, "default_matrix": None, "default_matrix_reason": ""}


def metadata(dataset):
    """Return all that a page shows without the matrices."""
    description = dataset.describe()
    description.pop("title", None)

    def column(name):
        found = dataset.obs_column(name)
        missing = None if found.missing is None else found.missing.tolist()
        return found.info, found.values.tolist() if found.values.dtype == object else found.values.tobytes(), missing

    return (
        description,
        [outcome(lambda name=info.name: column(name)) for info in dataset.obs],
        [outcome(lambda e=e: dataset.embedding(e.name, range(e.dims))) for e in dataset.embeddings],
        [outcome(lambda i=i: dataset.image(i["name"])) for i in description["images"]],
        outcome(lambda: dataset.index_names(0, dataset.n_obs)),
        outcome(lambda: dataset.cell_names(range(dataset.n_obs))),
        [list(dataset.genes(m.name).names) for m in dataset.matrices],
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id.replace(":", "").replace(" ", "_"))
def test_a_part_shows_the_same_as_the_complete_file(case, tmp_path):
    if case.needs:
        pytest.importorskip(case.needs)
    path = tmp_path / "x.h5ad"
    case.write(path)
    check_part(path, tmp_path / "part")


@pytest.mark.parametrize("name", ["cite.h5mu", "cells.loom"])
def test_a_part_of_another_format_shows_the_same(name, tmp_path):
    path = tmp_path / name
    path.write_bytes((GALAXY_DATA / name).read_bytes())
    check_part(path, tmp_path / "part")


def check_part(path, part):
    # small units and no reading ahead, so that few bytes are there that were not requested
    fill_metadata(path.read_bytes(), part, unit=64, read_ahead=ReadAhead(0, 64))
    os.utime(part, ns=(path.stat().st_mtime_ns,) * 2)
    whole, some = open_dataset(path, load({})), open_dataset(path, load({}), part)
    try:
        (described, *shown), (expected, *rest) = metadata(some), metadata(whole)
        assert unknown_without_values(described) == unknown_without_values(expected)
        assert shown == rest
        assert all(m["scale"] is None for m in described["matrices"])
        assert all(some.scale(m.name) is None for m in some.matrices)
        for matrix in some.matrices:
            with pytest.raises(DatasetLoading):
                matrix.column(0)
            with pytest.raises(DatasetLoading):
                matrix.block(0)
        some.complete(open_dataset(path, load({})))
        assert metadata(some)[0] == expected
        for matrix in (m for m in whole.matrices if m.shape[1]):
            np.testing.assert_array_equal(some.matrix(matrix.name).column(0).dense(), matrix.column(0).dense())
    finally:
        whole.close()
        some.close()


def test_the_matrices_are_not_among_the_metadata(content, tmp_path):
    missing = fill_metadata(content, tmp_path / "part")
    assert missing.n_present < 0.5 * len(content)


def test_cells_are_shown_while_matrices_are_downloaded(server, opened, content):
    server.is_open.clear()
    loader = opened(indexing=True)
    dataset = loader.wait()
    assert (loader.state, dataset.n_obs) == ("ready", N)
    assert loader.downloaded is not None
    assert server.sent < 0.6 * len(content)
    assert set(dataset.obs_column("type").as_text()) == {"B", "T", "NK"}
    assert np.isfinite(dataset.embedding("X_umap", (0, 1))).all()
    with pytest.raises(DatasetLoading, match="X is still being downloaded"):
        dataset.matrix("X").column(0)
    with pytest.raises(DatasetLoading, match="distances"):
        dataset.obsp_row("distances", 0)
    with pytest.raises(DatasetLoading, match=r"still being downloaded \(\d+%\)"):
        loader.check_complete()
    server.is_open.set()
    until(lambda: loader.downloaded is None)
    loader.check_complete()
    assert dataset.path.read_bytes() == content
    assert dataset.matrix("X").column(0).dense().sum() > 0
    assert dataset.obsp_row("distances", 0) is not None
    until(lambda: loader.indexing is None and dataset.matrix("X").index is not None)
    assert n_requested(server) < 1.2 * len(content), "few bytes are downloaded twice"
    assert loader.problems == []


def test_a_complete_download_is_reused(server, opened):
    first = opened()
    first.wait()
    until(lambda: first.downloaded is None)
    revision = first.dataset().revision
    before = server.sent
    again = opened()
    assert again.wait().revision == revision
    assert again.downloaded is None
    assert server.sent == before


def test_a_partial_download_is_resumed_by_the_next_process(server, opened, content):
    server.is_open.clear()
    first = opened()
    first.wait()
    first.close()
    server.is_open.set()
    until(lambda: not any(t.name == "opening" for t in threading.enumerate()))
    server.requests.clear()
    again = opened()
    again.wait()
    until(lambda: again.downloaded is None)
    assert again.dataset().path.read_bytes() == content
    assert n_requested(server) < len(content)
    assert not any(headers.get("range", "").startswith("bytes=0-") for _, headers in server.requests)


def test_a_broken_transfer_is_resumed(server, opened, content):
    server.is_open.clear()
    loader = opened()
    loader.wait()
    server.cuts = [100_000, 50_000, 100_000]
    server.is_open.set()
    until(lambda: loader.downloaded is None)
    assert loader.dataset().path.read_bytes() == content


def test_a_server_that_fails_is_reported_and_retried(server, opened, content):
    server.is_open.clear()
    loader = opened()
    loader.wait()
    server.statuses = [503] * 12
    server.cuts = [0]
    server.is_open.set()
    until(lambda: loader.problems or loader.downloaded is None)
    until(lambda: loader.downloaded is None)
    assert loader.problems == []
    assert loader.dataset().path.read_bytes() == content


def test_a_file_that_is_replaced_becomes_an_error(server, opened, content):
    server.is_open.clear()
    loader = opened()
    loader.wait()
    server.cuts = [100_000]
    server.content, server.etag = content[:-1] + b"x", '"two"'
    server.is_open.set()
    until(lambda: loader.state == "error")
    with pytest.raises(StarcyteError, match="was replaced"):
        loader.dataset()


def test_a_file_that_is_replaced_before_it_is_shown_is_downloaded_again(server, opened, content):
    def replace():
        # after the request for the file, with the first one for a range
        if server.requests:
            server.etag = '"two"'

    server.on_request = replace
    loader = opened()
    assert loader.wait().n_obs == N
    until(lambda: loader.downloaded is None)
    assert loader.dataset().path.read_bytes() == content


def test_a_full_disk_is_reported_and_the_download_resumed_later(server, opened, content, monkeypatch):
    server.is_open.clear()
    loader = opened()
    loader.wait()
    real, full = MissingRanges.save, [True]

    def save(self, path):
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, path)

    monkeypatch.setattr(MissingRanges, "save", save)
    server.is_open.set()
    until(lambda: loader.problems)
    assert "No space left" in loader.problems[0]
    assert loader.dataset().obs_column("type") is not None
    full.clear()
    until(lambda: loader.downloaded is None)
    assert loader.dataset().path.read_bytes() == content
    assert loader.problems == []


def test_a_server_that_no_longer_answers_ranges_sends_the_whole_file(server, opened, content):
    server.is_open.clear()
    loader = opened()
    dataset = loader.wait()
    server.cuts = [100_000]
    server.ranges = False
    server.is_open.set()
    until(lambda: loader.downloaded is None)
    assert loader.state == "ready"
    assert dataset.path.read_bytes() == content
    assert dataset.matrix("X").column(3).dense().any()


@pytest.mark.parametrize("trouble", ["promises", "nameless"])
def test_a_server_with_contradictory_ranges_sends_the_whole_file(server, opened, content, trouble):
    setattr(server, trouble, True)
    server.ranges = trouble != "promises"
    loader = opened()
    dataset = loader.wait()
    until(lambda: loader.downloaded is None)
    assert dataset.path.read_bytes() == content
    assert loader.problems == []


def test_no_more_than_the_requested_bytes_are_written(server, opened, settings, content, tmp_path):
    server.endless = True
    loader = opened()
    with pytest.raises(RemoteFailed, match="more bytes were received than requested"):
        loader.wait()
    (part,) = (tmp_path / "cache" / "remote").glob("*/part")
    assert part.stat().st_size == len(content)


def test_a_connection_that_ends_at_once_is_replaced(server, opened, content):
    server.cuts = [0]
    loader = opened()
    assert loader.wait().n_obs == N
    until(lambda: loader.downloaded is None)
    assert loader.dataset().path.read_bytes() == content


def test_a_slow_network_is_not_taken_for_damage(server, settings, content, opened):
    slow = Settings(**vars(settings) | {"open_deadline": 4.0})
    server.pause, server.piece = 0.05, 1 << 14
    began = time.monotonic()
    loader = DatasetLoader(None, slow, remote=RemoteFile(server.url, slow))
    loader.start()
    loader.wait()
    assert loader.downloaded is not None
    assert time.monotonic() - began > 4.0
    loader.close()


def test_a_process_that_hangs_is_killed(server, settings, content, tmp_path):
    partial = PartialDownload(
        server.url, '"one"', tmp_path / "x.h5ad", tmp_path / "part", tmp_path / "gaps", len(content)
    )
    hasty = Settings(**vars(settings) | {"open_deadline": 0.5})
    with pytest.raises(DatasetInvalid, match=r"longer than 0\.5 s"):
        fetch_metadata(partial, hasty, lambda n_present: None, lambda: False, target=hanging)


def test_missing_ranges_are_saved_before_a_kill(server, settings, content, tmp_path):
    part = tmp_path / "part"
    part.write_bytes(bytes(len(content)))
    partial = PartialDownload(server.url, '"one"', tmp_path / "x.h5ad", part, tmp_path / "gaps", len(content))
    server.pause, server.piece = 0.05, 1 << 14

    def n_saved():
        missing = MissingRanges.load(partial.gaps, len(content))
        return missing.n_present if missing else 0

    with pytest.raises(Cancelled):
        fetch_metadata(partial, settings, lambda n_present: None, n_saved)
    assert 0 < n_saved() < len(content)


def test_missing_ranges_are_saved_before_the_part_is_created(server, settings, tmp_path, monkeypatch):
    def fail(self, path):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(MissingRanges, "save", fail)
    remote = RemoteFile(server.url, settings)
    with pytest.raises(InputError, match="Input/output"):
        remote.fetch(lambda *_: None, on_metadata=lambda *_: None)
    assert not list((tmp_path / "cache" / "remote").glob("*/part"))


def test_two_processes_give_the_same_revision_to_a_file(server, opened, content, tmp_path):
    server.is_open.clear()
    # so that the second one is complete before the first one resumes
    first = opened(retry_seconds=4.0)
    revision = first.wait().revision
    server.statuses = [503] * 6
    server.cuts = [0]
    server.is_open.set()
    until(lambda: first.problems)
    (part,) = (tmp_path / "cache" / "remote").glob("*/part")
    os.utime(part)  # as further writes do
    second = opened()
    assert second.wait().revision == revision
    for one in (second, first):
        until(lambda one=one: one.downloaded is None)
        assert (one.state, one.problems) == ("ready", [])
        assert one.dataset().revision == revision
    assert first.dataset().path.read_bytes() == content


@pytest.mark.parametrize("trouble", ["no parts", "a weak version", "a small file", "a checksum"])
def test_other_files_are_downloaded_from_start_to_end(server, settings, content, trouble):
    url = server.url
    if trouble == "no parts":
        server.ranges = False
    elif trouble == "a weak version":
        server.etag = 'W/"one"'
    elif trouble == "a small file":
        settings = settings.with_values({"remote_partial_bytes": len(content) + 1})
    else:
        import hashlib

        url += f"#sha256={hashlib.sha256(content).hexdigest()}"
    calls = []
    remote = RemoteFile(url, settings)
    path = remote.fetch(lambda *_: None, on_metadata=lambda *a: calls.append(a))
    assert path.read_bytes() == content
    assert (calls, server.sent) == ([], len(content))
    remote.release()


def test_a_file_that_is_not_anndata_is_refused_before_it_is_complete(server, opened, tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["values"] = np.zeros(1 << 20)
    server.content = path.read_bytes()
    server.length = len(server.content)
    server.is_open.clear()
    loader = opened()
    with pytest.raises(DatasetInvalid, match="is HDF5 but not AnnData"):
        loader.wait()


def test_a_setting_that_does_not_fit_the_file_is_reported(server, settings):
    wrong = Settings(**vars(settings) | {"var_names": "none such"})
    loader = DatasetLoader(None, wrong, remote=RemoteFile(server.url, wrong))
    loader.run()
    with pytest.raises(NotFound, match="none such"):
        loader.dataset()
    assert server.requests[-1][1]["range"], "before the download was complete"
    loader.close()


def test_a_process_that_is_killed_is_reported(server, settings, content, monkeypatch, tmp_path):
    part = tmp_path / "part"
    part.write_bytes(bytes(len(content)))
    partial = PartialDownload(server.url, '"one"', tmp_path / "x.h5ad", part, tmp_path / "gaps", len(content))
    server.pause, server.piece = 0.02, 1 << 14
    reports = []

    def kill(n_present):
        reports.append(n_present)
        for child in multiprocessing.active_children():
            child.kill()

    with pytest.raises(DatasetInvalid, match=r"crash .SIGKILL"):
        fetch_metadata(partial, settings, kill, lambda: False)
    assert reports


def test_a_failed_download_is_not_taken_for_damage(settings, content, tmp_path):
    class Failing(LocalReader):
        def read(self, start, stop):
            if len(self.requests) > 3:
                raise TransferError("it was replaced", restart=True)
            return super().read(start, stop)

    part = tmp_path / "part"
    part.write_bytes(bytes(len(content)))
    descriptor = os.open(part, os.O_RDWR)
    missing = MissingRanges(len(content))
    stream = PartialFile(descriptor, missing, Failing(content), settings, ReadAhead(), threading.Event())
    with pytest.raises(OSError, match="download failed"):
        while stream.read(1 << 20):
            pass
    assert isinstance(stream.failure, TransferError)
    os.close(descriptor)


@given(
    size=st.integers(1, 20 * UNIT),
    spans=st.lists(st.tuples(st.integers(0, 20 * UNIT), st.integers(0, 20 * UNIT)), max_size=6),
    requested=st.tuples(st.integers(0, 20 * UNIT), st.integers(0, 20 * UNIT)),
)
def test_missing_ranges_equal_those_of_a_naive_count(size, spans, requested):
    missing = MissingRanges(size)
    present = np.zeros(size, bool)
    for a, b in spans:
        start, stop = min(a, b, size), min(max(a, b), size)
        missing.add(start, stop)
        for unit in range(-(-size // UNIT)):
            low, high = unit * UNIT, min((unit + 1) * UNIT, size)
            if start <= low and high <= stop:
                present[low:high] = True
    assert missing.n_present == present.sum()
    start, stop = min(*requested, size), min(max(requested), size)
    assert missing.has(start, stop) == bool(present[start:stop].all())
    absent = np.flatnonzero(~present)
    if absent.size:
        for bridge in (0, 3 * UNIT):
            apart = np.flatnonzero(np.diff(absent) - 1 > bridge)
            assert missing.end(int(absent[0]), bridge) == absent[apart[0] if apart.size else -1] + 1
    assert missing.first() == (int(absent[0]) if absent.size else None)
    covered = present.copy()
    for low, high in missing.gaps(start, stop):
        assert not present[low:high].any()
        covered[low:high] = True
    assert covered[start:stop].all()


def test_missing_ranges_are_saved_and_loaded(tmp_path):
    missing = MissingRanges(10 * UNIT - 5)
    missing.add(UNIT, 3 * UNIT)
    missing.add(9 * UNIT, 10 * UNIT - 5)
    missing.save(tmp_path / "gaps")
    again = MissingRanges.load(tmp_path / "gaps", 10 * UNIT - 5)
    assert again is not None
    assert list(again.gaps(0, 10 * UNIT)) == list(missing.gaps(0, 10 * UNIT)) == [(0, UNIT), (3 * UNIT, 9 * UNIT)]
    assert MissingRanges.load(tmp_path / "gaps", 100 * UNIT) is None
    assert MissingRanges.load(tmp_path / "none", 10 * UNIT) is None
