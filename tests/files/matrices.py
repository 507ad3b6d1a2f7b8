"""X, raw/X and layers: every layout, dtype, compression and kind of index."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

from files.case import (
    AS_SMALL,
    DENSE,
    GENES,
    Array,
    Case,
    Mat,
    Write,
    altered,
    put,
    put_sparse,
    save,
    small,
    write_small,
)

_SPARSE = {"csr": sp.csr_matrix, "csc": sp.csc_matrix}
WHOLE = np.abs(np.rint(DENSE))


def _case(name: str, write: Write, needs: str | None = None, *, anndata: bool = True, **matrices: Mat) -> Case:
    named = {key.replace("__", "/"): value for key, value in matrices.items()}
    return Case(name, write, replace(AS_SMALL, matrices=named, anndata=anndata), needs)


def _parts(dense: Array, layout: str = "csr", index: Any = np.int32) -> tuple[Array, Array, Array]:
    # scipy does not support float16; float32 has all of its values
    matrix = _SPARSE[layout](dense.astype(np.float32) if dense.dtype == np.float16 else dense)
    return matrix.data.astype(dense.dtype), matrix.indices.astype(index), matrix.indptr.astype(index)


def _sparse(dense: Array, layout: str, index: Any = np.int32, **options: Any) -> Write:
    parts = _parts(dense, layout, index)
    return altered(lambda file: put_sparse(file, "X", layout, parts, DENSE.shape, **options))


def _dense(dense: Array, **options: Any) -> Write:
    return altered(lambda file: put(file, "X", dense, **options) and None)


def _dtypes() -> list[Case]:
    cases = []
    for dtype in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"):
        values = DENSE if dtype[0] == "f" else WHOLE
        dense = values.astype(dtype)
        name = np.dtype(dtype).name
        cases.append(_case(f"dense of {name}", _dense(dense), X=Mat("dense", dense)))
        for layout in _SPARSE:
            cases.append(
                _case(f"{layout} of {name}", _sparse(dense, layout), anndata=dtype != "f2", X=Mat(layout, dense))
            )
    big = DENSE.astype(">f4")
    cases.append(_case("dense of big-endian floats", _dense(big), X=Mat("dense", DENSE)))
    wide = np.where(DENSE > 3, 2**60 + 1, 0).astype(np.int64)
    cases.append(_case("integers beyond 2**53", _sparse(wide, "csr"), X=Mat("csr", wide)))
    return cases


def _compressed() -> list[Case]:
    cases = []
    for name in ("gzip", "lzf"):
        cases.append(
            _case(f"csr in {name}", lambda p, n=name: save(small(), p, compression=n), X=Mat("csr", DENSE))  # type: ignore[misc]
        )
        cases.append(
            _case(
                f"dense in {name}", _dense(DENSE, chunks=(4, 3), compression=name, shuffle=True), X=Mat("dense", DENSE)
            )
        )

    def plugin(kind: str, layout: str) -> Write:
        def write(path: Path) -> None:
            import hdf5plugin

            options = dict(getattr(hdf5plugin, kind)())
            if layout == "dense":
                _dense(DENSE, chunks=(4, 3), **options)(path)
            else:
                _sparse(DENSE, layout, chunks=(4,), **options)(path)

        return write

    for kind in ("Zstd", "Blosc", "Blosc2", "LZ4", "Bitshuffle"):
        for layout in ("csr", "dense"):
            cases.append(_case(f"{layout} in {kind.lower()}", plugin(kind, layout), "hdf5plugin", X=Mat(layout, DENSE)))
    return cases


def _odd_sparse() -> list[Case]:
    data, indices, indptr = _parts(DENSE)

    def by_hand(
        name: str, parts: tuple[Any, Any, Any], dense: Array = DENSE, layout: str = "csr", *, anndata: bool = True
    ) -> Case:
        write = altered(lambda f: put_sparse(f, "X", layout, parts, DENSE.shape))
        return _case(name, write, anndata=anndata, X=Mat(layout, dense))

    # the entries of each row (column) in reverse order
    def reversed_within(layout: str) -> tuple[Array, Array, Array]:
        values, inner, outer = _parts(DENSE, layout)
        order = np.concatenate([np.arange(b - 1, a - 1, -1) for a, b in itertools.pairwise(outer)])
        return values[order.astype(int)], inner[order.astype(int)], outer

    # each value as the sum of three entries
    def in_pieces(layout: str) -> tuple[Array, Array, Array]:
        values, inner, outer = _parts(DENSE, layout)
        return (
            np.repeat(values, 3) * np.tile(np.array([0.25, 0.5, 0.25], np.float32), len(values)),
            np.repeat(inner, 3),
            outer * 3,
        )

    explicit = np.where(data < 2, 0, data).astype(np.float32)
    thinned = sp.csr_matrix((explicit, indices, indptr), DENSE.shape).toarray()
    odd = data.copy()
    odd[[0, 3, 5]] = [np.nan, np.inf, -np.inf]
    unset = sp.csr_matrix((odd, indices, indptr), DENSE.shape).toarray()
    dense_unset = DENSE.copy()
    dense_unset[1, 1], dense_unset[2, 2], dense_unset[3, 3] = np.nan, np.inf, -np.inf
    none = np.zeros(0, np.float32), np.zeros(0, np.int32)
    return [
        by_hand("csr with 64-bit indices", _parts(DENSE, "csr", np.int64)),
        by_hand("csc with 64-bit indices", _parts(DENSE, "csc", np.int64), layout="csc"),
        by_hand("csr with 32-bit indices and 64-bit indptr", (data, indices, indptr.astype(np.int64))),
        by_hand(
            "csr with unsigned indices", (data, indices.astype(np.uint32), indptr.astype(np.uint64)), anndata=False
        ),
        by_hand("csr with unsorted indices", reversed_within("csr")),
        by_hand("csc with unsorted indices", reversed_within("csc"), layout="csc"),
        by_hand("csr with duplicate entries", in_pieces("csr")),
        by_hand("csc with duplicate entries", in_pieces("csc"), layout="csc"),
        by_hand("csr with explicit zeros", (explicit, indices, indptr), thinned),
        by_hand("csr with NaN and infinity", (odd, indices, indptr), unset),
        _case("dense with NaN and infinity", _dense(dense_unset), X=Mat("dense", dense_unset)),
        by_hand("csr without any value", (*none, np.zeros(7, np.int32)), np.zeros_like(DENSE)),
        by_hand("csc without any value", (*none, np.zeros(6, np.int32)), np.zeros_like(DENSE), "csc"),
        _case("csr in many small chunks", _sparse(DENSE, "csr", chunks=(2,)), X=Mat("csr", DENSE)),
        _case("dense in many small chunks", _dense(DENSE, chunks=(1, 2)), X=Mat("dense", DENSE)),
        _case("dense in one column a chunk", _dense(DENSE, chunks=(6, 1)), X=Mat("dense", DENSE)),
        _case("dense and resizable", _dense(DENSE, maxshape=(None, None)), X=Mat("dense", DENSE)),
        by_hand(
            "csr with single-byte counts that add up",
            ((in_pieces("csr")[0] * 16).astype(np.int8), *in_pieces("csr")[1:]),
            (DENSE * 16).astype(np.int8),
        ),
    ]


def _several() -> list[Case]:
    raw_genes = [*GENES, "HBB", "GNLY"]
    full = np.concatenate([DENSE * 2, np.arange(12, dtype=np.float32).reshape(6, 2)], axis=1)

    def with_raw(make: Any) -> Write:
        def write(path: Path) -> None:
            dataset = small(X=make(full), var=pd.DataFrame(index=pd.Index(raw_genes)))
            dataset.raw = dataset
            dataset = dataset[:, GENES].copy()
            dataset.X = DENSE - 1
            save(dataset, path)

        return write

    cases = [
        Case(
            f"raw with more genes, {layout}",
            with_raw(make),
            replace(
                AS_SMALL,
                matrices={"X": Mat("dense", DENSE - 1), "raw/X": Mat(layout, full)},
                raw_genes=raw_genes,
            ),
        )
        for layout, make in (("csr", sp.csr_matrix), ("csc", sp.csc_matrix), ("dense", np.asarray))
    ]
    layers = {"counts": sp.csr_matrix(WHOLE), "dense one": WHOLE * 3, "by gene": sp.csc_matrix(WHOLE * 2)}
    cases += [
        _case(
            "layers",
            write_small(layers=layers),
            **{
                "X": Mat("csr", DENSE),
                "layers__counts": Mat("csr", WHOLE),
                "layers__dense one": Mat("dense", WHOLE * 3),
                "layers__by gene": Mat("csc", WHOLE * 2),
            },
        ),
        _case(
            "layers without X",
            write_small(X=None, layers={"counts": sp.csr_matrix(WHOLE)}),
            layers__counts=Mat("csr", WHOLE),
        ),
        Case("no X at all", write_small(X=None), replace(AS_SMALL, matrices={}, warnings=[["matrix"]])),
        Case(
            "X deleted",
            altered(lambda f: f.__delitem__("X")),
            replace(AS_SMALL, matrices={}, warnings=[["matrix"]], anndata=False),
        ),
        _case("sparse array in place of sparse matrix", write_small(X=sp.csr_array(DENSE)), X=Mat("csr", DENSE)),
        _case("empty groups for layers, obsp, varm and uns", altered(_empty_groups), X=Mat("csr", DENSE)),
        Case(
            "one cell",
            lambda path: save(small()[:1].copy(), path),
            replace(
                AS_SMALL, n_obs=1, obs=None, embeddings=None, cells=["cell0"], matrices={"X": Mat("csr", DENSE[:1])}
            ),
        ),
        Case(
            "one gene",
            lambda path: save(small()[:, ["LYZ"]].copy(), path),
            replace(AS_SMALL, n_vars=1, genes=["LYZ"], matrices={"X": Mat("csr", DENSE[:, 3:4])}),
        ),
        Case(
            "no genes",
            lambda path: save(small()[:, []].copy(), path),
            replace(AS_SMALL, n_vars=0, genes=[], matrices={"X": Mat("csr", DENSE[:, :0])}, quiet=False),
        ),
        Case(
            "no genes, dense",
            lambda path: save(small(X=DENSE)[:, []].copy(), path),
            replace(AS_SMALL, n_vars=0, genes=[], matrices={"X": Mat("dense", DENSE[:, :0])}, quiet=False),
        ),
    ]
    return cases


def _empty_groups(file: h5py.File) -> None:
    for name in ("layers", "obsp", "varm", "varp", "uns"):
        file.require_group(name)


MATRICES = [*_dtypes(), *_compressed(), *_odd_sparse(), *_several()]
