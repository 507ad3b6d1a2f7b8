"""Groups and arrays: what the AnnData specification asks of a container such as HDF5 or Zarr.

A backend derives :class:`Group`, :class:`Array` and :class:`Container`, and nothing else knows its library. They are
base classes, not structural protocols: the specification branches on group or array for each element, and
``isinstance`` of a base class is one pointer comparison.
"""

from __future__ import annotations

import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid, StarcyteError

# values that take less are not looked at; and the ratio up to which more are believed to be compressed
_LARGE_BYTES = 64 << 20
_MAX_RATIO = 100
DAMAGED = "The file may be damaged or incomplete; copy or download it again."

Selection: TypeAlias = "int | slice | list[int] | tuple[int | slice, ...]"
"""NumPy's basic indexing, or increasing positions on the first axis; ``()`` selects the whole array."""


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Raise DatasetInvalid with the name of an element in place of the errors of a backend's library.

    Parameters
    ----------
    name
        The element, as a user would name it.
    """
    try:
        yield
    except StarcyteError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, UnicodeError) as error:
        raise DatasetInvalid(f"{name} cannot be read: {error}", DAMAGED) from error


class Element(ABC):
    """A group or an array.

    Parameters
    ----------
    name
        The path within the container, from its root.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def attribute(self, *names: str) -> Any:
        """Return the first of these attributes that exists, text decoded; None if none does.

        An attribute without a value is an empty array.
        """

    def text_attribute(self, *names: str) -> str:
        """Return the first of these attributes that exists; empty if none does or it is not text."""
        value = self.attribute(*names)
        return value if isinstance(value, str) else ""


class Group(Element):
    """A mapping of names to groups and arrays."""

    @abstractmethod
    def members(self) -> list[str]:
        """Return the names of the members, in the container's order."""

    @abstractmethod
    def child(self, path: str) -> Node | None:
        """Return a member; None if it does not exist, or is anndata's null (an array without a shape).

        Parameters
        ----------
        path
            The member's name; slashes lead into nested groups.

        Raises
        ------
        DatasetInvalid
            If the member refers to another file, or cannot be read. A file must not choose which other files of this
            machine are read.
        FilterMissing
            If it is compressed with a codec that is not installed.
        """

    def file(self, name: str) -> bytes | None:
        """Return the content of a file of another format, such as Parquet, beside the members; None if there is none.

        Parameters
        ----------
        name
            The name of the file.

        Raises
        ------
        DatasetInvalid
            If it cannot be read, or is too large.
        """
        return None

    def group(self, path: str) -> Group | None:
        """Return a member that is a group; None if it does not exist or is an array."""
        node = self.child(path)
        return node if isinstance(node, Group) else None

    def array(self, path: str) -> Array:
        """Return a member that must be an array.

        Raises
        ------
        DatasetInvalid
            If it does not exist or is a group.
        """
        node = self.child(path)
        if not isinstance(node, Array):
            state = "is missing" if node is None else "is a group, not an array"
            raise DatasetInvalid(f"{self.name.rstrip('/')}/{path} {state}.", DAMAGED)
        return node


class Array(Element):
    """An n-dimensional array on disk.

    Parameters
    ----------
    name
        The path within the container.
    shape
        Its shape.
    dtype
        Its dtype; of a compound array with the names of its fields.
    """

    most_bytes = sys.maxsize
    "Bytes that are read, or decompressed, at once, at most: the setting ``max_array_bytes``."
    by_column = False
    "Whether a column is stored as a run, and a row is not."

    def __init__(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        super().__init__(name)
        self.shape, self.dtype = shape, dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def stored_bytes(self) -> int | None:
        """The bytes of its values in the file; None if that is unknown."""
        return None

    def check_claim(
        self, n: int, itemsize: int, name: str = "", at_once: bool = True, unpacked: int | None = None
    ) -> None:
        """Check how many bytes some of its values take, before they are allocated.

        A file of a few kilobytes may claim to have billions of values: HDF5 returns those that were never written, and
        a run of zeros takes no space.

        Parameters
        ----------
        n, itemsize
            The number of values, and the bytes of each.
        name
            The name that an error message gives the array; by default its path.
        at_once
            Whether they are read at once.
        unpacked
            The bytes that are unpacked at once for them; by default those of a chunk.

        Raises
        ------
        DatasetInvalid
            If they are more than ``most_bytes``, or many and more than 100 times what is stored.
        """
        claimed, chunk = n * itemsize, self._chunk_bytes if unpacked is None else unpacked
        if at_once and max(claimed, chunk) > self.most_bytes:
            raise DatasetInvalid(
                f"{name or self.name} has {max(claimed, chunk):,} bytes that are read at once. The limit is"
                f" {self.most_bytes:,} (max_array_bytes).",
                "Write the file again, with smaller chunks.",
            )
        stored = self.stored_bytes if claimed > _LARGE_BYTES else None
        if stored is not None and claimed > _MAX_RATIO * stored:
            raise DatasetInvalid(
                f"{name or self.name} claims to have {claimed:,} bytes, of which {stored:,} are stored.", DAMAGED
            )

    def _check_selection(self, selection: Selection, field: str | None, name: str) -> None:
        parts = selection if isinstance(selection, tuple) else (selection,)
        sizes = [_length(part, size) for part, size in zip(parts, self.shape, strict=False)]
        dtype = self.dtype if field is None else self.dtype[field]
        n, unpacked = math.prod((*sizes, *self.shape[len(sizes) :])), self._unpacked_bytes(selection, field)
        self.check_claim(n, dtype.itemsize, name, unpacked=unpacked)

    @property
    def _chunk_bytes(self) -> int:
        return math.prod(self.chunks or (0,)) * self.dtype.itemsize

    def _unpacked_bytes(self, selection: Selection, field: str | None) -> int:
        """Return the bytes that are unpacked at once to read a selection."""
        return self._chunk_bytes

    @property
    @abstractmethod
    def chunks(self) -> tuple[int, ...] | None:
        """The shape of the chunks that are read and decompressed as a whole; None if the array has none."""

    @abstractmethod
    def is_text(self, field: str | None = None) -> bool:
        """Return whether the values, or those of a field of a compound array, are text."""

    def enumeration(self, field: str | None = None) -> Mapping[str, int] | None:
        """Return the value of each name of an enumeration, in place of which integers are read.

        None if the values, or those of a field of a compound array, are not an enumeration, or are booleans.
        """
        return None

    @abstractmethod
    def _read(self, selection: Selection, field: str | None) -> NDArray[Any]:
        """Read as :meth:`read` does; raise the library's own errors."""

    def read(self, selection: Selection = (), *, field: str | None = None, name: str = "") -> NDArray[Any]:
        """Read a part of the array; a scalar if the selection leaves no axis.

        Parameters
        ----------
        selection
            The part; by default all of it.
        field
            The field of a compound array; by default all fields.
        name
            The name that an error message gives the array; by default its path.

        Raises
        ------
        DatasetInvalid
            If it cannot be read.
        """
        self._check_selection(selection, field, name)
        with reading(name or self.name):
            return self._read(selection, field)

    def read_text(self, selection: Selection = (), *, field: str | None = None, name: str = "") -> NDArray[np.object_]:
        """Read a part of an array of text, of fixed or variable length, as str objects; see :meth:`read`."""
        self._check_selection(selection, field, name)
        with reading(name or self.name):
            return decode(self._read(selection, field))

    @property
    def bytes_at_once(self) -> int:
        """The bytes that are unpacked at once for any part that is read; 0 if runs of any length are read directly."""
        return self._chunk_bytes

    def spread(self, length: int, n: int) -> list[int]:
        """Return the starts of up to n runs along the first axis that are spread evenly, as far as reading is cheap.

        Parameters
        ----------
        length
            The length of a run.
        n
            The number of runs; fewer if they cover all.
        """
        whole = self.shape[0]
        if whole <= n * length:
            return list(range(0, whole, length))
        return [int(start) for start in np.linspace(0, whole - length, n).astype(np.int64)]

    def few_chunks(self) -> list[tuple[slice, ...]]:
        """Return a few chunks that stand for all, where reads wait for the network; none elsewhere."""
        return []

    def ahead(self, selection: Selection = ()) -> None:
        """Begin to read a part that is needed soon, where reads wait for the network."""

    def ahead_of_runs(self, starts: Sequence[int], length: int) -> None:
        """Begin to read runs along the first axis that are needed soon, where reads wait for the network."""

    def warm(self) -> None:
        """Read all that the first read of any part needs besides, where reads wait for the network."""

    def learn_chunk_bytes(self, read: Callable[[], NDArray[Any]]) -> None:
        """Take the stored bytes of each chunk from elsewhere; a container that knows them does nothing.

        Parameters
        ----------
        read
            Returns them in the order of the chunks; called when they are first needed.
        """

    def vector(self) -> Vector:
        """Return a one-dimensional array for repeated reads of runs of elements."""
        return Vector(self)


Node: TypeAlias = Group | Array


def _length(part: int | slice | list[int], size: int) -> int:
    """Return the number of elements that an index selects on an axis of some size."""
    if isinstance(part, slice):
        return len(range(*part.indices(size)))
    return len(part) if isinstance(part, list) else 1


class Vector:
    """A one-dimensional array of numbers, read in runs of elements.

    Parameters
    ----------
    array
        The array.
    """

    def __init__(self, array: Array) -> None:
        self._array = array
        self.name, self.dtype, self.size = array.name, array.dtype, array.shape[0]
        self.spread, self.warm, self.ahead_of_runs = array.spread, array.warm, array.ahead_of_runs

    def learn_chunk_bytes(self, read: Callable[[], NDArray[Any]]) -> None:
        """Take the stored bytes of each chunk from elsewhere; see :meth:`Array.learn_chunk_bytes`."""
        self._array.learn_chunk_bytes(read)

    @property
    def chunk(self) -> int:
        """The number of elements that are read and decompressed at once; 0 if runs of any length are read directly."""
        return int((self._array.chunks or (self.size or 1,))[0])

    def ahead(self, start: int, stop: int) -> None:
        """Begin to read elements that are needed soon, where reads wait for the network."""
        self._array.ahead(slice(start, stop))

    def read(self, start: int, stop: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return elements start to stop.

        Parameters
        ----------
        start, stop
            The run, stop excluded.
        out
            An array to read into, of this dtype and long enough.

        Raises
        ------
        DatasetInvalid
            If they cannot be read.
        """
        run = self._array.read(slice(start, stop))
        if out is None:
            return run
        out = out[: stop - start]
        with reading(self.name):
            out[:] = run
        return out


class Container(ABC):
    """An open file, or store, of groups and arrays.

    Parameters
    ----------
    root
        Its root group.
    """

    kind: str
    "The kind of container in messages, such as HDF5."

    is_remote = False
    "Whether reads wait for the network, so that nothing large is read unasked."

    def __init__(self, root: Group) -> None:
        self.root = root

    @property
    def notes(self) -> list[str]:
        """The parts of it that cannot be seen, for the user."""
        return []

    @abstractmethod
    def fingerprint(self) -> tuple[str, str]:
        """Return the fingerprint of the content and the revision of the file; see :mod:`starcyte.store.fingerprint`."""

    @abstractmethod
    def close(self) -> None:
        """Close it; its arrays cannot be read after that."""


def decode(raw: Any) -> NDArray[np.object_]:
    """Return bytes or text as an array of str objects; bytes that are not UTF-8 become replacement characters."""
    flat = np.asarray(raw, dtype=object).ravel()
    out = np.empty(flat.shape, dtype=object)
    out[:] = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in flat.tolist()]
    return out.reshape(np.shape(raw))
