"""``catalog.yml``: titles, descriptions, settings and roles of a catalog, its folders and its datasets.

::

    title: Atlas of the lab             # of the catalog, in the file at its top
    description: |                      # Markdown, of the catalog or the folder
      Cells of all projects since 2019.
    settings: {color_by: cell_type}     # of all datasets below
    roles: {alice: annotate, "*": read} # of all datasets below; none: not even listed
    datasets:
      - path: blood/pbmc.h5ad           # relative to this file
        id: pbmc                        # in its address; derived from the path if omitted
        title: Peripheral blood
        description: Ten thousand cells.
        settings: {embedding: X_tsne}
        roles: {bob: admin}
      - url: https://example.org/cells.h5ad
      - folder: mouse                   # every dataset found in it

A file found in a folder describes that folder and its datasets. The file given to `starcyte serve` is the operator's
own: its paths may lead anywhere, and its entries may be URLs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starcyte.errors import InputError, SettingInvalid, one_line
from starcyte.settings import OF_A_DATASET, check

FILE_NAME = "catalog.yml"
ROLES = ("none", "read", "annotate", "admin")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MOST_BYTES = 1 << 20
_METADATA = ("title", "description", "settings", "roles")


@dataclass(frozen=True)
class Metadata:
    """Title, description, settings and roles of a catalog, a folder or a dataset.

    Parameters
    ----------
    title, description
        Text, and Markdown; empty if not given.
    settings
        Name to value.
    roles
        User, or ``*`` for all others, to role; None: those of the server.
    """

    title: str = ""
    description: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    roles: Mapping[str, str] | None = None

    def inheriting(self, outer: Metadata) -> Metadata:
        """Return this with the settings and roles that it inherits from an enclosing folder or catalog."""
        roles = None if outer.roles is None and self.roles is None else {**(outer.roles or {}), **(self.roles or {})}
        return Metadata(self.title, self.description, {**outer.settings, **self.settings}, roles)

    @property
    def inherited(self) -> Metadata:
        """The part that folders and datasets below inherit."""
        return Metadata("", "", self.settings, self.roles)


@dataclass(frozen=True)
class ConfigEntry:
    """One entry of ``datasets``.

    Parameters
    ----------
    kind
        ``path``, ``url`` or ``folder``.
    place
        The value of that key.
    id
        The id of the dataset; empty if not given.
    metadata
        Its title, description, settings and roles.
    """

    kind: str
    place: str
    id: str
    metadata: Metadata


@dataclass(frozen=True)
class CatalogConfig:
    """The content of a configuration file."""

    metadata: Metadata = Metadata()
    entries: tuple[ConfigEntry, ...] = ()


def read_config(path: Path) -> CatalogConfig:
    """Return the content of a configuration file.

    Raises
    ------
    InputError
        If it cannot be read, is not YAML, or has unknown keys or wrong values.
    """
    import yaml

    from starcyte.catalog.plain_yaml import load_yaml

    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise InputError(f"{str(path)!r} is larger than {_MOST_BYTES:,} bytes.", "List folders instead of files.")
        document = load_yaml(content)
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror}.", "Check its permissions.") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InputError(
            f"{str(path)!r} is not YAML: {one_line(str(error), 200)}", "Quote texts that contain : or #."
        ) from None
    return _config(document, str(path))


def _config(document: Any, where: str) -> CatalogConfig:
    if document is None:
        return CatalogConfig()
    mapping = _mapping(document, where, (*_METADATA, "datasets"))
    listed = mapping.get("datasets")
    if listed is None:
        listed = []
    if not isinstance(listed, list):
        raise _invalid(where, "datasets is not a list", "Begin each entry with a dash.")
    entries = tuple(_entry(entry, f"{where}, dataset {i}") for i, entry in enumerate(listed, 1))
    return CatalogConfig(_metadata(mapping, where), entries)


def _entry(value: Any, where: str) -> ConfigEntry:
    mapping = _mapping(value, where, ("path", "url", "folder", "id", *_METADATA))
    kinds = [kind for kind in ("path", "url", "folder") if kind in mapping]
    if len(kinds) != 1:
        found = " and ".join(kinds) or "neither path nor url"
        raise _invalid(where, f"has {found}", "Give one of path, url and folder.")
    place = _text(mapping, kinds[0], where)
    if not place or "\0" in place:
        raise _invalid(where, f"{kinds[0]} is empty", "Give the location of the dataset.")
    dataset_id = _text(mapping, "id", where)
    if dataset_id and (kinds[0] == "folder" or not _ID.fullmatch(dataset_id)):
        raise _invalid(
            where, f"{dataset_id!r} is not a valid id", "An id of a dataset has up to 64 letters, digits, _ and -."
        )
    return ConfigEntry(kinds[0], place, dataset_id, _metadata(mapping, where))


def _metadata(mapping: Mapping[str, Any], where: str) -> Metadata:
    settings = _mapping(mapping.get("settings") or {}, f"{where}, settings", OF_A_DATASET)
    checked = {}
    for name, value in settings.items():
        if isinstance(value, list) and all(isinstance(part, str | int | float) for part in value):
            given: Any = ",".join(map(str, value))
        else:
            given = value
        if not isinstance(given, str | int | float):
            raise _invalid(where, f"the setting {name} is not a text or number", "Give one value, or a list of them.")
        try:
            checked[name] = check(name, given)
        except SettingInvalid as error:
            raise _invalid(where, error.message.rstrip("."), error.hint) from None
    roles = mapping.get("roles")
    if roles is not None and not isinstance(roles, dict):
        raise _invalid(where, "roles is not a mapping", 'An example is {alice: annotate, "*": read}.')
    for user, role in (roles or {}).items():
        if not isinstance(user, str) or not isinstance(role, str) or role not in ROLES:
            raise _invalid(
                where, f"the role of {_shown(user)} is {_shown(role)}", f"Users are text, roles: {', '.join(ROLES)}."
            )
    title, description = one_line(_text(mapping, "title", where)), _text(mapping, "description", where)
    return Metadata(title, description, checked, roles)


def _mapping(value: Any, where: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _invalid(where, "is not a mapping of names to values", f"Valid names: {', '.join(known)}.")
    for name in value:
        if name not in known:
            raise _invalid(where, f"unknown name {_shown(name)}", f"Valid names: {', '.join(known)}.")
    return value


def _shown(value: Any) -> str:
    """Return a value for a message; of a list or a mapping only what it is."""
    return repr(value)[:200] if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"


def _text(mapping: Mapping[str, Any], name: str, where: str) -> str:
    value = mapping.get(name)
    if value is None:
        return ""
    if not isinstance(value, str | int | float):
        raise _invalid(where, f"{name} is not a text", "Put it in quotes.")
    return str(value)


def _invalid(where: str, problem: str, hint: str) -> InputError:
    return InputError(f"{where}: {problem}.", hint)
