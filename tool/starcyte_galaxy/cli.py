"""The command ``starcyte-galaxy``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from starcyte_galaxy import batch, collect, launch, stage
from starcyte_galaxy.errors import JobError

_JOBS = {
    "run": "run one session of the viewer",
    "prepare": "make the column index of a dataset as one file",
    "inspect": "write what is in a dataset as a page and as JSON",
    "annotate": "write labels into a copy of a dataset",
}


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
    for name, what in _JOBS.items():
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("config", type=Path, metavar="CONFIG.json", help="the config file that the wrapper wrote")
    check = commands.add_parser("check", help="check the tool's wrappers against this installation")
    check.add_argument("folder", type=Path, metavar="FOLDER", help="the folder galaxy_wrappers")
    arguments = parser.parse_args(argv)
    try:
        match arguments.command:
            case "run":
                return launch.run(stage.read_config(arguments.config))
            case "prepare":
                return batch.prepare(stage.Config(arguments.config))
            case "inspect":
                return batch.inspect(stage.Config(arguments.config))
            case "annotate":
                return batch.annotate(arguments.config)
            case _:
                return _check(arguments.folder)
    except batch.CommandFailedError as error:
        return error.exit_status
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
