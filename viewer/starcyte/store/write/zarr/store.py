"""A Zarr store that is being written, in a folder: a write that was cut short goes on where it stopped."""

from __future__ import annotations

import itertools
import json
import math
import os
import shutil
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from starcyte.store.dataset import Tick, no_tick
from starcyte.store.write.zarr.array import NewArray

DICT = {"encoding-type": "dict", "encoding-version": "0.1.0"}
"""The attributes of a group of named elements, in the encoding of anndata."""

_METADATA = "zarr.json"
_NOT_STORED = 2**64 - 1
_PART = ".part"


class ZarrWriter:
    """A folder of Zarr version 3 with consolidated metadata.

    A file is written beside its place, synced, and renamed: one that has its name is complete. The metadata of the root
    are written last, so that a store that opens is complete as well.

    Parameters
    ----------
    folder
        The folder, which may have files of an earlier attempt.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._metadata: dict[str, dict[str, Any]] = {}

    def group(self, path: str, attributes: Mapping[str, Any]) -> None:
        """Write the metadata of a group; those of the root, path ``""``, by ``finish``."""
        self._add(path, {"zarr_format": 3, "node_type": "group", "attributes": dict(attributes)})

    def array(self, path: str, array: NewArray) -> None:
        """Write the metadata of an array."""
        self._add(path, array.metadata())

    def _add(self, path: str, metadata: dict[str, Any]) -> None:
        above = path.rpartition("/")[0]
        if above and above not in self._metadata:
            self.group(above, DICT)
        if above and self._metadata[above]["node_type"] != "group":
            raise ValueError(f"{above} is an array, which has no members")
        self._metadata[path] = metadata
        if path:
            self._replace(f"{path}/{_METADATA}", json.dumps(metadata, indent=1).encode())

    def knows(self, path: str) -> bool:
        """Return whether there is an element of this path."""
        return path in self._metadata

    def adopt(self, path: str) -> None:
        """Take over the metadata of an element, if it was written by an earlier attempt."""
        for found in sorted((self.folder / path).rglob(_METADATA)):
            self._metadata[found.parent.relative_to(self.folder).as_posix()] = json.loads(found.read_bytes())

    def discard(self, path: str) -> None:
        """Forget the metadata of an element that is left out after all, and remove its files."""
        for known in [name for name in self._metadata if name == path or name.startswith(f"{path}/")]:
            del self._metadata[known]
        shutil.rmtree(self.folder / path, ignore_errors=True)

    def finish(self) -> None:
        """Write the metadata of the root, with a copy of all others."""
        root = self._metadata.pop("")
        known = {path: self._metadata[path] for path in sorted(self._metadata)}
        root["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": known}
        self._replace(_METADATA, json.dumps(root, indent=1).encode())

    def _replace(self, key: str, content: bytes) -> None:
        with self._new_file(key) as stream:
            stream.write(content)

    @contextmanager
    def _new_file(self, key: str) -> Iterator[IO[bytes]]:
        target = self.folder / key
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + _PART)
        try:
            with part.open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(target)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise

    def has(self, path: str, place: tuple[int, ...]) -> bool:
        """Return whether a file of an array is written."""
        return (self.folder / _key(path, place)).is_file()

    def lengths(self, path: str) -> NDArray[np.int32]:
        """Return the packed bytes of each chunk of a one-dimensional array in shards, from their indexes."""
        metadata = self._metadata[path]
        (n,) = metadata["shape"]
        (chunk,) = metadata["codecs"][0]["configuration"]["chunk_shape"]
        (shard,) = metadata["chunk_grid"]["configuration"]["chunk_shape"]
        parts = [np.empty(0, np.int32)]
        for number in range(-(-n // shard)):
            with (self.folder / _key(path, (number,))).open("rb") as stream:
                stream.seek(-(shard // chunk * 16 + 4), os.SEEK_END)
                index = np.fromfile(stream, "<u8", shard // chunk * 2).reshape(-1, 2)
            parts.append(index[: -(-min(n - number * shard, shard) // chunk), 1].astype(np.int32))
        return np.concatenate(parts)

    @contextmanager
    def file(self, path: str, array: NewArray, place: tuple[int, ...]) -> Iterator[ChunkFile]:
        """Write a file of an array, chunk by chunk; it is there once the block has ended.

        Parameters
        ----------
        path
            The array.
        array
            Its layout.
        place
            The position of the file in the array's grid.
        """
        with self._new_file(_key(path, place)) as stream:
            made = ChunkFile(stream, array)
            yield made
            made.finish()

    def write(
        self, path: str, array: NewArray, read: Callable[[tuple[slice, ...]], NDArray[Any]], tick: Tick = no_tick
    ) -> None:
        """Write an array with its metadata.

        Parameters
        ----------
        path
            The array.
        array
            Its layout.
        read
            Returns a part of its values; called once for each file.
        tick
            Called between files with the fraction done; raises to stop.
        """
        self.array(path, array)
        n_files = math.prod(array.grid)
        for number, place in enumerate(itertools.product(*map(range, array.grid))):
            tick(number / n_files)
            if self.has(path, place):
                continue
            first = [at * n for at, n in zip(place, array.files, strict=True)]
            lengths = [min(n, whole - at) for n, whole, at in zip(array.files, array.shape, first, strict=True)]
            region = tuple(slice(at, at + n) for at, n in zip(first, lengths, strict=True))
            values = np.asarray(read(region), array.dtype)
            with self.file(path, array, place) as made:
                for chunk in itertools.product(*map(range, array.per_file)):
                    at = [c * n for c, n in zip(chunk, array.chunks, strict=True)]
                    # the dots keep an array without axes an array
                    within: Any = (*(slice(a, a + n) for a, n in zip(at, array.chunks, strict=True)), ...)
                    part = values[within]
                    if all(part.shape):
                        made.add(chunk, part)


class ChunkFile:
    """A file of an array: a chunk, or a shard of several chunks with their index at its end.

    Parameters
    ----------
    stream
        The file.
    array
        The layout of the array.
    """

    def __init__(self, stream: IO[bytes], array: NewArray) -> None:
        self._stream, self._array, self._end = stream, array, 0
        self._index = np.full((*array.per_file, 2), _NOT_STORED, "<u8")

    def add(self, chunk: tuple[int, ...], values: NDArray[Any]) -> None:
        """Write a chunk.

        Parameters
        ----------
        chunk
            Its position in the file.
        values
            Its values, fewer at the end of an axis.
        """
        packed = self._array.encode(values)
        self._index[chunk] = self._end, len(packed)
        self._stream.write(packed)
        self._end += len(packed)

    def finish(self) -> None:
        """Write the index, if the file is a shard."""
        if self._array.shards is None:
            return
        import google_crc32c

        raw = self._index.tobytes()
        self._stream.write(raw + struct.pack("<I", google_crc32c.value(raw)))


class Run:
    """Writes the values of a file of a one-dimensional array in runs of any length.

    Parameters
    ----------
    made
        The file.
    length
        The values of a chunk.
    """

    def __init__(self, made: ChunkFile, length: int) -> None:
        self._made, self._length, self._number = made, length, 0
        self._kept: list[NDArray[Any]] = []
        self._n_kept = 0

    def add(self, values: NDArray[Any]) -> None:
        """Add the values that follow."""
        self._kept.append(values)
        self._n_kept += values.size
        if self._n_kept >= self._length:
            self._write(self._n_kept // self._length * self._length)

    def _write(self, n: int) -> None:
        values = self._kept[0] if len(self._kept) == 1 else np.concatenate(self._kept)
        for start in range(0, n, self._length):
            self._made.add((self._number,), values[start : min(start + self._length, n)])
            self._number += 1
        self._kept, self._n_kept = [values[n:]], self._n_kept - n

    def finish(self) -> None:
        """Write the values that are left."""
        if self._n_kept:
            self._write(self._n_kept)


def _key(path: str, place: tuple[int, ...]) -> str:
    return "/".join([path, "c", *map(str, place)])
