"""``starcyte export``: writes the annotations, gene sets or session of a dataset as a file."""

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
from starcyte.curation.files.read_tables import AnnotationTable, read_annotations
from starcyte.curation.files.session import write_session
from starcyte.curation.files.write_tables import TABLE_FORMATS, annotations_table, gene_sets_gmt, write_h5ad
from starcyte.curation.models import Snapshot
from starcyte.errors import InputError, StorageFull
from starcyte.settings import Settings
from starcyte.store.dataset import Tick, no_tick
from starcyte.store.write.output import refuse_dataset

if TYPE_CHECKING:
    from starcyte.store.dataset import Dataset

_ENDINGS = (*(f".{ending}" for ending in TABLE_FORMATS), ".gmt", ".json", ".h5ad")


def export_file(
    dataset: Dataset, settings: Settings, output: Path, user: str, annotations: Path | None, tick: Tick = no_tick
) -> list[str]:
    """Write a file in the format of its ending.

    Parameters
    ----------
    dataset
        The annotated dataset.
    settings
        ``data_dir`` is used.
    output
        The file; an existing one is replaced when the new one is complete.
    user
        The user whose annotations, gene sets and saved items to export.
    annotations
        A table or a session with the annotations, in place of the data folder.
    tick
        Called with the progress.

    Returns
    -------
    list of str
        Notes: cells that were not found, columns with another name.

    Raises
    ------
    InputError
        If the ending is unknown, there is nothing to write, or the file cannot be written.
    StorageFull
        If the disk is full.
    """
    ending = output.suffix.lower()
    if ending not in _ENDINGS:
        raise InputError(
            f"The ending of {output.name!r} is not that of a known format.", f"Use one of {', '.join(_ENDINGS)}."
        )
    refuse_dataset(output, dataset.path)
    cells = CellNames(dataset)
    notes: list[str] = []
    if annotations is None:
        snapshot = _from_data_folder(dataset, settings, user)
    else:
        table = _from_file(annotations, dataset, cells, settings)
        notes += _notes(table, annotations)
        snapshot = Snapshot(user, 0, table.annotations, (), ())
    part = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        if ending == ".h5ad":
            if not snapshot.annotations:
                raise InputError("There are no annotations to export.", "Create some, or pass --annotations.")
            notes += write_h5ad(snapshot.annotations, dataset, part, user, tick)
        else:
            _write(part, _blocks(ending, snapshot, dataset, cells))
        part.replace(output)
    except OSError as error:
        kind = StorageFull if error.errno in {errno.ENOSPC, errno.EDQUOT} else InputError
        raise kind(f"{str(output)!r} cannot be written: {error.strerror}.", "Choose another --output.") from None
    finally:
        with suppress(OSError):
            part.unlink()
    return notes


def _blocks(ending: str, snapshot: Snapshot, dataset: Dataset, cells: CellNames) -> Iterable[bytes]:
    if ending == ".gmt":
        return [gene_sets_gmt(snapshot.gene_sets)]
    if ending == ".json":
        return write_session(snapshot, dataset, cells)
    return annotations_table(snapshot.annotations, cells, TABLE_FORMATS[ending[1:]])


def _write(path: Path, blocks: Iterable[bytes]) -> None:
    with path.open("wb") as stream:
        stream.writelines(blocks)
        stream.flush()
        os.fsync(stream.fileno())


def _from_data_folder(dataset: Dataset, settings: Settings, user: str) -> Snapshot:
    path = data_folder(settings) / f"{dataset.fingerprint}.sqlite"
    if not path.exists():
        raise InputError(
            f"The data folder {str(path.parent)!r} has no annotations of this dataset.",
            "Choose another folder with --data-dir, or pass a file with --annotations.",
        )
    curation = Curation(path, settings, dataset.n_obs)
    try:
        return curation.snapshot(user)
    finally:
        curation.close()


def _from_file(path: Path, dataset: Dataset, cells: CellNames, settings: Settings) -> AnnotationTable:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"The file {str(path)!r} cannot be read: {error.strerror}.", "Check --annotations.") from None
    table = read_annotations(data, dataset, cells, settings)
    table.require_match(repr(path.name))
    return table


def _notes(table: AnnotationTable, path: Path) -> list[str]:
    notes, examples = [], ", ".join(map(repr, table.examples))
    if table.unmatched:
        notes.append(f"{table.unmatched} cells of {path.name!r} are not in the dataset (such as {examples}).")
    if table.duplicated:
        notes.append(f"{table.duplicated} cells of {path.name!r} are omitted: their names are not unique.")
    return notes
