"""The command ``starcyte-galaxy``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from starcyte_galaxy import collect, launch, stage
from starcyte_galaxy.errors import JobError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv
        The arguments after the command's name; the process's own by default.

    Returns
    -------
    int
        The exit status: 0, or 2 for what cannot be used as it was given, or the viewer's own.
    """
    parser = argparse.ArgumentParser(
        prog="starcyte-galaxy", description="The side of starcyte that runs in a Galaxy job."
    )
    parser.add_argument("--version", action="version", version=f"starcyte {collect.viewer_version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run one session of the viewer, as the tool's wrapper describes it")
    run.add_argument("config", type=Path, metavar="CONFIG.json", help="the config file that the wrapper wrote")
    check = commands.add_parser("check", help="check the tool's wrappers against this installation")
    check.add_argument("folder", type=Path, metavar="FOLDER", help="the folder galaxy_wrappers")
    arguments = parser.parse_args(argv)
    try:
        if arguments.command == "check":
            return _check(arguments.folder)
        return launch.run(stage.read_config(arguments.config))
    except JobError as error:
        print(f"starcyte-galaxy: {error}", file=sys.stderr)
        return error.exit_status


def _check(folder: Path) -> int:
    try:
        # lxml is needed for this alone, and not in a job
        from starcyte_galaxy import wrappers
    except ModuleNotFoundError as error:
        raise JobError(
            f"The check needs the Python package {error.name}.", f"Run `pip install {error.name}`."
        ) from None
    found = wrappers.check(folder)
    for line in found:
        print(line)
    return 2 if found else 0
