"""Installation of the visualization, which offers the tool in Galaxy's Visualize tab."""

from __future__ import annotations

import os
import shutil
from importlib import resources
from pathlib import Path

from starcyte_galaxy.errors import JobError

NAME = "starcyte"
#: Below Galaxy's `static_dir`, also if the XML of the visualization is in another folder
PLACE = Path("plugins") / "visualizations"


def packaged() -> Path:
    """Return the folder of the visualization in this package.

    Raises
    ------
    JobError
        If it was not built.
    """
    folder = Path(str(resources.files("starcyte_galaxy"))) / "visualization" / NAME
    if not (folder / "static" / "index.js").is_file():
        raise JobError("The visualization is not built.", "Run `make client`, or install starcyte from a wheel.")
    return folder


def target_of(folder: Path) -> Path:
    """Return the folder of the visualization in a Galaxy server.

    Parameters
    ----------
    folder
        The root of Galaxy, its `static_dir`, or its folder ``plugins/visualizations``.

    Returns
    -------
    Path
        The folder, which may not exist yet.

    Raises
    ------
    JobError
        If the folder is none of these.
    """
    if folder.parts[-2:] == PLACE.parts:
        return folder / NAME
    for static in (folder, folder / "static"):
        if static.is_dir() and (static.name == "static" or (static / PLACE).is_dir()):
            return static / PLACE / NAME
    raise JobError(
        f"{str(folder)!r} is not a folder of a Galaxy server.",
        "Pass its root, its static folder (static_dir of galaxy.yml), or plugins/visualizations in that.",
    )


def install(folder: Path) -> Path:
    """Install the visualization in a Galaxy server, replacing an installed one.

    Parameters
    ----------
    folder
        As for `target_of`.

    Returns
    -------
    Path
        The folder of the visualization.

    Raises
    ------
    JobError
        If the folder cannot be written.
    """
    source, target = packaged(), target_of(folder.absolute())
    part = target.with_name(f".{NAME}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, part)
        shutil.rmtree(target, ignore_errors=True)
        part.rename(target)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise JobError(
            f"The visualization cannot be written to {str(target)!r}: {error.strerror or error}.",
            "Run this as the owner of the folder.",
        ) from None
    return target


def differences(target: Path) -> list[str]:
    """Return the names of the files that are missing in the folder or differ from this package."""
    source = packaged()
    return [
        str(path.relative_to(source))
        for path in sorted(source.rglob("*"))
        if path.is_file() and not _same(path, target / path.relative_to(source))
    ]


def _same(a: Path, b: Path) -> bool:
    try:
        return a.read_bytes() == b.read_bytes()
    except OSError:
        return False
