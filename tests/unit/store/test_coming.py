"""Files that are shown while they come: what is shown is right, what is not here is said not to be, and all comes."""

from __future__ import annotations

import errno
import os
import threading
import time

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
from starcyte.store.remote import byte_ranges as gaps
from starcyte.store.remote import download as remote_copy
from starcyte.store.remote import metadata_first as front
from starcyte.store.remote.byte_ranges import UNIT, MissingRanges
from starcyte.store.remote.file import RemoteFile
from starcyte.store.remote.metadata_first import PartFile, fetch_metadata
from starcyte.store.remote.source import TransferError

N, M = 4000, 1000
# what stands in a file where nothing has come: nothing that could pass for data
RUBBISH = b"\xa5"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(remote_copy, "_LARGE", 1 << 16)
    monkeypatch.setattr(remote_copy, "_MAX_PAUSE", 0.01)
    monkeypatch.setattr("starcyte.store.loader._TRY_AGAIN_SECONDS", 0.05)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """A file whose matrices are most of it, and lie in its middle."""
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
    path = tmp_path_factory.mktemp("downloaded") / "cells.h5ad"
    adata.write_h5ad(path)
    return path.read_bytes()


@pytest.fixture
def settings(tmp_path):
    return Settings(cache_dir=str(tmp_path / "cache"), remote_private=True, remote_timeout=5.0, index_least=1000)


@pytest.fixture
def opened(server, settings):
    """A function that opens the server's file; what was opened is closed."""
    all_opened = []

    def start(**options):
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


def asked(server):
    """Return the sum of the bytes of all parts that were asked for."""
    ranges = [
        headers["range"].removeprefix("bytes=").split("-") for _, headers in server.requests if "range" in headers
    ]
    return sum(int(last) + 1 - int(first) for first, last in ranges)


class Local:
    """Parts of a file that is here."""

    def __init__(self, whole):
        self.whole, self.asked = whole, []

    def read(self, start, stop):
        self.asked.append((start, stop))
        return self.whole[start:stop]

    def close(self):
        pass


def fill_front(whole, part):
    """Bring what is shown first of a file to a place where all else is rubbish, as a process of its own would."""
    part.write_bytes(RUBBISH * len(whole))
    missing = MissingRanges(len(whole))
    descriptor = os.open(part, os.O_RDWR)
    parts = Local(whole)
    coming = front.PartialDownload("https://example.org/x", "1", part.with_name("x.h5ad"), part, part, len(whole))
    origin = type("Origin", (), {"parts": lambda self, version: parts})()
    try:
        front.read_metadata(coming, load({}), descriptor, missing, origin=origin)
    finally:
        os.close(descriptor)
    return missing


def all_of(ask):
    """Return what is answered, or what is wrong."""
    try:
        found = ask()
    except StarcyteError as error:
        return type(error), error.code
    if isinstance(found, np.ndarray):
        return found.dtype, found.tobytes()
    return found


def shown(dataset):
    """Return all that a page shows without its matrices."""
    said = dataset.describe()
    said.pop("title", None)

    def column(name):
        found = dataset.obs_column(name)
        missing = None if found.missing is None else found.missing.tolist()
        return found.info, found.values.tolist() if found.values.dtype == object else found.values.tobytes(), missing

    return (
        said,
        [all_of(lambda name=info.name: column(name)) for info in dataset.obs],
        [all_of(lambda e=e: dataset.embedding(e.name, range(e.dims))) for e in dataset.embeddings],
        [all_of(lambda i=i: dataset.image(i["name"])) for i in said["images"]],
        all_of(lambda: dataset.index_names(0, dataset.n_obs)),
        all_of(lambda: dataset.cell_names(range(dataset.n_obs))),
        [list(dataset.genes(m.name).names) for m in dataset.matrices],
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id.replace(":", "").replace(" ", "_"))
def test_what_is_shown_of_a_part_is_what_the_whole_shows(case, tmp_path, monkeypatch):
    if case.needs:
        pytest.importorskip(case.needs)
    # the least that may come at once: whatever is not asked for is rubbish
    monkeypatch.setattr(gaps, "UNIT", 64)
    monkeypatch.setattr(front, "UNIT", 64)
    monkeypatch.setattr(front, "_AHEAD", 0)
    monkeypatch.setattr(front, "_MOST_AHEAD", 64)
    path = tmp_path / "x.h5ad"
    case.write(path)
    part = tmp_path / "part"
    fill_front(path.read_bytes(), part)
    os.utime(part, ns=(path.stat().st_mtime_ns,) * 2)
    whole, some = open_dataset(path, load({})), open_dataset(path, load({}), part)
    try:
        assert shown(some) == shown(whole)
        for matrix in some.matrices:
            with pytest.raises(DatasetLoading):
                matrix.column(0)
            with pytest.raises(DatasetLoading):
                matrix.block(0)
        some.complete(open_dataset(path, load({})))
        for matrix in (m for m in whole.matrices if m.shape[1]):
            np.testing.assert_array_equal(some.matrix(matrix.name).column(0).dense(), matrix.column(0).dense())
    finally:
        whole.close()
        some.close()


def test_the_matrices_are_not_fetched_first(content, tmp_path):
    missing = fill_front(content, tmp_path / "part")
    assert missing.n_here < 0.5 * len(content)


def test_cells_are_shown_while_matrices_come(server, opened, content):
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
    with pytest.raises(DatasetLoading, match=r"downloaded: \d+% is here"):
        loader.check_complete()
    server.is_open.set()
    until(lambda: loader.downloaded is None)
    loader.check_complete()
    assert dataset.path.read_bytes() == content
    assert dataset.matrix("X").column(0).dense().sum() > 0
    assert dataset.obsp_row("distances", 0) is not None
    until(lambda: loader.indexing is None and dataset.matrix("X").index is not None)
    assert asked(server) < 1.2 * len(content), "what has come is not asked for again, or little of it"
    assert loader.problems == []


def test_the_next_one_finds_it_whole(server, opened):
    first = opened()
    first.wait()
    until(lambda: first.downloaded is None)
    revision = first.dataset().revision
    before = server.sent
    again = opened()
    assert again.wait().revision == revision
    assert again.downloaded is None
    assert server.sent == before


def test_what_has_come_is_kept_by_the_next_process(server, opened, content):
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
    assert asked(server) < len(content)
    assert not any(headers.get("range", "").startswith("bytes=0-") for _, headers in server.requests)


def test_a_transfer_that_breaks_off_goes_on(server, opened, content):
    server.is_open.clear()
    loader = opened()
    loader.wait()
    server.cuts = [100_000, 50_000, 100_000]
    server.is_open.set()
    until(lambda: loader.downloaded is None)
    assert loader.dataset().path.read_bytes() == content


def test_a_server_that_goes_away_is_told_and_asked_again(server, opened, content):
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


def test_a_file_that_is_replaced_is_not_mixed(server, opened, content):
    server.is_open.clear()
    loader = opened()
    loader.wait()
    server.cuts = [100_000]
    server.content, server.etag = content[:-1] + b"x", '"two"'
    server.is_open.set()
    until(lambda: loader.state == "error")
    with pytest.raises(StarcyteError, match="was replaced"):
        loader.dataset()


def test_a_file_that_is_replaced_before_it_is_shown_is_taken_anew(server, opened, content, monkeypatch):
    real = remote_copy.Download._bring_front

    def replaced(self, version, size):
        monkeypatch.setattr(remote_copy.Download, "_bring_front", real)
        server.etag = '"two"'
        real(self, version, size)

    monkeypatch.setattr(remote_copy.Download, "_bring_front", replaced)
    loader = opened()
    assert loader.wait().n_obs == N
    until(lambda: loader.downloaded is None)
    assert loader.dataset().path.read_bytes() == content


def test_a_disk_that_is_full_meanwhile_is_told_and_it_goes_on_later(server, opened, content, monkeypatch):
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


def test_a_server_that_answers_for_parts_no_more_sends_it_all(server, opened, content):
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
def test_a_server_whose_parts_do_not_fit_sends_it_from_start_to_end(server, opened, content, trouble):
    setattr(server, trouble, True)
    server.ranges = trouble != "promises"
    loader = opened()
    dataset = loader.wait()
    until(lambda: loader.downloaded is None)
    assert dataset.path.read_bytes() == content
    assert loader.problems == []


def test_no_more_is_taken_than_was_asked_for(server, opened, settings, content, tmp_path):
    server.endless = True
    loader = opened()
    with pytest.raises(RemoteFailed, match="more came than was asked for"):
        loader.wait()
    (part,) = (tmp_path / "cache" / "remote").glob("*/part")
    assert part.stat().st_size == len(content)


def test_a_connection_that_ends_at_once_is_made_anew(server, opened, content):
    server.cuts = [0]
    loader = opened()
    assert loader.wait().n_obs == N
    until(lambda: loader.downloaded is None)
    assert loader.dataset().path.read_bytes() == content


def test_a_slow_network_is_no_damage(server, settings, content, opened):
    slow = Settings(**vars(settings) | {"open_deadline": 1.5})
    server.pause, server.piece = 0.02, 1 << 14
    began = time.monotonic()
    loader = DatasetLoader(None, slow, remote=RemoteFile(server.url, slow))
    loader.start()
    loader.wait()
    assert loader.downloaded is not None
    assert time.monotonic() - began > 1.5
    loader.close()


def test_a_helper_that_hangs_is_ended(server, settings, content, tmp_path, monkeypatch):
    monkeypatch.setattr(front, "_child", hanging)
    coming = front.PartialDownload(
        server.url, '"one"', tmp_path / "x.h5ad", tmp_path / "part", tmp_path / "gaps", len(content)
    )
    hasty = Settings(**vars(settings) | {"open_deadline": 0.5})
    with pytest.raises(DatasetInvalid, match=r"longer than 0\.5 s"):
        fetch_metadata(coming, hasty, lambda there: None, lambda: False)


def test_what_has_come_first_outlives_a_kill(server, settings, content, tmp_path, monkeypatch):
    part = tmp_path / "part"
    part.write_bytes(bytes(len(content)))
    coming = front.PartialDownload(server.url, '"one"', tmp_path / "x.h5ad", part, tmp_path / "gaps", len(content))
    server.pause, server.piece = 0.02, 1 << 14
    with pytest.raises(Cancelled):
        fetch_metadata(coming, settings, lambda there: None, coming.gaps.exists)
    missing = MissingRanges.load(coming.gaps, len(content))
    assert missing is not None
    assert 0 < missing.n_here < len(content)


def test_a_part_is_not_there_before_what_is_missing_of_it_is_written_down(server, settings, tmp_path, monkeypatch):
    def fail(self, path):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(MissingRanges, "save", fail)
    remote = RemoteFile(server.url, settings)
    with pytest.raises(InputError, match="Input/output"):
        remote.fetch(lambda *_: None, show=lambda *_: None)
    assert not list((tmp_path / "cache" / "remote").glob("*/part"))


def test_two_that_show_the_same_file_tell_it_by_the_same_revision(server, opened, content, monkeypatch, tmp_path):
    # so that the second is done before the first tries again
    monkeypatch.setattr("starcyte.store.loader._TRY_AGAIN_SECONDS", 4.0)
    server.is_open.clear()
    first = opened()
    revision = first.wait().revision
    server.statuses = [503] * 6
    server.cuts = [0]
    server.is_open.set()
    until(lambda: first.problems)
    (part,) = (tmp_path / "cache" / "remote").glob("*/part")
    os.utime(part)  # as what has come since does
    second = opened()
    assert second.wait().revision == revision
    for one in (second, first):
        until(lambda one=one: one.downloaded is None)
        assert (one.state, one.problems) == ("ready", [])
        assert one.dataset().revision == revision
    assert first.dataset().path.read_bytes() == content


@pytest.mark.parametrize("trouble", ["no parts", "a weak version", "a small file", "a checksum"])
def test_others_come_from_start_to_end(server, settings, content, monkeypatch, trouble):
    url = server.url
    if trouble == "no parts":
        server.ranges = False
    elif trouble == "a weak version":
        server.etag = 'W/"one"'
    elif trouble == "a small file":
        monkeypatch.setattr(remote_copy, "_LARGE", len(content) + 1)
    else:
        import hashlib

        url += f"#sha256={hashlib.sha256(content).hexdigest()}"
    shows = []
    remote = RemoteFile(url, settings)
    path = remote.fetch(lambda *_: None, show=lambda *a: shows.append(a))
    assert path.read_bytes() == content
    assert (shows, server.sent) == ([], len(content))
    remote.release()


def test_what_is_no_dataset_is_told_before_all_of_it_came(server, opened, tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["values"] = np.zeros(1 << 20)
    server.content = path.read_bytes()
    server.length = len(server.content)
    server.is_open.clear()
    loader = opened()
    with pytest.raises(DatasetInvalid, match="is HDF5 but not AnnData"):
        loader.wait()


def test_what_is_wrong_with_the_wishes_is_told_as_that(server, settings):
    wrong = Settings(**vars(settings) | {"var_names": "none such"})
    loader = DatasetLoader(None, wrong, remote=RemoteFile(server.url, wrong))
    loader.run()
    with pytest.raises(NotFound, match="none such"):
        loader.dataset()
    assert server.requests[-1][1]["range"], "before all of it came"
    loader.close()


def test_a_process_that_is_lost_is_told(server, settings, content, monkeypatch, tmp_path):
    part = tmp_path / "part"
    part.write_bytes(bytes(len(content)))
    coming = front.PartialDownload(server.url, '"one"', tmp_path / "x.h5ad", part, tmp_path / "gaps", len(content))
    server.pause, server.piece = 0.02, 1 << 14
    told = []

    def kill(there):
        told.append(there)
        for child in front.multiprocessing.active_children():
            child.kill()

    with pytest.raises(DatasetInvalid, match=r"crash .SIGKILL"):
        fetch_metadata(coming, settings, kill, lambda: False)
    assert told


def test_a_part_that_does_not_come_is_no_damage(content, tmp_path):
    class Failing(Local):
        def read(self, start, stop):
            if len(self.asked) > 3:
                raise TransferError("it is gone", begin_again=True)
            return super().read(start, stop)

    part = tmp_path / "part"
    part.write_bytes(bytes(len(content)))
    descriptor = os.open(part, os.O_RDWR)
    stream = PartFile(descriptor, MissingRanges(len(content)), Failing(content), 1)
    with pytest.raises(OSError, match="did not come"):
        while stream.read(1 << 20):
            pass
    assert isinstance(stream.failure, TransferError)
    os.close(descriptor)


@given(
    size=st.integers(1, 20 * UNIT),
    spans=st.lists(st.tuples(st.integers(0, 20 * UNIT), st.integers(0, 20 * UNIT)), max_size=6),
    asked=st.tuples(st.integers(0, 20 * UNIT), st.integers(0, 20 * UNIT)),
)
def test_gaps_are_those_of_a_naive_count(size, spans, asked):
    missing = MissingRanges(size)
    here = np.zeros(size, bool)
    for a, b in spans:
        start, stop = min(a, b, size), min(max(a, b), size)
        missing.add(start, stop)
        for unit in range(-(-size // UNIT)):
            low, high = unit * UNIT, min((unit + 1) * UNIT, size)
            if start <= low and high <= stop:
                here[low:high] = True
    assert missing.n_here == here.sum()
    start, stop = min(*asked, size), min(max(asked), size)
    assert missing.has(start, stop) == bool(here[start:stop].all())
    nothing = np.flatnonzero(~here)
    if nothing.size:
        for leap in (0, 3 * UNIT):
            apart = np.flatnonzero(np.diff(nothing) - 1 > leap)
            assert missing.end(int(nothing[0]), leap) == nothing[apart[0] if apart.size else -1] + 1
    assert missing.first() == (int(nothing[0]) if nothing.size else None)
    covered = here.copy()
    for low, high in missing.within(start, stop):
        assert not here[low:high].any()
        covered[low:high] = True
    assert covered[start:stop].all()


def test_gaps_are_kept(tmp_path):
    missing = MissingRanges(10 * UNIT - 5)
    missing.add(UNIT, 3 * UNIT)
    missing.add(9 * UNIT, 10 * UNIT - 5)
    missing.save(tmp_path / "gaps")
    again = MissingRanges.load(tmp_path / "gaps", 10 * UNIT - 5)
    assert again is not None
    assert list(again.within(0, 10 * UNIT)) == list(missing.within(0, 10 * UNIT)) == [(0, UNIT), (3 * UNIT, 9 * UNIT)]
    assert MissingRanges.load(tmp_path / "gaps", 100 * UNIT) is None
    assert MissingRanges.load(tmp_path / "none", 10 * UNIT) is None
