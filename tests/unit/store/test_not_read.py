"""Files that are not read: one line says what each is, known by its content, and a command that makes it readable."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import re
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scanpy
import zarr
import zstandard
from h5ad_file import write_h5ad
from starcyte.cli import main
from starcyte.settings import Settings
from starcyte.store.open import open_dataset

X = np.arange(12, dtype=np.float32).reshape(4, 3)
CSV = "cell,CD3D,MS4A1\n" + "".join(f"c{i},{i},{i % 2}\n" for i in range(5))
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d' * 32}\nsize 12345\n"


def h5ad(folder: Path) -> bytes:
    return write_h5ad(folder / "made", X).read_bytes()


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(content: bytes, mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        info = tarfile.TarInfo("cells.h5ad")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def numpy_file(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays) if arrays else np.save(out, X)
    return out.getvalue()


def line_of(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["inspect", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("starcyte: ")
    assert err.count("\n") == 1
    assert err[:-1].isprintable()
    return err


FILES: dict[str, tuple[bytes | Callable[[Path], bytes], str, str]] = {
    "gzip": (lambda p: gzip.compress(h5ad(p)), "an HDF5 file compressed with gzip", "gunzip -k 'two words.x'"),
    "bzip2": (lambda p: bz2.compress(h5ad(p)), "an HDF5 file compressed with bzip2", "bunzip2 -k 'two words.x'"),
    "xz": (lambda p: lzma.compress(h5ad(p)), "an HDF5 file compressed with xz", "unxz -k 'two words.x'"),
    "zstd": (
        lambda p: zstandard.ZstdCompressor().compress(h5ad(p)),
        "an HDF5 file compressed with zstd",
        "unzstd 'two words.x'",
    ),
    "damaged gzip": (b"\x1f\x8b" + b"\xff" * 50, "compressed with gzip", "gunzip -k 'two words.x'"),
    "zip": (lambda p: zipped({"a/": b"", "a/x.h5ad": h5ad(p)}), "a zip archive of an HDF5 file", "'x.h5ad': unzip"),
    "stored zip": (
        lambda p: zipped({"x.h5ad": h5ad(p)}, zipfile.ZIP_STORED),
        "a zip archive of an HDF5 file",
        "unzip 'two words.x'",
    ),
    "zip of text": (zipped({"a.txt": b"hello"}), "a zip archive without Zarr, which begins with a text file", "unzip"),
    "excel": (zipped({"[Content_Types].xml": b"<Types/>"}), "an Office document", ".h5ad"),
    "npz": (numpy_file(x=X), "arrays of NumPy (.npz)", ".h5ad"),
    "npy": (numpy_file(), "an array of NumPy (.npy)", "numpy.load('two words.x')"),
    # an uncompressed tar of an HDF5 file is HDF5 after a block of 512 bytes, and is read
    "tar": (lambda p: tarred(CSV.encode()), "a tar archive", "tar -xf 'two words.x'"),
    "tar.gz": (lambda p: tarred(h5ad(p), "w:gz"), "a tar archive compressed with gzip", "tar -xf 'two words.x'"),
    "git lfs": (POINTER.encode(), "a pointer of Git LFS", "git lfs pull --include 'two words.x'"),
    "git-annex": (b"/annex/objects/MD5E-s12--3b.h5ad\n", "a pointer of git-annex", "git annex get 'two words.x'"),
    "page": (b"\n<!DOCTYPE html>\n<html><title>Log in</title>", "a web page (HTML)", "direct link"),
    "page with a mark": (b"\xef\xbb\xbf<html lang='en'>", "a web page (HTML)", "direct link"),
    "answer of S3": (b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", "XML", "download the file again"),
    "rds": (b"X\n\0\0\0\x03\0\x04\x02\x01\0\x03\x05\0" + bytes(50), "an object of R", 'readRDS("two words.x")'),
    "rds in gzip": (gzip.compress(b"X\n\0\0\0\x02" + bytes(99)), "an object of R (.rds), compressed", "zellkonverter"),
    "rds in xz": (lzma.compress(b"X\n\0\0\0\x03" + bytes(99)), "an object of R (.rds), compressed", "zellkonverter"),
    "rdata": (gzip.compress(b"RDX3\nX\n\0\0\0\x03"), "an object of R (.rds), compressed", "zellkonverter"),
    "mtx": (b"%%MatrixMarket matrix coordinate integer general\n3 4 2\n", "a Matrix Market file", "read_10x_mtx"),
    "mtx.gz": (gzip.compress(b"%%MatrixMarket matrix\n"), "a Matrix Market file (.mtx): one matrix", "read_10x_mtx"),
    "parquet": (b"PAR1\x15\x04", "a Parquet table", "pandas.read_parquet('two words.x')"),
    "arrow": (b"ARROW1\0\0", "an Arrow table", "pandas.read_feather('two words.x')"),
    "csv": (CSV.encode(), "a table of text (CSV)", "scanpy.read_text('two words.x', delimiter=',')"),
    "csv.gz": (gzip.compress(CSV.encode()), "a table of text (CSV), compressed with gzip", "delimiter=','"),
    "tsv": (CSV.replace(",", "\t").encode(), "a table of text, separated by tabs (TSV)", "delimiter='\\t'"),
    "pickle": (pickle.dumps(X), "a Python pickle", "If you trust its origin"),
    "sqlite": (b"SQLite format 3\0" + bytes(80), "an SQLite database", ".h5ad"),
    "tiff": (b"II*\0" + bytes(80), "a picture", ".h5ad"),
    "text": ("Zellen, größer\n".encode() * 400, "a table of text (CSV)", "read_text"),
    "words": ("Ärger\n".encode() * 1000, "a text file", ".h5ad"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_is_named_with_a_command(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, what, command = FILES[case]
    path = tmp_path / "two words.x"
    path.write_bytes(content if isinstance(content, bytes) else content(tmp_path))
    line = line_of(path, capsys)
    assert f"starcyte: 'two words.x' is not read: it is {what}" in line
    assert command in line


def test_bytes_of_no_known_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.h5ad"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    assert "'x.h5ad' is not an HDF5 file, nor Zarr in a zip file. Give" in line_of(path, capsys)


@pytest.mark.parametrize(
    ("names", "what", "command"),
    [
        (["__group/", "__meta/"], "a TileDB folder", "tiledbsoma.io.to_anndata(tiledbsoma.open('exp'), "),
        (["__tiledb_group.tdb"], "a TileDB folder", "measurement_name='RNA').write_h5ad('exp.h5ad')"),
        (["matrix.mtx.gz", "barcodes.tsv.gz"], "a folder of Cell Ranger", "scanpy.read_10x_mtx('exp')"),
        (["index_data", "storage_order", "version"], "a folder of BPCells", 'BPCells::open_matrix_dir("exp")'),
    ],
)
def test_a_folder_is_named_with_a_command(
    names: list[str], what: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "exp"
    folder.mkdir()
    for name in names:
        if name.endswith("/"):
            (folder / name).mkdir()
        else:
            (folder / name).write_bytes(b"x")
    line = line_of(folder, capsys)
    assert f"exp' is not read: it is {what}" in line
    assert command in line


def test_a_folder_of_datasets_is_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.h5ad").write_bytes(b"x")
    assert f"is a folder of datasets. Show all of them with `starcyte serve {tmp_path}`" in line_of(tmp_path, capsys)


def _h5seurat(file: h5py.File) -> None:
    file.create_group("assays/RNA")
    file["cell.names"] = np.array([b"c1"])


def _cell_ranger_2(file: h5py.File) -> None:
    for name in ("barcodes", "gene_names", "indptr", "genes"):
        file[f"GRCh38/{name}"] = np.zeros(3)


def _molecules(file: h5py.File) -> None:
    for name in ("barcode_idx", "feature_idx", "umi"):
        file[name] = np.zeros(3)


def _pandas(file: h5py.File) -> None:
    file.attrs["PYTABLES_FORMAT_VERSION"] = "2.1"


def _nested(file: h5py.File) -> None:
    file.create_group("rna").attrs["encoding-type"] = "anndata"


def cell_ranger_3(path: Path) -> None:
    """Write what Cell Ranger's filtered_feature_bc_matrix.h5 has, two genes by three cells."""
    with h5py.File(path, "w") as file:
        matrix = file.create_group("matrix")
        matrix["barcodes"] = np.array([b"AAA-1", b"CCC-1", b"GGG-1"])
        matrix["data"], matrix["indices"] = np.array([5, 6, 7], "i4"), np.array([0, 1, 0], "i8")
        matrix["indptr"], matrix["shape"] = np.array([0, 1, 2, 3], "i8"), np.array([2, 3], "i4")
        for name, values in (
            ("id", [b"ENSG1", b"ENSG2"]),
            ("name", [b"CD3D", b"CD3D"]),
            ("feature_type", [b"Gene Expression"] * 2),
            ("genome", [b"GRCh38"] * 2),
        ):
            matrix[f"features/{name}"] = np.array(values)


@pytest.mark.parametrize(
    ("write", "what", "command"),
    [
        (_h5seurat, "an h5Seurat file", 'SeuratDisk::Convert("x.h5", dest = "h5ad")'),
        (_cell_ranger_2, "a 10x matrix (.h5 of Cell Ranger 2)", "scanpy.read_10x_h5('x.h5')"),
        (_molecules, "the molecules of Cell Ranger", "filtered_feature_bc_matrix.h5"),
        (_pandas, "a table of PyTables", "pandas.read_hdf('x.h5')"),
    ],
)
def test_hdf5_of_others_is_named_with_a_command(
    write: Callable[[h5py.File], None], what: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        write(file)
    line = line_of(tmp_path / "x.h5", capsys)
    assert f"'x.h5' is not read: it is {what}" in line
    assert command in line


def test_hdf5_without_anndata_says_what_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["noise"] = np.zeros(5)
    assert "'x.h5' is HDF5 but not AnnData: it has no obs." in line_of(tmp_path / "x.h5", capsys)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        _nested(file)
    assert "It has an AnnData in /rna: write that" in line_of(tmp_path / "x.h5", capsys)


@pytest.mark.parametrize("attributes", [{"multiscales": [{"version": "0.4"}]}, {"ome": {"version": "0.5"}}])
def test_an_image_in_zarr(attributes: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = zarr.open_group(tmp_path / "image.zarr", mode="w")
    root.attrs.update(attributes)
    root.create_array("0", data=np.zeros((1, 8, 8)))
    assert "'image.zarr' is not read: it is an image (OME-Zarr)" in line_of(tmp_path / "image.zarr", capsys)


def test_a_hostile_name_is_quoted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "$(touch x)';\n\"a.gz"
    path.write_bytes(gzip.compress(h5ad(tmp_path)))
    line = line_of(path, capsys)
    assert "gunzip -k '$(touch x)'\"'\"';" in line


def run_python(line: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Run the command of Python in a message."""
    monkeypatch.chdir(folder)
    command = re.search(r"(?:In Python[^:]*: )(.*?\.write_h5ad\('[^']*'\))", line)
    assert command is not None
    exec(command[1], {"scanpy": scanpy, "anndata": ad, "pandas": pd, "numpy": np})


@pytest.mark.slow
def test_the_commands_make_a_file_readable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.csv").write_text(CSV)
    run_python(line_of(tmp_path / "t.csv", capsys), monkeypatch, tmp_path)
    made = open_dataset(tmp_path / "t.h5ad", Settings())
    assert (made.n_obs, list(made.genes().names), made.cell_names([1])) == (5, ["CD3D", "MS4A1"], ["c1"])
    assert made.matrix("X").column(0).dense().tolist() == [0, 1, 2, 3, 4]
    made.close()

    cell_ranger_3(tmp_path / "ten.h5")
    with pytest.warns(UserWarning, match="not unique"):
        run_python(line_of(tmp_path / "ten.h5", capsys), monkeypatch, tmp_path)
    made = open_dataset(tmp_path / "ten.h5ad", Settings())
    assert list(made.genes().names) == ["CD3D", "CD3D-1"]
    assert made.matrix("X").column(0).dense().tolist() == [5, 0, 7]
    made.close()

    packed = tmp_path / "cells.h5ad.gz"
    packed.write_bytes(gzip.compress(h5ad(tmp_path)))
    command = line_of(packed, capsys).partition("Unpack it: ")[2]
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    made = open_dataset(tmp_path / "cells.h5ad", Settings())
    assert made.n_obs == 4
    made.close()
