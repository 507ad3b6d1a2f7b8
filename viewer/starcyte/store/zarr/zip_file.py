"""A Zarr store in a zip file: entries are read where they lie, and none is unpacked to a path."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Hashable
from pathlib import Path

from starcyte.errors import DatasetInvalid
from starcyte.store.fingerprint import fingerprint
from starcyte.store.format import ReadBytes
from starcyte.store.nodes import DAMAGED
from starcyte.store.zarr.container import MOST_MEMBERS, ROOT_NAMES, Store

_SIGNATURE = b"PK\x03\x04"
_END, _END_BYTES = b"PK\x05\x06", 22
_END64, _LOCATOR64 = b"PK\x06\x06", b"PK\x06\x07"
_MAX_COMMENT = 65_535
_LOCAL_BYTES = 30
_ENCRYPTED = 0x1
_LONGEST_NAME, _MOST_FOLDERS = 4096, 64

# of the list of entries; some 200,000 of them
_MAX_DIRECTORY = 16 << 20


def is_zarr_zip(size: int, read: ReadBytes) -> bool:
    """Return whether a file is a zip file with the metadata of Zarr.

    Parameters
    ----------
    size
        The number of bytes of the file, or of as many of its first bytes as are known.
    read
        Reads some bytes at a position.
    """
    if read(len(_SIGNATURE), 0) != _SIGNATURE:
        return False
    found = _directory(size, read)
    if found is None or found[1] > _MAX_DIRECTORY:
        return False
    listed = read(found[1], found[0])
    return any(name.encode() in listed for name in ROOT_NAMES)


def _directory(size: int, read: ReadBytes) -> tuple[int, int] | None:
    """Return the position and the bytes of the list of entries; None if there is none."""
    first = max(size - _END_BYTES - _MAX_COMMENT, 0)
    end = read(size - first, first)
    at = end.rfind(_END)
    if at < 0 or len(end) < at + _END_BYTES:
        return None
    length, position = struct.unpack_from("<II", end, at + 12)
    if at >= 20 and end[at - 20 : at - 16] == _LOCATOR64:
        record = read(56, struct.unpack_from("<Q", end, at - 12)[0] & (2**63 - 1))
        if len(record) == 56 and record.startswith(_END64):
            length, position = struct.unpack_from("<QQ", record, 40)
    return (position, length) if position + length <= size else None


class ZipStore(Store):
    """A zip file with the files of a Zarr store, at its root or in its one folder.

    Parameters
    ----------
    path
        The file.
    most_bytes
        Bytes to which an entry may be unpacked: the setting ``max_array_bytes``.

    Raises
    ------
    DatasetInvalid
        If it is damaged, or has too many entries.
    """

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY)
        try:
            self._size = os.fstat(self._descriptor).st_size
            found = _directory(self._size, lambda n, position: os.pread(self._descriptor, n, position))
            if found is None or found[1] > _MAX_DIRECTORY:
                raise DatasetInvalid(
                    f"{path.name!r} has a damaged list of entries, or one of over {_MAX_DIRECTORY:,} bytes.",
                    "Unpack it and open the folder, or write it with larger chunks or shards.",
                )
            try:
                with os.fdopen(os.dup(self._descriptor), "rb") as file, zipfile.ZipFile(file) as archive:
                    entries = {info.filename: info for info in archive.infolist() if _is_key(info.filename)}
            except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, struct.error) as error:
                raise DatasetInvalid(f"{path.name!r} cannot be opened as zip: {error}.", DAMAGED) from None
        except BaseException:
            os.close(self._descriptor)
            raise
        self._entries = _below_one_folder(entries)
        self._folders: dict[str, dict[str, None]] = {}
        for name in self._entries:
            folder, slash, _ = name.rpartition("/")
            while slash and folder:
                above, slash, last = folder.rpartition("/")
                known = self._folders.setdefault(above, {})
                if last in known:
                    break
                known[last] = None
                folder = above

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes | None:
        """Return the bytes of an entry, or a part of them; a compressed one is unpacked up to there."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        stop = entry.file_size if length is None else min(start + length, entry.file_size)
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise DatasetInvalid(
                f"/{key} of {self._path.name!r} is encrypted, or compressed with another method than deflate.",
                "Write the zip file again, without a password and without compression.",
            )
        local = os.pread(self._descriptor, _LOCAL_BYTES, entry.header_offset)
        if len(local) < _LOCAL_BYTES or not local.startswith(_SIGNATURE):
            raise ValueError("the entry of the zip file is not where its list says")
        position = entry.header_offset + _LOCAL_BYTES + sum(struct.unpack_from("<HH", local, 26))
        if position + entry.compress_size > self._size:
            raise ValueError("the entry reaches beyond the end of the zip file")
        if entry.compress_type == zipfile.ZIP_STORED:
            if entry.compress_size != entry.file_size:
                raise ValueError("the entry has two sizes")
            return os.pread(self._descriptor, max(stop - start, 0), position + start)
        if max(stop, entry.compress_size) > self._most_bytes:
            raise DatasetInvalid(
                f"/{key} of {self._path.name!r} has {stop:,} bytes that are unpacked at once. The limit is"
                f" {self._most_bytes:,} (max_array_bytes).",
                "Unpack the zip file and open the folder.",
            )
        packed = os.pread(self._descriptor, entry.compress_size, position)
        try:
            # one byte more, as 0 would be no limit
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, stop + 1)[start:stop]
        except zlib.error as error:
            raise ValueError(str(error)) from None

    def size(self, key: str) -> int | None:
        """Return the bytes of an entry."""
        entry = self._entries.get(key)
        return None if entry is None else entry.file_size

    def folders(self, key: str) -> list[str]:
        """Return the names of the folders in a folder."""
        found = sorted(self._folders.get(key, ()))
        if len(found) > MOST_MEMBERS:
            raise DatasetInvalid(f"/{key} has over {MOST_MEMBERS:,} members.", "Write the store again.")
        return found

    def stored_bytes(self, key: str) -> int:
        """Return the bytes of all entries below a folder."""
        prefix = f"{key}/" if key else ""
        return sum(info.compress_size for name, info in self._entries.items() if name.startswith(prefix))

    def state(self, key: str) -> Hashable:
        """Return whether there is an entry: the file stays open."""
        return key in self._entries or None

    def fingerprint(self) -> tuple[str, str]:
        """Return the fingerprint and the revision of the zip file."""
        return fingerprint(self._path)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _is_key(name: str) -> bool:
    """Return whether the name of an entry can be the key of a file; nothing asks for others."""
    return not name.endswith("/") and len(name) < _LONGEST_NAME and name.count("/") < _MOST_FOLDERS


def _below_one_folder(entries: dict[str, zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Return entries by their path in the store: without the folder that was packed, if there is one."""
    if any(name in entries for name in ROOT_NAMES):
        return entries
    tops = {name.partition("/")[0] for name in entries}
    roots = [top for top in sorted(tops) if any(f"{top}/{name}" in entries for name in ROOT_NAMES)]
    if len(roots) != 1:
        return entries
    prefix = f"{roots[0]}/"
    return {name[len(prefix) :]: info for name, info in entries.items() if name.startswith(prefix)}
