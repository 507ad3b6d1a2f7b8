"""An array of Zarr, of which chunks are read as they are needed, those that lie side by side at once."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid, StarcyteError
from starcyte.store.nodes import Array, Selection, Vector, reading
from starcyte.store.zarr.attributes import Attributes
from starcyte.store.zarr.axis import MOST_CHUNKS, Axis, Choice, place_of
from starcyte.store.zarr.container import Store, join
from starcyte.store.zarr.layout import Layout, Shards, unpacked
from starcyte.store.zarr.shard_index import INDEX_ENTRY, Run, index_of, runs_of
from starcyte.store.zarr.vector import ZarrVector

# of the chunk, and of the indexes of shards, that an array remembers
_REMEMBERED_BYTES = 1 << 20
_REMEMBERED_INDEXES = 8
_INDEXES_BYTES = 8 << 20
# of chunks of a shard that are read at once, and of the gaps between them that are read as well
_AT_ONCE_BYTES = 32 << 20
_GAP_BYTES = 16 << 10

# the same of a store in the network, where a request takes as long as half a megabyte; and reads begun at once
_REMOTE_AT_ONCE = 8 << 20
_REMOTE_GAP = 256 << 10
_AHEAD_BYTES = 32 << 20
_MOST_AHEAD = 64
_MOST_AHEAD_RUNS = 6
# runs from which the scale of a matrix is found, each a request
_REMOTE_SAMPLES = 4
# files from which the bytes of all are estimated
_SIZED = 4


_Packed: TypeAlias = "bytes | NDArray[Any] | None"
"""The bytes of a chunk; its values, if they are remembered; None if it is not stored."""


class ZarrArray(Array):
    """An array of a Zarr store."""

    def __init__(
        self,
        store: Store,
        key: str,
        layout: Layout,
        attributes: Any,
        metadata_key: str,
        most_bytes: int = sys.maxsize,
    ) -> None:
        super().__init__(f"/{key}", layout.shape, layout.dtype)
        self._store, self._key, self._layout, self._metadata_key = store, key, layout, metadata_key
        self._state = store.state(metadata_key)
        self._attributes = Attributes(attributes)
        self.most_bytes = most_bytes
        self._last: tuple[tuple[int, ...], NDArray[Any]] | None = None
        self._read_bytes: Callable[[], NDArray[Any]] | None = None
        self._indexes: dict[tuple[int, ...], NDArray[np.uint64] | None] = {}

    def attribute(self, *names: str) -> Any:
        """Return the first of these attributes that exists."""
        return self._attributes.first(*names)

    def learn_chunk_bytes(self, read: Callable[[], NDArray[Any]]) -> None:
        """Take the places of chunks in shards from a list of their bytes, in place of an index for each shard."""
        self._read_bytes = read

    @cached_property
    def _ends(self) -> NDArray[np.int64] | None:
        """The position of the end of each chunk, as if all shards were one; None if that is not known."""
        if self._read_bytes is None or self.ndim != 1:
            return None
        try:
            packed = self._read_bytes()
        except StarcyteError:
            return None
        n = -(-self.shape[0] // self._layout.chunks[0])
        if packed.shape != (n,) or packed.dtype.kind not in "iu" or (n and packed.min() < 0):
            return None
        ends: NDArray[np.int64] = np.cumsum(packed, dtype=np.int64)
        return ends

    @property
    def stored_bytes(self) -> int | None:
        """The bytes of its chunks in the store, compressed.

        Of a store in the network an estimate, too low rather than too high: some files are looked at.
        """
        with reading(self.name):
            known = self._store.stored_bytes(self._key)
            if known is not None:
                return known
            return self._n_files * min((self._store.stored_size(key) for key in self.files(_SIZED)), default=0)

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """The shape of the chunks that are unpacked as a whole: within a shard those of the shard."""
        return self._layout.chunks

    def is_text(self, field: str | None = None) -> bool:
        """Return whether the values are text."""
        return (self.dtype if field is None else self.dtype[field]).kind in "SUO"

    def _read(self, selection: Selection, field: str | None) -> NDArray[Any]:
        axes = self._axes(selection)
        dtype = self.dtype if field is None else self.dtype[field]
        out = np.empty([axis.length for axis in axes], dtype)
        self._fill_all(out, axes, field)
        return out[tuple(0 if axis.is_single else slice(None) for axis in axes)]

    def read_run(self, start: int, stop: int, out: NDArray[Any]) -> None:
        """Read a run of an array of one axis into an array of its length."""
        selection = slice(start, stop)
        self._check_selection(selection, None, self.name)
        with reading(self.name):
            (axis,) = self._axes(selection)
            self._fill_all(out, [axis], None)

    def _fill_all(self, out: NDArray[Any], axes: Sequence[Axis], field: str | None) -> None:
        try:
            self._fill(out, itertools.product(*(axis.touched for axis in axes)), field)
        except (ValueError, RuntimeError):
            if self.__dict__.get("_ends") is None:
                raise
            # the list of chunks may be wrong, where the indexes of the shards are right
            self.__dict__["_ends"] = None
            self._fill(out, itertools.product(*(axis.touched for axis in axes)), field)

    def _fill(self, out: NDArray[Any], choices: Iterator[Choice], field: str | None) -> None:
        """Write the parts of chunks to their places in the result."""
        layout = self._layout
        is_run = self.ndim == 1 and field is None
        for choice, packed in self._packed_of(choices):
            into = tuple(target for _, target, _ in choice)
            if packed is None:
                out[into] = layout.fill if field is None else layout.fill[field]
                continue
            if isinstance(packed, np.ndarray):
                chunk = packed
            elif is_run and _is_whole(choice[0][2], layout.chunks[0]) and layout.coding.decode_into(packed, out[into]):
                continue
            else:
                chunk = self._decoded(place_of(choice), packed)
            values = chunk[tuple(source for _, _, source in choice)]
            out[into] = values if field is None else values[field]

    def vector(self) -> Vector:
        """Return an array of one axis for repeated reads of runs."""
        return ZarrVector(self, self.read_run)

    def _axes(self, selection: Selection) -> list[Axis]:
        given = selection if isinstance(selection, tuple) else (selection,)
        if len(given) > self.ndim:
            raise IndexError(f"{len(given)} indices for {self.ndim} axes")
        parts = [*given, *[slice(None)] * (self.ndim - len(given))]
        chunks = self._layout.chunks
        axes = [Axis(part, size, chunk) for part, size, chunk in zip(parts, self.shape, chunks, strict=True)]
        n_chunks = math.prod(len(axis.touched) for axis in axes)
        if n_chunks > MOST_CHUNKS:
            raise ValueError(f"{n_chunks:,} chunks are read at once, over {MOST_CHUNKS:,}")
        return axes

    def ahead(self, selection: Selection = ()) -> None:
        """Begin to read a part that is needed soon, as far as that is little: of a store in the network."""
        if not self._store.is_remote:
            return
        with suppress(IndexError, ValueError):
            places = itertools.product(*([n for n, _, _ in axis.touched] for axis in self._axes(selection)))
            first = list(itertools.islice(places, self._most_ahead))
            shards = self._layout.shards
            if shards is None:
                self._ahead_of(first)
                return
            for shard, within in itertools.groupby(first, lambda place: self._shard_of(place, shards)):
                if not self._knows(shard):
                    self._ahead_of_indexes([shard], shards)
                    continue
                index = self._index(shard, shards)
                if index is not None:
                    self._ahead_of_runs(shard, self._runs(index, shards, list(within)))

    def ahead_of_runs(self, starts: Sequence[int], length: int) -> None:
        """Begin to read runs along the first axis: first where they lie in the shards, all at once."""
        if not self._store.is_remote:
            return
        selections = [slice(start, min(start + length, self.shape[0])) for start in starts]
        for selection in selections:
            self.ahead(selection)
        shards = self._layout.shards
        if shards is not None:
            with reading(self.name):
                for start in starts:
                    place = (start // self._layout.chunks[0], *[0] * (self.ndim - 1))
                    self._index(self._shard_of(place, shards), shards)
            for selection in selections:
                self.ahead(selection)

    @property
    def _most_ahead(self) -> int:
        """The number of chunks that are read at once, so that they fit into memory."""
        return min(max(_AHEAD_BYTES // max(self._chunk_bytes, 1), 1), _MOST_AHEAD)

    def _knows(self, shard: tuple[int, ...]) -> bool:
        """Return whether the index of a shard need not be read."""
        return shard in self._indexes or self.__dict__.get("_ends") is not None

    def _ahead_of(self, places: Sequence[tuple[int, ...]]) -> None:
        self._store.ahead([(self._file_key(place), 0, None) for place in places])

    def _ahead_of_indexes(self, shards: Sequence[tuple[int, ...]], layout: Shards) -> None:
        length = self._index_bytes(layout)
        start = 0 if layout.index_first else -1
        self._store.ahead([(self._file_key(shard), start, length) for shard in shards if not self._knows(shard)])

    def _ahead_of_runs(self, shard: tuple[int, ...], runs: Sequence[Run]) -> None:
        key = self._file_key(shard)
        self._store.ahead([(key, run.offset, run.length) for run in runs if run.length])

    def _packed_of(self, choices: Iterator[Choice]) -> Iterator[tuple[Choice, _Packed]]:
        """Yield parts of chunks, each with its chunk."""
        shards = self._layout.shards
        if shards is None:
            for few in self._few(choices):
                for choice in few:
                    place = place_of(choice)
                    known = self._remembered(place)
                    yield choice, self._file(place) if known is None else known
            return
        grouped = itertools.groupby(choices, lambda choice: self._shard_of(place_of(choice), shards))
        groups: Iterator[tuple[tuple[int, ...], list[Choice]]] = ((shard, list(within)) for shard, within in grouped)
        if self._store.is_remote:
            listed = list(groups)
            self._ahead_of_indexes([shard for shard, _ in listed] if len(listed) > 1 else [], shards)
            groups = iter(listed)
        for shard, within in groups:
            yield from self._packed_of_shard(shard, shards, within)

    def _few(self, choices: Iterator[Choice]) -> Iterator[list[Choice]]:
        """Yield all choices; of a store in the network, those that are read at once are begun at once."""
        if not self._store.is_remote:
            yield from ([choice] for choice in choices)
            return
        few = list(itertools.islice(choices, self._most_ahead))
        self._ahead_of([place_of(choice) for choice in few] if len(few) > 1 else [])
        while few:
            half = max(len(few) // 2, 1)
            yield few[:half]
            following = list(itertools.islice(choices, half))
            self._ahead_of([place_of(choice) for choice in following])
            few = few[half:] + following

    def _shard_of(self, place: tuple[int, ...], shards: Shards) -> tuple[int, ...]:
        return tuple(
            n // (whole // part) for n, whole, part in zip(place, shards.shape, self._layout.chunks, strict=True)
        )

    def _packed_of_shard(
        self, shard: tuple[int, ...], shards: Shards, choices: list[Choice]
    ) -> Iterator[tuple[Choice, _Packed]]:
        """Yield parts of the chunks of one shard; chunks that lie side by side are read at once."""
        if len(choices) == 1 and (known := self._remembered(place_of(choices[0]))) is not None:
            yield choices[0], known
            return
        index = self._index(shard, shards)
        places = [place_of(choice) for choice in choices]
        if index is None:
            yield from ((choice, None) for choice in choices)
            return
        runs = self._runs(index, shards, places)
        if self._store.is_remote and len(runs) > 1:
            self._ahead_of_runs(shard, runs[:_MOST_AHEAD_RUNS])
        for i, run in enumerate(runs):
            if not run.length:
                yield choices[run.first], None
                continue
            packed = self._file(shard, run.offset, run.length)
            if packed is None or len(packed) != run.length:
                raise ValueError(f"shard {self._layout.key(shard)} is truncated")
            if self._store.is_remote:
                self._ahead_of_runs(shard, runs[i + _MOST_AHEAD_RUNS : i + _MOST_AHEAD_RUNS + 1])
            for n, (offset, length) in enumerate(run.ranges, run.first):
                start = offset - run.offset
                yield choices[n], packed[start : start + length]

    def _runs(self, index: NDArray[np.uint64], shards: Shards, places: list[tuple[int, ...]]) -> list[Run]:
        """Return the runs of chunks of one shard that are read at once; one without bytes for each not stored."""
        per_shard = [whole // part for whole, part in zip(shards.shape, self._layout.chunks, strict=True)]
        numbers = np.ravel_multi_index(tuple(np.array(places).T % np.array(per_shard)[:, None]), per_shard)
        gap, at_once = (_REMOTE_GAP, _REMOTE_AT_ONCE) if self._store.is_remote else (_GAP_BYTES, _AT_ONCE_BYTES)
        runs = runs_of(index[numbers].tolist(), gap, at_once)
        for run in runs:
            for _, length in run.ranges:
                self._check_packed(length)
        return runs

    @property
    def _counts(self) -> list[int]:
        """The number of files along each axis."""
        whole = self._layout.shards.shape if self._layout.shards else self._layout.chunks
        return [-(-size // part) for size, part in zip(self.shape, whole, strict=True)]

    @property
    def _n_files(self) -> int:
        return math.prod(self._counts)

    def files(self, n: int) -> list[str]:
        """Return the keys of up to n of the files that its chunks are in, spread evenly."""
        total, keys = self._n_files, []
        for at in sorted({(total - 1) * i // max(n - 1, 1) for i in range(n)}) if total else []:
            place: list[int] = []
            for count in reversed(self._counts):
                at, number = divmod(at, count)
                place.insert(0, number)
            keys.append(self._file_key(tuple(place)))
        return keys

    def warm(self) -> None:
        """Read where chunks lie in the shards, so that a part is read at once: of a store in the network."""
        shards = self._layout.shards
        if shards is None or not self._store.is_remote or self._ends is not None:
            return
        if self._n_files * self._index_bytes(shards) > _INDEXES_BYTES:
            return
        places = iter(itertools.product(*(range(count) for count in self._counts)))
        # few at once: the page asks for the cells at the same time
        while few := list(itertools.islice(places, _MOST_AHEAD // 8)):
            self._ahead_of_indexes(few, shards)
            for place in few:
                self._index(place, shards)

    def few_chunks(self) -> list[tuple[slice, ...]]:
        """Return a few chunks that stand for all, each at another place of each axis: of a store in the network."""
        if not self._store.is_remote or not self.size:
            return []
        counts = [-(-size // chunk) for size, chunk in zip(self.shape, self._layout.chunks, strict=True)]
        n = min(_REMOTE_SAMPLES, max(counts))
        places = {tuple((count - 1) * i // max(n - 1, 1) for count in counts) for i in range(n)}
        return [
            tuple(slice(at * chunk, (at + 1) * chunk) for at, chunk in zip(place, self._layout.chunks, strict=True))
            for place in sorted(places)
        ]

    def spread(self, length: int, n: int) -> list[int]:
        """Return the starts of runs along the first axis: of a store in the network fewer, each in another chunk."""
        return super().spread(length, min(n, _REMOTE_SAMPLES) if self._store.is_remote else n)

    def _remembered(self, place: tuple[int, ...]) -> NDArray[Any] | None:
        last = self._last
        return last[1] if last is not None and last[0] == place else None

    def _decoded(self, place: tuple[int, ...], packed: bytes) -> NDArray[Any]:
        """Return the values of a chunk."""
        values = self._layout.coding.decode(packed, self._layout.chunks, self.most_bytes)
        if values.nbytes <= _REMEMBERED_BYTES:
            self._last = place, values
        return values

    def _index_bytes(self, shards: Shards) -> int:
        n = math.prod(whole // part for whole, part in zip(shards.shape, self._layout.chunks, strict=True))
        return n * INDEX_ENTRY + shards.index_extra

    def _index(self, place: tuple[int, ...], shards: Shards) -> NDArray[np.uint64] | None:
        """Return the offset and the length of each chunk of a shard; None if the shard is not stored."""
        if place in self._indexes:
            return self._indexes[place]
        length = self._index_bytes(shards)
        n = (length - shards.index_extra) // INDEX_ENTRY
        if (ends := self._ends) is not None:
            return index_of(ends, place[0] * n, n)
        self._check_packed(length)
        if shards.index_first:
            raw = self._file(place, 0, length)
        else:
            self._check_state()
            raw = self._store.tail(self._file_key(place), length)
        if raw is None:
            return None
        if len(raw) != length:
            raise ValueError(f"shard {self._layout.key(place)} is truncated")
        index = np.frombuffer(unpacked(raw, shards.index_unpack, n * INDEX_ENTRY), "<u8").reshape(n, 2)
        if index.nbytes <= _REMEMBERED_BYTES:
            # copied, as other threads may read it; the oldest ones are forgotten
            most = max(_REMEMBERED_INDEXES, _INDEXES_BYTES // max(index.nbytes, 1))
            kept = list(self._indexes.items())[-most + 1 :]
            self._indexes = {**dict(kept), place: index}
        return index

    def _file_key(self, place: tuple[int, ...]) -> str:
        return join(self._key, self._layout.key(place))

    def _file(self, place: tuple[int, ...], start: int = 0, length: int | None = None) -> bytes | None:
        """Return the bytes of a chunk or a shard, or a part of them; None if it is not stored."""
        key = self._file_key(place)
        self._check_state()
        if length is None:
            self._check_packed(self._store.size(key) or 0)
        return self._store.read(key, start, length)

    def _check_packed(self, length: int) -> None:
        if length > self.most_bytes:
            raise ValueError(f"a chunk has {length:,} bytes, over {self.most_bytes:,} (max_array_bytes)")

    def _check_state(self) -> None:
        """Raise if the array is gone or was written again: a chunk that is missing of it then is not the fill value."""
        if self._store.state(self._metadata_key) != self._state:
            raise DatasetInvalid(f"{self.name} was removed or written again since it was opened.", "Open it again.")


def _is_whole(part: Any, length: int) -> bool:
    """Return whether the part of a chunk is all of it, in order."""
    return isinstance(part, slice) and part.start == 0 and part.stop == length and part.step in {None, 1}
