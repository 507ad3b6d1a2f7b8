"""Writing of a prepared store from a dataset: it appears when it is complete and verified, and not before."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np

from starcyte.errors import InputError, StarcyteError, StorageFull
from starcyte.settings import Settings
from starcyte.store.anndata.dataset import AnnDataDataset
from starcyte.store.anndata.frame import Frame
from starcyte.store.anndata.modality import Modality
from starcyte.store.anndata.prepared_layout import HOME, VERSION, home_of
from starcyte.store.anndata.prepared_matrix import is_prepared
from starcyte.store.dataset import Tick, Warnings
from starcyte.store.index.stored_dataset import StoredDataset
from starcyte.store.nodes import Group
from starcyte.store.write.file_copy import DISK_FULL
from starcyte.store.write.prepared.elements import ElementWriter
from starcyte.store.write.prepared.matrices import MatrixWriter, path_of
from starcyte.store.write.zarr.store import DICT, ZarrWriter

_STATE = "state.json"
# there from the moment before the store gets its name
_PUBLISHED = "published"
_GROUPS = ("obsm", "varm", "obsp", "varp")
_KNOWN = {"obs", "var", "X", "layers", "raw", "raw.X", "raw.var", "raw.varm", "raw.cat", "uns", *_GROUPS}
_DATE = (1980, 1, 1, 0, 0, 0)


def matrices_to_prepare(dataset: StoredDataset, chosen: Sequence[str]) -> list[str]:
    """Return the matrices of a prepared store: the chosen ones, else each X, the one shown, and one of counts.

    Raises
    ------
    NotFound
        If a chosen one does not exist.
    """
    if chosen:
        return [dataset.matrix(name).name for name in dict.fromkeys(chosen)]
    scales = {matrix.name: dataset.scale(matrix.name) for matrix in dataset.matrices}
    counts = [name for name, scale in scales.items() if scale is not None and scale.kind == "counts"]
    of_modalities = [f"{modality}/X" for modality in dataset.modalities]
    wanted = {"X", *of_modalities, dataset.default_matrix, *counts[:1]}
    return [name for name in scales if name in wanted]


def prepare_store(
    dataset: StoredDataset,
    target: Path,
    matrices: Sequence[str],
    settings: Settings,
    progress: Callable[[str], Tick],
) -> list[str]:
    """Write a prepared store, or go on with one that was not completed.

    Parameters
    ----------
    dataset
        The dataset, of any format.
    target
        The folder to write, or a file whose name ends in ``.zip``.
    matrices
        The names of the matrices that it has.
    settings
        ``block_bytes`` and the number of cores are used.
    progress
        Returns the function to call with the fraction done of a step, given its name; it raises to stop.

    Returns
    -------
    list of str
        Elements that are left out or changed, with the reason.

    Raises
    ------
    InputError
        If it cannot be written, or the dataset changed in the meantime.
    StorageFull
        If the disk is full.
    """
    if not isinstance(dataset, AnnDataDataset):
        raise InputError(f"{dataset.path.name!r} is no AnnData.", "Write it as .h5ad first.")
    part, work = (target.with_name(f".{target.name}.{kind}") for kind in ("part", "work"))
    try:
        with _lock(target):
            state = _state(dataset, matrices, settings)
            # a link that leads nowhere as well, in whose place no folder can be put
            if os.path.lexists(target):
                if _read_state(work) != state or not (work / _PUBLISHED).exists():
                    raise InputError(
                        f"{str(target)!r} exists already.", "Remove it, or choose another name with --output."
                    )
                # it was completed, and the process ended just before this
                shutil.rmtree(part, ignore_errors=True)
                shutil.rmtree(work)
                return []
            return _prepare(dataset, target, _Places(part, work), matrices, state, settings, progress)
    except OSError as error:
        if error.errno in DISK_FULL:
            raise StorageFull(
                f"{str(target)!r} cannot be written: {error.strerror}.",
                "Free space and run the command again; it goes on where it stopped.",
            ) from None
        raise InputError(
            f"{str(target)!r} cannot be written: {error.strerror or error}.", "Choose another place with --output."
        ) from None


@dataclass(frozen=True)
class _Places:
    """The store that is not complete, and the files of work, which keep its state."""

    part: Path
    work: Path


def _prepare(
    dataset: AnnDataDataset,
    target: Path,
    places: _Places,
    matrices: Sequence[str],
    state: dict[str, Any],
    settings: Settings,
    progress: Callable[[str], Tick],
) -> list[str]:
    if _read_state(places.work) != state:
        for folder in (places.part, places.work):
            shutil.rmtree(folder, ignore_errors=True)
        places.work.mkdir()
        _replace(places.work / _STATE, json.dumps(state))
    for folder in (places.part, places.work):
        for left in folder.rglob("*.part"):
            # an element may have such a name
            if left.is_file():
                left.unlink()
    store, warnings = ZarrWriter(places.part), Warnings()
    copying = progress("Copying obs, var, obsm and uns")
    if dataset.modalities:
        _write_root(store, dataset, warnings)
    writer = MatrixWriter(store, settings.block_bytes, settings.cores)
    number = 0
    for part in dataset.parts:
        base = f"mod/{part.name}/" if part.name else ""
        chosen = [name for name in matrices if name in part.matrices]
        _write_elements(store, dataset, part, base, chosen, warnings, copying)
        for name in chosen:
            number += 1
            own = name.removeprefix(part.prefix)
            try:
                path = path_of(own)
            except ValueError as error:
                warnings.add(f"{name} is left out: {error}")
                continue
            done = places.work / f"{number}.done"
            if done.exists():
                store.adopt(base + path)
                store.adopt(base + home_of(path, is_sparse=False))
                continue
            work = places.work / str(number)
            writer.write(part.matrices[name], base, own, dataset.grouping_columns(name), work, progress)
            _replace(done, "")
        store.group(f"{base}uns/{HOME}", DICT | {"format": VERSION, "source": dataset.fingerprint})
    for matrix in dataset.matrices:
        if matrix.name not in matrices:
            warnings.add(f"{matrix.name} is left out; --matrix={matrix.name} adds it.")
    if dataset.has_changed():
        shutil.rmtree(places.work)
        raise InputError(f"{dataset.path.name!r} changed while it was read.", "Run the command again.")
    store.finish()
    _publish(places, target, progress)
    shutil.rmtree(places.work)
    # columns that cannot be read are no part of the frames
    return [*(line for line in dataset.warnings if line.startswith("Column ")), *warnings.lines]


def _write_root(store: ZarrWriter, dataset: AnnDataDataset, warnings: Warnings) -> None:
    """Write the tables of MuData that are of all modalities."""
    root, order = dataset.root, [part.name for part in dataset.parts]
    elements = ElementWriter(store, warnings, root.group("uns"))
    store.group("", {"encoding-type": "MuData", "encoding-version": "0.1.0", "axis": 0})
    store.group("mod", DICT | {"mod-order": order})
    if dataset.root_obs is not None:
        elements.frame("obs", dataset.root_obs)
    else:
        elements.names("obs", np.array(dataset.index_names(0, dataset.n_obs), object))
    names = np.array([name for part in dataset.parts for name in part.var.index], object)
    try:
        node = root.child("var")
        var = None if node is None else Frame("var", node, warnings)
    except StarcyteError as error:
        warnings.add(f"The var of all modalities is left out: {error.message}")
        var = None
    if var is not None and var.n == names.size:
        elements.frame("var", var)
    else:
        elements.names("var", names)
    for name in (*_GROUPS, "obsmap", "varmap"):
        elements.members(name, root.child(name), as_positions=name == "obsm")
    elements.uns("uns", root.group("uns"), is_prepared(root))


def _write_elements(
    store: ZarrWriter,
    dataset: AnnDataDataset,
    part: Modality,
    base: str,
    matrices: Sequence[str],
    warnings: Warnings,
    tick: Tick,
) -> None:
    """Write the elements of an AnnData but its matrices."""
    root, uns = part.root, part.uns
    elements = ElementWriter(store, warnings, uns)
    store.group(base.rstrip("/"), {"encoding-type": "anndata", "encoding-version": "0.1.0"})
    elements.frame(f"{base}obs", part.obs)
    elements.frame(f"{base}var", part.var)
    for number, name in enumerate(_GROUPS):
        tick((number + 1) / (len(_GROUPS) + 2))
        elements.members(f"{base}{name}", root.child(name), as_positions=name == "obsm")
    # positions that are not in the file as such, of shapes or of columns
    for embedding in () if part.name else dataset.embeddings:
        if embedding.library is None and not store.knows(f"obsm/{embedding.name}"):
            positions = dataset.embedding(embedding.name, range(embedding.dims)).T
            elements.values("obsm", embedding.name, np.ascontiguousarray(positions))
    elements.uns(f"{base}uns", uns, is_prepared(root))
    store.group(f"{base}layers", DICT)
    if f"{part.prefix}raw/X" in matrices and part.raw_var is not None:
        store.group(f"{base}raw", {"encoding-type": "raw", "encoding-version": "0.1.0"})
        elements.frame(f"{base}raw/var", part.raw_var)
        raw = root.group("raw")
        elements.members(f"{base}raw/varm", None if raw is None else raw.child("varm"))
    for name in root.members():
        if name not in _KNOWN:
            warnings.add(f"{base}{name} is left out: it is no element of AnnData.")
    layers = root.group("layers")
    for own in ("X", *(f"layers/{name}" for name in ([] if layers is None else layers.members()))):
        if f"{part.prefix}{own}" not in part.matrices and _is_there(root, own):
            warnings.add(f"{base}{own} is left out: it is no matrix that is read.")
    tick(1.0)


def _is_there(root: Group, name: str) -> bool:
    """Return whether there is an element that is not null, also if it cannot be opened."""
    try:
        return root.child(name) is not None
    except StarcyteError:
        return True


def _state(dataset: AnnDataDataset, matrices: Sequence[str], settings: Settings) -> dict[str, Any]:
    """Return the state that must be equal for an earlier attempt to be gone on with."""
    return {
        "format": VERSION,
        "fingerprint": dataset.fingerprint,
        "matrices": list(matrices),
        # other blocks, of which some would be missing and some be there twice, and other columns of moments
        "block_bytes": settings.block_bytes,
        "moments_categories": settings.moments_categories,
        # another version may pack the same values into other bytes
        "numcodecs": numcodecs.__version__,
    }


def _read_state(work: Path) -> Any:
    try:
        return json.loads((work / _STATE).read_text())
    except (OSError, ValueError):
        return None


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(text)
    part.replace(path)


def _publish(places: _Places, target: Path, progress: Callable[[str], Tick]) -> None:
    """Give the complete store its name; a zip file is made of it first."""
    part = places.part
    if target.suffix == ".zip":
        packed = target.with_name(f".{target.name}.zip.part")
        files = sorted(path for path in part.rglob("*") if path.is_file())
        tick = progress("Packing")
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for number, path in enumerate(files):
                tick(number / len(files))
                entry = zipfile.ZipInfo(path.relative_to(part).as_posix(), _DATE)
                entry.external_attr = 0o644 << 16
                with path.open("rb") as stream, archive.open(entry, "w", force_zip64=True) as out:
                    shutil.copyfileobj(stream, out, 1 << 20)
        with packed.open("rb+") as stream:
            os.fsync(stream.fileno())
        (places.work / _PUBLISHED).touch()
        packed.replace(target)
        shutil.rmtree(part)
    else:
        (places.work / _PUBLISHED).touch()
        part.rename(target)
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _lock(target: Path) -> Iterator[None]:
    path = target.with_name(f".{target.name}.lock")
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # one that had just ended may have removed the file before it was locked: a third would make another
            if not path.exists() or not os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                raise BlockingIOError
        except BlockingIOError:
            raise InputError(f"Another process is writing {str(target)!r}.", "Wait until it has ended.") from None
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
