"""A Zarr store in a zip file: entries are read where they lie, and none is unpacked to a path."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import IO, cast

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
# of an entry that is read with the bytes before it, and by how much that may be longer than the list of entries says
_SMALL_BYTES, _MORE_EXTRA = 8 << 20, 64
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


class ByteSource(ABC):
    """The bytes of a file.

    Attributes
    ----------
    name
        Its name, for messages.
    size
        Its size in bytes.
    is_remote
        Whether each read waits for the network.
    """

    name: str
    size: int
    is_remote = False

    @abstractmethod
    def read(self, n: int, position: int) -> bytes:
        """Return the bytes at a position, fewer at the end of the file."""

    def ahead(self, wanted: Sequence[tuple[int, int]]) -> None:  # noqa: B027
        """Begin to read bytes that are needed soon: for each the number, and the position."""

    @abstractmethod
    def fingerprint(self) -> tuple[str, str]:
        """Return the fingerprint and the revision of the file."""

    @abstractmethod
    def close(self) -> None:
        """Close it."""


class LocalBytes(ByteSource):
    """The bytes of a file on the disk.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self.name, self._path = path.name, path
        self._descriptor = os.open(path, os.O_RDONLY)
        self.size = os.fstat(self._descriptor).st_size

    def read(self, n: int, position: int) -> bytes:
        """Return the bytes at a position."""
        return os.pread(self._descriptor, n, position)

    def fingerprint(self) -> tuple[str, str]:
        """Return the fingerprint and the revision of the file."""
        return fingerprint(self._path)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class _Stream(io.RawIOBase):
    """The bytes of a file as the file object that the zipfile module reads the list of entries from."""

    def __init__(self, source: ByteSource) -> None:
        self._source, self._position = source, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._source.size}[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, n: int = -1) -> bytes:
        n = self._source.size - self._position if n < 0 else n
        found = self._source.read(n, self._position) if n > 0 else b""
        self._position += len(found)
        return found


class ZipStore(Store):
    """A zip file with the files of a Zarr store, at its root or in its one folder.

    Parameters
    ----------
    source
        The file; closed with the store, or if it cannot be opened.
    most_bytes
        Bytes to which an entry may be unpacked: the setting ``max_array_bytes``.

    Raises
    ------
    DatasetInvalid
        If it is damaged, or has too many entries.
    """

    def __init__(self, source: ByteSource, most_bytes: int) -> None:
        self._most_bytes, self._source = most_bytes, source
        self.is_remote = source.is_remote
        try:
            found = _directory(source.size, source.read)
            if found is None or found[1] > _MAX_DIRECTORY:
                raise DatasetInvalid(
                    f"{source.name!r} has a damaged list of entries, or one of over {_MAX_DIRECTORY:,} bytes.",
                    "Unpack it and open the folder, or write it with larger chunks or shards.",
                )
            try:
                with zipfile.ZipFile(cast("IO[bytes]", _Stream(source))) as archive:
                    entries = {info.filename: info for info in archive.infolist() if _is_key(info.filename)}
            except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, struct.error) as error:
                raise DatasetInvalid(f"{source.name!r} cannot be opened as zip: {error}.", DAMAGED) from None
        except BaseException:
            source.close()
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
                f"/{key} of {self._source.name!r} is encrypted, or compressed with another method than deflate.",
                "Write the zip file again, without a password and without compression.",
            )
        is_stored = entry.compress_type == zipfile.ZIP_STORED
        if is_stored and entry.compress_size != entry.file_size:
            raise ValueError("the entry has two sizes")
        if not is_stored and max(stop, entry.compress_size) > self._most_bytes:
            raise DatasetInvalid(
                f"/{key} of {self._source.name!r} has {stop:,} bytes that are unpacked at once. The limit is"
                f" {self._most_bytes:,} (max_array_bytes).",
                "Unpack the zip file and open the folder.",
            )
        first, last = (start, stop) if is_stored else (0, entry.compress_size)
        content = self._content(entry, first, max(last, first))
        if is_stored:
            return content
        try:
            # one byte more, as 0 would be no limit
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, stop + 1)[start:stop]
        except zlib.error as error:
            raise ValueError(str(error)) from None

    def _content(self, entry: zipfile.ZipInfo, start: int, stop: int) -> bytes:
        """Return stored bytes of an entry; those of a small one with the bytes before them, by one read."""
        together = self._together(entry)
        head = self._source.read(*(together or (_LOCAL_BYTES, entry.header_offset)))
        if len(head) < _LOCAL_BYTES or not head.startswith(_SIGNATURE):
            raise ValueError("the entry of the zip file is not where its list says")
        before = _LOCAL_BYTES + sum(struct.unpack_from("<HH", head, 26))
        position = entry.header_offset + before
        if position + entry.compress_size > self._source.size:
            raise ValueError("the entry reaches beyond the end of the zip file")
        if before + stop <= len(head):
            return head[before + start : before + stop]
        return self._source.read(stop - start, position + start)

    def _together(self, entry: zipfile.ZipInfo) -> tuple[int, int] | None:
        """Return the number of bytes of a small entry with the bytes before them, and their position."""
        if entry.compress_size > _SMALL_BYTES:
            return None
        # the bytes before them are a little longer than the list says
        n = _LOCAL_BYTES + len(entry.orig_filename.encode()) + len(entry.extra) + _MORE_EXTRA + entry.compress_size
        return n, entry.header_offset

    def ahead(self, wanted: Sequence[tuple[str, int, int | None]]) -> None:
        """Begin to read parts of entries that are needed soon: small ones whole."""
        entries = [self._entries[key] for key, _, _ in wanted if key in self._entries]
        self._source.ahead([self._together(entry) or (_LOCAL_BYTES, entry.header_offset) for entry in entries])

    def entries(self) -> list[str]:
        """Return the keys of all entries."""
        return list(self._entries)

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
        return self._source.fingerprint()

    def close(self) -> None:
        """Close the file."""
        self._source.close()


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
