"""The command ``starcyte-galaxy``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from starcyte_galaxy import job_config, launch, visualization_folder
from starcyte_galaxy.description import CommandFailedError
from starcyte_galaxy.errors import JobError
from starcyte_galaxy.finding import Finding
from starcyte_galaxy.report import viewer_version


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv
        The arguments; by default those of the process.

    Returns
    -------
    int
        The exit status: 0, 2 for an invalid input, or that of the viewer.
    """
    parser = argparse.ArgumentParser(prog="starcyte-galaxy", description="Run starcyte in a Galaxy job.")
    parser.add_argument("--version", action="version", version=f"starcyte {viewer_version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run one session of the viewer")
    run.add_argument("config", type=Path, metavar="CONFIG.json", help="the config file of the wrapper")
    check = commands.add_parser("check", help="check the wrappers, and a Galaxy server, against this installation")
    check.add_argument("folder", type=Path, metavar="FOLDER", help="the folder galaxy_wrappers")
    check.add_argument(
        "--galaxy", type=Path, metavar="GALAXY.YML", help="the configuration of a Galaxy server to check"
    )
    check.add_argument("--root", type=Path, metavar="DIR", help="the root folder of Galaxy; default: that above config")
    install = commands.add_parser("install-visualization", help="install the visualization in a Galaxy server")
    install.add_argument("folder", type=Path, metavar="DIR", help="Galaxy's root, or its static folder")
    arguments = parser.parse_args(argv)
    try:
        match arguments.command:
            case "run":
                return launch.run(job_config.read_config(arguments.config))
            case "install-visualization":
                print(f"{visualization_folder.install(arguments.folder)}: restart Galaxy to load it")
                return 0
            case _:
                return _check(arguments.folder, arguments.galaxy, arguments.root)
    except CommandFailedError as error:
        return error.exit_status
    except JobError as error:
        print(f"starcyte-galaxy: {error}", file=sys.stderr)
        return error.exit_status


def _check(folder: Path, galaxy: Path | None, root: Path | None) -> int:
    try:
        # their dependencies are not installed in a job
        from starcyte_galaxy import installation, wrappers
    except ModuleNotFoundError as error:
        package = {"yaml": "PyYAML"}.get(str(error.name), error.name)
        raise JobError(f"The check needs the Python package {package}.", f"Run `pip install {package}`.") from None
    found = [Finding("missing", line) for line in wrappers.check(folder)]
    found += wrappers.check_schema(folder)
    if not any(f.kind == "missing" for f in found):
        found.append(Finding("ok", f"the wrappers in {folder} match starcyte {viewer_version()}"))
    if galaxy is not None:
        found += installation.Server(galaxy, root).check()
    for finding in found:
        print(finding)
    return 2 if any(f.kind == "missing" for f in found) else 0
