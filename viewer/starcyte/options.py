"""The options that all commands share, and those of cellxgene that are not taken."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from starcyte.errors import InputError
from starcyte.settings import GROUPS, Setting

#: Options of cellxgene that are not taken, and what to do without
NOT_TAKEN = {
    ("-b", "--backed"): "The matrix is always read from the file; leave the option out.",
    ("-c", "--config-file"): "Settings may stand in an INI file, which --config names.",
    ("-d", "--debug"): "A server that many reach must not show its insides; --verbose tells more.",
    ("-s", "--scripts"): "The page runs no scripts but its own; what counts visits belongs into the proxy in front.",
    ("--dump-default-config",): "`starcyte launch --help` lists the settings with their defaults.",
    (
        "--disable-custom-colors",
    ): "A colour that the file gives to a category is part of the data; users choose others.",
    ("--annotations-file",): "Users take labels in from a CSV file on the page; none is ever overwritten.",
    ("--gene-sets-file",): "Users take gene sets in from a file on the page; none is ever overwritten.",
    ("--X-approximate-distribution",): "The scale of a matrix is found from its values, for each matrix apart.",
}


class NotTaken(argparse.Action):
    """Refuses an option, and says why."""

    def __init__(self, option_strings: Sequence[str], dest: str, reason: str, **more: Any) -> None:
        super().__init__(option_strings, dest, nargs="?", **more)
        self._reason = reason

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> NoReturn:
        """Refuse."""
        raise InputError(f"{option} is not taken by starcyte.", self._reason)


class Parser(argparse.ArgumentParser):
    """Tells a mistake in one line, as every other error; argparse would print all flags before it."""

    def error(self, message: str) -> NoReturn:
        """Raise InputError with the mistake."""
        raise InputError(f"{message[:1].upper()}{message[1:]}.", f"`{self.prog} --help` says what there is.")


def common_options() -> Parser:
    """Return the parent parser of all commands: the options that they share.

    The settings are listed by group; each can be given in the environment too, as ``STARCYTE_NAME``.
    """
    common = Parser(add_help=False)
    common.add_argument("--demo", action="store_true", help="Use a dataset that starcyte makes itself.")
    common.add_argument(
        "--config",
        metavar="FILE",
        help="Read settings from an INI file, section [starcyte]; the environment has them as STARCYTE_NAME.",
    )
    for title, rows in GROUPS.items():
        _add_group(common, title, rows)
    for names, reason in NOT_TAKEN.items():
        common.add_argument(*names, action=NotTaken, reason=reason, help=argparse.SUPPRESS)
    return common


def _add_group(parser: argparse.ArgumentParser, title: str, rows: Sequence[Setting]) -> None:
    """Add a group of settings to a parser."""
    group = parser.add_argument_group(title)
    for setting in rows:
        text = setting.help + ("" if setting.default in {"", ()} else f" Default: {setting.default}.")
        kind: dict[str, Any] = {"metavar": "VALUE"}
        if setting.type is bool:
            kind = {"action": argparse.BooleanOptionalAction}
        elif setting.type is tuple:
            kind["action"] = "append"
        names = (*setting.aliases, setting.flag)
        group.add_argument(*names, dest=setting.name, default=None, help=text.replace("%", "%%"), **kind)
