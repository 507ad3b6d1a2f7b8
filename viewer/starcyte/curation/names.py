"""Validation of names, notes and colours: any text within limits that files, pages and URLs can hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from starcyte.errors import BadRequest, LimitExceeded
from starcyte.settings import Settings

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


def check_name(given: Any, subject: str, settings: Settings) -> str:
    """Return a valid name.

    Parameters
    ----------
    given
        As parsed from JSON or a path.
    subject
        The named object, for messages: ``"the gene set"``.
    settings
        ``max_text`` is used.

    Raises
    ------
    BadRequest
        If it is not text, is blank, contains control characters or a lone surrogate, or is ``.`` or ``..``, which
        browsers remove from a URL.
    LimitExceeded
        If it is too long.
    """
    text = check_note(given, f"The name of {subject}", settings)
    if not text.strip():
        raise BadRequest(f"The name of {subject} is blank.", "Enter a name.")
    if any(unicodedata.category(c) in {"Cc", "Zl", "Zp"} for c in text):
        raise BadRequest(f"The name of {subject}, {text!r}, contains control characters.", "Remove them.")
    if text in {".", ".."}:
        raise BadRequest(f"The name of {subject} is {text!r}, which a URL cannot contain.", "Choose another name.")
    return text


def check_note(given: Any, subject: str, settings: Settings) -> str:
    """Return valid free text, which may be empty and have several lines.

    Parameters
    ----------
    given
        As parsed from JSON.
    subject
        The text, as the start of a message: ``"The description"``.
    settings
        ``max_text`` is used.

    Raises
    ------
    BadRequest
        If it is not text, or contains NUL or a lone surrogate.
    LimitExceeded
        If it is too long.
    """
    if not isinstance(given, str):
        raise BadRequest(f"{subject} is not text.", "Send it as a string.")
    if len(given) > settings.max_text:
        raise LimitExceeded(
            f"{subject} has {len(given)} characters. The limit is {settings.max_text} (max_text).", "Shorten it."
        )
    if "\0" in given or any("\ud800" <= c <= "\udfff" for c in given):
        raise BadRequest(f"{subject} contains NUL or a lone surrogate.", "Remove it.")
    return given


def check_color(given: Any) -> str:
    """Return a colour as ``#rrggbb`` in lower case, or an empty one; raise BadRequest if it is invalid."""
    if not isinstance(given, str) or (given and not _COLOR.fullmatch(given)):
        raise BadRequest(f"Invalid colour: {given!r}.", "Write it as #rrggbb.")
    return given.lower()


def clean_names(given: Iterable[str], settings: Settings, others: Iterable[str] = ()) -> list[str]:
    """Return the names of a file as valid names: invalid characters replaced, shortened, made unique.

    Parameters
    ----------
    given
        Any texts.
    settings
        ``max_text`` is used.
    others
        Names that are taken.
    """
    taken = set(others)
    names = []
    for text in given:
        clean = "".join("\N{REPLACEMENT CHARACTER}" if _is_control(c) else c for c in text)
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
    """Return the free text of a file as valid text: invalid characters replaced, shortened."""
    bad = (c == "\0" or "\ud800" <= c <= "\udfff" for c in text)
    clean = "".join("\N{REPLACEMENT CHARACTER}" if b else c for b, c in zip(bad, text, strict=True))
    return clean[: settings.max_text]


def clean_color(text: str) -> str:
    """Return a colour of a file; empty if it is invalid."""
    return text.lower() if _COLOR.fullmatch(text) else ""


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
