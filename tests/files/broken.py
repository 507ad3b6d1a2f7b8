"""Files that must be refused: not HDF5, not AnnData, truncated; and files with an inconsistent matrix."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

from files.case import DENSE, GENES, Bad, Write, altered, put, put_sparse, save, small
from files.legacy import write_0_6

_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000a49444154789c6360000000020001e221bc330000000049454e44ae426082"
)
_CSR = sp.csr_matrix(DENSE)
_CSC = sp.csc_matrix(DENSE)


def _bytes(content: bytes) -> Write:
    return lambda path: path.write_bytes(content) and None


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("obs.csv", "a,b\n" * 400)
    return buffer.getvalue()


def _hdf5(fill: Callable[[h5py.File], object]) -> Write:
    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            fill(file)

    return write


def _cut(fraction: float, source: Write | None = None) -> Write:
    def write(path: Path) -> None:
        if source is None:
            rng = np.random.default_rng(0)
            save(small(X=sp.csr_matrix(DENSE), uns={"noise": rng.random(20_000)}), path)
        else:
            source(path)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * fraction)])

    return write


def _shortened(n: int) -> Write:
    def write(path: Path) -> None:
        save(small(), path)
        content = path.read_bytes()
        path.write_bytes(content[:-n])

    return write


def _latest(path: Path) -> None:
    with h5py.File(path, "w", libver="latest") as file:
        for name, value in (("X", np.zeros((6, 5))), ("noise", np.zeros(10_000))):
            file[name] = value


def _not_files() -> list[Bad]:
    cuts = [
        Bad(f"truncated at {part:.1%}", _cut(part), ["truncated|HDF5|empty|damaged"])
        for part in (0.0005, 0.01, 0.25, 0.5, 0.9, 0.99)
    ]
    return [
        Bad("missing path", lambda path: None, ["no file"]),
        Bad("missing folder", lambda path: None, ["no file"]),
        Bad("a folder", lambda path: path.mkdir(), ["folder|directory"]),
        Bad("link to nothing", lambda path: path.symlink_to(path.with_name("gone")), ["no file"]),
        Bad("empty file", _bytes(b""), ["empty"]),
        Bad("text", _bytes(b"gene,cell\nCD3D,1\n" * 100), ["a table of text"]),
        Bad("short text", _bytes(b"hello\n"), ["a text file"]),
        Bad("zip", _bytes(_zip()), ["a zip archive"]),
        Bad("png", _bytes(_PNG + bytes(2000)), ["a picture"]),
        Bad("zeros", _bytes(bytes(2000)), ["not an HDF5 file"]),
        Bad("signature alone", _bytes(b"\x89HDF\r\n\x1a\n"), ["HDF5|truncated|damaged"]),
        Bad("signature and noise", _bytes(b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 8), ["HDF5|truncated|damaged"]),
        *cuts,
        Bad("truncated by one byte", _shortened(1), ["truncated|damaged"]),
        Bad("truncated, of the latest format", _cut(0.6, _latest), ["truncated|damaged|HDF5"]),
    ]


def _not_anndata() -> list[Bad]:
    def overwritten(path: Path) -> None:
        save(small(), path)
        content = bytearray(path.read_bytes())
        content[0x60 : 0x60 + 400] = bytes(400)
        path.write_bytes(content)

    def mudata(file: h5py.File) -> None:
        file.create_group("mod/rna")

    def full_mudata(file: h5py.File) -> None:
        file.attrs["encoding-type"] = "MuData"
        del file["X"]
        for name in ("prot", "rna"):
            file.create_group(f"mod/{name}")

    def tenx(file: h5py.File) -> None:
        for name in ("data", "indices", "indptr", "barcodes", "shape"):
            file[f"matrix/{name}"] = np.zeros(3)

    def without(name: str) -> Callable[[h5py.File], None]:
        return lambda file: file.__delitem__(name)

    def linked(name: str, link: Any) -> Callable[[h5py.File], None]:
        def change(file: h5py.File) -> None:
            del file[name]
            file[name] = link

        return change

    def array_for_obs(file: h5py.File) -> None:
        put(file, "obs", np.zeros(6))

    def index_group(file: h5py.File) -> None:
        del file["obs/_index"]
        file.create_group("obs/_index")

    def index_number(file: h5py.File) -> None:
        file["obs"].attrs["_index"] = 3
        del file["obs/_index"]

    return [
        Bad("HDF5 without anything", _hdf5(lambda file: None), ["not AnnData"]),
        Bad(
            "HDF5 of something else",
            _hdf5(lambda file: file.create_dataset("image", data=np.zeros((9, 9)))),
            ["not AnnData"],
        ),
        Bad("HDF5 of CellRanger", _hdf5(tenx), [r"10x matrix.*read_10x_h5"]),
        Bad("MuData", _hdf5(mudata), ["MuData without a modality"]),
        Bad("MuData with obs and var", altered(full_mudata), ["'prot' is left out", "'rna' is left out"]),
        Bad("root overwritten", overwritten, ["HDF5|damaged|read"]),
        Bad("no obs", altered(without("obs")), ["obs"]),
        Bad("no var", altered(without("var")), ["var"]),
        Bad("obs without index", altered(without("obs/_index")), ["obs"]),
        Bad("index of obs is a group", altered(index_group), ["obs"]),
        Bad("index of obs is named by a number", altered(index_number), ["obs"]),
        Bad("obs is an array", altered(array_for_obs), ["obs"]),
        Bad("obs is a soft link to nothing", altered(linked("obs", h5py.SoftLink("/nowhere"))), ["obs"]),
        Bad("obs is an external link", altered(linked("obs", h5py.ExternalLink("elsewhere.h5", "/obs"))), ["obs"]),
        Bad("obs is a soft link to itself", altered(linked("obs", h5py.SoftLink("/obs"))), ["obs"]),
        Bad("obs is the root", altered(lambda f: linked("obs", f["/"])(f)), ["obs"]),
        Bad("zero cells", lambda path: save(small()[[]].copy(), path), ["no cells"]),
        Bad("zero cells, dense", lambda path: save(small(X=DENSE)[[]].copy(), path), ["no cells"]),
        Bad("zero cells and genes", lambda path: save(small()[[]][:, []].copy(), path), ["no cells"]),
    ]


def _inconsistent() -> list[Bad]:
    def matrix(name: str, layout: str, patterns: str = "X", **changed: Any) -> Bad:
        source = _CSR if layout == "csr" else _CSC
        parts = {"data": source.data, "indices": source.indices, "indptr": source.indptr} | changed
        shape = changed.get("shape", DENSE.shape)
        write = altered(lambda f: put_sparse(f, "X", layout, (parts["data"], parts["indices"], parts["indptr"]), shape))
        return Bad(f"{layout}: {name}", write, [patterns])

    cases = []
    for layout, source, minor in (("csr", _CSR, 5), ("csc", _CSC, 6)):
        indptr, indices, data = source.indptr, source.indices, source.data
        n = len(data)

        def at(array: Any, position: int, value: int) -> Any:
            copy = np.array(array, np.int64)
            copy[position] = value
            return copy

        cases += [
            matrix("indptr does not start at 0", layout, indptr=at(indptr, 0, 1)),
            matrix("indptr starts below 0", layout, indptr=at(indptr, 0, -1)),
            matrix("indptr falls", layout, indptr=at(indptr, 2, int(indptr[1]) - 1)),
            matrix("indptr overshoots within", layout, indptr=at(indptr, 2, n + 5)),
            matrix("indptr too long", layout, indptr=np.append(indptr, n)),
            matrix("indptr too short", layout, indptr=indptr[:-1]),
            matrix("indptr empty", layout, indptr=indptr[:0]),
            matrix("indptr ends before the data", layout, indptr=at(indptr, -1, n - 1)),
            matrix("indptr ends after the data", layout, indptr=at(indptr, -1, n + 1)),
            matrix("indptr of floats", layout, indptr=indptr.astype(float)),
            matrix("indptr of two axes", layout, indptr=indptr[:, None]),
            matrix("index too large", layout, indices=at(indices, 3, minor)),
            matrix("index huge", layout, indices=at(indices, n - 1, 2**40)),
            matrix("index negative", layout, indices=at(indices, 0, -1)),
            matrix("indices of floats", layout, indices=indices.astype(float)),
            matrix("fewer indices than data", layout, indices=indices[:-1]),
            matrix("fewer data than indices", layout, data=data[:-1]),
            matrix("data of texts", layout, data=np.full(n, b"x")),
            matrix("data of complex numbers", layout, data=data.astype(complex)),
            matrix("more cells than obs", layout, shape=(7, 5)),
            matrix("fewer genes than var", layout, shape=(6, 4)),
            matrix("turned", layout, shape=(5, 6)),
            matrix("shape of three", layout, shape=(6, 5, 1)),
            matrix("negative shape", layout, shape=(-6, 5)),
        ]

    def change(name: str, function: Callable[[h5py.File], object], patterns: str = "X", **parts: Any) -> Bad:
        return Bad(name, altered(lambda f: function(f) and None, **parts), [patterns])

    def group_for(where: str) -> Callable[[h5py.File], None]:
        def act(file: h5py.File) -> None:
            del file[where]
            file.create_group(where)

        return act

    def link_for(where: str, link: Any) -> Callable[[h5py.File], None]:
        def act(file: h5py.File) -> None:
            del file[where]
            file[where] = link

        return act

    def removed(where: str) -> Callable[[h5py.File], None]:
        return lambda file: file.__delitem__(where)

    def virtual(file: h5py.File) -> None:
        del file["X"]
        layout = h5py.VirtualLayout(DENSE.shape, "f4")
        layout[:] = h5py.VirtualSource("/etc/hostname", "data", DENSE.shape)
        file.create_virtual_dataset("X", layout)

    def virtual_of_linked(file: h5py.File) -> None:
        del file["X"]
        file["elsewhere"] = h5py.ExternalLink("/etc/hostname", "data")
        layout = h5py.VirtualLayout(DENSE.shape, "f4")
        layout[:] = h5py.VirtualSource(".", "elsewhere", DENSE.shape)
        file.create_virtual_dataset("X", layout)

    def virtual_of_outside(file: h5py.File) -> None:
        outside("X", (6, 5), "u1")(file)
        file.move("X", "bytes")
        layout = h5py.VirtualLayout(DENSE.shape, "u1")
        layout[:] = h5py.VirtualSource(".", "bytes", DENSE.shape)
        file.create_virtual_dataset("X", layout)

    def outside(where: str, shape: tuple[int, ...], dtype: str) -> Callable[[h5py.File], None]:
        def act(file: h5py.File) -> None:
            del file[where]
            size = int(np.prod(shape)) * np.dtype(dtype).itemsize
            file.create_dataset(where, shape, dtype, external=[("/etc/passwd", 0, size)])

        return act

    def soft_to_external(file: h5py.File) -> None:
        file["elsewhere"] = h5py.ExternalLink("elsewhere.h5", "/X")
        link_for("X", h5py.SoftLink("/elsewhere"))(file)

    def no_shape(file: h5py.File) -> None:
        del file["X"].attrs["shape"]

    def unknown(file: h5py.File) -> None:
        file["X"].attrs["encoding-type"] = "coo_matrix"

    raw_small = small()
    raw_small.raw = raw_small

    def raw(act: Callable[[h5py.File], object]) -> Write:
        def write(path: Path) -> None:
            save(raw_small.copy(), path)
            with h5py.File(path, "r+") as file:
                act(file)

        return write

    def broken_gzip(path: Path) -> None:
        rng = np.random.default_rng(0)
        dense = rng.integers(0, 9, (6, 5)).astype(np.float32)
        matrix = sp.csr_matrix(np.tile(dense, (1, 400)))
        save(small(X=matrix, var=pd.DataFrame(index=[f"g{i}" for i in range(2000)])), path, compression="gzip")
        with h5py.File(path) as file:
            spot = file["X/indices"].id.get_chunk_info(0)
        content = bytearray(path.read_bytes())
        content[spot.byte_offset + 10 : spot.byte_offset + spot.size - 10] = bytes(spot.size - 20)
        path.write_bytes(content)

    cases += [
        change("dense: fewer cells", lambda f: put(f, "X", DENSE[:5])),
        change("dense: more genes", lambda f: put(f, "X", np.zeros((6, 6)))),
        change("dense: turned", lambda f: put(f, "X", DENSE.T)),
        change("dense: three axes", lambda f: put(f, "X", DENSE[None])),
        change("dense: one axis", lambda f: put(f, "X", np.zeros(30))),
        change("dense: a single number", lambda f: put(f, "X", 1.0)),
        change("dense: texts", lambda f: put(f, "X", np.full((6, 5), b"x"))),
        change("dense: complex numbers", lambda f: put(f, "X", DENSE.astype(complex))),
        change("X is a plain group", group_for("X")),
        change("X is a table", lambda f: (f.__delitem__("X"), f.copy("obs", "X"))),
        change("X in no known form", unknown),
        change("X does not say its shape", no_shape),
        change("X/data is a group", group_for("X/data")),
        change("X/indices is missing", removed("X/indices")),
        change("X/indptr is missing", removed("X/indptr")),
        change("X is a soft link to nothing", link_for("X", h5py.SoftLink("/nowhere"))),
        change("X is an external link", link_for("X", h5py.ExternalLink("elsewhere.h5", "/X"))),
        change("X/data is an external link", link_for("X/data", h5py.ExternalLink("elsewhere.h5", "/X"))),
        change("X is the root", lambda f: link_for("X", f["/"])(f)),
        change("X is virtual, of another file", virtual),
        change("X is virtual, of a link to another file", virtual_of_linked, "another file|other files"),
        change("X is virtual, of data in another file", virtual_of_outside, "another file|other files"),
        change("X is a soft link to an external link", soft_to_external, "another file|other files"),
        change("X is stored in another file", outside("X", (6, 5), "u1")),
        change("X/data is stored in another file", outside("X/data", (8,), "u1")),
        change(
            "layer with a broken index",
            lambda f: put_sparse(f, "layers/counts", "csr", (_CSR.data, _CSR.indices + 1, _CSR.indptr), (6, 5)),
            "layers/counts",
        ),
        Bad(
            "raw/X with a broken indptr",
            raw(lambda f: put_sparse(f, "raw/X", "csr", (_CSR.data, _CSR.indices, _CSR.indptr[::-1]), (6, 5))),
            ["raw"],
        ),
        Bad("chunk overwritten", broken_gzip, ["X"]),
        Bad("anndata 0.6: inconsistent shape", _old_shape, ["X"]),
    ]
    return cases


def _broken_indices() -> list[Bad]:
    """Return a layer, a raw/X and a matrix of obsp, each with each fault of its indices."""
    links = sp.csr_matrix(np.eye(6, k=1, dtype=np.float32) + np.eye(6, k=-1, dtype=np.float32))

    def cases(where: str, source: Any, layout: str, minor: int) -> Iterator[Bad]:
        data, indices, indptr = source.data, source.indices, source.indptr
        faults: dict[str, tuple[Any, Any, Any]] = {
            "an index too large": (data, np.where(np.arange(len(data)) == 3, minor, indices), indptr),
            "a negative index": (data, np.where(np.arange(len(data)) == 3, -1, indices), indptr),
            "an indptr that falls": (data, indices, np.r_[indptr[:2], 0, indptr[3:]]),
            "an indptr that ends early": (data, indices, np.r_[indptr[:-1], indptr[-1] - 1]),
            "fewer indices than data": (data, indices[:-1], indptr),
            "an indptr too short": (data, indices, indptr[:-1]),
            "indices of floats": (data, indices + 0.5, indptr),
        }
        for fault, parts in faults.items():

            def write(path: Path, parts: tuple[Any, Any, Any] = parts) -> None:
                dataset = small()
                dataset.raw = dataset.copy()
                save(dataset, path)
                with h5py.File(path, "r+") as file:
                    put_sparse(file, where, layout, parts, source.shape)

            name = "obsp['near']" if where == "obsp/near" else where
            yield Bad(f"{where} ({layout}) with {fault}", write, [re.escape(name)])

    return [
        *cases("layers/counts", _CSR, "csr", 5),
        *cases("layers/counts", _CSC, "csc", 6),
        *cases("raw/X", _CSR, "csr", 5),
        *cases("obsp/near", links, "csr", 6),
        *cases("obsp/near", links.tocsc(), "csc", 6),
    ]


def _old_shape(path: Path) -> None:
    write_0_6()(path)
    with h5py.File(path, "r+") as file:
        file["X"].attrs["h5sparse_shape"] = (6, len(GENES) + 1)


REFUSED = [*_not_files(), *_not_anndata()]
INCONSISTENT = [*_inconsistent(), *_broken_indices()]
