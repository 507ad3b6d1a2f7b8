"""A catalog: the list of datasets with their titles, settings and roles; none of them is open here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from urllib.parse import urlsplit

from starcyte.catalog.config import FILE_NAME, CatalogConfig, ConfigEntry, Metadata, read_config
from starcyte.catalog.entry import CatalogEntry, id_of
from starcyte.catalog.folder_config import FolderConfigs
from starcyte.catalog.scan import FolderScan, FoundFile, ObjectScan
from starcyte.errors import InputError, StarcyteError
from starcyte.settings import Settings
from starcyte.store.fingerprint import FileState, content_bytes, file_state
from starcyte.store.names import dataset_stem
from starcyte.store.open import detect_format
from starcyte.store.remote.source import check_allowed, is_url, split_url

S = TypeVar("S", FolderScan, ObjectScan)


class Catalog:
    """The datasets below a folder or a prefix, or those that a configuration file lists.

    Parameters
    ----------
    source
        A folder; an ``s3://``, ``gs://`` or ``az://`` prefix; or the path of a ``catalog.yml``.
    settings
        ``title``, ``max_datasets``, ``max_description`` and ``remote_*`` are used.

    Raises
    ------
    InputError
        If it is none of these.
    """

    def __init__(self, source: str, settings: Settings) -> None:
        self._settings = settings
        self._folder_scans: dict[str, FolderScan] = {}
        self._object_scans: dict[str, ObjectScan] = {}
        self._configs: dict[Path, tuple[FileState, CatalogConfig | InputError]] = {}
        self._texts: dict[Path, tuple[FileState, str]] = {}
        self._file: Path | None = None
        self._entries: tuple[ConfigEntry, ...] = ()
        self.metadata = Metadata()
        self.notes: list[str] = []
        "Problems found by the last scan, for the operator."
        if is_url(source):
            self._entries = (ConfigEntry("folder", source, "", Metadata()),)
            check_allowed(split_url(source), settings)
            self._name = PurePosixPath(urlsplit(source).path).name or str(urlsplit(source).hostname)
            return
        path = Path(source)
        if _is_one_dataset(path):
            raise InputError(f"{source!r} is one dataset.", "`starcyte launch` shows it; `serve` takes its folder.")
        if path.is_dir():
            self._entries = (ConfigEntry("folder", str(path.resolve()), "", Metadata()),)
            self._name = path.resolve().name
            return
        if not path.exists():
            raise InputError(f"No such folder or file: {source!r}.", "`starcyte serve FOLDER` shows its datasets.")
        self._file, self._name = path.resolve(), path.resolve().parent.name
        read_config(self._file)  # an error in it is raised at the start

    @property
    def title(self) -> str:
        """The title of the catalog."""
        return str(self._settings.title or self.metadata.title or self._name)

    @property
    def n_refused_links(self) -> int:
        """The number of links that lead out of the folders."""
        return sum(len(scan.refused_links) for scan in self._folder_scans.values())

    def scan(self) -> dict[str, CatalogEntry]:
        """Return the datasets that exist now, by id.

        Raises
        ------
        InputError
            If the folder, the prefix or the configuration file cannot be read.
        """
        notes: list[str] = []
        metadata, entries, base = Metadata(), self._entries, Path()
        if self._file is not None:
            config = self._read_config(self._file)
            if isinstance(config, InputError):
                raise config
            metadata, entries, base = config.metadata, config.entries, self._file.parent
        found: dict[str, CatalogEntry] = {}
        places: set[str] = set()
        for config_entry in entries:
            for entry in self._expand(config_entry, metadata, base, notes):
                key = entry.url or str(entry.path)
                if key in places:
                    continue
                if len(found) >= self._settings.max_datasets:
                    notes.append(f"More than {len(found)} datasets (max_datasets): the others are not listed.")
                    break
                if entry.id in found:
                    raise InputError(f"Two datasets have the id {entry.id!r}.", "Give them different ids.")
                places.add(key)
                found[entry.id] = entry
        if self._file is None and self._entries and not is_url(self._entries[0].place):
            top = self._config_of(Path(self._entries[0].place))
            metadata = top.metadata if isinstance(top, CatalogConfig) else metadata
            notes += [str(top)] if isinstance(top, InputError) else []
        self.metadata, self.notes = metadata, notes
        return found

    def _expand(self, listed: ConfigEntry, outer: Metadata, base: Path, notes: list[str]) -> Iterator[CatalogEntry]:
        """Yield the datasets of one entry of the configuration."""
        metadata = listed.metadata.inheriting(outer)
        if listed.kind == "url" or (listed.kind == "folder" and is_url(listed.place)):
            try:
                check_allowed(split_url(listed.place), self._settings)
            except InputError as error:
                yield self._entry(
                    listed.place, listed.id, metadata, url=listed.place, shown=_without_query(listed.place),
                    problem=error,
                )  # fmt: skip
                return
        if listed.kind == "url":
            yield self._entry(listed.place, listed.id, metadata, url=listed.place, shown=_without_query(listed.place))
        elif listed.kind == "path":
            yield self._listed_file(listed, metadata, base)
        elif is_url(listed.place):
            prefix = listed.place if listed is not self._only_entry else ""
            scan = _scan_of(self._object_scans, listed.place, lambda: ObjectScan(listed.place, self._settings))
            for found in scan():
                yield self._entry(
                    f"{prefix}{found.place}", "", metadata.inherited, url=found.url, shown=found.place,
                    size=found.size, version=found.version,
                )  # fmt: skip
        else:
            yield from self._in_folder(listed, metadata, base, notes)

    @property
    def _only_entry(self) -> ConfigEntry | None:
        """The folder or prefix that the catalog consists of; None for one with a configuration file."""
        return self._entries[0] if self._file is None else None

    def _in_folder(
        self, listed: ConfigEntry, metadata: Metadata, base: Path, notes: list[str]
    ) -> Iterator[CatalogEntry]:
        root = (base / listed.place).resolve()
        scan = _scan_of(self._folder_scans, str(root), lambda: FolderScan(root))
        configs = FolderConfigs(root, metadata, self._config_of, lambda error: notes.append(str(error)))
        prefix = "" if listed is self._only_entry else f"{listed.place.rstrip('/')}/"
        for found in scan():
            config = configs.of(found.path)
            yield self._file_entry(
                found, prefix + found.place, config.id, config.metadata, root, found.place,
                config.problem or found.problem,
            )  # fmt: skip

    def _config_of(self, folder: Path) -> CatalogConfig | InputError | None:
        """Return the configuration of a folder, or the error in it; None if the folder has no configuration file."""
        path = folder / FILE_NAME
        return self._read_config(path) if path.is_file() and not path.is_symlink() else None

    def _read_config(self, path: Path) -> CatalogConfig | InputError:
        """Return the content of a configuration file, or the error in it; a file that has not changed is not read."""
        state = file_state(path)
        if state is None:
            return InputError(f"The file {str(path)!r} does not exist any more.", "Restore it.")
        known = self._configs.get(path)
        if known is None or known[0] != state:
            try:
                config: CatalogConfig | InputError = read_config(path)
            except InputError as error:
                config = error
            known = self._configs[path] = (state, config)
        return known[1]

    def _listed_file(self, listed: ConfigEntry, metadata: Metadata, base: Path) -> CatalogEntry:
        """Return the entry of a path in the operator's own configuration file."""
        path = base / listed.place
        state = file_state(path)
        problem: StarcyteError | None = None
        try:
            detect_format(path)
        except StarcyteError as error:
            problem = type(error)(error.message.replace(str(path), path.name), error.hint)
        found = FoundFile(path, listed.place, state or FileState(0, 0, 0, 0), problem)
        return self._file_entry(found, listed.place, listed.id, metadata, None, path.name, problem)

    def _file_entry(
        self,
        found: FoundFile,
        place: str,
        dataset_id: str,
        metadata: Metadata,
        root: Path | None,
        shown: str,
        problem: StarcyteError | None,
    ) -> CatalogEntry:
        if not metadata.description:
            text = self._text(found.path.with_name(f"{dataset_stem(found.path.name)}.md"), root)
            metadata = replace(metadata, description=text)
        return self._entry(
            place, dataset_id, metadata, path=found.path, root=root, state=found.state,
            size=content_bytes(found.path, found.state), shown=shown, problem=problem,
        )  # fmt: skip

    def _text(self, path: Path, root: Path | None) -> str:
        """Return the text of a description file; empty if it does not exist or is a link out of the root."""
        state = file_state(path)
        if state is None or not path.is_file() or (root and not path.resolve().is_relative_to(root)):
            return ""
        known = self._texts.get(path)
        if known is None or known[0] != state:
            try:
                with path.open("rb") as stream:
                    text = stream.read(self._settings.max_description).decode("utf-8", "replace")
            except OSError:
                text = ""
            known = self._texts[path] = (state, text)
        return known[1]

    def _entry(self, place: str, dataset_id: str, metadata: Metadata, shown: str, **fields: Any) -> CatalogEntry:
        description = metadata.description[: self._settings.max_description]
        return CatalogEntry(
            dataset_id or id_of(place), shown, metadata.title, description, dict(metadata.settings), metadata.roles,
            **fields,
        )  # fmt: skip


def _scan_of(scans: dict[str, S], key: str, make: Callable[[], S]) -> S:
    """Return the scan of a folder or prefix, made on first use: it remembers files that have not changed."""
    if key not in scans:
        scans[key] = make()
    return scans[key]


def _without_query(url: str) -> str:
    """Return a URL without user, password and query, which may hold secrets."""
    try:
        parts = split_url(url)
    except InputError:
        return "URL"
    return f"{parts.scheme}://{parts.hostname}{parts.path}"


def _is_one_dataset(path: Path) -> bool:
    try:
        detect_format(path)
    except StarcyteError:
        return False
    return True
