"""Annotations, their labels and their history."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from starcyte.web.contract.base import Answer, Count, Name, Request
from starcyte.web.contract.error import Error
from starcyte.web.contract.selection import Selection

Color = Annotated[str, Meta(pattern="^(#[0-9a-fA-F]{6})?$", description="#rrggbb; empty: the page chooses")]


class Label(Answer):
    """A label of an annotation."""

    name: str
    color: str
    note: str
    n: Annotated[Count, Meta(description="Its cells")]


class Annotation(Answer):
    """An annotation without its cells."""

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
    annotation: Annotation


class AnnotationAssigned(Answer):
    """The annotation, and the number of cells that were changed."""

    revision: Count
    n: Count
    annotation: Annotation


class AnnotationRestored(Answer):
    """The annotation, null if it was deleted at that revision."""

    revision: Count
    annotation: Annotation | None


class AnnotationConflict(Answer):
    """The current annotation, null if there is none, and the body of the request."""

    error: Error
    current: Annotation | None
    yours: Any


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
    n: Annotated[int, Meta(description="Ignored")] | UnsetType = UNSET


class AnnotationEdit(Request):
    """A new annotation, or the changes of one; omitted fields stay as they are."""

    labels: Annotated[list[LabelEdit], Meta(description="All labels; those omitted are deleted")] | UnsetType = UNSET
    from_: (
        Annotated[str, Meta(description="The source of a new annotation: obs:NAME or annotation:NAME")] | UnsetType
    ) = msgspec.field(name="from", default=UNSET)
    name: Annotated[Name, Meta(description="Its new name")] | UnsetType = UNSET


class Assignment(Request):
    """Cells and their new label."""

    label: Annotated[Name | None, Meta(description="null removes the label of the cells")]
    selection: Selection
    create: Annotated[bool, Meta(description="Add the label if it is missing")] = False


class Restoration(Request):
    """A revision to go back to."""

    revision: Count
