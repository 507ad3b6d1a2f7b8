"""A catalogue: which datasets there are, what they are called and who may see them; nothing of them is open here."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from starcyte.catalog.config import FILE_NAME, About, CatalogFile, Item, read_catalog_file
from starcyte.catalog.scan import Found, ObjectWalk, Walk
from starcyte.errors import InputError, StarcyteError
from starcyte.settings import Settings
from starcyte.store.fingerprint import FileState, file_state
from starcyte.store.hdf5.signature import check_signature
from starcyte.store.remote.source import check_place, is_url, split_url

_LONGEST_SLUG = 40
_HIDDEN = {"*": "none"}


@dataclass(frozen=True)
class CatalogEntry:
    """One dataset of a catalogue.

    Parameters
    ----------
    id
        Its name in addresses: the same for as long as the file is in the same place.
    place
        Where it is, as users are told.
    title, description
        What is said of it, the description in Markdown; empty: nothing is.
    settings, roles
        Its own.
    path
        The file, where it is one of this machine.
    url
        Where it comes from otherwise.
    root
        The folder that the path must lie in, however links change; None: wherever it leads.
    state
        The state in which the file was found.
    size
        Its bytes; None where nobody knows.
    version
        Of an object: what tells its content from another.
    problem
        Why it cannot be shown.
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
        """What an open dataset depends on; who may see it and what is said of it are no part of that."""
        return self.path, self.url, self.state, self.version, self.title, self.settings, self.problem

    def is_current(self) -> bool:
        """Say whether the file is still the one that was found."""
        if self.path is None:
            return True
        if file_state(self.path) != self.state:
            return False
        try:
            return self.root is None or self.path.resolve().is_relative_to(self.root)
        except (OSError, RuntimeError):
            return False


class Catalog:
    """The datasets below a folder or a prefix, or those that a file lists.

    Parameters
    ----------
    given
        A folder, ``s3://``, ``gs://`` or ``az://`` prefix, or the path of a ``catalogue.yml``.
    settings
        ``title``, ``max_datasets``, ``max_description`` and ``remote_*`` are used.

    Raises
    ------
    InputError
        If it is none of these.
    """

    def __init__(self, given: str, settings: Settings) -> None:
        self._settings = settings
        self._walks: dict[str, Callable[[], Iterator[Any]]] = {}
        self._walked: list[Walk] = []
        self._files: dict[Path, tuple[FileState, CatalogFile | InputError]] = {}
        self._texts: dict[Path, tuple[FileState, str]] = {}
        self._file: Path | None = None
        self._items: tuple[Item, ...] = ()
        self.about = About()
        self.notes: list[str] = []
        "What was found wrong, for the operator."
        if is_url(given):
            self._items = (Item("folder", given, "", About()),)
            check_place(split_url(given), settings)
            self._name = PurePosixPath(urlsplit(given).path).name or str(urlsplit(given).hostname)
            return
        path = Path(given)
        if path.is_dir():
            self._items = (Item("folder", str(path.resolve()), "", About()),)
            self._name = path.resolve().name
            return
        if not path.exists():
            raise InputError(f"There is no folder or file {given!r}.", "`starcyte serve FOLDER` shows what is in it.")
        if _is_hdf5(path):
            raise InputError(f"{given!r} is one dataset.", "`starcyte launch` shows it; `serve` takes its folder.")
        self._file, self._name = path.resolve(), path.resolve().parent.name
        read_catalog_file(self._file)  # a mistake in it is told now

    @property
    def title(self) -> str:
        """What to call the catalogue."""
        return str(self._settings.title or self.about.title or self._name)

    @property
    def links_refused(self) -> int:
        """How many links lead out of the folders."""
        return sum(len(walk.refused) for walk in self._walked)

    def scan(self) -> dict[str, CatalogEntry]:
        """Return the datasets there are now, by id.

        Raises
        ------
        InputError
            If the folder, the prefix or the file cannot be read.
        """
        notes: list[str] = []
        about, items, base = About(), self._items, Path()
        if self._file is not None:
            said = self._read(self._file)
            if isinstance(said, InputError):
                raise said
            about, items, base = said.about, said.items, self._file.parent
        found: dict[str, CatalogEntry] = {}
        places: set[str] = set()
        for item in items:
            for entry in self._expand(item, about, base, notes):
                key = entry.url or str(entry.path)
                if key in places:
                    continue
                if len(found) >= self._settings.max_datasets:
                    notes.append(f"More than {len(found)} datasets (setting max_datasets): the others are not listed.")
                    break
                if entry.id in found:
                    raise InputError(f"Two datasets have the id {entry.id!r}.", "Give them others.")
                places.add(key)
                found[entry.id] = entry
        if self._file is None and self._items and not is_url(self._items[0].place):
            top = self._about_of(Path(self._items[0].place))
            about = top.about if isinstance(top, CatalogFile) else about
            notes += [str(top)] if isinstance(top, InputError) else []
        self.about, self.notes = about, notes
        return found

    def _expand(self, item: Item, outer: About, base: Path, notes: list[str]) -> Iterator[CatalogEntry]:
        about = item.about.within(outer)
        if item.kind == "url" or (item.kind == "folder" and is_url(item.place)):
            try:
                check_place(split_url(item.place), self._settings)
            except InputError as error:
                yield self._entry(item.place, item.id, about, url=item.place, shown=_shown(item.place), problem=error)
                return
        if item.kind == "url":
            yield self._entry(item.place, item.id, about, url=item.place, shown=_shown(item.place))
        elif item.kind == "path":
            yield self._listed(item, about, base)
        elif is_url(item.place):
            prefix = item.place if item is not self._first else ""
            for thing in self._walk(item.place, lambda: ObjectWalk(item.place, self._settings.max_datasets)):
                place = f"{prefix}{thing.place}"
                yield self._entry(
                    place, "", About("", "", about.settings, about.roles), url=thing.url, shown=thing.place,
                    size=thing.size, version=thing.version,
                )  # fmt: skip
        else:
            yield from self._in_folder(item, about, base, notes)

    @property
    def _first(self) -> Item | None:
        return self._items[0] if self._file is None else None

    def _in_folder(self, item: Item, about: About, base: Path, notes: list[str]) -> Iterator[CatalogEntry]:
        root = (base / item.place).resolve()
        walk = self._walk(str(root), lambda: Walk(root))
        inherited = {root.parent: About("", "", about.settings, about.roles)}
        overlays: dict[Path, list[Item]] = {}
        broken: dict[Path, InputError] = {}
        prefix = "" if item is self._first else f"{item.place.rstrip('/')}/"
        for found in walk:
            folder = found.path.parent
            for outer in reversed([folder, *folder.parents]):
                if outer.is_relative_to(root) and outer not in inherited:
                    self._inherit(outer, inherited, overlays, broken, notes)
            problem = next((broken[f] for f in (folder, *folder.parents) if f in broken), found.problem)
            roles = _HIDDEN if problem is not found.problem else inherited[folder].roles
            around = About("", "", inherited[folder].settings, roles)
            own, said = overlays.get(found.path, []), around
            for overlay in own:
                nearer = overlay.about.within(said)
                said = replace(
                    nearer, title=nearer.title or said.title, description=nearer.description or said.description
                )
            given_id = next((overlay.id for overlay in reversed(own) if overlay.id), "")
            yield self._file_entry(
                found,
                prefix + found.place,
                given_id,
                said,
                root,
                found.place,
                problem,
            )

    def _inherit(
        self,
        folder: Path,
        inherited: dict[Path, About],
        overlays: dict[Path, list[Item]],
        broken: dict[Path, InputError],
        notes: list[str],
    ) -> None:
        """Note what the file in a folder says of the folder and of what is in it."""
        outer = inherited[folder.parent]
        said = self._about_of(folder)
        if isinstance(said, CatalogFile):
            wrong = next(
                (i for i in said.items if i.kind == "url" or not (folder / i.place).is_relative_to(folder)), None
            )
            if wrong is not None or any(".." in Path(i.place).parts for i in said.items):
                said = InputError(
                    f"{str(folder / FILE_NAME)!r} lists what is not in its folder.",
                    "Give the file to `starcyte serve`, which then trusts it.",
                )
        if isinstance(said, InputError):
            # who may see what is in here is not known: nobody does, until it is
            broken[folder] = said
            notes.append(str(said))
            said = None
        own = said.about.within(outer) if said else outer
        inherited[folder] = About("", "", own.settings, own.roles)
        for item in said.items if said else ():
            # the farthest first: what is said nearer to the file counts more
            overlays.setdefault(folder / item.place, []).append(item)

    def _about_of(self, folder: Path) -> CatalogFile | InputError | None:
        path = folder / FILE_NAME
        return self._read(path) if path.is_file() and not path.is_symlink() else None

    def _read(self, path: Path) -> CatalogFile | InputError:
        state = file_state(path)
        if state is None:
            return InputError(f"There is no file {str(path)!r} any more.", "Put it back.")
        known = self._files.get(path)
        if known is None or known[0] != state:
            try:
                said: CatalogFile | InputError = read_catalog_file(path)
            except InputError as error:
                said = error
            known = self._files[path] = (state, said)
        return known[1]

    def _walk(self, key: str, make: Callable[[], Any]) -> Iterator[Any]:
        walk = self._walks.get(key)
        if walk is None:
            walk = self._walks[key] = make()
            if isinstance(walk, Walk):
                self._walked.append(walk)
        return walk()

    def _listed(self, item: Item, about: About, base: Path) -> CatalogEntry:
        """Return the entry of a path that the operator's own file lists."""
        path = base / item.place
        state = file_state(path)
        problem: StarcyteError | None = None
        try:
            check_signature(path)
        except StarcyteError as error:
            problem = type(error)(error.message.replace(str(path), path.name), error.hint)
        return self._file_entry(
            Found(path, item.place, state or FileState(0, 0, 0, 0), problem), item.place, item.id, about, None,
            path.name, problem,
        )  # fmt: skip

    def _file_entry(
        self,
        found: Found,
        place: str,
        given_id: str,
        about: About,
        root: Path | None,
        shown: str,
        problem: StarcyteError | None,
    ) -> CatalogEntry:
        if not about.description:
            beside = found.path.with_suffix(".md")
            about = About(about.title, self._text(beside, root), about.settings, about.roles)
        return self._entry(
            place, given_id, about, path=found.path, root=root, state=found.state, size=found.state.size, shown=shown,
            problem=problem,
        )  # fmt: skip

    def _text(self, path: Path, root: Path | None) -> str:
        """Return the description in a file beside a dataset; empty where there is none."""
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

    def _entry(self, place: str, given_id: str, about: About, shown: str, **more: Any) -> CatalogEntry:
        most = self._settings.max_description
        return CatalogEntry(
            given_id or id_of(place), shown, about.title, about.description[:most], dict(about.settings), about.roles,
            **more,
        )  # fmt: skip


def id_of(place: str) -> str:
    """Return an id that stands in an address as it is: readable, and another for every place.

    Parameters
    ----------
    place
        Where the dataset is: a path or a URL.
    """
    name = PurePosixPath(urlsplit(place).path if is_url(place) else place).name
    plain = unicodedata.normalize("NFKD", re.sub(r"\.h5ad$", "", name, flags=re.I)).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:_LONGEST_SLUG].strip("-")
    digest = hashlib.blake2b(place.encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()
    return f"{slug or 'dataset'}-{digest}"


def _shown(url: str) -> str:
    """Return a URL without what may be a key in it."""
    try:
        parts = split_url(url)
    except InputError:
        return "URL"
    return f"{parts.scheme}://{parts.hostname}{parts.path}"


def _is_hdf5(path: Path) -> bool:
    try:
        check_signature(path)
    except StarcyteError:
        return False
    return True
