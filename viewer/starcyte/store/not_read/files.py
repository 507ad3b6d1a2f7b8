"""Files that are not read, by their first bytes: OTHERS, their registry."""

from __future__ import annotations

import bz2
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable

from starcyte.errors import DatasetInvalid
from starcyte.store.format import ReadBytes
from starcyte.store.not_read.other import Name, Other

_START = 4096
"""First bytes that are looked at."""

_UNPACKED = 4096
"""Bytes that are unpacked of a compressed file, at most."""

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
# folders that precede the first file of a zip file
_MOST_FOLDERS = 64

_RDS = re.compile(rb"[XA]\n(\0\0\0[\x02\x03]|[23]\n)|RD[XA][23]\n")
_PAGE = re.compile(rb"\s*(<!--.*?-->\s*)?<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def _starts(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda start: start.startswith(signatures)


def _in_python(call: str) -> Callable[[Name], str]:
    """Return the hint to a command of Python, with the file's name in place of ``{}``."""
    return lambda name: f"In Python: {call.replace('{}', name.python)}.write_h5ad({name.h5ad})."


def _is_text(start: bytes) -> bool:
    try:
        start.decode()
    except UnicodeDecodeError as error:
        # a character may be cut at the end of the bytes that are looked at
        if error.start < len(start) - 4:
            return False
    return bool(start) and _CONTROL.search(start) is None


def _is_table(delimiter: bytes) -> Callable[[bytes], bool]:
    def matches(start: bytes) -> bool:
        counts = [line.count(delimiter) for line in start.splitlines()[:2]]
        # R writes no name of the first column
        return _is_text(start) and len(counts) == 2 and min(counts) > 0 and abs(counts[0] - counts[1]) <= 1

    return matches


def _is_tar(start: bytes) -> bool:
    return start[257:262] == b"ustar"


def _table_hint(delimiter: str) -> Callable[[Name], str]:
    return lambda name: (
        f"In Python, with a row for each cell: scanpy.read_text({name.python}, delimiter={delimiter!r})"
        f".write_h5ad({name.h5ad}); with a row for each gene, .T before .write_h5ad."
    )


def _rds_hint(name: Name) -> str:
    return (
        "In R, of a Seurat object: zellkonverter::writeH5AD(Seurat::as.SingleCellExperiment(readRDS("
        f"{name.r})), {name.r_h5ad}); of a SingleCellExperiment: zellkonverter::writeH5AD(readRDS({name.r}),"
        f" {name.r_h5ad})."
    )


OTHERS: tuple[tuple[Callable[[bytes], bool], Other], ...] = (
    (
        _starts(b"version https://git-lfs.github.com/spec/"),
        Other("a pointer of Git LFS, not the file itself", lambda n: f"Get the file: git lfs pull --include {n.shell}"),
    ),
    (
        lambda start: len(start) < 2000 and b"/annex/objects/" in start[:40],
        Other("a pointer of git-annex, not the file itself", lambda n: f"Get the file: git annex get {n.shell}"),
    ),
    (
        lambda start: _PAGE.match(start.removeprefix(b"\xef\xbb\xbf")) is not None,
        Other(
            "a web page (HTML), such as a server shows for a login or an error",
            lambda n: "Open the link in a browser to see what it says, and download the file by its direct link.",
        ),
    ),
    (
        lambda start: start.lstrip().startswith(b"<?xml") or start.lstrip().startswith(b"<Error>"),
        Other(
            "XML, such as an object store answers in place of a file",
            lambda n: "Open it in a text editor to see what it says, and download the file again.",
        ),
    ),
    (lambda start: _RDS.match(start) is not None, Other("an object of R (.rds)", _rds_hint)),
    (
        _starts(b"%%MatrixMarket"),
        Other(
            "a Matrix Market file (.mtx): one matrix without the names of cells and genes",
            lambda n: "In Python, beside its barcodes and features: scanpy.read_10x_mtx('.').write_h5ad('cells.h5ad').",
        ),
    ),
    (
        _starts(b"PAR1"),
        Other("a Parquet table", _in_python("anndata.AnnData(pandas.read_parquet({}))")),
    ),
    (
        _starts(b"ARROW1"),
        Other("an Arrow table (Feather)", _in_python("anndata.AnnData(pandas.read_feather({}))")),
    ),
    (
        _starts(b"\x93NUMPY"),
        Other("an array of NumPy (.npy)", _in_python("anndata.AnnData(numpy.load({}))")),
    ),
    (
        lambda start: start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05" and len(start) > 2,
        Other(
            "a Python pickle, which can run any program when it is opened",
            lambda n: f"If you trust its origin, in Python: pandas.read_pickle({n.python}).write_h5ad({n.h5ad}).",
        ),
    ),
    (
        _starts(b"SQLite format 3\0"),
        Other("an SQLite database", lambda n: "Give an AnnData .h5ad or .zarr."),
    ),
    (
        _starts(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\x89PNG\r\n", b"\xff\xd8\xff", b"%PDF-"),
        Other("a picture", lambda n: "Give the AnnData .h5ad or .zarr of its cells."),
    ),
    (_is_tar, Other("a tar archive", lambda n: f"Unpack it, and give what is in it: tar -xf {n.shell}")),
    (_is_table(b","), Other("a table of text (CSV)", _table_hint(","))),
    (_is_table(b"\t"), Other("a table of text, separated by tabs (TSV)", _table_hint("\t"))),
    (_is_text, Other("a text file", lambda n: "Give an AnnData .h5ad or .zarr.")),
)
"""The kinds of uncompressed files, by their first bytes; the first that matches is taken."""


def _gzip(start: bytes) -> bytes:
    return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(start, _UNPACKED)


def _zstd(start: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdDecompressor().decompressobj().decompress(start)[:_UNPACKED]


_COMPRESSED: tuple[tuple[bytes, str, str, Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b", "gzip", "gunzip -k", _gzip),
    (b"BZh", "bzip2", "bunzip2 -k", lambda start: bz2.BZ2Decompressor().decompress(start, _UNPACKED)),
    (b"\xfd7zXZ\0", "xz", "unxz -k", lambda start: lzma.LZMADecompressor().decompress(start, _UNPACKED)),
    (b"\x28\xb5\x2f\xfd", "zstd", "unzstd", _zstd),
)
"""Signature, name, command and the function that unpacks the first bytes."""


def file_error(name: str, size: int, read: ReadBytes, shown: str = "") -> DatasetInvalid:
    """Return the error of a file that is of no known format: its kind, and how to go on.

    Parameters
    ----------
    name
        The name of the file.
    size
        The number of its bytes, or of as many of its first bytes as are known.
    read
        Reads some bytes at a position.
    shown
        Its name in the message, such as its URL; by default its name.
    """
    start = read(min(size, _START), 0)
    if start.startswith(_ZIP):
        return _zip(size, read).error(name, shown)
    other = _packed(start) or _of_bytes(start)
    if other is None:
        return DatasetInvalid(
            f"{shown or repr(name)} is not an HDF5 file, nor Zarr in a zip file.", "Give an AnnData .h5ad or .zarr."
        )
    return other.error(name, shown)


def _of_bytes(start: bytes) -> Other | None:
    return next((other for matches, other in OTHERS if matches(start)), None)


def _packed(start: bytes) -> Other | None:
    """Return the kind of a compressed file, by the first bytes of its content; None if it is not compressed."""
    for signature, method, command, unpack in _COMPRESSED:
        if start.startswith(signature):
            try:
                inner = unpack(start)
            except Exception:  # each library has its own errors for damaged data
                inner = b""
            return _of_packed(inner, method, command)
    return None


def _of_packed(inner: bytes, method: str, command: str) -> Other:
    if inner.startswith(_HDF5):
        return Other(f"an HDF5 file compressed with {method}", lambda n: f"Unpack it: {command} {n.shell}")
    if _is_tar(inner):
        return Other(
            f"a tar archive compressed with {method}", lambda n: f"Unpack it, and give what is in it: tar -xf {n.shell}"
        )
    found = _of_bytes(inner)
    if found is None:
        return Other(f"compressed with {method}", lambda n: f"Unpack it, and give what is in it: {command} {n.shell}")
    # R, scanpy and pandas read these as they are
    return Other(f"{found.what}, compressed with {method}", found.hint)


def _zip(size: int, read: ReadBytes) -> Other:
    """Return the kind of a zip file, by its first file."""
    name, inner = _first_of_zip(size, read)
    if name == "[Content_Types].xml":
        return Other("an Office document, such as an Excel workbook", lambda n: "Give an AnnData .h5ad or .zarr.")
    if inner.startswith(b"\x93NUMPY"):
        return Other("arrays of NumPy (.npz)", lambda n: "Give an AnnData .h5ad or .zarr.")
    if inner.startswith(_HDF5):
        return Other(
            "a zip archive of an HDF5 file", lambda n: f"Unpack it, and give {name.rsplit('/')[-1]!r}: unzip {n.shell}"
        )
    found = _of_bytes(inner)
    what = f", which begins with {found.what}" if found else ""
    return Other(f"a zip archive without Zarr{what}", lambda n: f"Unpack it, and give what is in it: unzip {n.shell}")


def _first_of_zip(size: int, read: ReadBytes) -> tuple[str, bytes]:
    """Return the name of the first file of a zip file, and its first bytes, as far as they can be unpacked."""
    position = 0
    for _ in range(_MOST_FOLDERS):
        header = read(_LOCAL.size, position)
        if len(header) < _LOCAL.size:
            break
        signature, _, _, method, _, _, _, packed, _, name_bytes, extra_bytes = _LOCAL.unpack(header)
        if signature != _ZIP:
            break
        name = read(name_bytes, position + _LOCAL.size).decode("utf-8", "replace")
        position += _LOCAL.size + name_bytes + extra_bytes
        if not name.endswith("/"):
            start = read(max(min(packed or _START, _START, size - position), 0), position)
            return name, _inflated(start) if method == zipfile.ZIP_DEFLATED else start
        position += packed
    return "", b""


def _inflated(start: bytes) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(start, _UNPACKED)
    except zlib.error:
        return b""
