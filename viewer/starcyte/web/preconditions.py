"""What requests about what users make have in common: who asks, for which revision, and the parts of a body."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from flask import Response, request

from starcyte.errors import BadRequest
from starcyte.web.context import context
from starcyte.web.csrf import current_user
from starcyte.web.responses import answer_json

if TYPE_CHECKING:
    from starcyte.curation.curation import Curation

_REVISION = re.compile(r'(?:W/)?"?([0-9]{1,15})"?')


def mine() -> tuple[Curation, str]:
    """Return what users make of the dataset, and who asks; raise StorageUnusable where nothing can be kept."""
    ctx = context()
    user = current_user(ctx.settings)
    return ctx.curation(), user


def expected() -> int | None:
    """Return the revision that a change is made for, from If-Match; None where it is made for nothing that stands.

    Raises
    ------
    BadRequest
        If the header is something else.
    """
    from starcyte.curation.database.revisions import ANY

    given = request.headers.get("If-Match")
    if given is None:
        return None
    if given.strip() == "*":
        return ANY
    found = _REVISION.fullmatch(given.strip())
    if not found:
        raise BadRequest(f"If-Match is {given!r}.", 'Give one revision, such as "17".')
    return int(found[1])


def expected_or_any() -> int:
    """Return the revision that a change is made for; where the request names none, whatever stands will do."""
    from starcyte.curation.database.revisions import ANY

    revision = expected()
    return ANY if revision is None else revision


def only(body: dict[str, Any], *known: str) -> None:
    """Raise BadRequest for a part of a body that is not known."""
    unknown = set(body) - set(known)
    if unknown:
        raise BadRequest(f"{min(unknown)!r} is no part of the request.", f"It has {', '.join(known)}.")


def part(body: dict[str, Any], name: str, kind: type, default: Any = None) -> Any:
    """Return a part of a body, the default where it is not there or null; raise BadRequest for another type."""
    value = body.get(name)
    if value is None:
        return default
    if type(value) is not kind:
        words = {str: "text", bool: "true or false", list: "a list", int: "a whole number"}
        raise BadRequest(f"{name} is not {words[kind]}.", f"Send it as {words[kind]}.")
    return value


def answer_revision(data: dict[str, Any], revision: int, status: int = 200) -> Response:
    """Return JSON about one thing, with its revision as ETag."""
    response = answer_json(data, status)
    response.set_etag(str(revision))
    return response
