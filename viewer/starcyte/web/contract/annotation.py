"""Annotations, their labels and their history."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from starcyte.web.contract.base import Answer, Count, Name, Request
from starcyte.web.contract.error import Error
from starcyte.web.contract.selection import Selection

Merged = Annotated[bool, Meta(description="Whether changes since the state of the request were merged with it")]
Changed = Annotated[
    bool, Meta(description="Whether the request changed anything; if not, the revision is an earlier one")
]
Color = Annotated[str, Meta(pattern="^(#[0-9a-fA-F]{6})?$", description="#rrggbb; empty: the page chooses")]


class Label(Answer):
    """A label of an annotation."""

    id: Annotated[Count, Meta(description="Stays the same when the label is renamed")]
    name: str
    color: str
    note: str
    n: Annotated[Count, Meta(description="Its cells")]


class Annotation(Answer):
    """An annotation without its cells."""

    id: Annotated[Count, Meta(description="Stays the same when the annotation is renamed")]
    name: str
    revision: Count
    author: str
    time: str
    labels: list[Label]
    n_unlabelled: Count


class Annotations(Answer):
    """All annotations of the user."""

    annotations: list[Annotation]
    revision: Count


class AnnotationSaved(Answer):
    """The annotation after the change."""

    revision: Count
    merged: Merged
    changed: Changed
    annotation: Annotation


class AnnotationAssigned(Answer):
    """The annotation, and the number of cells that were changed."""

    revision: Count
    merged: Merged
    changed: Changed
    n: Count
    annotation: Annotation


class AnnotationRestored(Answer):
    """The annotation, null if it was deleted at that revision."""

    revision: Count
    merged: Merged
    changed: Changed
    annotation: Annotation | None


class MergeConflict(Answer):
    """Two changes of the same thing, of which one can be kept."""

    key: Annotated[str, Meta(description="For resolve; conflicts with the same key are decided together")]
    field: Annotated[
        Literal["cells", "name", "color", "note", "deleted", "annotation"],
        Meta(description="deleted: one deleted what the other changed; annotation: the name of the annotation"),
    ]
    label: Annotated[str, Meta(description="The name of the label before; empty for cells")]
    mine: Annotated[str | None, Meta(description="The value of the request; for cells their label, null if none")]
    theirs: Annotated[str | None, Meta(description="The current value")]
    n: Annotated[Count, Meta(description="The number of cells")]


class AnnotationConflict(Answer):
    """The current annotation, null if there is none, and the body of the request. Nothing was changed."""

    error: Error
    current: Annotation | None
    revision: Annotated[Count, Meta(description="The current revision; 0 if there is none")]
    conflicts: Annotated[
        list[MergeConflict], Meta(description="What cannot be merged; empty if nothing of the request can be")
    ]
    yours: Any


class Resolve(Request):
    """How the conflicts of an earlier answer are resolved."""

    revision: Annotated[
        Count, Meta(description="That of the answer; if there is a later one, there may be new conflicts")
    ]
    mine: Annotated[list[str], Meta(description="The keys of the conflicts in which the request's value is kept")]


class PastRevision(Answer):
    """A change of an annotation."""

    revision: Count
    author: str
    time: str
    action: str
    n_labelled: Count


class AnnotationHistory(Answer):
    """The changes of an annotation, the newest first."""

    revisions: list[PastRevision]


class LabelEdit(Request):
    """A label after the change."""

    name: Name
    color: Color | UnsetType = UNSET
    note: str | UnsetType = UNSET
    was: (
        Annotated[
            str | list[str] | None,
            Meta(description="The labels that it is made of; by default that of the same name, or none"),
        ]
        | UnsetType
    ) = UNSET
    ids: (
        Annotated[list[Count], Meta(description="The labels that it is made of, by their ids; `was` is then ignored")]
        | UnsetType
    ) = UNSET
    n: Annotated[int, Meta(description="Ignored")] | UnsetType = UNSET


class AnnotationEdit(Request):
    """A new annotation, or the changes of one; omitted fields stay as they are."""

    labels: Annotated[list[LabelEdit], Meta(description="All labels; those omitted are deleted")] | UnsetType = UNSET
    from_: (
        Annotated[str, Meta(description="The source of a new annotation: obs:NAME or annotation:NAME")] | UnsetType
    ) = msgspec.field(name="from", default=UNSET)
    name: Annotated[Name, Meta(description="Its new name")] | UnsetType = UNSET
    resolve: Resolve | UnsetType = UNSET


class Assignment(Request):
    """Cells and their new label."""

    label: Annotated[Name | None, Meta(description="null removes the label of the cells")]
    selection: Selection
    create: Annotated[bool, Meta(description="Add the label if it is missing")] = False
    color: Annotated[Color, Meta(description="Of a label that is added")] = ""
    label_id: (
        Annotated[Count, Meta(description="The id of the label, which may have been renamed meanwhile")] | UnsetType
    ) = UNSET
    resolve: Resolve | UnsetType = UNSET


class Restoration(Request):
    """A revision to go back to."""

    revision: Count


class Reversion(Request):
    """A change to undo."""

    revision: Annotated[Count, Meta(description="The revision that the change made")]
    resolve: Resolve | UnsetType = UNSET
