"""Libraries of gene sets: GMT files of the operator, read when they are first asked for, or of a user."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from starcyte.compute.enrichment.library import Library
from starcyte.curation.files.read_tables import read_gene_sets
from starcyte.errors import BadRequest, NotFound, SettingInvalid, StarcyteError
from starcyte.settings import Settings

# libraries in memory: 10,000 sets of 100 genes take some 10 MB
_MOST_OPEN = 4
_SUFFIX = ".gmt"


def library_files(settings: Settings) -> tuple[dict[str, Path], list[str]]:
    """Return the files of the setting ``gene_set_files`` by the names of their libraries, and what cannot be read."""
    found: dict[str, Path] = {}
    problems: list[str] = []
    for given in settings.gene_set_files:
        path = Path(given)
        try:
            is_folder = path.is_dir()
            files = sorted(p for p in path.iterdir() if p.suffix.lower() == _SUFFIX) if is_folder else [path]
            for file in files:
                file.stat()
        except OSError as error:
            problems.append(f"The gene sets {path.name!r} cannot be read: {error.strerror} (gene_set_files).")
            continue
        for file in files:
            name, number = file.stem, 1
            while name in found:
                number += 1
                name = f"{file.stem} {number}"
            found[name] = file
    return found, problems


def file_state(name: str, settings: Settings) -> str:
    """Return a text that changes with the file of a library; raise NotFound if there is none of this name."""
    state = _path(name, settings).stat()
    return f"{name} {state.st_mtime_ns} {state.st_size}"


def library_of_file(name: str, settings: Settings) -> Library:
    """Return a library of the operator.

    Raises
    ------
    NotFound
        If there is none of this name.
    SettingInvalid
        If its file is not a table of gene sets.
    """
    path = _path(name, settings)
    try:
        state = path.stat()
        return _read(name, path, state.st_mtime_ns, state.st_size, settings)
    except OSError as error:
        reason = error.strerror or str(error)
    except StarcyteError as error:
        reason = error.message
    raise SettingInvalid(f"The gene sets {path.name!r} cannot be read: {reason}", "Ask the operator of this server.")


def library_of_text(name: str, text: str, settings: Settings) -> Library:
    """Return the library of a user's file: GMT, or another table of gene sets.

    Raises
    ------
    BadRequest
        If it has no gene sets.
    LimitExceeded
        If it has too many, or too many genes.
    """
    limits = {"max_gene_sets": settings.max_library_sets, "max_import_genes": settings.max_library_genes}
    sets = read_gene_sets(text.encode(errors="replace"), name, settings.with_values(limits))
    if not sets:
        raise BadRequest(f"{name!r} has no gene sets.", "Use GMT: a line for each set, with a name and genes.")
    return Library.of(name, ((s.name, s.description, s.genes) for s in sets))


def _path(name: str, settings: Settings) -> Path:
    path = library_files(settings)[0].get(name)
    if path is None:
        raise NotFound(f"There is no library of gene sets {name!r}.", "GET enrichment lists them.")
    return path


@lru_cache(_MOST_OPEN)
def _read(name: str, path: Path, _mtime: int, size: int, settings: Settings) -> Library:
    if size > settings.max_import_bytes:
        raise BadRequest(f"it has more than {settings.max_import_bytes >> 20} MB (max_import_bytes).", "")
    return library_of_text(name, path.read_text(encoding="utf-8-sig", errors="replace"), settings)
