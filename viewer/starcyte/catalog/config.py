"""``catalogue.yml``: what a catalogue, a folder of it, or one dataset is called, shows and allows.

::

    title: Atlas of the lab             # of the catalogue, in the file at its top
    description: |                      # Markdown, of the catalogue or the folder
      What there is.
    settings: {color_by: cell_type}     # of all datasets below
    roles: {alice: annotate, "*": read} # of all datasets below; none: not even seen
    datasets:
      - path: blood/pbmc.h5ad           # beside this file, or below
        id: pbmc                        # in its address; found from the path where it is left out
        title: Peripheral blood
        description: Ten thousand cells.
        settings: {embedding: X_tsne}
        roles: {bob: admin}
      - url: https://example.org/cells.h5ad
      - folder: mouse                   # every dataset that is found in it

A file that is found in a folder describes what is in that folder. The one that `starcyte serve` is given is the
operator's own: its paths may lead anywhere, and its entries may be URLs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starcyte.errors import InputError, SettingInvalid, one_line
from starcyte.settings import OF_A_DATASET, check

FILE_NAME = "catalogue.yml"
ROLES = ("none", "read", "annotate", "admin")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MOST_BYTES = 4 << 20
_ABOUT = ("title", "description", "settings", "roles")


@dataclass(frozen=True)
class About:
    """What is said of a catalogue, a folder or a dataset.

    Parameters
    ----------
    title, description
        Text, and Markdown; empty: nothing is said.
    settings
        Name to value.
    roles
        User, or ``*`` for all others, to role; None: those of the server.
    """

    title: str = ""
    description: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    roles: Mapping[str, str] | None = None

    def within(self, outer: About) -> About:
        """Return this with what it inherits from what is around it: settings and roles."""
        roles = None if outer.roles is None and self.roles is None else {**(outer.roles or {}), **(self.roles or {})}
        return About(self.title, self.description, {**outer.settings, **self.settings}, roles)


@dataclass(frozen=True)
class Item:
    """One entry of ``datasets``.

    Parameters
    ----------
    kind
        ``path``, ``url`` or ``folder``.
    place
        What follows it.
    id
        The id that is asked for; empty: none is.
    about
        What is said of it.
    """

    kind: str
    place: str
    id: str
    about: About


@dataclass(frozen=True)
class CatalogFile:
    """What a file says."""

    about: About = About()
    items: tuple[Item, ...] = ()


def read_catalog_file(path: Path) -> CatalogFile:
    """Read a file.

    Raises
    ------
    InputError
        If it cannot be read, is not YAML, or says something that is not understood.
    """
    import yaml

    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise InputError(f"{str(path)!r} has more than {_MOST_BYTES:,} bytes.", "Name folders in place of files.")
        said = yaml.safe_load(content)
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror}.", "Check its permissions.") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InputError(
            f"{str(path)!r} is not YAML: {one_line(str(error), 200)}", "Quote texts that hold : or #."
        ) from None
    return _catalog(said, str(path))


def _catalog(said: Any, where: str) -> CatalogFile:
    if said is None:
        return CatalogFile()
    mapping = _mapping(said, where, (*_ABOUT, "datasets"))
    listed = mapping.get("datasets")
    if listed is None:
        listed = []
    if not isinstance(listed, list):
        raise _wrong(where, "datasets is no list", "Begin each entry with a dash.")
    items = tuple(_item(entry, f"{where}, dataset {i}") for i, entry in enumerate(listed, 1))
    return CatalogFile(_about(mapping, where), items)


def _item(said: Any, where: str) -> Item:
    mapping = _mapping(said, where, ("path", "url", "folder", "id", *_ABOUT))
    kinds = [kind for kind in ("path", "url", "folder") if kind in mapping]
    if len(kinds) != 1:
        raise _wrong(where, f"has {' and '.join(kinds) or 'neither path nor url'}", "Give one of path, url and folder.")
    place = _text(mapping, kinds[0], where)
    if not place or "\0" in place:
        raise _wrong(where, f"{kinds[0]} is empty", "Say where the dataset is.")
    given = _text(mapping, "id", where)
    if given and (kinds[0] == "folder" or not _ID.fullmatch(given)):
        raise _wrong(where, f"{given!r} is no id", "An id of a dataset has up to 64 letters, digits, _ and -.")
    return Item(kinds[0], place, given, _about(mapping, where))


def _about(mapping: Mapping[str, Any], where: str) -> About:
    settings = _mapping(mapping.get("settings") or {}, f"{where}, settings", OF_A_DATASET)
    checked = {}
    for name, value in settings.items():
        given = ",".join(map(str, value)) if isinstance(value, list) else value
        if not isinstance(given, str | int | float):
            raise _wrong(where, f"the setting {name} is no text or number", "Give one value, or a list of them.")
        try:
            checked[name] = check(name, given)
        except SettingInvalid as error:
            raise _wrong(where, error.message.rstrip("."), error.hint) from None
    roles = mapping.get("roles")
    if roles is not None and not isinstance(roles, dict):
        raise _wrong(where, "roles is no mapping", 'Say such as {alice: annotate, "*": read}.')
    for user, role in (roles or {}).items():
        if not isinstance(user, str) or role not in ROLES:
            raise _wrong(where, f"the role of {user!r} is {role!r}", f"Users are text, roles: {', '.join(ROLES)}.")
    title, description = one_line(_text(mapping, "title", where)), _text(mapping, "description", where)
    return About(title, description, checked, roles)


def _mapping(said: Any, where: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise _wrong(where, "is no mapping of names to values", f"Names are {', '.join(known)}.")
    for name in said:
        if name not in known:
            raise _wrong(where, f"{name!r} is not known", f"Known are {', '.join(known)}.")
    return said


def _text(mapping: Mapping[str, Any], name: str, where: str) -> str:
    value = mapping.get(name)
    if value is None:
        return ""
    if not isinstance(value, str | int | float):
        raise _wrong(where, f"{name} is no text", "Put it in quotes.")
    return str(value)


def _wrong(where: str, what: str, hint: str) -> InputError:
    return InputError(f"{where}: {what}.", hint)
