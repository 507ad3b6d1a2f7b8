"""The build backend: setuptools, after the client has been built into both packages (PEP 517 and PEP 660).

A wheel or sdist of a checkout gets a client built for it. An sdist (it has PKG-INFO at its root) carries the built
client, so that installing from one needs no node.
"""

from __future__ import annotations

import shutil
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import client_npm
from setuptools import build_meta
from setuptools.build_meta import prepare_metadata_for_build_editable, prepare_metadata_for_build_wheel

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

ROOT = Path(__file__).resolve().parent.parent
#: Outputs of the client's build: the page, and the script of Galaxy's visualization; paths from a source root.
BUILT = ("starcyte/static/index.html", "starcyte_galaxy/visualization/starcyte/static/index.js")

Config = dict[str, Any] | None


def from_sdist() -> bool:
    """Whether this is an unpacked sdist rather than a checkout."""
    return (ROOT / "PKG-INFO").exists()


def build_client() -> None:
    """Build the client from its sources and its lock file, ignoring earlier builds."""
    if not from_sdist():
        client_npm.npm("ci")
        client_npm.npm("run", "build")


def has_client() -> bool:
    """Whether the client has been built in this folder."""
    return all(any((ROOT / source / path).exists() for source in ("viewer", "tool")) for path in BUILT)


def refuse_without_client(archive: Path, names: list[str]) -> None:
    """Remove the archive and end the build if a part of the client is not in it."""
    for path in BUILT:
        if not any(name.endswith(path) for name in names):
            archive.unlink()
            sys.exit(
                f"starcyte: {archive.name} would lack {path}. Build from a checkout, which builds the client, or from "
                "a complete sdist, which carries it."
            )


def get_requires_for_build_wheel(config_settings: Config = None) -> list[str]:
    """Add node to the requirements of setuptools if the machine has none."""
    node = [] if from_sdist() else client_npm.requirements()
    return [*build_meta.get_requires_for_build_wheel(config_settings), *node]


def get_requires_for_build_sdist(config_settings: Config = None) -> list[str]:
    """Add node to the requirements of setuptools if the machine has none."""
    node = [] if from_sdist() else client_npm.requirements()
    return [*build_meta.get_requires_for_build_sdist(config_settings), *node]


def get_requires_for_build_editable(config_settings: Config = None) -> list[str]:
    """Add node to the requirements of setuptools if the client must be built and the machine has none."""
    node = [] if from_sdist() or has_client() else client_npm.requirements()
    return [*build_meta.get_requires_for_build_editable(config_settings), *node]


def build_wheel(wheel_directory: str, config_settings: Config = None, metadata_directory: str | None = None) -> str:
    """Build the client, then the wheel around it."""
    build_client()
    # setuptools copies into build/lib and packs all of it, files of an earlier client included.
    shutil.rmtree(ROOT / "build" / "lib", ignore_errors=True)
    name = build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)
    wheel = Path(wheel_directory, name)
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    refuse_without_client(wheel, names)
    return name


def build_sdist(sdist_directory: str, config_settings: Config = None) -> str:
    """Build the client, then the sdist that carries it."""
    build_client()
    name = build_meta.build_sdist(sdist_directory, config_settings)
    sdist = Path(sdist_directory, name)
    with tarfile.open(sdist) as packed:
        names = packed.getnames()
    refuse_without_client(sdist, names)
    return name


def build_editable(wheel_directory: str, config_settings: Config = None, metadata_directory: str | None = None) -> str:
    """Build the client unless one is there, then link the checkout."""
    if not has_client():
        build_client()
    return build_meta.build_editable(wheel_directory, config_settings, metadata_directory)
