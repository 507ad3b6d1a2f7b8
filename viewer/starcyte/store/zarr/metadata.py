"""The metadata of groups and arrays of Zarr, versions 2 and 3, read with distrust.

What the specification has and starcyte does not read is named by an error: nothing is guessed. Consolidated metadata
are copies, which are not read: on a disk the originals are there.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from starcyte.errors import DatasetInvalid, FilterMissing
from starcyte.store.nodes import DAMAGED
from starcyte.store.zarr.codecs import Unpack, unpacker
from starcyte.store.zarr.layout import Coding, Layout, Shards

_DTYPE = re.compile(r"[<>|=][biufcSUVMm][0-9]{1,9}(\[[0-9]{0,4}[a-zA-Z]{1,2}\])?")
_NUMBERS = re.compile(r"bool|(u?int(8|16|32|64))|float(16|32|64)|complex(64|128)")
_MAX_AXES = 32
# bytes of one value of fixed size
_MAX_WIDTH = 1 << 20
_TEXT = {"string", "variable_length_utf8", "bytes", "variable_length_bytes"}
_OBJECT = np.dtype(object)
_REWRITE = "Write the store again, for example with anndata's write_zarr."


def parse(raw: bytes, name: str) -> dict[str, Any]:
    """Return the metadata in a file.

    Raises
    ------
    DatasetInvalid
        If they are not a JSON object.
    """
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DatasetInvalid(f"The metadata of {name} are not JSON: {error}.", DAMAGED) from None
    if not isinstance(found, dict):
        raise DatasetInvalid(f"The metadata of {name} are not a JSON object.", DAMAGED)
    return found


def array_layout(metadata: Mapping[str, Any], version: int, name: str) -> Layout:
    """Return the layout of an array.

    Raises
    ------
    DatasetInvalid
        If the metadata contradict themselves, or have what starcyte does not read.
    FilterMissing
        If a codec is unknown.
    """
    try:
        return _version_2(metadata, name) if version == 2 else _version_3(metadata, name)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise DatasetInvalid(f"The metadata of {name} are invalid: {error!r:.200}.", DAMAGED) from None


def _version_2(metadata: Mapping[str, Any], name: str) -> Layout:
    shape = _shape(metadata["shape"])
    chunks = _chunks(metadata["chunks"], shape)
    filters = list(metadata.get("filters") or [])
    stated = metadata["dtype"]
    if stated in ("|O", "O"):
        text = filters.pop(0).get("id") if filters else None
        if text not in {"vlen-utf8", "vlen-bytes"}:
            raise DatasetInvalid(
                f"{name} has Python objects ({text or 'without a codec'}), which are not read: unpacking them could"
                " run a program.",
                "Write it as text or numbers.",
            )
        dtype = _OBJECT
    else:
        dtype = _dtype_2(stated)
    compressor = metadata.get("compressor")
    steps = [unpacker(str(c["id"]), c, name) for c in ([compressor] if compressor else [])]
    steps += [unpacker(str(c["id"]), c, name) for c in reversed(filters)]
    order = metadata.get("order", "C")
    if order not in {"C", "F"}:
        raise ValueError(f"order {order!r}")
    axes = range(len(shape)) if order == "C" else range(len(shape) - 1, -1, -1)
    _check_width(dtype)
    coding = Coding("text" if dtype == _OBJECT else "fixed", dtype, tuple(axes), tuple(steps))
    separator = _separator(metadata.get("dimension_separator", "."))
    return Layout(shape, chunks, dtype, _fill(metadata.get("fill_value"), dtype), coding, "", separator)


def _version_3(metadata: Mapping[str, Any], name: str) -> Layout:
    shape = _shape(metadata["shape"])
    grid, encoding = metadata["chunk_grid"], metadata["chunk_key_encoding"]
    if grid["name"] != "regular":
        raise DatasetInvalid(f"{name} has chunks of a grid {grid['name']!r}, which is not read.", _REWRITE)
    if metadata.get("storage_transformers"):
        raise DatasetInvalid(f"{name} has storage transformers, which are not read.", _REWRITE)
    chunks = _chunks(grid["configuration"]["chunk_shape"], shape)
    kind = encoding["name"]
    if kind not in {"default", "v2"}:
        raise ValueError(f"chunk_key_encoding {kind!r}")
    separator = _separator(encoding.get("configuration", {}).get("separator", "/" if kind == "default" else "."))
    dtype = _dtype_3(metadata["data_type"])
    _check_width(dtype)
    codecs, shards = list(metadata["codecs"]), None
    if len(codecs) == 1 and codecs[0]["name"] == "sharding_indexed":
        inner = codecs[0]["configuration"]
        outer, chunks, codecs = chunks, _chunks(inner["chunk_shape"], shape), inner["codecs"]
        if any(whole % part for whole, part in zip(outer, chunks, strict=True)):
            raise ValueError(f"shards of {outer} do not consist of chunks of {chunks}")
        shards = _shards(outer, inner, name)
    fill = _fill(metadata["fill_value"], dtype)
    prefix = "c" if kind == "default" else ""
    return Layout(shape, chunks, dtype, fill, _coding(codecs, dtype, len(shape), name), prefix, separator, shards)


def _coding(codecs: list[Any], dtype: np.dtype[Any], ndim: int, name: str) -> Coding:
    axes, steps, serializer = tuple(range(ndim)), list[Unpack](), ""
    for codec in codecs:
        kind, configuration = _named(codec)
        if serializer:
            steps.insert(0, unpacker(kind, configuration, name))
        elif kind == "transpose":
            order = configuration["order"]
            if sorted(order) != list(range(ndim)):
                raise ValueError(f"transpose {order!r}")
            axes = tuple(axes[axis] for axis in order)
        elif kind in {"vlen-utf8", "vlen-bytes"} and dtype == _OBJECT:
            serializer = kind
        elif kind == "bytes" and dtype != _OBJECT:
            serializer, endian = kind, configuration.get("endian", "little")
            if endian not in {"little", "big"}:
                raise ValueError(f"endian {endian!r}")
            dtype = dtype.newbyteorder("<" if endian == "little" else ">")
        else:
            raise FilterMissing(f"{name} is written with the codec {kind!r}, which starcyte does not read.", _REWRITE)
    if not serializer:
        raise ValueError("no codec makes bytes of the values")
    return Coding("text" if dtype == _OBJECT else "fixed", dtype, axes, tuple(steps))


def _shards(shape: tuple[int, ...], configuration: Mapping[str, Any], name: str) -> Shards:
    location = configuration.get("index_location", "end")
    if location not in {"start", "end"}:
        raise ValueError(f"index_location {location!r}")
    kinds = [_named(codec) for codec in configuration["index_codecs"]]
    if [kind for kind, _ in kinds] not in (["bytes"], ["bytes", "crc32c"]) or kinds[0][1].get("endian") != "little":
        raise DatasetInvalid(f"{name} has shards with an index of a kind that is not read.", _REWRITE)
    steps = tuple(unpacker(kind, given, name) for kind, given in kinds[1:])
    return Shards(shape, location == "start", steps, 4 * len(steps))


def _named(codec: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(codec, str):
        return codec, {}
    return str(codec["name"]), codec.get("configuration") or {}


def _shape(given: Any) -> tuple[int, ...]:
    if not isinstance(given, list) or len(given) > _MAX_AXES:
        raise ValueError(f"shape {given!r:.100}")
    if any(not isinstance(n, int) or not 0 <= n < 2**62 for n in given):
        raise ValueError(f"shape {given!r:.100}")
    return tuple(map(int, given))


def _chunks(given: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    chunks = _shape(given)
    if len(chunks) != len(shape) or any(c == 0 < n for c, n in zip(chunks, shape, strict=True)):
        raise ValueError(f"chunks of {given!r:.100} for the shape {shape}")
    return tuple(c or 1 for c in chunks)


def _separator(given: Any) -> str:
    if given not in (".", "/"):
        raise ValueError(f"separator {given!r:.20}")
    return str(given)


def _dtype_2(stated: Any) -> np.dtype[Any]:
    if isinstance(stated, str) and _DTYPE.fullmatch(stated):
        return np.dtype(stated)
    if isinstance(stated, list) and stated and all(len(field) == 2 for field in stated):
        return np.dtype([(str(field), _dtype_2(kind)) for field, kind in stated])
    raise ValueError(f"dtype {stated!r:.100}")


def _dtype_3(stated: Any) -> np.dtype[Any]:
    name, given = _named(stated)
    if name in _TEXT:
        return _OBJECT
    if _NUMBERS.fullmatch(name):
        return np.dtype(name)
    if name == "fixed_length_utf32" and given["length_bytes"] % 4 == 0:
        return np.dtype(f"<U{int(given['length_bytes']) // 4}")
    if name == "null_terminated_bytes":
        return np.dtype(f"|S{int(given['length_bytes'])}")
    if name in {"numpy.datetime64", "numpy.timedelta64"}:
        unit, letter = f"{int(given.get('scale_factor', 1))}{given['unit']}", "M" if "date" in name else "m"
        return _dtype_2(f"<{letter}8" if given["unit"] == "generic" else f"<{letter}8[{unit}]")
    if name in {"structured", "struct"}:
        fields = [(f["name"], f["data_type"]) if isinstance(f, dict) else f for f in given["fields"]]
        made = [(str(field), _dtype_3(kind)) for field, kind in fields]
        if all(dtype != _OBJECT for _, dtype in made):
            return np.dtype(made)
    raise ValueError(f"data_type {stated!r:.100}")


def _check_width(dtype: np.dtype[Any]) -> None:
    if dtype.itemsize > _MAX_WIDTH:
        raise ValueError(f"a value has {dtype.itemsize:,} bytes")


def _fill(given: Any, dtype: np.dtype[Any]) -> Any:
    """Return the value of chunks that are not stored."""
    if dtype == _OBJECT:
        return given if isinstance(given, str) else ""
    if given is None or dtype.names is not None or dtype.kind in "SV":
        return np.zeros((), dtype)[()] if not given else _bytes_fill(given, dtype)
    if isinstance(given, str) and dtype.kind == "f" and given.startswith("0x"):
        return np.frombuffer(bytes.fromhex(given[2:]), dtype.newbyteorder(">"))[0].astype(dtype.newbyteorder("="))
    if isinstance(given, list) and dtype.kind == "c":
        return dtype.type(complex(float(given[0]), float(given[1])))
    if dtype.kind in "Mm":
        return np.array("NaT" if given == "NaT" else int(given), dtype)[()]
    if dtype.kind == "U":
        return str(given) if given else ""
    if dtype.kind == "b":
        return bool(given)
    if dtype.kind in "iu":
        return np.array(int(given), dtype)[()]
    return np.array(float(given), dtype)[()]


def _bytes_fill(given: Any, dtype: np.dtype[Any]) -> Any:
    raw = base64.b64decode(given, validate=True) if isinstance(given, str) else b""
    return np.frombuffer(raw.ljust(dtype.itemsize, b"\0")[: dtype.itemsize], dtype)[0]
