"""Fuzzes the reading of h5ad files: bytes become changes to a small file, which is then read as far as it goes.

Whatever a file holds, it is read, or refused with a StarcyteError; anything else is a defect. ``test_fuzz.py`` runs a
short form with hypothesis. The long form is led by the code that is reached, with atheris (pip install atheris)::

    python tests/fuzz/h5ad_fuzz.py -max_total_time=600
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "viewer")]

import h5py  # noqa: E402
import numpy as np  # noqa: E402
from h5ad_file import Categorical, Nullable, write_h5ad  # noqa: E402
from scipy.sparse import csc_array, csr_array  # noqa: E402

_N, _GENES = 12, 5
# fmt: off
_NAMES = [
    "obs", "var", "X", "raw", "layers", "obsm", "obsp", "uns", "codes", "categories", "data", "indices", "indptr",
    "_index", "mask", "values", "kind", "kind_colors", "spatial", "images", "x/y", "..", "", "_index ", "mod",
]
_ATTRIBUTES = [
    "encoding-type", "encoding-version", "shape", "_index", "column-order", "ordered", "h5sparse_format",
    "h5sparse_shape", "encoding", "nullable",
]
_TEXTS = [
    "csr_matrix", "csc_matrix", "array", "dataframe", "categorical", "nullable-integer", "nullable-boolean",
    "dict", "string-array", "string", "raw", "numeric-scalar", "anndata", "0.1.0", "0.2.0", "9.9", "kind", "csr",
    "", "\x00", "awkward-array", "rec-array", "nullable-string-array", "datetime64[ns]",
]
# fmt: on
_DTYPES = ("i1", "u1", "<i2", ">i4", "<i8", "<u8", "<f2", "<f4", ">f8", "?", "S3", "<c8", "V4")
_NUMBERS = (0, 1, -1, 2, _N, _GENES, _N + 1, 127, 255, -128, 2**31 - 1, 2**31, -(2**31), 2**63 - 1, -(2**63))


class Source:
    """Bytes, taken one decision at a time; 0 where none are left."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def left(self) -> bool:
        return self._at < len(self._data)

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def choice(self, options: Any) -> Any:
        return options[self.byte() % len(options)]

    def number(self) -> int:
        kind = self.byte()
        return _NUMBERS[kind % len(_NUMBERS)] if kind < 128 else int.from_bytes(bytes([self.byte(), self.byte()]))


def seeds(folder: Path) -> list[Path]:
    """Write the files that are changed."""
    rng = np.random.default_rng(3)
    x = rng.poisson(0.8, (_N, _GENES)).astype(np.float32)
    obs = {
        "kind": Categorical(np.arange(_N, dtype=np.int8) % 3 - 1, ["a", "b"]),
        "n": Nullable(np.arange(_N, dtype=np.int32), np.arange(_N) % 4 == 0),
        "f": rng.normal(size=_N),
        "text": np.array([f"t{i}" for i in range(_N)], dtype=object),
    }
    places = rng.normal(size=(_N, 2)).astype(np.float32)
    made = []
    for name, matrix in {"csr": csr_array(x), "csc": csc_array(x), "dense": x}.items():
        made.append(
            write_h5ad(
                folder / f"{name}.h5ad",
                matrix,
                obs=obs,
                var={"symbol": np.array([f"G{i}" for i in range(_GENES)], dtype=object)},
                obsm={"X_umap": places},
                layers={"counts": csr_array(x.astype(np.int64))},
                raw=csr_array(x),
                uns={"kind_colors": np.array(["#ff0000", "#00ff00"], dtype=object)},
            )
        )
    return made


def change(path: Path, source: Source) -> None:
    """Change a file through HDF5, as the bytes say."""
    with h5py.File(path, "r+", locking=False) as file:
        while source.left:
            try:
                _change(file, source)
            except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, AttributeError):
                continue  # HDF5 itself does not take it


def damage(path: Path, source: Source) -> None:
    """Change single bytes of a file, of which HDF5 knows nothing."""
    content = bytearray(path.read_bytes())
    while source.left:
        content[int.from_bytes(bytes([source.byte(), source.byte()])) % len(content)] = source.byte()
    path.write_bytes(content)


def _change(file: h5py.File, source: Source) -> None:
    places: list[str] = ["/"]
    file.visit(places.append)
    name = source.choice(places)
    node = file[name]
    what = source.byte() % 8
    if what == 0 and name != "/":
        del file[name]
    elif what == 1:
        node.attrs[source.choice(_ATTRIBUTES)] = _value(source)
    elif what == 2 and node.attrs:
        del node.attrs[source.choice(sorted(node.attrs))]
    elif what == 3 and isinstance(node, h5py.Dataset):
        attributes = dict(node.attrs)
        del file[name]
        file[name] = _value(source)
        for key, value in attributes.items():
            file[name].attrs[key] = value
    elif what == 4 and isinstance(node, h5py.Dataset) and node.size:
        flat = node[()].reshape(-1) if node.shape else np.array([node[()]])
        with np.errstate(all="ignore"):
            flat[source.byte() % flat.size] = source.number()
        node[()] = flat.reshape(node.shape)
    elif what == 5 and isinstance(node, h5py.Group):
        node[source.choice(_NAMES)] = _value(source)
    elif what == 6 and isinstance(node, h5py.Group):
        target = source.choice(places)
        links = (h5py.SoftLink(target), h5py.ExternalLink("/etc/passwd", target), file[target])
        node[source.choice(_NAMES)] = source.choice(links)
    elif what == 7:
        file.move(name, f"{source.choice(places)}/{source.choice(_NAMES)}")


def _value(source: Source) -> Any:
    kind = source.byte() % 6
    if kind == 0:
        return source.choice(_TEXTS)
    if kind == 1:
        return source.number()
    if kind == 2:
        return np.array([source.choice(_TEXTS) for _ in range(source.byte() % 14)], dtype=h5py.string_dtype())
    shape = tuple(source.choice((_N, _GENES, 0, 1, 2, _N + 1)) for _ in range(source.byte() % 4))
    if kind == 3:
        return h5py.Empty(source.choice(_DTYPES[:-2]))
    values = np.zeros(shape, source.choice(_DTYPES))
    if kind == 4 and values.size and values.dtype.kind in "iuf":
        flat = values.reshape(-1)
        with np.errstate(all="ignore"):
            flat[:] = (
                np.array([source.number() for _ in range(min(flat.size, 16))] * flat.size, dtype=object)[: flat.size]
                .astype(np.float64)
                .astype(values.dtype)
            )
    return values


def read(path: Path) -> None:
    """Read all that the viewer would; raise StarcyteError where it is refused."""
    from starcyte.errors import StarcyteError
    from starcyte.settings import Settings
    from starcyte.store.open import open_dataset

    dataset = open_dataset(path, Settings(block_bytes=256))
    try:
        dataset.describe()
        asked: list[Any] = [dataset.check]
        asked += [lambda i=i: dataset.obs_column(i.name).as_text() for i in dataset.obs]
        asked += [lambda i=i: dataset.colors(i.name) for i in dataset.obs]
        asked += [lambda e=e: dataset.embedding(e.name, [0, e.dims - 1]) for e in dataset.embeddings]
        asked += [lambda: dataset.cell_names([0, dataset.n_obs - 1]), lambda: dataset.index_names(0, 1)]
        for matrix in dataset.matrices:
            genes = dataset.genes(matrix.name)
            asked += [lambda g=genes: g.search("g"), lambda g=genes: g.index(g.names[0])]
            asked += [lambda m=matrix, j=j: m.column(j).dense() for j in (0, matrix.shape[1] - 1)]
            asked += [lambda m=matrix, k=k: m.block(k) for k in range(min(matrix.n_blocks, 20))]
        description = dataset.describe()
        asked += [lambda n=n: dataset.obsp_row(n, 0) for n in description["obsp"]]
        asked += [lambda i=i: dataset.image(i["name"]) for i in description["images"]]
        for ask in asked:
            try:
                ask()
            except StarcyteError:
                continue
    finally:
        dataset.close()


class Target:
    """Reads what bytes make of the seeds.

    Parameters
    ----------
    folder
        For the files.
    """

    def __init__(self, folder: Path) -> None:
        self._seeds = seeds(folder)
        self._path = folder / "changed.h5ad"
        #: How often damage ended the process that read it, by signal
        self.lost: Counter[str] = Counter()

    def __call__(self, data: bytes) -> None:
        """Make one file of the bytes, and read it."""
        source = Source(data)
        shutil.copyfile(source.choice(self._seeds), self._path)
        if source.byte() % 8 == 0:
            damage(self._path, source)
            self._read_apart()
        else:
            change(self._path, source)
            self._read()

    def _read(self) -> None:
        from starcyte.errors import StarcyteError

        try:
            read(self._path)
        except StarcyteError:
            return

    def _read_apart(self) -> None:
        """Read in a process that damage may end, as the viewer's probe does; a defect is raised here all the same."""
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                signal.alarm(30)
                self._read()
                status = 0
            except Exception:
                traceback.print_exc()
            finally:
                os._exit(status)
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            self.lost[signal.Signals(os.WTERMSIG(status)).name] += 1
        elif status:
            raise AssertionError("a damaged file was neither read nor refused; see above")


def main() -> None:
    """Fuzz until told to stop; each kind of defect is told once, with the bytes that show it."""
    import atheris

    with atheris.instrument_imports(include=["starcyte.store"]):
        import starcyte.store.anndata.dataset  # noqa: F401

    folder = Path(tempfile.mkdtemp(prefix="h5ad-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    target, known = Target(folder), set[str]()

    def one(data: bytes) -> None:
        lost = target.lost.total()
        try:
            target(data)
            if target.lost.total() > lost:
                print(f"processes lost to damage: {dict(target.lost)}", flush=True)  # noqa: T201
        except Exception as error:
            frames = [f for f in traceback.extract_tb(error.__traceback__) if "/starcyte/" in f.filename]
            place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "elsewhere"
            kind = f"{type(error).__name__} at {place}"
            if kind not in known:
                known.add(kind)
                print(f"DEFECT {kind}: {error}\n  bytes.fromhex({data.hex()!r})", flush=True)  # noqa: T201
                traceback.print_exc()

    atheris.Setup([*sys.argv, "-max_len=200", "-len_control=0", "-timeout=60"], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
