"""The matrices of a file: X, raw/X and layers; those that cannot be shown are left out with a warning."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from starcyte.errors import DatasetInvalid, FilterMissing, LimitExceeded
from starcyte.store.anndata.frame import Frame
from starcyte.store.anndata.matrix import open_matrix
from starcyte.store.dataset import Matrix, Warnings
from starcyte.store.nodes import Array, Group, Node
from starcyte.store.scale import NATURAL


def find_matrices(
    root: Group,
    shape: tuple[int, int],
    block_bytes: int,
    open_var: Callable[[Node], Frame],
    warnings: Warnings,
    prefix: str = "",
) -> tuple[dict[str, Matrix], Frame | None]:
    """Open the matrices of a file without reading their data.

    Parameters
    ----------
    root
        The file's root group.
    shape
        Cells by genes, by the lengths of obs and var.
    block_bytes
        The most bytes to read at once.
    open_var
        Opens raw/var.
    warnings
        Gets a warning for each matrix that is left out.
    prefix
        What precedes their names: of a modality, ``rna/``.

    Returns
    -------
    matrices
        By name: ``X``, ``raw/X`` or ``layers/<layer>``.
    raw_var
        raw/var; None if there is no raw/X.
    """
    found = dict[str, Matrix]()
    log_base = find_log_base(root.group("uns"), warnings)

    def add(own_name: str, parent: Group, key: str, n_vars: int) -> None:
        name = prefix + own_name
        with _leaving_out(name, warnings):
            node = parent.child(key)
            if node is not None and node.text_attribute("encoding-type") != "null":
                _check_chunks(node)
                found[name] = open_matrix(name, node, (shape[0], n_vars), block_bytes, log_base)

    add("X", root, "X", shape[1])
    raw_var: Frame | None = None
    with _leaving_out(f"{prefix}raw/X", warnings):
        raw = root.group("raw")
        parent, x, var = (root, "raw.X", "raw.var") if raw is None else (raw, "X", "var")
        node = parent.child(var)
        if node is not None:
            raw_var = open_var(node)
            add("raw/X", parent, x, raw_var.n)
        elif parent.child(x) is not None:
            raise DatasetInvalid("The file has no raw/var, the names of its genes.")
    with _leaving_out(f"{prefix}layers", warnings):
        layers = root.group("layers")
        if layers is not None:
            for layer in layers.members():
                add(f"layers/{layer}", layers, layer, shape[1])
    return found, raw_var if f"{prefix}raw/X" in found else None


def _check_chunks(node: Node) -> None:
    """Raise LimitExceeded if a part of a matrix can only be read by unpacking too many bytes."""
    for array in [node] if isinstance(node, Array) else [node.child(part) for part in ("data", "indices")]:
        if isinstance(array, Array) and array.bytes_at_once > array.most_bytes:
            raise LimitExceeded(
                f"Its chunks have {array.bytes_at_once:,} bytes, more than {array.most_bytes:,} (max_array_bytes).",
                "Write the file again with smaller chunks, or with gzip.",
            )


def find_log_base(uns: Group | None, warnings: Warnings) -> float:
    """Return the base of the logarithm that scanpy's ``log1p`` notes in ``uns["log1p"]["base"]``, by default e."""
    try:
        noted = None if uns is None else uns.child("log1p")
        node = noted.child("base") if isinstance(noted, Group) else None
        # an absent base is stored as null, as text, or not at all
        if not isinstance(node, Array) or node.size != 1 or node.dtype.kind not in "iuf":
            return NATURAL
        base = float(np.atleast_1d(node.read()).ravel()[0])
    except DatasetInvalid as error:
        warnings.add(f"The base of the logarithm (uns['log1p']) is taken as e: {error.message}")
        return NATURAL
    if math.isfinite(base) and base > 1:
        return base
    warnings.add(f"The base of the logarithm (uns['log1p']) is taken as e: it is {base:g} in the file.")
    return NATURAL


@contextmanager
def _leaving_out(name: str, warnings: Warnings) -> Iterator[None]:
    try:
        yield
    except (DatasetInvalid, FilterMissing, LimitExceeded) as error:
        warnings.add(f"{name} is left out: {error}")
