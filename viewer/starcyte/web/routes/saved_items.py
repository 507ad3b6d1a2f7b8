"""Views, results and figures that the page keeps: list, keep, fetch, delete."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from flask import Blueprint, Response, request

from starcyte.errors import BadRequest
from starcyte.web.media import JSON, PNG, SVG
from starcyte.web.preconditions import answer_revision, expected, expected_or_any, mine
from starcyte.web.responses import answer_json

blueprint = Blueprint("saved_items", __name__)

_PNG_START = b"\x89PNG\r\n\x1a\n"


@blueprint.get("/<any(views, results, figures):plural>")
def listed(plural: str) -> Response:
    """Return all of a kind without their bodies."""
    curation, user = mine()
    revision = curation.newest(user)
    found = curation.saved_items.listed(user, plural[:-1])
    return answer_json({plural: [describe(k) for k in found], "revision": revision})


@blueprint.get("/<any(views, results, figures):plural>/<name:name>")
def one(plural: str, name: str) -> Response:
    """Return what was kept, as it was sent."""
    curation, user = mine()
    kept = curation.saved_items.get(user, plural[:-1], name)
    response = Response(kept.body, mimetype=kept.media_type)
    response.set_etag(str(kept.revision))
    if kept.media_type != JSON:
        # it may hold scripts: no page of ours, and never shown as one
        response.headers["Content-Disposition"] = "attachment"
    return response


@blueprint.put("/<any(views, results, figures):plural>/<name:name>")
def put(plural: str, name: str) -> Response:
    """Keep something."""
    revision, media_type, body, thumbnail = expected(), request.mimetype, request.get_data(), ""
    if plural == "figures":
        _check_figure(media_type, body)
    else:
        if media_type != JSON:
            raise BadRequest("The body is not sent as JSON.", "Send Content-Type: application/json.")
        thumbnail = _thumbnail(_parsed(body))
    curation, user = mine()
    info = curation.saved_items.put(user, plural[:-1], name, media_type, body, thumbnail, revision)
    answer = {"revision": info.revision, plural[:-1]: describe(info)}
    return answer_revision(answer, info.revision, 201 if revision is None else 200)


@blueprint.delete("/<any(views, results, figures):plural>/<name:name>")
def delete(plural: str, name: str) -> Response:
    """Delete something for good."""
    curation, user = mine()
    return answer_json({"revision": curation.saved_items.delete(user, plural[:-1], name, expected_or_any())})


def describe(kept: object) -> dict[str, Any] | None:
    """Return a saved item as lists show it; None where it is none."""
    from starcyte.curation.saved_items import SavedItemInfo

    if not isinstance(kept, SavedItemInfo):
        return None
    entry: dict[str, Any] = {
        "name": kept.name,
        "revision": kept.revision,
        "author": kept.author,
        "time": kept.time,
        "bytes": kept.n_bytes,
        "media_type": kept.media_type,
    }
    return entry | ({"thumbnail": kept.thumbnail} if kept.thumbnail else {})


def _check_figure(media_type: str, body: bytes) -> None:
    if media_type not in {SVG, PNG}:
        raise BadRequest(f"A figure is not of type {media_type!r}.", f"Send {SVG} or {PNG}.")
    if media_type == PNG and not body.startswith(_PNG_START):
        raise BadRequest("The body is no PNG image.", "Send the image's bytes as they are.")
    if media_type == SVG and b"<svg" not in body:
        raise BadRequest("The body is no SVG image.", "Send the image's text as it is.")


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON: {error}.", "Send JSON.") from None


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _thumbnail(data: Any) -> str:
    from starcyte.curation.saved_items import thumbnail_of

    found = thumbnail_of(data)
    if found is None:
        raise BadRequest("The thumbnail is no small picture.", "Give it as data:image/png;base64,...")
    return found
