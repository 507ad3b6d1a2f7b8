"""Zarr stores that are damaged, hostile or unusual: one clear line, and nothing that lies outside is read."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import zarr
from agreement import check_agrees
from numcodecs import BZ2, LZ4, LZMA, Blosc, GZip, Pickle, Shuffle, Zlib, Zstd
from starcyte.cli import main
from starcyte.errors import DatasetInvalid, StarcyteError
from starcyte.settings import Settings
from starcyte.store.fingerprint import file_state
from starcyte.store.nodes import Array
from starcyte.store.open import detect_format, is_dataset, open_dataset
from starcyte.store.zarr.file import ZarrFile
from zarr_stores import read_zarr, write_zarr, zipped

pytestmark = pytest.mark.slow

N, G = 7, 5
X = np.arange(N * G, dtype=np.float32).reshape(N, G) % 4


def cells() -> ad.AnnData:
    obs = pd.DataFrame(
        {"kind": pd.Categorical(list("abacbab")), "score": np.arange(N) / 2}, index=[f"c{i}" for i in range(N)]
    )
    var = pd.DataFrame(index=[f"G{i}" for i in range(G)])
    umap = np.arange(2 * N, dtype=np.float32).reshape(N, 2)
    return ad.AnnData(sp.csr_matrix(X), obs, var, obsm={"X_umap": umap}, layers={"dense": X.copy()})


@pytest.fixture(params=["v2", "v3", "sharded"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(kind: str, tmp_path: Path) -> Path:
    return write_zarr(cells(), tmp_path, kind)


@pytest.fixture
def store3(tmp_path: Path) -> Path:
    return write_zarr(cells(), tmp_path, "v3")


def metadata_of(folder: Path) -> Path:
    return next(folder / name for name in ("zarr.json", ".zarray", ".zgroup") if (folder / name).exists())


def change(folder: Path, **fields: Any) -> None:
    path = metadata_of(folder)
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def chunks_of(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".z") and p.name != "zarr.json")


def refused(path: Path, capsys: pytest.CaptureFixture[str], *texts: str) -> None:
    assert main(["inspect", str(path), "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("starcyte: ")
    assert err.count("\n") == 1
    assert err[:-1].isprintable()
    assert len(err) < 700
    for text in texts:
        assert text in err


def array(path: Path, name: str, most_bytes: int = 1 << 30) -> Array:
    return ZarrFile(path, most_bytes).root.array(name)


def made(folder: Path, values: np.ndarray[Any, Any], **options: Any) -> Path:
    """Write a Zarr store with one array, x."""
    group = zarr.open_group(folder / "s.zarr", mode="w", zarr_format=options.pop("zarr_format", 2))
    group.create_array("x", shape=values.shape, dtype=values.dtype, **options)[...] = values
    return folder / "s.zarr"


# what is read


CODECS = [
    GZip(5), Zlib(1), Zstd(3), LZ4(), BZ2(1), LZMA(preset=1), Blosc("lz4"), Blosc("zstd", shuffle=Blosc.BITSHUFFLE),
    Blosc("zlib"), None,
]  # fmt: skip


@pytest.mark.parametrize("codec", CODECS, ids=repr)
@pytest.mark.parametrize("dtype", ["<f4", ">f8", ">i2", "|u1", "|b1", "<f2", "<U3", "|S3", "<M8[ns]"])
def test_codecs_and_dtypes_of_version_2(codec: Any, dtype: str, tmp_path: Path) -> None:
    values = (np.arange(35).reshape(7, 5) % 3).astype("<i8").astype(dtype)
    path = made(tmp_path, values, chunks=(3, 2), compressors=codec, order="F")
    found = array(path, "x")
    np.testing.assert_array_equal(found.read(), values)
    assert found.dtype == values.dtype
    for part in ((slice(2, 6), 3), (slice(1, 7, 2), slice(0, 5, 3)), (4, slice(None)), (-1, -1)):
        np.testing.assert_array_equal(found.read(part), values[part])
    np.testing.assert_array_equal(found.read([0, 2, 3, 6]), values[[0, 2, 3, 6]])


@pytest.mark.parametrize("endian", ["little", "big"])
@pytest.mark.parametrize("separator", ["/", "."])
@pytest.mark.parametrize("shards", [None, (6, 4)])
@pytest.mark.parametrize("packed", ["gzip", "zstd", "blosc", "crc32c"])
def test_codecs_of_version_3(endian: str, separator: str, shards: Any, packed: str, tmp_path: Path) -> None:
    from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, TransposeCodec, ZstdCodec

    codec = {"gzip": GzipCodec(), "zstd": ZstdCodec(), "blosc": BloscCodec(), "crc32c": Crc32cCodec()}[packed]
    values = np.arange(35, dtype=np.int32).reshape(7, 5)
    path = made(
        tmp_path, values, zarr_format=3, chunks=(3, 2), shards=shards, compressors=codec,
        filters=TransposeCodec(order=(1, 0)), serializer=BytesCodec(endian=endian),
        chunk_key_encoding={"name": "default", "configuration": {"separator": separator}},
    )  # fmt: skip
    found = array(path, "x")
    np.testing.assert_array_equal(found.read(), values)
    np.testing.assert_array_equal(found.read((slice(1, 7, 3), 4)), values[1:7:3, 4])
    assert found.chunks == (3, 2)


def test_shuffle_and_missing_chunks(tmp_path: Path) -> None:
    values = np.arange(40, dtype=np.int32)
    path = made(tmp_path, values, chunks=(8,), filters=[Shuffle(4)], compressors=Zlib(1), fill_value=-5)
    (path / "x" / "2").unlink()
    values[16:24] = -5
    np.testing.assert_array_equal(array(path, "x").read(), values)


@pytest.mark.parametrize("fill", [np.nan, np.inf, -np.inf, 1.5])
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_fill_values(fill: float, zarr_format: int, tmp_path: Path) -> None:
    path = made(tmp_path, np.full(6, fill), chunks=(4,), fill_value=fill, zarr_format=zarr_format)
    assert not chunks_of(path / "x")
    np.testing.assert_array_equal(array(path, "x").read(), np.full(6, fill))


@pytest.mark.parametrize("within", ["", "cells.zarr/"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip_of_the_folder_or_of_its_content(store: Path, within: str, compression: int) -> None:
    oracle = read_zarr(store)
    path = zipped(store, within, compression)
    before = path.read_bytes()
    dataset = open_dataset(path, Settings())
    check_agrees(dataset, oracle)
    assert dataset.title == path.name.removesuffix(".zarr.zip")
    dataset.close()
    assert path.read_bytes() == before


def test_consolidated_or_not(kind: str, store: Path) -> None:
    oracle = read_zarr(store)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(store)
    check_agrees(open_dataset(store, Settings()), oracle)


def test_the_store_is_left_as_it_was(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in sorted(store.rglob("*")) if p.is_file()}
    assert main(["inspect", str(store), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_obs"] == N
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in sorted(store.rglob("*")) if p.is_file()} == before


def test_copies_have_one_fingerprint_and_changes_another(store: Path) -> None:
    copy = shutil.copytree(store, store.with_name("copy.zarr"))
    first, revision = ZarrFile(store).fingerprint()
    assert ZarrFile(copy).fingerprint()[0] == first
    state = file_state(store)
    chunk = chunks_of(copy / "X" / "data")[0]
    chunk.write_bytes(chunk.read_bytes()[::-1])
    assert ZarrFile(copy).fingerprint()[0] != first
    metadata = metadata_of(store / "obs")
    os.utime(metadata, ns=(1, time_of(metadata) + 10**9))
    assert ZarrFile(store).fingerprint()[0] == first
    assert ZarrFile(store).fingerprint()[1] != revision
    assert file_state(store) != state


def time_of(path: Path) -> int:
    return path.stat().st_mtime_ns


def test_nothing_of_zarr_is_imported_for_an_h5ad(tmp_path: Path) -> None:
    cells().write_h5ad(tmp_path / "x.h5ad")
    program = (
        "import sys; from pathlib import Path; from starcyte.store.open import open_dataset;"
        "from starcyte.settings import Settings; open_dataset(Path(sys.argv[1]), Settings()).describe();"
        "print([m for m in sys.modules if m.split('.')[0] in {'zarr', 'numcodecs', 'google_crc32c'}"
        " or m == 'starcyte.store.zarr.nodes'])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "x.h5ad")], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


# what is refused


def test_a_folder_that_is_no_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.zarr").mkdir()
    refused(tmp_path / "x.zarr", capsys, "is a folder, and no Zarr store")


def test_a_store_that_is_not_anndata(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(made(tmp_path, np.zeros(3)), capsys, "is Zarr but not AnnData: it has no obs")


def test_a_zip_that_is_no_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.txt", "nothing")
    refused(tmp_path / "x.zip", capsys, "a zip archive without Zarr, which begins with a text file")
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as archive:
        archive.writestr("a.txt/zarr.json", "nothing")
    refused(tmp_path / "y.zip", capsys, "are not JSON")
    assert not is_dataset((tmp_path / "y.zip").read_bytes()[:8])


METADATA = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "deep": b'{"a":' + b"[" * 200_000,
    "no type": b'{"zarr_format": 3}',
    "version 9": b'{"zarr_format": 9, "node_type": "group"}',
    "no array": b'{"zarr_format": 3, "node_type": "array", "shape": [2]}',
    "bytes": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("content", METADATA.values(), ids=METADATA)
@pytest.mark.parametrize("where", ["", "obs", "var"])
def test_metadata_that_are_none(where: str, content: bytes, store3: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (store3 / where / "zarr.json").write_bytes(content)
    refused(store3, capsys)


def test_metadata_of_100_megabytes_are_not_read(store3: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (store3 / "obs" / "zarr.json").open("ab") as file:
        file.truncate(100 << 20)
    refused(store3, capsys, "/obs/zarr.json", "104,857,600 bytes")


LIES = {
    "axes": {"shape": [N, 2, 2]},
    "negative": {"shape": [-1]},
    "text": {"shape": "7"},
    "numbers": {"shape": [7.5]},
    "huge": {"shape": [2**62]},
    "chunks of nothing": {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [0]}}},
    "grid": {"chunk_grid": {"name": "rectilinear", "configuration": {}}},
    "dtype": {"data_type": "complex"},
    "width": {"data_type": {"name": "fixed_length_utf32", "configuration": {"length_bytes": 4 << 30}}},
    "codec": {"codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "evil"}]},
    "no codecs": {"codecs": []},
    "codecs of text": {"codecs": "bytes"},
    "fill": {"fill_value": {"a": 1}},
    "transformers": {"storage_transformers": [{"name": "x"}]},
    "wider": {"data_type": "float64", "fill_value": 0},
    "texts": {"data_type": "string", "fill_value": "", "codecs": [{"name": "vlen-utf8"}]},
}


@pytest.mark.parametrize("fields", LIES.values(), ids=LIES)
@pytest.mark.parametrize("part", ["indptr", "data"])
def test_a_matrix_whose_metadata_lie_is_left_out(part: str, fields: dict[str, Any], store3: Path) -> None:
    change(store3 / "X" / part, **fields)
    dataset = open_dataset(store3, Settings())
    described = dataset.describe()
    assert [line for line in described["warnings"] if line.startswith("X ") and "left out" in line], described
    assert [m["name"] for m in described["matrices"]] == ["layers/dense"]


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "s.zarr"
    zarr.open_group(path, mode="w", zarr_format=2)
    (path / "x").mkdir()
    packed = Pickle().encode(np.array(["a", None], object))
    (path / "x" / "0").write_bytes(packed)
    metadata = {"zarr_format": 2, "shape": [2], "chunks": [2], "dtype": "|O", "order": "C", "fill_value": None}
    (path / "x" / ".zarray").write_text(json.dumps(metadata | {"compressor": None, "filters": [{"id": "pickle"}]}))
    with pytest.raises(DatasetInvalid, match="could run a program"):
        array(path, "x")


ZEROS = bytes(4 << 20)
CUT = bytes(range(80))
BOMBS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "gzip": ("gzip", lambda: gzip.compress(ZEROS)),
    "zlib": ("zlib", lambda: zlib.compress(ZEROS)),
    "bz2": ("bz2", lambda: bytes(BZ2().encode(ZEROS))),
    "lzma": ("lzma", lambda: bytes(LZMA().encode(ZEROS))),
    "zstd": ("zstd", lambda: bytes(Zstd().encode(ZEROS))),
    "blosc": ("blosc", lambda: bytes(Blosc().encode(ZEROS))),
    "lz4": ("lz4", lambda: bytes(LZ4().encode(ZEROS))),
    "blosc that lies": ("blosc", lambda: b"\x02\x01\x01\x01" + struct.pack("<III", 2**32 - 1, 64, 32) + bytes(16)),
    "lz4 that lies": ("lz4", lambda: struct.pack("<I", 2**31 - 1) + bytes(16)),
    "cut gzip": ("gzip", lambda: gzip.compress(CUT)[:40]),
    "cut zstd": ("zstd", lambda: bytes(Zstd().encode(CUT))[:40]),
    "cut blosc": ("blosc", lambda: bytes(Blosc().encode(CUT))[:40]),
    "no blosc": ("blosc", lambda: b"x"),
    "no lz4": ("lz4", lambda: b"x"),
}


@pytest.mark.parametrize("case", BOMBS)
def test_a_chunk_unpacks_to_its_size_or_not_at_all(case: str, tmp_path: Path) -> None:
    codec, packed = BOMBS[case]
    path = made(tmp_path, np.arange(10.0), compressors=None)
    change(path / "x", compressor={"id": codec})
    (path / "x" / "0").write_bytes(packed())
    with pytest.raises(DatasetInvalid, match="/x cannot be read"):
        array(path, "x").read()


def test_text_that_claims_more_than_it_has(tmp_path: Path) -> None:
    metadata = {"zarr_format": 2, "shape": [4], "chunks": [4], "dtype": "|O", "order": "C", "fill_value": ""}
    path = made(tmp_path, np.zeros(1))
    (path / "x" / ".zarray").write_text(json.dumps(metadata | {"compressor": None, "filters": [{"id": "vlen-utf8"}]}))
    for content in (b"", struct.pack("<I", 5), struct.pack("<II", 4, 2**32 - 1), struct.pack("<II", 4, 1) + b"a"):
        (path / "x" / "0").write_bytes(content)
        with pytest.raises(DatasetInvalid, match="/x cannot be read: a chunk of text"):
            array(path, "x").read_text()


def test_claims_are_bounded(tmp_path: Path) -> None:
    path = made(tmp_path, np.zeros(4), chunks=(4,))
    change(path / "x", shape=[10**9], chunks=[1000])
    with pytest.raises(DatasetInvalid, match="claims to have 8,000,000,000 bytes, of which"):
        array(path, "x", 1 << 40).read()
    with pytest.raises(DatasetInvalid, match="max_array_bytes"):
        array(path, "x").read()
    change(path / "x", shape=[10**6], chunks=[1])
    with pytest.raises(DatasetInvalid, match="chunks are read at once"):
        array(path, "x").read()
    change(path / "x", shape=[4], chunks=[10**12])
    with pytest.raises(DatasetInvalid, match="max_array_bytes"):
        array(path, "x").read()


def test_names_and_links_do_not_lead_out(store: Path, tmp_path: Path) -> None:
    shutil.copytree(store / "obs", tmp_path / "outside")
    root = ZarrFile(store).root
    outside = str(tmp_path / "outside")
    for name in ("../outside", "obs/../../outside", "/outside", "obs/", "", ".", "..", "a\0b", "..\\outside", outside):
        assert root.child(name) is None
    (store / "linked").symlink_to(tmp_path / "outside")
    (store / "inside").symlink_to(store / "obs")
    with pytest.raises(DatasetInvalid, match="is a link out of the store"):
        root.child("linked")
    assert root.child("inside") is not None
    chunk = chunks_of(store / "obs" / "score")[0]
    shutil.move(chunk, tmp_path / "chunk")
    chunk.symlink_to(tmp_path / "chunk")
    with pytest.raises(DatasetInvalid, match="is a link out of the store"):
        array(store, "obs/score").read()
    (tmp_path / "chunk").unlink()
    with pytest.raises(DatasetInvalid, match="is a link to nothing"):
        array(store, "obs/score").read()
    chunk.unlink()
    os.mkfifo(chunk)
    with pytest.raises(DatasetInvalid, match="is no plain file"):
        array(store, "obs/score").read()


def test_truncated_chunks_and_shards(store: Path) -> None:
    chunk = chunks_of(store / "obs" / "score")[0]
    whole = chunk.read_bytes()
    for n in (0, 3, len(whole) - 1):
        chunk.write_bytes(whole[:n])
        with pytest.raises(DatasetInvalid, match="/obs/score cannot be read"):
            array(store, "obs/score").read()


def test_an_index_of_a_shard_that_lies(tmp_path: Path) -> None:
    import google_crc32c

    values = np.arange(8.0)
    path = made(tmp_path, values, zarr_format=3, chunks=(4,), shards=(8,))
    (chunk,) = chunks_of(path / "x")
    whole = chunk.read_bytes()
    for pair in ((0, 2**62), (2**63, 10), (2**64 - 1, 5), (len(whole), 100)):
        index = struct.pack("<QQ", *pair) + whole[-20:-4]
        chunk.write_bytes(whole[:-36] + index + struct.pack("<I", google_crc32c.value(index)))
        with pytest.raises(DatasetInvalid, match="/x cannot be read"):
            array(path, "x").read()
    chunk.write_bytes(whole[:-1] + b"x")
    with pytest.raises(DatasetInvalid, match="checksum"):
        array(path, "x").read()


def test_a_store_that_is_written_again_or_removed_is_noticed(store: Path) -> None:
    found = array(store, "obs/score")
    other = array(store, "layers/dense")
    np.testing.assert_array_equal(found.read(), np.arange(N) / 2)
    metadata = metadata_of(store / "layers" / "dense")
    os.utime(metadata, ns=(1, time_of(metadata) + 10**9))
    with pytest.raises(DatasetInvalid, match="written again since it was opened"):
        other.read()
    shutil.rmtree(store)
    with pytest.raises(StarcyteError, match="removed"):
        array_again(found)


def array_again(found: Array) -> Any:
    found._last = None  # type: ignore[attr-defined]
    found._indexes = {}  # type: ignore[attr-defined]
    return found.read()


# zip files


def with_entry(path: Path, name: str, content: bytes, **options: Any) -> None:
    with zipfile.ZipFile(path, "a", **options) as archive:
        archive.writestr(name, content)


def test_entries_with_names_that_lead_out_are_never_used(store3: Path, tmp_path: Path) -> None:
    oracle, path = read_zarr(store3), zipped(store3)
    for name in ("/etc/x/zarr.json", "../x/zarr.json", "a/../../zarr.json", "x" * 5000, "a/" * 200 + "zarr.json"):
        with_entry(path, name, b"{}")
    before = sorted(tmp_path.rglob("*"))
    dataset = open_dataset(path, Settings())
    check_agrees(dataset, oracle)
    dataset.close()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_zip_bomb_is_not_unpacked(store3: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(store3 / "obs" / "c", ignore_errors=True)
    (store3 / "obs" / "zarr.json").unlink()
    path = zipped(store3)
    with_entry(path, "obs/zarr.json", bytes(200 << 20), compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    refused(path, capsys, "209,715,200 bytes")


def test_a_zip_that_is_cut_or_damaged(store3: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = zipped(store3)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(path, capsys)
    path.write_bytes(whole.replace(b"PK\x03\x04", b"PK\x03\x05").replace(b"PK\x03\x05", b"PK\x03\x04", 1))
    refused(path, capsys, "not where its list says")
    path.write_bytes(whole[:-10] + b"\xff\xff\xff\x7f" + whole[-6:])
    refused(path, capsys)


def test_entries_that_cannot_be_read_in_place(store3: Path) -> None:
    path = zipped(store3, compression=zipfile.ZIP_BZIP2)
    with pytest.raises(DatasetInvalid, match="another method than deflate"):
        open_dataset(path, Settings())
    assert detect_format(path).id == "zarr"
