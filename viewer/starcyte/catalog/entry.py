"""An entry of a catalog: one dataset, its address and its metadata."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from starcyte.errors import StarcyteError
from starcyte.store.fingerprint import FileState, file_state
from starcyte.store.remote.source import is_url

_LONGEST_SLUG = 40


@dataclass(frozen=True)
class CatalogEntry:
    """One dataset of a catalog.

    Parameters
    ----------
    id
        Its name in addresses: constant as long as the file stays in the same place.
    place
        Its path or URL as users see it.
    title, description
        Title, and description in Markdown; empty if not given.
    settings, roles
        The settings and roles of this dataset.
    path
        The file, if it is on this machine.
    url
        The URL otherwise.
    root
        The folder that the path, with links resolved, must lie in; None: no restriction.
    state
        The state of the file when it was found.
    size
        Its size in bytes; None if unknown.
    version
        The ETag or checksum of an object.
    problem
        The reason that it cannot be shown.
    """

    id: str
    place: str
    title: str = ""
    description: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    roles: Mapping[str, str] | None = None
    path: Path | None = None
    url: str | None = None
    root: Path | None = None
    state: FileState | None = None
    size: int | None = None
    version: str = ""
    problem: StarcyteError | None = None

    @property
    def content(self) -> tuple[Any, ...]:
        """The fields that an open dataset depends on; roles and description are not among them."""
        return self.path, self.url, self.state, self.version, self.title, self.settings, self.problem

    def is_current(self) -> bool:
        """Return whether the file is still in the state in which it was found."""
        if self.path is None:
            return True
        if file_state(self.path) != self.state:
            return False
        try:
            return self.root is None or self.path.resolve().is_relative_to(self.root)
        except (OSError, RuntimeError):
            return False


def id_of(place: str) -> str:
    """Return the id of a dataset: readable, valid in an address without quoting, and unique to the place.

    Parameters
    ----------
    place
        The path or URL of the dataset.
    """
    name = PurePosixPath(urlsplit(place).path if is_url(place) else place).name
    stem = re.sub(r"\.(h5ad|zarr|zarr\.zip)$", "", name, flags=re.I)
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:_LONGEST_SLUG].strip("-")
    digest = hashlib.blake2b(place.encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()
    return f"{slug or 'dataset'}-{digest}"
