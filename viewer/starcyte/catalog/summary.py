"""The summary of a dataset that a catalog shows without opening it: computed once, stored in the cache folder."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starcyte import __version__
from starcyte.catalog.thumbnail import thumbnail
from starcyte.compute.png import png
from starcyte.errors import one_line
from starcyte.settings import Settings
from starcyte.store.dataset import Kind

if TYPE_CHECKING:
    from starcyte.store.dataset import Dataset

log = logging.getLogger(__name__)

#: Names of the obs columns that hold the organism and the tissue, the preferred first
ORGANISM = ("organism", "species", "organism_name")
TISSUE = ("tissue", "tissue_general", "organ", "tissue_type")
_MOST_VALUES, _LONGEST_VALUE = 20, 80


@dataclass(frozen=True)
class DatasetSummary:
    """The summary of a dataset.

    Parameters
    ----------
    title
        The title in the file or the settings.
    n_obs, n_vars
        The number of cells and of genes.
    fingerprint, revision
        Those of the file.
    organism, tissue
        The categories of the obs columns for organism and tissue.
    has_thumbnail
        Whether there is a thumbnail.
    """

    title: str
    n_obs: int
    n_vars: int
    fingerprint: str
    revision: str
    organism: Sequence[str]
    tissue: Sequence[str]
    has_thumbnail: bool


def summarize(dataset: Dataset, settings: Settings, folder: Path, key: str) -> DatasetSummary:
    """Return the summary of a dataset, and write it and the thumbnail into a folder.

    Parameters
    ----------
    dataset
        The dataset.
    settings
        Its settings.
    folder
        The folder.
    key
        The name of the files in it.
    """
    pixels = thumbnail(dataset, settings)
    has_thumbnail = pixels is not None and _write(folder / f"{key}.png", png(pixels))
    summary = DatasetSummary(
        one_line(dataset.title, 200),
        dataset.n_obs,
        dataset.n_vars,
        dataset.fingerprint,
        dataset.revision,
        _values(dataset, ORGANISM),
        _values(dataset, TISSUE),
        has_thumbnail,
    )
    _write(folder / f"{key}.json", json.dumps(asdict(summary) | {"version": __version__}).encode())
    return summary


def read_summary(folder: Path, key: str) -> DatasetSummary | None:
    """Return a stored summary; None if there is none, or it was written by another version of starcyte."""
    try:
        stored = json.loads((folder / f"{key}.json").read_bytes())
        if stored.pop("version") != __version__ or (stored["has_thumbnail"] and not (folder / f"{key}.png").exists()):
            return None
        return DatasetSummary(**stored)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _values(dataset: Dataset, names: Sequence[str]) -> list[str]:
    """Return the categories of the first of some obs columns that exists."""
    columns = {c.name.casefold(): c for c in dataset.obs if c.kind is Kind.CATEGORICAL}
    for name in names:
        column = columns.get(name)
        if column is not None and column.categories:
            return [one_line(value, _LONGEST_VALUE) for value in column.categories[:_MOST_VALUES]]
    return []


def _write(path: Path, content: bytes) -> bool:
    """Write a file, and return whether that was possible: without it the cache is full or read-only, no more."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.touch(0o600)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        log.warning("%s cannot be written: %s", path, error.strerror)
        with suppress(OSError):
            part.unlink()
        return False
    return True
