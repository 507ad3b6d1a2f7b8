"""Writing column indexes into an archive, which the viewer takes as it is, wherever the dataset goes."""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from starcyte.errors import InputError
from starcyte.store.index.column_index import ColumnIndex


def write_archive(path: Path, indexes: Sequence[ColumnIndex]) -> None:
    """Write indexes that are whole into one archive.

    Parameters
    ----------
    path
        The archive; one that is there is replaced once the new one is whole.
    indexes
        Indexes in folders.

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
            # GNU's format holds files of any length; nothing in it depends on who wrote it, or when
            with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
                for index in indexes:
                    # what is said of the index is found first
                    for source in sorted(index.folder.iterdir(), key=lambda p: (p.name != "index.json", p.name)):
                        _add(archive, source, f"{index.archive_name}/{source.name}")
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


def _add(archive: tarfile.TarFile, source: Path, name: str) -> None:
    with source.open("rb") as stream:
        member = tarfile.TarInfo(name)
        member.size = os.fstat(stream.fileno()).st_size
        member.mode = 0o644
        archive.addfile(member, stream)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
