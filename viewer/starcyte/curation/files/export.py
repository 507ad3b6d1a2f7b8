"""``starcyte export``: what was made of a dataset, or the annotations of a file, as a new file."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from starcyte.curation.cell_names import CellNames
from starcyte.curation.curation import Curation
from starcyte.curation.database.store import data_folder
from starcyte.curation.files.read import AnnotationTable, read_annotations
from starcyte.curation.files.session import write_session
from starcyte.curation.files.tables import FORMS, annotations_table, gene_sets_gmt, write_h5ad
from starcyte.curation.models import Snapshot
from starcyte.errors import InputError, StorageFull
from starcyte.settings import Settings
from starcyte.store.dataset import Tick, no_tick

if TYPE_CHECKING:
    from starcyte.store.dataset import Dataset

_ENDINGS = (*(f".{ending}" for ending in FORMS), ".gmt", ".json", ".h5ad")


def export(
    dataset: Dataset, settings: Settings, output: Path, user: str, annotations: Path | None, tick: Tick = no_tick
) -> list[str]:
    """Write a file, whose ending says what is in it.

    Parameters
    ----------
    dataset
        What was labelled.
    settings
        ``data_dir`` is used.
    output
        The file; what is there is replaced when the new one is whole.
    user
        Whose work.
    annotations
        A table or a session to take the annotations from, in place of the data folder.
    tick
        Told of the progress.

    Returns
    -------
    list of str
        What there is to say of it.

    Raises
    ------
    InputError
        If the ending is another, there is nothing to write, or it cannot be written.
    StorageFull
        If there is no room.
    """
    ending = output.suffix.lower()
    if ending not in _ENDINGS:
        raise InputError(f"{output.name!r} says not what to write.", f"Let it end in {', '.join(_ENDINGS)}.")
    with suppress(OSError):
        if output.samefile(dataset.path):
            raise InputError(f"{str(output)!r} is the dataset itself.", "Choose another file.")
    cells = CellNames(dataset)
    notes: list[str] = []
    if annotations is None:
        snapshot = _kept(dataset, settings, user)
    else:
        table = _given(annotations, dataset, cells)
        notes += _told(table, annotations)
        snapshot = Snapshot(user, 0, table.annotations, (), ())
    part = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        if ending == ".h5ad":
            if not snapshot.annotations:
                raise InputError("There are no annotations to write.", "Make some, or give them with --annotations.")
            notes += write_h5ad(snapshot.annotations, dataset, part, user, tick)
        else:
            _write(part, _blocks(ending, snapshot, dataset, cells))
        part.replace(output)
    except OSError as error:
        kind = StorageFull if error.errno in {errno.ENOSPC, errno.EDQUOT} else InputError
        raise kind(f"{str(output)!r} cannot be written: {error.strerror}.", "Choose another with --output.") from None
    finally:
        with suppress(OSError):
            part.unlink()
    return notes


def _blocks(ending: str, snapshot: Snapshot, dataset: Dataset, cells: CellNames) -> Iterable[bytes]:
    if ending == ".gmt":
        return [gene_sets_gmt(snapshot.gene_sets)]
    if ending == ".json":
        return write_session(snapshot, dataset, cells)
    return annotations_table(snapshot.annotations, cells, FORMS[ending[1:]])


def _write(path: Path, blocks: Iterable[bytes]) -> None:
    with path.open("wb") as stream:
        stream.writelines(blocks)
        stream.flush()
        os.fsync(stream.fileno())


def _kept(dataset: Dataset, settings: Settings, user: str) -> Snapshot:
    path = data_folder(settings) / f"{dataset.fingerprint}.sqlite"
    if not path.exists():
        raise InputError(
            f"Nothing was made of this dataset in the data folder {str(path.parent)!r}.",
            "Choose another with --data-dir, or give annotations with --annotations.",
        )
    curation = Curation(path, settings, dataset.n_obs)
    try:
        return curation.snapshot(user)
    finally:
        curation.close()


def _given(path: Path, dataset: Dataset, cells: CellNames) -> AnnotationTable:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"The annotations {str(path)!r} cannot be read: {error.strerror}.", "Check --annotations."
        ) from None
    table = read_annotations(data, dataset, cells)
    if not table.cells:
        examples = ", ".join(map(repr, table.examples))
        raise InputError(
            f"No cell of {path.name!r} is in the dataset{f' (such as {examples})' if examples else ''}.",
            "The first column must hold the names of cells, as the index of obs does.",
        )
    return table


def _told(table: AnnotationTable, path: Path) -> list[str]:
    notes, examples = [], ", ".join(map(repr, table.examples))
    if table.unmatched:
        notes.append(f"{table.unmatched} cells of {path.name!r} are not in the dataset (such as {examples}).")
    if table.duplicated:
        notes.append(f"{table.duplicated} cells of {path.name!r} are left out: their names occur more than once.")
    return notes
