"""Annotations: list, make, edit, assign, restore, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from starcyte.errors import BadRequest, NotFound
from starcyte.web.context import context
from starcyte.web.media import BINARY, CSV, JSON
from starcyte.web.preconditions import answer_revision, expected, expected_or_any, mine, only, part
from starcyte.web.responses import answer_json, body_json, whole_number

if TYPE_CHECKING:
    from starcyte.curation.annotations.edit import EditedLabel
    from starcyte.curation.models import AnnotationInfo, Label

blueprint = Blueprint("annotations", __name__)

_CELLS_AT_ONCE = 50_000


@blueprint.get("/annotations")
def listed() -> Response:
    """Return all annotations without their cells."""
    curation, user = mine()
    # first: a change in between is then told once more, and never missed
    revision = curation.newest(user)
    return answer_json(
        {
            "annotations": [describe(annotation) for annotation in curation.annotations.listed(user)],
            "revision": revision,
        }
    )


@blueprint.get("/annotations/<name:name>")
def codes(name: str) -> Response:
    """Return an annotation as a column; as CSV, with the names of the cells before it."""
    from starcyte.web.grouping import as_column
    from starcyte.web.wire import ENCODERS, WireColumn, from_column

    curation, user = mine()
    annotation = curation.annotations.get(user, name)
    form = request.accept_mimetypes.best_match([JSON, BINARY, CSV], default=JSON)
    dataset = context().dataset()
    made = from_column(as_column(annotation))
    columns = [WireColumn(annotation.name, made.values, categories=made.categories, extra=made.extra)]
    if form == CSV:
        import numpy as np

        n = dataset.n_obs
        names = [
            cell
            for start in range(0, n, _CELLS_AT_ONCE)
            for cell in dataset.cell_names(range(start, min(start + _CELLS_AT_ONCE, n)))
        ]
        columns.insert(0, WireColumn("cell", np.array([*names, None], dtype=object)[:-1]))
    response = Response(ENCODERS[form](dataset.n_obs, columns), mimetype=form)
    response.set_etag(str(annotation.revision))
    response.vary.add("Accept")
    return response


@blueprint.put("/annotations/<name:name>")
def put(name: str) -> Response:
    """Make an annotation, or give it other labels or another name."""
    revision, body = expected(), body_json()
    only(body, "labels", "from", "name")
    wanted = _wanted(part(body, "labels", list))
    source, new_name = part(body, "from", str), part(body, "name", str)
    curation, user = mine()
    if revision is None:
        if new_name not in {None, name}:
            raise BadRequest("A new annotation has one name, that of the path.", "Leave name out.")
        start = () if source is None else _start(source)
        info = curation.annotations.create(user, name, wanted if wanted is not None or start else (), start)
        return answer_revision({"revision": info.revision, "annotation": describe(info)}, info.revision, 201)
    if source is not None:
        raise BadRequest("Only a new annotation starts from a column.", "Leave If-Match out, or from.")
    info = curation.annotations.put(user, name, revision, wanted, new_name)
    return answer_revision({"revision": info.revision, "annotation": describe(info)}, info.revision)


@blueprint.post("/annotations/<name:name>/assign")
def assign(name: str) -> Response:
    """Put cells into a label, or into none."""
    from starcyte.curation.annotations.cell_sets import from_mask
    from starcyte.web.grouping import selected

    revision, body = expected_or_any(), body_json()
    only(body, "label", "selection", "create")
    if "label" not in body:
        raise BadRequest("No label is named.", 'Add "label": its name, or null to unlabel the cells.')
    label, create = part(body, "label", str), part(body, "create", bool, default=False)
    curation, user = mine()
    cells = from_mask(selected(body.get("selection")))
    info, n = curation.annotations.assign(user, name, label, cells, create, revision)
    return answer_revision({"revision": info.revision, "n": n, "annotation": describe(info)}, info.revision)


@blueprint.post("/annotations/<name:name>/restore")
def restore(name: str) -> Response:
    """Make an annotation what it was at a revision; also one that was deleted."""
    revision, body = expected_or_any(), body_json()
    only(body, "revision")
    wanted = whole_number(part(body, "revision", int), "revision", None)
    if wanted is None:
        raise BadRequest("No revision is named.", 'Send {"revision": 17}.')
    curation, user = mine()
    made, annotation = curation.annotations.restore(user, name, wanted, revision)
    return answer_revision({"revision": made, "annotation": describe(annotation)}, made)


@blueprint.get("/annotations/<name:name>/revisions")
def revisions(name: str) -> Response:
    """Return the history of an annotation, the newest change first."""
    curation, user = mine()
    found = [
        {"revision": c.number, "author": c.author, "time": c.time, "action": c.action, "n_labelled": c.size}
        for c in curation.annotations.revisions(user, name)
    ]
    return answer_json({"revisions": found})


@blueprint.delete("/annotations/<name:name>")
def delete(name: str) -> Response:
    """Delete an annotation; it can be restored."""
    curation, user = mine()
    return answer_json({"revision": curation.annotations.delete(user, name, expected_or_any())})


def describe(annotation: object) -> dict[str, Any] | None:
    """Return an annotation as lists show it; None where it is none."""
    from starcyte.curation.models import AnnotationInfo

    if not isinstance(annotation, AnnotationInfo):
        return None
    return {
        "name": annotation.name,
        "revision": annotation.revision,
        "author": annotation.author,
        "time": annotation.time,
        "labels": [
            {"name": c.name, "color": c.color, "note": c.note, "n": n}
            for c, n in zip(annotation.labels, annotation.counts, strict=True)
        ],
        "n_unlabelled": _unlabelled(annotation),
    }


def _unlabelled(annotation: AnnotationInfo) -> int:
    return context().dataset().n_obs - sum(annotation.counts)


def _wanted(given: list[Any] | None) -> list[EditedLabel] | None:
    """Return labels from JSON."""
    from starcyte.curation.annotations.edit import EditedLabel

    if given is None:
        return None
    wanted = []
    for entry in given:
        if not isinstance(entry, dict):
            raise BadRequest("A label is not an object.", 'Send {"name": .., "color": .., "note": .., "was": ..}.')
        only(entry, "name", "color", "note", "was", "n")
        name, was = part(entry, "name", str), entry.get("was")
        if name is None:
            raise BadRequest("A label has no name.", 'Send {"name": ..} for each.')
        former = [was] if isinstance(was, str) else ([] if was is None else was)
        if not isinstance(former, list) or any(not isinstance(w, str) for w in former):
            raise BadRequest(f"was of label {name!r} is no name.", "Give a name, or a list of names to merge.")
        wanted.append(
            EditedLabel(name, part(entry, "color", str), part(entry, "note", str), tuple(dict.fromkeys(former)))
        )
    return wanted


def _start(source: str) -> list[Label]:
    """Return the first labels of a new annotation: those of another, or the categories of an obs column."""
    from starcyte.curation.annotations.cell_sets import from_codes
    from starcyte.curation.annotations.edit import check_number
    from starcyte.curation.models import Label
    from starcyte.curation.names import clean_names
    from starcyte.web.grouping import ANNOTATION, grouping

    settings, dataset = context().settings, context().dataset()
    try:
        found = grouping(source)
    except NotFound:
        found = grouping(ANNOTATION + source)
    if found.annotation is not None:
        return list(found.annotation.labels)
    values, categories = found.column.as_categories()
    check_number(len(categories), settings)
    colors = dataset.colors(found.column.info.name) or [""] * len(categories)
    cells = from_codes(values, len(categories))
    names = clean_names(categories, settings)
    return [Label(n, color, "", c) for n, color, c in zip(names, colors, cells, strict=True)]
