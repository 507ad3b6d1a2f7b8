"""The user of a request, and the revision that it expects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

import msgspec
from flask import request
from msgspec import UNSET, UnsetType

from starcyte.errors import BadRequest
from starcyte.web.context import context
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.responses import answer_json
from starcyte.web.security.proxy import current_user

if TYPE_CHECKING:
    from starcyte.curation.curation import Curation
    from starcyte.curation.database.revisions import Resolution, Seen
    from starcyte.web.contract.annotation import Resolve

S = TypeVar("S", bound=msgspec.Struct)

# of a client that sends many changes while others make some
_MAX_REVISIONS = 1000
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
    revisions = _if_match()
    return revisions[0] if revisions else None


def if_match_or_any() -> int:
    """Return the revision of If-Match; without the header, any revision."""
    from starcyte.curation.database.revisions import ANY

    revision = if_match()
    return ANY if revision is None else revision


def seen(resolve: Resolve | UnsetType = UNSET) -> Seen | None:
    """Return the state that a change was made for, as of If-Match; None without the header.

    Parameters
    ----------
    resolve
        How the conflicts that the request was answered with are resolved.
    """
    from starcyte.curation.database.revisions import Seen

    revisions = _if_match()
    return Seen(revisions[0], tuple(revisions[1:]), resolution(resolve)) if revisions else None


def resolution(resolve: Resolve | UnsetType) -> Resolution | None:
    """Return how a request resolves conflicts; None if it does not."""
    from starcyte.curation.database.revisions import Resolution

    return None if isinstance(resolve, UnsetType) else Resolution(resolve.revision, frozenset(resolve.mine))


def seen_or_any(resolve: Resolve | UnsetType = UNSET) -> Seen:
    """Return the state that a change was made for; without the header, the current one."""
    from starcyte.curation.database.revisions import Seen

    return seen(resolve) or Seen()


def _if_match() -> list[int]:
    """Return the revisions of If-Match, of which the first is the one seen last and the others are the client's own."""
    from starcyte.curation.database.revisions import ANY

    given = request.headers.get("If-Match")
    if given is None:
        return []
    if given.strip() == "*":
        return [ANY]
    parts = [_REVISION.fullmatch(part.strip()) for part in given.split(",", _MAX_REVISIONS)]
    revisions = [int(part[1]) for part in parts if part]
    if len(revisions) < len(parts):
        raise BadRequest(f"If-Match is not a revision: {given[:80]!r}.", 'Send one, such as "17".')
    return revisions


def answer_revision(answer: S, revision: int, status: int = 200) -> ResponseOf[S]:
    """Return a struct as JSON, with the revision as ETag."""
    response = answer_json(answer, status)
    response.set_etag(str(revision))
    return response
