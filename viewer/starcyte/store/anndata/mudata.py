"""MuData: several modalities in one file, each an AnnData in ``mod/<name>``, with a table of all cells at the root.

====================  ==========================================================================================
writer                deviations
====================  ==========================================================================================
mudata, muon          none; before 0.3 the root's obs holds the columns of the modalities as ``rna:leiden``
MuDataSeurat          no ``mod-order``; ``obsmap`` from a later version on
====================  ==========================================================================================

``obsmap/<name>`` has the row of each cell in a modality, counted from 1, and 0 for none; without it, or if it
contradicts the names of the cells, rows are found by these names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid, StarcyteError
from starcyte.store.anndata.frame import Frame
from starcyte.store.anndata.joined_obs import JoinedObs, ModalityObs
from starcyte.store.dataset import Warnings
from starcyte.store.nodes import Array, Group, Node, decode

# names that are compared with those of the root, evenly distributed
_COMPARED = 256

OpenFrame = Callable[[str, Node | None], Frame]
"""Opens a frame by its name in messages."""


def is_mudata(root: Group) -> bool:
    """Return whether a root group is MuData."""
    if root.group("mod") is None:
        return False
    return root.text_attribute("encoding-type").lower() == "mudata" or root.child("X") is None


def open_obs(name: str, root: Group, open_frame: OpenFrame, warnings: Warnings) -> tuple[JoinedObs, list[ModalityObs]]:
    """Open the tables of the cells.

    Parameters
    ----------
    name
        The name of the file.
    root
        Its root group.
    open_frame
        Opens a frame.
    warnings
        Gets a warning for each modality that is left out.

    Returns
    -------
    obs
        The cells, with all columns.
    modalities
        The modalities that can be shown, in the order of the file.

    Raises
    ------
    DatasetInvalid
        If there are none.
    """
    group = root.group("mod")
    names = [] if group is None else _order(group)
    frames: dict[str, Frame] = {}
    for modality in names:
        try:
            inner = None if group is None else group.group(modality)
            if inner is None:
                raise DatasetInvalid("It is not a group.")
            frames[modality] = open_frame(f"mod/{modality}/obs", inner.child("obs"))
        except StarcyteError as error:
            warnings.add(f"Modality {modality!r} is left out: {error}")
    if not frames:
        raise DatasetInvalid(
            f"{name!r} is MuData without a modality that can be shown. {' '.join(warnings.lines)}".strip(),
            "Check the step that wrote it.",
        )
    of_root = _root_frame(root, open_frame, warnings)
    cells = None if of_root is not None else _union(frames.values())
    found = []
    for modality, frame in frames.items():
        try:
            found.append(ModalityObs(modality, frame, _rows(root, modality, frame, of_root, cells)))
        except StarcyteError as error:
            warnings.add(f"Modality {modality!r} is left out: {error}")
    if not found:
        raise DatasetInvalid(f"{name!r} is MuData, none of whose modalities has its cells.", "Write it again.")
    _warn_of_axis(root, warnings)
    return JoinedObs(cells, of_root, found), found


def _order(group: Group) -> list[str]:
    """Return the names of the modalities, in the order that is noted."""
    members = group.members()
    noted = group.attribute("mod-order")
    order = [] if noted is None else [str(name) for name in decode(np.atleast_1d(noted)).tolist()]
    # a store on the web may not list its members
    return list(dict.fromkeys([*order, *members]))


def _root_frame(root: Group, open_frame: OpenFrame, warnings: Warnings) -> Frame | None:
    """Return the table of all cells; None if there is none, or it names no cells."""
    try:
        node = root.child("obs")
        frame = None if node is None else open_frame("obs", node)
    except StarcyteError as error:
        warnings.add(f"The obs of all modalities is left out, and made from theirs: {error}")
        return None
    return frame if frame is not None and frame.n else None


def _union(frames: Iterable[Frame]) -> NDArray[np.object_]:
    """Return the names of the cells of all modalities, in the order in which they occur first."""
    names = dict.fromkeys(name for frame in frames for name in frame.index.tolist())
    out = np.empty(len(names), object)
    out[:] = list(names)
    return out


def _rows(
    root: Group, modality: str, frame: Frame, of_root: Frame | None, cells: NDArray[np.object_] | None
) -> NDArray[np.intp] | None:
    """Return the row of each cell in a modality, -1 for none; None if its rows are the cells."""
    n_obs = of_root.n if of_root is not None else 0 if cells is None else cells.size
    mapped = None if of_root is None else _of_map(root, modality, frame, of_root)
    if mapped is None:
        mapped = _by_name(modality, frame, of_root.index if of_root is not None else cells)
    is_identity = frame.n == n_obs and bool(np.array_equal(mapped, np.arange(n_obs)))
    return None if is_identity else mapped


def _of_map(root: Group, modality: str, frame: Frame, of_root: Frame) -> NDArray[np.intp] | None:
    """Return the rows that ``obsmap`` has; None if it is missing, or contradicts the names of the cells."""
    try:
        node = root.child(f"obsmap/{modality}")
        if not isinstance(node, Array) or node.shape != (of_root.n,) or node.dtype.kind not in "iuf":
            return None
        rows = node.read().astype(np.int64) - 1
    except StarcyteError:
        return None
    present = rows[rows >= 0]
    is_each_once = present.size == frame.n and np.array_equal(np.sort(present), np.arange(frame.n))
    if not is_each_once or int(rows.min(initial=0)) < -1:
        return None
    cells = np.flatnonzero(rows >= 0)
    sampled = cells[np.unique(np.linspace(0, cells.size - 1, min(_COMPARED, cells.size)).astype(np.intp))]
    if of_root.names_of(sampled.tolist()) != frame.names_of(rows[sampled].tolist()):
        return None
    return rows.astype(np.intp)


def _by_name(modality: str, frame: Frame, cells: NDArray[np.object_] | None) -> NDArray[np.intp]:
    names = frame.index.tolist()
    positions = {name: i for i, name in enumerate(names)}
    if len(positions) < len(names):
        raise DatasetInvalid(f"{len(names) - len(positions)} of its cell names are duplicates.", "Make them unique.")
    rows = np.array([positions.get(cell, -1) for cell in ([] if cells is None else cells.tolist())], np.intp)
    n_found = int(np.count_nonzero(rows >= 0))
    if n_found != frame.n or np.unique(rows[rows >= 0]).size != n_found:
        raise DatasetInvalid(
            f"{frame.n - min(n_found, frame.n)} of its {frame.n} cells are not in the obs of all modalities, or are"
            " twice there.",
            "Write the file again after mdata.update().",
        )
    return rows


def _warn_of_axis(root: Group, warnings: Warnings) -> None:
    axis = root.attribute("axis")
    value = np.asarray(axis).ravel()
    if axis is None or value.size != 1 or value.dtype.kind not in "iu" or int(value[0]) == 0:
        return
    shared = "genes" if int(value[0]) == 1 else "cells and genes"
    warnings.add(
        f"The modalities share {shared} (axis {int(value[0])}): each is shown with its own cells, and a gene that"
        " several have once for each. Its values are not joined."
    )
