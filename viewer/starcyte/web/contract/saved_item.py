"""Saved views, results and figures."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from starcyte.web.contract.base import Answer, Count
from starcyte.web.contract.error import Error


class SavedItem(Answer):
    """A saved item without its body."""

    name: str
    revision: Count
    author: str
    time: str
    bytes: Count
    media_type: str
    thumbnail: Annotated[str, Meta(description="A data: URL")] | UnsetType = UNSET


class Views(Answer):
    """All saved views of the user."""

    views: list[SavedItem]
    revision: Count


class Results(Answer):
    """All saved results of the user."""

    results: list[SavedItem]
    revision: Count


class Figures(Answer):
    """All saved figures of the user."""

    figures: list[SavedItem]
    revision: Count


class ItemSaved(Answer):
    """The saved item, under its kind."""

    revision: Count
    view: SavedItem | UnsetType = UNSET
    result: SavedItem | UnsetType = UNSET
    figure: SavedItem | UnsetType = UNSET


class SavedItemConflict(Answer):
    """The current item, null if there is none, and the body of the request."""

    error: Error
    current: SavedItem | None
    yours: Any
