"""The registry of formats: a file's format is found by its content, and a format is one entry."""

from __future__ import annotations

import os

import numpy as np
import pytest
from h5ad_file import write_h5ad
from starcyte.errors import DatasetInvalid, DatasetMissing
from starcyte.settings import Settings
from starcyte.store import open as opening
from starcyte.store.format import Format
from starcyte.store.open import FORMATS, START_BYTES, detect_format, is_dataset, open_dataset


@pytest.fixture
def h5ad(tmp_path):
    return write_h5ad(tmp_path / "dataset_1.dat", np.eye(3, dtype=np.float32))


def test_a_format_is_found_by_content(h5ad):
    assert detect_format(h5ad).id == "h5ad"
    assert is_dataset(h5ad.read_bytes()[:START_BYTES])


@pytest.mark.parametrize("block", [512, 1024, 4096])
def test_a_user_block_may_precede_hdf5(h5ad, block):
    content = bytes(block) + h5ad.read_bytes()
    h5ad.write_bytes(content)
    assert detect_format(h5ad).id == "h5ad"
    assert is_dataset(content)
    assert not is_dataset(content[:START_BYTES])


@pytest.mark.parametrize("start", [b"", b"\x89HDF", b"gene,cell\n", bytes(2000)])
def test_other_bytes_are_not_a_dataset(tmp_path, start):
    assert not is_dataset(start)
    (tmp_path / "x").write_bytes(start or b" ")
    with pytest.raises(DatasetInvalid, match=r"not an HDF5 file|is not read"):
        detect_format(tmp_path / "x")


def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DatasetMissing, match="no plain file"):
        open_dataset(tmp_path / "pipe", Settings())


def test_a_new_format_is_one_entry(tmp_path, monkeypatch):
    path = tmp_path / "x.cells"
    path.write_bytes(b"CELLS 1")
    opened = []
    cells = Format(
        "cells", "Cells", lambda size, read: read(5, 0) == b"CELLS", lambda *given: opened.append(given), "cells"
    )
    monkeypatch.setattr(opening, "FORMATS", (*FORMATS, cells))
    assert detect_format(path) is cells
    assert is_dataset(b"CELLS 1")
    settings = Settings()
    open_dataset(path, settings)
    assert opened == [(path, settings, None, None)]
