"""The configuration files in the folders of a catalog, and the metadata that they give to datasets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from starcyte.catalog.config import FILE_NAME, CatalogConfig, ConfigEntry, Metadata
from starcyte.errors import InputError

#: Roles of a dataset that no user may see
HIDDEN = {"*": "none"}


@dataclass(frozen=True)
class DatasetConfig:
    """The configuration of one dataset.

    Parameters
    ----------
    metadata
        Its title, description, settings and roles.
    id
        Its id; empty if none is given.
    problem
        The error in a configuration file of one of its folders.
    """

    metadata: Metadata
    id: str
    problem: InputError | None


class FolderConfigs:
    """The configuration files in a folder and its subfolders, read as the datasets are found.

    Settings and roles are inherited by subfolders. If a file is invalid, the roles in its folder are unknown, so
    that no user may see the datasets there.

    Parameters
    ----------
    root
        The folder.
    outer
        The metadata of the catalog, which the folder inherits.
    read
        Returns the configuration of a folder, or the error in it; None if the folder has no configuration file.
    on_error
        Called with the error in each invalid file.
    """

    def __init__(
        self,
        root: Path,
        outer: Metadata,
        read: Callable[[Path], CatalogConfig | InputError | None],
        on_error: Callable[[InputError], None],
    ) -> None:
        self._root, self._read, self._on_error = root, read, on_error
        self._metadata = {root.parent: outer.inherited}
        # entries for a dataset, those of the outermost folder first
        self._entries: dict[Path, list[ConfigEntry]] = {}
        self._errors: dict[Path, InputError] = {}

    def of(self, path: Path) -> DatasetConfig:
        """Return the configuration of a dataset below the folder."""
        folder = path.parent
        for outer in reversed([folder, *folder.parents]):
            if outer.is_relative_to(self._root) and outer not in self._metadata:
                self._read_folder(outer)
        problem = next((self._errors[f] for f in (folder, *folder.parents) if f in self._errors), None)
        inherited = self._metadata[folder]
        metadata = replace(inherited, roles=HIDDEN) if problem else inherited
        entries = self._entries.get(path, [])
        for entry in entries:
            own = entry.metadata.inheriting(metadata)
            metadata = replace(
                own, title=own.title or metadata.title, description=own.description or metadata.description
            )
        return DatasetConfig(metadata, next((entry.id for entry in reversed(entries) if entry.id), ""), problem)

    def _read_folder(self, folder: Path) -> None:
        outer = self._metadata[folder.parent]
        config = self._read(folder)
        if isinstance(config, CatalogConfig):
            config = _restricted(config, folder)
        if isinstance(config, InputError):
            self._errors[folder] = config
            self._on_error(config)
            config = None
        self._metadata[folder] = (config.metadata.inheriting(outer) if config else outer).inherited
        for entry in config.entries if config else ():
            self._entries.setdefault(folder / entry.place, []).append(entry)


def _restricted(config: CatalogConfig, folder: Path) -> CatalogConfig | InputError:
    """Return the configuration of a folder, or an error if it lists anything outside the folder."""
    for entry in config.entries:
        is_outside = entry.kind == "url" or not (folder / entry.place).is_relative_to(folder)
        if is_outside or ".." in Path(entry.place).parts:
            return InputError(
                f"{str(folder / FILE_NAME)!r} lists a dataset that is not in its folder.",
                "To allow that, give this file to `starcyte serve`.",
            )
    return config
