"""Annotations: list, create, edit, assign, restore, delete."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from flask import request
from msgspec import UNSET, UnsetType

from starcyte.curation import models
from starcyte.curation.models import AnnotationInfo
from starcyte.errors import BadRequest, NotFound
from starcyte.web.context import context
from starcyte.web.contract.annotation import (
    Annotation,
    AnnotationAssigned,
    AnnotationConflict,
    AnnotationEdit,
    AnnotationHistory,
    AnnotationRestored,
    Annotations,
    AnnotationSaved,
    Assignment,
    Label,
    LabelEdit,
    MergeConflict,
    PastRevision,
    Restoration,
    Reversion,
)
from starcyte.web.contract.base import Name, given
from starcyte.web.contract.change import Deleted
from starcyte.web.contract.columns import Columns
from starcyte.web.encoding.media import BINARY, COLUMNS, CSV, JSON
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.preconditions import (
    answer_revision,
    current_curation,
    if_match_or_any,
    resolution,
    seen,
    seen_or_any,
)
from starcyte.web.responses import answer_json
from starcyte.web.routing.blueprint import Routes
from starcyte.web.routing.route import READ, WRITE

if TYPE_CHECKING:
    from starcyte.curation.annotations import merge
    from starcyte.curation.annotations.edit import EditedLabel

routes = Routes("annotations")

_CELLS_AT_ONCE = 50_000
_CONFLICT = {412: AnnotationConflict}


@routes.get("/annotations", errors=READ)
def listed() -> ResponseOf[Annotations]:
    """Return all annotations without their cells."""
    curation, user = current_curation()
    # first: a change in between is then listed twice, and never missed
    revision = curation.latest_revision(user)
    return answer_json(
        Annotations(annotations=[describe(one) for one in curation.annotations.listed(user)], revision=revision)
    )


@routes.get("/annotations/<name:name>", media=COLUMNS, errors=READ)
def codes(name: Name) -> ResponseOf[Columns]:
    """Return the label of every cell; as CSV, with the names of the cells before it."""
    from starcyte.web.encoding.wire import ENCODERS, WireColumn, from_column
    from starcyte.web.grouping import as_column

    curation, user = current_curation()
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
    response: ResponseOf[Columns] = ResponseOf(ENCODERS[form](dataset.n_obs, columns), mimetype=form)
    response.set_etag(str(annotation.revision))
    response.vary.add("Accept")
    return response


@routes.put("/annotations/<name:name>", other=_CONFLICT | {201: AnnotationSaved}, errors=WRITE, if_match=True)
def put(name: Name, body: AnnotationEdit) -> ResponseOf[AnnotationSaved]:
    """Create an annotation, or (with If-Match) change its labels or its name.

    Labels of that revision that are omitted from the list are deleted. Changes since that revision are merged.
    """
    expected, wanted = seen(body.resolve), None if body.labels is UNSET else [_edited(label) for label in body.labels]
    curation, user = current_curation()
    if expected is None:
        if body.name is not UNSET and body.name != name:
            raise BadRequest("A new annotation has the name in its path.", "Omit the field name.")
        start = () if body.from_ is UNSET else _start(body.from_)
        info = curation.annotations.create(user, name, wanted if wanted is not None or start else (), start)
        return answer_revision(_saved(info), info.revision, 201)
    if body.from_ is not UNSET:
        raise BadRequest("Only a new annotation starts from a column.", "Omit If-Match, or the field from.")
    info = curation.annotations.put(user, name, expected, wanted, given(body.name))
    return answer_revision(_saved(info), info.revision)


@routes.post("/annotations/<name:name>/assign", other=_CONFLICT, errors=WRITE, if_match=True, size="max_body_bytes")
def assign(name: Name, body: Assignment) -> ResponseOf[AnnotationAssigned]:
    """Give cells a label, or remove it.

    With If-Match of an older revision, changes since are merged, unless they gave the same cells another label.
    """
    from starcyte.curation.annotations.cell_sets import from_mask
    from starcyte.curation.annotations.edit import NewLabel
    from starcyte.web.grouping import selected

    curation, user = current_curation()
    cells = from_mask(selected(body.selection))
    label_id = -1 if isinstance(body.label_id, UnsetType) else body.label_id
    label = None if body.label is None else NewLabel(body.label, label_id, body.create, body.color)
    info, n = curation.annotations.assign(user, name, label, cells, seen_or_any(body.resolve))
    answer = AnnotationAssigned(
        revision=info.revision, merged=info.merged, changed=info.changed, n=n, annotation=describe(info)
    )
    return answer_revision(answer, info.revision)


@routes.post("/annotations/<name:name>/restore", other=_CONFLICT, errors=WRITE, if_match=True)
def restore(name: Name, body: Restoration) -> ResponseOf[AnnotationRestored]:
    """Restore an annotation, also a deleted one, to a revision."""
    revision = if_match_or_any()
    curation, user = current_curation()
    made, restored = curation.annotations.restore(user, name, body.revision, revision)
    annotation = describe(restored) if isinstance(restored, AnnotationInfo) else None
    return answer_revision(AnnotationRestored(revision=made, merged=False, changed=True, annotation=annotation), made)


@routes.post("/annotations/<name:name>/revert", other=_CONFLICT, errors=WRITE)
def revert(name: Name, body: Reversion) -> ResponseOf[AnnotationRestored]:
    """Undo one change of an annotation, also of a deleted or renamed one. Later changes stay."""
    curation, user = current_curation()
    info = curation.annotations.revert(user, name, body.revision, resolution(body.resolve))
    annotation = None if info.deleted else describe(info)
    answer = AnnotationRestored(revision=info.revision, merged=info.merged, changed=info.changed, annotation=annotation)
    return answer_revision(answer, info.revision)


@routes.get("/annotations/<name:name>/revisions", errors=READ)
def revisions(name: Name) -> ResponseOf[AnnotationHistory]:
    """Return the history of an annotation, the newest change first."""
    curation, user = current_curation()
    found = [
        PastRevision(revision=c.number, author=c.author, time=c.time, action=c.action, n_labelled=c.size)
        for c in curation.annotations.revisions(user, name)
    ]
    return answer_json(AnnotationHistory(revisions=found))


@routes.delete("/annotations/<name:name>", other=_CONFLICT, errors=WRITE, if_match=True)
def delete(name: Name) -> ResponseOf[Deleted]:
    """Delete an annotation; it can be restored."""
    curation, user = current_curation()
    return answer_json(Deleted(revision=curation.annotations.delete(user, name, seen_or_any())))


def describe(info: AnnotationInfo) -> Annotation:
    """Return an annotation as it is sent."""
    return Annotation(
        id=info.id,
        name=info.name,
        revision=info.revision,
        author=info.author,
        time=info.time,
        labels=[
            Label(id=label.id, name=label.name, color=label.color, note=label.note, n=n)
            for label, n in zip(info.labels, info.counts, strict=True)
        ],
        n_unlabelled=context().dataset().n_obs - sum(info.counts),
    )


def describe_conflict(conflict: merge.MergeConflict) -> MergeConflict:
    """Return a conflict as it is sent."""
    return MergeConflict(**asdict(conflict))


def _saved(info: AnnotationInfo) -> AnnotationSaved:
    return AnnotationSaved(revision=info.revision, merged=info.merged, changed=info.changed, annotation=describe(info))


def _edited(label: LabelEdit) -> EditedLabel:
    from starcyte.curation.annotations.edit import EditedLabel

    was = given(label.was) or []
    former = tuple(dict.fromkeys([was] if isinstance(was, str) else was))
    ids = tuple(dict.fromkeys(given(label.ids) or ()))
    return EditedLabel(label.name, given(label.color), given(label.note), former, ids)


def _start(source: str) -> list[models.Label]:
    """Return the first labels of a new annotation: those of another, or the categories of an obs column."""
    from starcyte.curation.annotations.cell_sets import from_codes
    from starcyte.curation.annotations.edit import check_number
    from starcyte.curation.names import clean_names
    from starcyte.web.grouping import ANNOTATION, grouping

    settings, dataset = context().settings, context().dataset()
    try:
        found = grouping(source)
    except NotFound:
        found = grouping(ANNOTATION + source)
    if found.annotation is not None and not found.is_level:
        return list(found.annotation.labels)
    values, categories = found.column.as_categories()
    check_number(len(categories), settings)
    colors = (None if found.is_level else dataset.colors(found.column.info.name)) or [""] * len(categories)
    cells = from_codes(values, len(categories))
    names = clean_names(categories, settings)
    return [models.Label(n, color, "", c) for n, color, c in zip(names, colors, cells, strict=True)]
