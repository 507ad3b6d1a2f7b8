"""Slides of spatial datasets: the libraries of ``uns['spatial']``, with the size of their spots and their scale.

====================================  ================================================================================
place                                 writer
====================================  ================================================================================
``uns/spatial/<library>``             scanpy 1.5 and later, squidpy
``uns/spatial``                       files with one library without a name
``uns``                               versions of scanpy before 1.5
====================================  ================================================================================

Each has ``images``, ``scalefactors`` or both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from starcyte.errors import StarcyteError
from starcyte.store.dataset import Warnings
from starcyte.store.nodes import Array, Group, reading

# groups around a library whose name has slashes
_MAX_DEPTH = 4
_UNNAMED = "spatial"
# Space Ranger gives the diameters of a spot of 65 um and of a fiducial of 105 um in pixels of the full resolution
_SPOT_MICRONS = 65.0
_FIDUCIAL_MICRONS = 105.0
_TOLERANCE = 0.01


@dataclass(frozen=True)
class Slide:
    """The size of the spots of a slide, and its scale.

    Parameters
    ----------
    library
        The name of the slide.
    spot_diameter
        The diameter of a spot, or the side of a bin, in units of the spatial coordinates; None if it is unknown.
    microns
        Micrometres per unit of the spatial coordinates; None if the file does not say.
    """

    library: str
    spot_diameter: float | None
    microns: float | None


def find_scales(root: Group, warnings: Warnings) -> list[Slide]:
    """Return the slides of a file that have scale factors.

    Parameters
    ----------
    root
        The file's root group.
    warnings
        Gets a warning for each scale factor that is left out.
    """
    found: list[Slide] = []
    for library, slide in find_slides(root, warnings):
        try:
            if slide.group("scalefactors") is None:
                continue
        except StarcyteError as error:
            warnings.add(f"Scale factors of {library!r} are left out: {error.message}")
            continue
        names = ("spot_diameter_fullres", "fiducial_diameter_fullres", "microns_per_pixel")
        spot, fiducial, stated = (_length(slide, library, name, warnings) for name in names)
        found.append(Slide(library, spot, _microns(spot, fiducial) if stated is None else stated))
    return found


def _microns(spot: float | None, fiducial: float | None) -> float | None:
    """Return micrometres per pixel of a Visium slide; None if the diameters are not those of its spots and fiducials.

    10x Genomics estimates the scale as 65 um over ``spot_diameter_fullres`` (Space Ranger, *Spatial outputs*), although
    spots have 55 um. Writers for other instruments put other diameters into this field, or none, without a fiducial.
    """
    if spot is None or fiducial is None:
        return None
    usual = _FIDUCIAL_MICRONS / _SPOT_MICRONS
    return _SPOT_MICRONS / spot if abs(fiducial / spot / usual - 1) <= _TOLERANCE else None


def _length(slide: Group, library: str, name: str, warnings: Warnings) -> float | None:
    """Return a scale factor that is a length; None if it is missing, or wrong, of which a warning tells."""
    try:
        value = read_factor(slide, library, name)
    except StarcyteError as error:
        warnings.add(f"{name} of {library!r} is left out: {error.message}")
        return None
    if value is None or (np.isfinite(value) and value > 0):
        return value
    warnings.add(f"{name} of {library!r} is left out: it is {value:g}.")
    return None


def read_factor(slide: Group, library: str, name: str) -> float | None:
    """Return a number of ``scalefactors``; None if there is none of this name."""
    factor = slide.child(f"scalefactors/{name}")
    if not isinstance(factor, Array) or factor.size != 1 or factor.dtype.kind not in "fiu":
        return None
    with reading(f"scalefactors of {library!r}"):
        return float(np.asarray(factor.read()).ravel()[0])


def find_slides(root: Group, warnings: Warnings) -> Iterator[tuple[str, Group]]:
    """Return the groups that have images or scale factors, with the name of the library."""
    for path in ("uns/spatial", "uns"):
        try:
            place = root.group(path)
            if place is None:
                continue
            if _is_slide(place):
                yield _UNNAMED, place
            if path == "uns/spatial":
                yield from _libraries(place, "", warnings, _MAX_DEPTH)
        except StarcyteError as error:
            warnings.add(f"Images of {path} are left out: {error.message}")


def _libraries(parent: Group, prefix: str, warnings: Warnings, depth: int) -> Iterator[tuple[str, Group]]:
    for name in parent.members():
        if name in {"images", "scalefactors", "metadata"}:
            continue
        try:
            slide = parent.group(name)
            if slide is None:
                continue
            if _is_slide(slide):
                yield prefix + name, slide
            elif depth > 1:
                yield from _libraries(slide, f"{prefix}{name}/", warnings, depth - 1)
        except StarcyteError as error:
            warnings.add(f"Images of {prefix + name!r} are left out: {error.message}")


def _is_slide(group: Group) -> bool:
    return group.group("images") is not None or group.group("scalefactors") is not None
