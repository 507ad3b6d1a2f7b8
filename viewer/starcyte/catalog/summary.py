"""What a catalogue shows of a dataset that is not open: looked up once, kept in the cache folder."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
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

#: The columns of obs that say it, the first that is there
ORGANISM = ("organism", "species", "organism_name")
TISSUE = ("tissue", "tissue_general", "organ", "tissue_type")
_MOST_VALUES, _LONGEST_VALUE = 20, 80


@dataclass(frozen=True)
class DatasetSummary:
    """What is known of a dataset.

    Parameters
    ----------
    title
        What the file, or the setting, calls it.
    n_obs, n_vars
        Cells and genes.
    fingerprint, revision
        Of the file.
    organism, tissue
        The categories of the columns of obs that say so.
    has_picture
        Whether there is a thumbnail.
    """

    title: str
    n_obs: int
    n_vars: int
    fingerprint: str
    revision: str
    organism: Sequence[str]
    tissue: Sequence[str]
    has_picture: bool


def survey(dataset: Dataset, settings: Settings, folder: Path, key: str) -> DatasetSummary:
    """Look a dataset through, and write what is found, and the thumbnail, into a folder.

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
    if pixels is not None:
        _write(folder / f"{key}.png", png(pixels))
    found = DatasetSummary(
        one_line(dataset.title, 200),
        dataset.n_obs,
        dataset.n_vars,
        dataset.fingerprint,
        dataset.revision,
        _values(dataset, ORGANISM),
        _values(dataset, TISSUE),
        pixels is not None,
    )
    _write(folder / f"{key}.json", json.dumps(asdict(found) | {"version": __version__}).encode())
    return found


def read_summary(folder: Path, key: str) -> DatasetSummary | None:
    """Return what was found before; None where that is not there, or is of another version of starcyte."""
    try:
        said = json.loads((folder / f"{key}.json").read_bytes())
        if said.pop("version") != __version__ or (said["has_picture"] and not (folder / f"{key}.png").exists()):
            return None
        return DatasetSummary(**said)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _values(dataset: Dataset, names: Sequence[str]) -> list[str]:
    columns = {c.name.casefold(): c for c in dataset.obs if c.kind is Kind.CATEGORICAL}
    for name in names:
        column = columns.get(name)
        if column is not None and column.categories:
            return [one_line(value, _LONGEST_VALUE) for value in column.categories[:_MOST_VALUES]]
    return []


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(content)
    part.replace(path)
