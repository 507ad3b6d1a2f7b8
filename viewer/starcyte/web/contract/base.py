"""The base classes of the structs, and types that several of them use."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

T = TypeVar("T")

Count = Annotated[int, Meta(ge=0, le=10**15 - 1)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Name = Annotated[str, Meta(min_length=1)]
#: Marks a choice that a registry lists; the types of the client have text there, so that they do not change with it
REGISTERED = Meta(extra_json_schema={"x-registered": True})
JsonObject = Annotated[dict[str, Any], Meta(extra_json_schema={"additionalProperties": True})]


class Request(Struct, forbid_unknown_fields=True):
    """The body of a request, or the parameters of its query. Fields that may be omitted are UNSET by default."""


class OneOf(Request):
    """An object that has exactly one of the fields that are UNSET by default, beside those that it always has."""

    def __post_init__(self) -> None:
        """Count the fields that are given."""
        names = self.alternatives()
        if sum(getattr(self, name) is not UNSET for name in names) != 1:
            raise ValueError(f"Expected exactly one of {', '.join(f'`{name}`' for name in names.values())}")

    @classmethod
    def alternatives(cls) -> dict[str, str]:
        """Return the JSON names of the alternative fields by their Python names."""
        defaults = cls.__struct_defaults__
        fields = dict(zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True))
        return {name: fields[name] for name in list(fields)[len(fields) - len(defaults) :]}


class Answer(Struct):
    """A JSON object that is sent. A field that is UNSET is omitted; no other field has a default."""


def given(value: T | UnsetType) -> T | None:
    """Return a field of a request, None if it is omitted."""
    return None if isinstance(value, UnsetType) else value
