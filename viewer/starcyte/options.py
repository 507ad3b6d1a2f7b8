"""The options that all commands share, and those of cellxgene that are not supported."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from starcyte.errors import InputError
from starcyte.settings import GROUPS, Setting

#: Options of cellxgene that are not supported, with the reason and the alternative
UNSUPPORTED = {
    ("-b", "--backed"): "The matrix is always read from the file; omit the option.",
    ("-c", "--config-file"): "Settings are read from an INI file, named by `--config`.",
    ("-d", "--debug"): "A public server must not show tracebacks; `--verbose` logs more.",
    ("-s", "--scripts"): "The page runs its own scripts only; count visits in the proxy in front.",
    ("--dump-default-config",): "`starcyte launch --help` lists the settings with their defaults.",
    ("--disable-custom-colors",): "Colours of categories in the file are part of the data; users can choose others.",
    ("--annotations-file",): "Users import annotations from a CSV file on the page, which is never overwritten.",
    ("--gene-sets-file",): "Users import gene sets from a file on the page, which is never overwritten.",
    ("--X-approximate-distribution",): "The scale is inferred from the values, for each matrix.",
}


class Unsupported(argparse.Action):
    """An option that is refused with its reason."""

    def __init__(self, option_strings: Sequence[str], dest: str, reason: str, **more: Any) -> None:
        super().__init__(option_strings, dest, nargs="?", **more)
        self._reason = reason

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> NoReturn:
        """Refuse."""
        raise InputError(f"Option {option} is not supported.", self._reason)


class Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line, like every other error; argparse would print all options first."""

    def error(self, message: str) -> NoReturn:
        """Raise InputError with the message."""
        raise InputError(f"{message[:1].upper()}{message[1:]}.", f"`{self.prog} --help` lists the options.")


def common_options() -> Parser:
    """Return the parent parser of all commands: the options that they share.

    The settings are listed by group; each can be given in the environment too, as ``STARCYTE_NAME``.
    """
    common = Parser(add_help=False)
    common.add_argument("--demo", action="store_true", help="Use a generated dataset.")
    common.add_argument(
        "--config",
        metavar="FILE",
        help="Read settings from an INI file, section [starcyte]; the environment has them as STARCYTE_NAME.",
    )
    for title, rows in GROUPS.items():
        _add_group(common, title, rows)
    for names, reason in UNSUPPORTED.items():
        common.add_argument(*names, action=Unsupported, reason=reason, help=argparse.SUPPRESS)
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
