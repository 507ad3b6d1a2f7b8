"""Names, notes and colours that users give: any text, within limits, that can be written, shown and sent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from starcyte.errors import BadRequest, LimitExceeded
from starcyte.settings import Settings

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


def check_name(given: Any, what: str, settings: Settings) -> str:
    """Return a name.

    Parameters
    ----------
    given
        As parsed from JSON or a path.
    what
        What is named, for messages.
    settings
        ``max_text`` is used.

    Raises
    ------
    BadRequest
        If it is no text, is blank, holds control characters or half a character, or is ``.`` or ``..``, which
        browsers take out of an address.
    LimitExceeded
        If it is too long.
    """
    text = check_note(given, f"The name of {what}", settings)
    if not text.strip():
        raise BadRequest(f"The name of {what} is blank.", "Give it a name.")
    if any(unicodedata.category(c) in {"Cc", "Zl", "Zp"} for c in text):
        raise BadRequest(f"The name of {what}, {text!r}, holds control characters.", "Leave them out.")
    if text in {".", ".."}:
        raise BadRequest(f"The name of {what} is {text!r}, which no address can hold.", "Choose another.")
    return text


def check_note(given: Any, what: str, settings: Settings) -> str:
    """Return free text, which may have lines and may be empty.

    Parameters
    ----------
    given
        As parsed from JSON.
    what
        What it is, for messages; it begins a sentence.
    settings
        ``max_text`` is used.

    Raises
    ------
    BadRequest
        If it is no text, or holds NUL or half a character.
    LimitExceeded
        If it is too long.
    """
    if not isinstance(given, str):
        raise BadRequest(f"{what} is not text.", "Send it as a string.")
    if len(given) > settings.max_text:
        raise LimitExceeded(
            f"{what} has {len(given)} characters, more than {settings.max_text} (setting max_text).", "Shorten it."
        )
    if "\0" in given or any("\ud800" <= c <= "\udfff" for c in given):
        raise BadRequest(f"{what} holds a character that is none: NUL, or half of one.", "Leave it out.")
    return given


def check_color(given: Any) -> str:
    """Return a colour in small letters, ``#rrggbb``, or empty; raise BadRequest where it is something else."""
    if not isinstance(given, str) or (given and not _COLOR.fullmatch(given)):
        raise BadRequest(f"The colour is {given!r}.", "Give it as #rrggbb.")
    return given.lower()


def clean_names(given: Iterable[str], settings: Settings, others: Iterable[str] = ()) -> list[str]:
    """Return names from a file as names that users could have given: cleaned, shortened, made unique.

    Parameters
    ----------
    given
        Any texts.
    settings
        ``max_text`` is used.
    others
        Names that are not to be given.
    """
    taken = set(others)
    names = []
    for text in given:
        clean = "".join("\N{REPLACEMENT CHARACTER}" if _is_no_text(c) else c for c in text)
        if not clean.strip():
            clean = "(blank)"
        elif clean in {".", ".."}:
            clean = f"({clean})"
        name, number = clean[: settings.max_text], 1
        while name in taken:
            number += 1
            ending = f" ({number})"
            name = clean[: settings.max_text - len(ending)] + ending
        taken.add(name)
        names.append(name)
    return names


def clean_note(text: str, settings: Settings) -> str:
    """Return free text from a file as text that a user could have given: cleaned and shortened."""
    bad = (c == "\0" or "\ud800" <= c <= "\udfff" for c in text)
    clean = "".join("\N{REPLACEMENT CHARACTER}" if b else c for b, c in zip(bad, text, strict=True))
    return clean[: settings.max_text]


def clean_color(text: str) -> str:
    """Return a colour from a file; empty where it is none."""
    return text.lower() if _COLOR.fullmatch(text) else ""


def _is_no_text(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
