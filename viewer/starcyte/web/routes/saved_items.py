"""Saved views, results and figures: list, save, fetch, delete."""

from __future__ import annotations

import msgspec
from flask import request
from msgspec import UNSET

from starcyte.curation.saved_items import SavedItemInfo
from starcyte.errors import BadRequest
from starcyte.web.contract.base import Name
from starcyte.web.contract.change import Deleted
from starcyte.web.contract.saved_item import Figures, ItemSaved, Results, SavedItem, SavedItemConflict, Views
from starcyte.web.encoding.media import JSON, PNG, SVG
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.preconditions import answer_revision, current_curation, if_match, if_match_or_any
from starcyte.web.responses import answer_json
from starcyte.web.routing.blueprint import Routes
from starcyte.web.routing.route import READ, WRITE

routes = Routes("saved_items")

_PNG_START = b"\x89PNG\r\n\x1a\n"
_CONFLICT = {412: SavedItemConflict}


@routes.get("/views", errors=READ)
def views() -> ResponseOf[Views]:
    """Return all saved views without their bodies."""
    revision, items = _listed("view")
    return answer_json(Views(views=items, revision=revision))


@routes.get("/results", errors=READ)
def results() -> ResponseOf[Results]:
    """Return all saved results without their bodies."""
    revision, items = _listed("result")
    return answer_json(Results(results=items, revision=revision))


@routes.get("/figures", errors=READ)
def figures() -> ResponseOf[Figures]:
    """Return all saved figures without their bodies."""
    revision, items = _listed("figure")
    return answer_json(Figures(figures=items, revision=revision))


@routes.get("/<any(views, results):plural>/<name:name>", media=(JSON,), errors=READ)
def document(plural: str, name: Name) -> ResponseOf[bytes]:
    """Return a saved view or result as it was sent."""
    return _body(plural[:-1], name)


@routes.get("/figures/<name:name>", media=(SVG, PNG), errors=READ)
def figure(name: Name) -> ResponseOf[bytes]:
    """Return a saved figure as it was sent."""
    response = _body("figure", name)
    # an SVG may hold scripts: it is never shown as a page of this origin
    response.headers["Content-Disposition"] = "attachment"
    return response


@routes.put(
    "/<any(views, results):plural>/<name:name>",
    accepts=(JSON,),
    other=_CONFLICT | {201: ItemSaved},
    errors=WRITE,
    if_match=True,
    size="max_saved_item_bytes",
)
def put_document(plural: str, name: Name) -> ResponseOf[ItemSaved]:
    """Save a view or a result; with If-Match, in place of the current one."""
    body = request.get_data()
    if request.mimetype != JSON:
        raise BadRequest("The body is not sent as JSON.", "Send Content-Type: application/json.")
    return _put(plural[:-1], name, JSON, body, _thumbnail(body))


@routes.put(
    "/figures/<name:name>",
    accepts=(SVG, PNG),
    other=_CONFLICT | {201: ItemSaved},
    errors=WRITE,
    if_match=True,
    size="max_saved_item_bytes",
)
def put_figure(name: Name) -> ResponseOf[ItemSaved]:
    """Save a figure; with If-Match, in place of the current one."""
    media_type, body = request.mimetype, request.get_data()
    if media_type not in {SVG, PNG}:
        raise BadRequest(f"A figure cannot be of type {media_type!r}.", f"Send {SVG} or {PNG}.")
    if media_type == PNG and not body.startswith(_PNG_START):
        raise BadRequest("The body is not a PNG image.", "Send the bytes of the image.")
    if media_type == SVG and b"<svg" not in body:
        raise BadRequest("The body is not an SVG image.", "Send the text of the image.")
    return _put("figure", name, media_type, body, "")


@routes.delete("/<any(views, results, figures):plural>/<name:name>", other=_CONFLICT, errors=WRITE, if_match=True)
def delete(plural: str, name: Name) -> ResponseOf[Deleted]:
    """Delete a saved item for good."""
    curation, user = current_curation()
    return answer_json(Deleted(revision=curation.saved_items.delete(user, plural[:-1], name, if_match_or_any())))


def describe(item: SavedItemInfo) -> SavedItem:
    """Return a saved item as it is sent."""
    return SavedItem(
        name=item.name,
        revision=item.revision,
        author=item.author,
        time=item.time,
        bytes=item.n_bytes,
        media_type=item.media_type,
        thumbnail=item.thumbnail or UNSET,
    )


def _listed(kind: str) -> tuple[int, list[SavedItem]]:
    curation, user = current_curation()
    revision = curation.latest_revision(user)
    return revision, [describe(item) for item in curation.saved_items.listed(user, kind)]


def _body(kind: str, name: str) -> ResponseOf[bytes]:
    curation, user = current_curation()
    item = curation.saved_items.get(user, kind, name)
    response: ResponseOf[bytes] = ResponseOf(item.body, mimetype=item.media_type)
    response.set_etag(str(item.revision))
    return response


def _put(kind: str, name: str, media_type: str, body: bytes, thumbnail: str) -> ResponseOf[ItemSaved]:
    revision = if_match()
    curation, user = current_curation()
    info = curation.saved_items.put(user, kind, name, media_type, body, thumbnail, revision)
    answer = ItemSaved(revision=info.revision, **{kind: describe(info)})
    return answer_revision(answer, info.revision, 201 if revision is None else 200)


def _thumbnail(body: bytes) -> str:
    from starcyte.curation.saved_items import thumbnail_of

    try:
        found = thumbnail_of(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON: {error}.", "Send JSON.") from None
    if found is None:
        raise BadRequest("The thumbnail is not a small image.", "Give it as data:image/png;base64,...")
    return found
