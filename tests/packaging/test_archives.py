"""What is in the wheel and the sdist, built from a copy of the tracked files, and what refuses to become one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = "starcyte/static/index.html"
VISUALIZATION = {
    f"starcyte_galaxy/visualization/starcyte/{name}"
    for name in ("config/starcyte.xml", "static/starcyte.xml", "static/index.js", "static/logo.svg")
}


@dataclass(frozen=True)
class Build:
    """How a build ended: its exit status, what it said and the archive, if it made one."""

    status: int
    output: str
    archive: Path | None


def build(kind: str, source: Path, target: Path, path: str | None = None) -> Build:
    """Build one archive in isolation, as pip does; with another PATH if one is given."""
    ran = subprocess.run(
        [sys.executable, "-m", "build", f"--{kind}", "--outdir", str(target), str(source)],
        env=os.environ | ({} if path is None else {"PATH": path}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Build(ran.returncode, ran.stdout, next(iter(target.iterdir()), None))


def unpacked(sdist: Path, into: Path) -> Path:
    """Unpack an sdist and return its root."""
    with tarfile.open(sdist) as packed:
        packed.extractall(into, filter="data")
    (root,) = into.iterdir()
    return root


def names_in(archive: Path) -> set[str]:
    """List an archive's files; an sdist's without its root folder."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return set(wheel.namelist())
    with tarfile.open(archive) as sdist:
        return {str(PurePosixPath(*PurePosixPath(m.name).parts[1:])) for m in sdist.getmembers() if m.isfile()}


@pytest.fixture(scope="session")
def tracked() -> list[str]:
    """The tracked files, as paths from the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


@pytest.fixture(scope="session")
def modules(tracked: list[str]) -> set[str]:
    """The tracked files of both packages, as paths from their source roots."""
    sources = [PurePosixPath(name) for name in tracked]
    return {
        str(PurePosixPath(*name.parts[1:]))
        for name in sources
        if name.parts[:2] in {("viewer", "starcyte"), ("tool", "starcyte_galaxy")}
    }


@pytest.fixture(scope="session")
def checkout(tracked: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tracked files, with what an earlier build of another client leaves behind."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in tracked:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    folders = (
        "build/lib/starcyte/static",
        "viewer/starcyte/static",
        "tool/starcyte_galaxy/visualization/starcyte/config",
    )
    for left in (f"{folder}/stale.js" for folder in folders):
        (copy / left).parent.mkdir(parents=True)
        (copy / left).touch()
    return copy


@pytest.fixture(scope="session")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the checkout."""
    built = build("wheel", checkout, tmp_path_factory.mktemp("wheel"))
    assert built.status == 0, built.output
    assert built.archive is not None
    return built.archive


@pytest.fixture(scope="session")
def sdist(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist of the checkout."""
    built = build("sdist", checkout, tmp_path_factory.mktemp("sdist"))
    assert built.status == 0, built.output
    assert built.archive is not None
    return built.archive


def test_wheel_holds_every_module_and_the_page(wheel: Path, modules: set[str]) -> None:
    names = names_in(wheel)
    assert modules <= names
    assert {PAGE, "starcyte/py.typed", "starcyte_galaxy/py.typed"} | VISUALIZATION <= names


def test_wheel_holds_nothing_else(wheel: Path, modules: set[str]) -> None:
    others = names_in(wheel) - modules - VISUALIZATION
    assert [n for n in others if not re.match(r"starcyte/static/|starcyte-[\d.]+\.dist-info/", n)] == []
    assert [n for n in others if "stale" in n or n.endswith(".map")] == []


def test_page_finds_what_it_names_in_the_wheel(wheel: Path) -> None:
    names = names_in(wheel)
    with zipfile.ZipFile(wheel) as packed:
        page = packed.read(PAGE).decode()
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert any(address.endswith(".js") for address in addresses)
    for address in addresses:
        assert str(PurePosixPath(PAGE).parent / address) in names, f"{address} is not relative, or not in the wheel"


def test_wheel_has_the_licence_of_each_library_in_the_page(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        text = packed.read("starcyte/static/THIRD_PARTY_LICENSES").decode()
    notices = dict(re.findall(r"^(\S+) \d[\w.-]*\n\n(.*?)(?=^-{80}$|\Z)", text, flags=re.MULTILINE | re.DOTALL))
    # the libraries of these, too, which no source of ours names
    assert notices.keys() >= imported(ROOT / "viewer" / "client" / "src") | {"@floating-ui/dom", "tabbable"}
    for name, notice in notices.items():
        assert "opyright" in notice, name
        assert re.search(r"Permission .* granted|Apache License", notice, flags=re.DOTALL), name


def test_script_of_the_visualization_contains_no_library() -> None:
    assert imported(ROOT / "viewer" / "client" / "visualization") == set()


def imported(folder: Path) -> set[str]:
    """Return the packages whose code the sources in a folder import; imports of types leave none."""
    sources = [
        source
        for source in folder.rglob("*")
        if source.suffix in {".ts", ".svelte"} and not source.name.endswith((".test.ts", ".d.ts", "vite.config.ts"))
    ]
    found = r"^\s*(?:import|export) (?!type\b)[^;]*?from '((?:@[\w-]+/)?[a-z][\w-]*)(?:/[^']*)?'"
    text = "\n".join(source.read_text() for source in sources)
    return set(re.findall(found, text, flags=re.MULTILINE)) - {"vitest", "fast-check"}


def test_sdist_holds_the_built_client_but_neither_its_sources_nor_tests(sdist: Path, modules: set[str]) -> None:
    names = names_in(sdist)
    sources = {f"{'tool' if m.startswith('starcyte_galaxy') else 'viewer'}/{m}" for m in modules}
    assert sources <= names
    assert {f"tool/{name}" for name in VISUALIZATION} <= names
    assert {f"viewer/{PAGE}", "PKG-INFO", "LICENSE", "README.md", "viewer/build_with_client.py"} <= names
    assert [n for n in names if n.startswith(("tests/", "viewer/client/")) or "node_modules" in n] == []


def test_sdist_builds_without_node(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    nothing = tmp_path / "bin"
    nothing.mkdir()
    built = build("wheel", unpacked(sdist, tmp_path / "source"), tmp_path / "wheel", path=str(nothing))
    assert built.status == 0, built.output
    assert "nodejs" not in built.output
    assert built.archive is not None
    assert names_in(built.archive) == names_in(wheel)


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ("wheel", f"viewer/{PAGE}"),
        ("sdist", f"viewer/{PAGE}"),
        ("wheel", "tool/starcyte_galaxy/visualization/starcyte/static/index.js"),
    ],
)
def test_archive_without_the_client_is_refused(kind: str, missing: str, sdist: Path, tmp_path: Path) -> None:
    source = unpacked(sdist, tmp_path / "source")
    (source / missing).unlink()
    built = build(kind, source, tmp_path / "target")
    assert built.status != 0
    assert built.archive is None
    assert built.output.count(f"would lack {missing.partition('/')[2]}") == 1
    assert "Traceback" not in built.output
