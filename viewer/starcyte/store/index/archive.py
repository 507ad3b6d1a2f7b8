"""Export of column indexes into one archive, which ``--index-file`` reads in place next to a copy of the dataset."""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from starcyte.errors import InputError
from starcyte.store.index.column_index import ColumnIndex


def check_archive(path: Path) -> None:
    """Raise if a file is there that is no archive: its name may be a slip.

    Parameters
    ----------
    path
        The archive that is to be written.

    Raises
    ------
    InputError
        If another file would be replaced.
    """
    with suppress(OSError):
        # other programs make an empty file first, for its name
        if path.is_file() and path.stat().st_size and not tarfile.is_tarfile(path):
            raise InputError(
                f"{str(path)!r} exists, and is no archive of indexes.",
                "Choose another name with --output; a prepared store has the ending .zarr or .zarr.zip.",
            )


def write_archive(path: Path, indexes: Sequence[ColumnIndex]) -> None:
    """Write column indexes into a tar archive.

    Parameters
    ----------
    path
        The archive; an existing file is replaced once the new one is complete.
    indexes
        Indexes in cache folders.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    part = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        part = Path(name)
        with open(descriptor, "wb") as stream:  # noqa: PTH123
            # GNU's format has no limit on the size of a member; without owner and time the archive is reproducible
            with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
                for index in indexes:
                    # the metadata comes first, so that a reader finds it without a pass over the entries
                    for path_in_cache in sorted(index.folder.iterdir(), key=lambda p: (p.name != "index.json", p.name)):
                        _add(archive, path_in_cache, f"{index.archive_name}/{path_in_cache.name}")
            stream.flush()
            os.fsync(descriptor)
        part.chmod(0o666 & ~_umask())
        part.replace(path)
    except OSError as error:
        if part is not None:
            with suppress(OSError):
                part.unlink()
        raise InputError(
            f"The index cannot be written to {str(path)!r}: {error.strerror or error}.",
            "Free space, or choose another place with --output.",
        ) from error


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    with path.open("rb") as stream:
        member = tarfile.TarInfo(name)
        member.size = os.fstat(stream.fileno()).st_size
        member.mode = 0o644
        archive.addfile(member, stream)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
