"""The commands and their options, from the parser of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from starcyte import cli
from starcyte.options import UNSUPPORTED
from starcyte.settings import SETTINGS

_SETTINGS = {setting.name for setting in SETTINGS}


def markdown() -> str:
    """Return a section for each command."""
    return "\n\n".join(_section(name, parser) for name, parser in _commands())


def unsupported() -> str:
    """Return the table of the options of cellxgene that are not supported."""
    rows = ["| option | reason, and alternative |", "| --- | --- |"]
    rows += [f"| {', '.join(f'`{name}`' for name in names)} | {reason} |" for names, reason in UNSUPPORTED.items()]
    return "\n".join(rows)


def _commands() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in cli._parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _section(name: str, parser: argparse.ArgumentParser) -> str:
    own = [action for action in parser._actions if action.dest not in _SETTINGS and action.help != argparse.SUPPRESS]
    words = " ".join(filter(None, map(_word, own)))
    lines = [f"## starcyte {name}", "", parser.description or "", "", "```console", f"$ starcyte {name} {words}", "```"]
    lines += ["", f"```{{program}} starcyte {name}", "```", ""]
    for action in own:
        if "--help" not in action.option_strings:
            lines += [*_entry(action), ""]
    return "\n".join(lines)


def _word(action: argparse.Action) -> str:
    """Return an argument as the usage shows it; nothing for an option that may be omitted."""
    if action.option_strings:
        return f"{action.option_strings[-1]} {_value(action)}" if action.required else ""
    word = "{" + ",".join(action.choices) + "}" if action.choices else _value(action)
    return f"[{word}]" if action.nargs == "?" else word


def _value(action: argparse.Action) -> str:
    return str(action.metavar or action.dest.upper())


def _entry(action: argparse.Action) -> list[str]:
    if not action.option_strings:
        title = _value(action) if action.metavar else action.dest
    else:
        value = "" if action.nargs == 0 else f" <{_value(action)}>"
        title = ", ".join(name + value for name in action.option_strings)
    choices = f" One of {', '.join(f'`{choice}`' for choice in action.choices)}." if action.choices else ""
    return [f"```{{option}} {title}", f"{action.help}{choices}", "```"]
