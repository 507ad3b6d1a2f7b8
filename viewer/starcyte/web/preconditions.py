"""The user of a request, and the revision that it expects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

import msgspec
from flask import request

from starcyte.errors import BadRequest
from starcyte.web.context import context
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.responses import answer_json
from starcyte.web.security.proxy import current_user

if TYPE_CHECKING:
    from starcyte.curation.curation import Curation

S = TypeVar("S", bound=msgspec.Struct)

_REVISION = re.compile(r'(?:W/)?"?([0-9]{1,15})"?')


def current_curation() -> tuple[Curation, str]:
    """Return the curation of the dataset and the user; raise StorageUnusable if its database cannot be used."""
    ctx = context()
    user = current_user(ctx.settings)
    return ctx.curation(), user


def if_match() -> int | None:
    """Return the revision of If-Match, for which a change was made; None without the header.

    Raises
    ------
    BadRequest
        If the header is not a revision.
    """
    from starcyte.curation.database.revisions import ANY

    given = request.headers.get("If-Match")
    if given is None:
        return None
    if given.strip() == "*":
        return ANY
    found = _REVISION.fullmatch(given.strip())
    if not found:
        raise BadRequest(f"If-Match is not a revision: {given!r}.", 'Send one, such as "17".')
    return int(found[1])


def if_match_or_any() -> int:
    """Return the revision of If-Match; without the header, any revision."""
    from starcyte.curation.database.revisions import ANY

    revision = if_match()
    return ANY if revision is None else revision


def answer_revision(answer: S, revision: int, status: int = 200) -> ResponseOf[S]:
    """Return a struct as JSON, with the revision as ETag."""
    response = answer_json(answer, status)
    response.set_etag(str(revision))
    return response
