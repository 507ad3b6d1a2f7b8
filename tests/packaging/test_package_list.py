"""setup.cfg's explicit list of packages against the folders."""

from __future__ import annotations

import configparser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_package_folder_is_listed() -> None:
    setup = configparser.ConfigParser()
    setup.read_string((ROOT / "setup.cfg").read_text())
    listed = setup["options"]["packages"].split()
    folders = [
        ".".join(init.parent.relative_to(root).parts)
        for root in (ROOT / "viewer", ROOT / "tool")
        for init in root.glob("*/**/__init__.py")
        if not {"node_modules", "static"} & set(init.parts)
    ]
    assert sorted(listed) == sorted(folders)


def test_every_module_lies_in_a_package() -> None:
    """A folder of modules without __init__.py would be a package in a checkout and nothing in a wheel."""
    stray = [
        module
        for root in (ROOT / "viewer" / "starcyte", ROOT / "tool" / "starcyte_galaxy")
        for module in root.rglob("*.py")
        if not (module.parent / "__init__.py").exists()
    ]
    assert stray == []
