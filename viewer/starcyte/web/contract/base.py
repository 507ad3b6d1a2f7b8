"""The base classes of the structs, and types that several of them use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeVar

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
    """An object that has exactly one of the fields that are UNSET by default, beside those that it always has.

    A field of ``COMPANIONS`` is given exactly with one of the alternatives that are listed for it.
    """

    COMPANIONS: ClassVar[Mapping[str, frozenset[str]]] = {}

    def __post_init__(self) -> None:
        """Count the fields that are given."""
        names = self.alternatives()
        given_names = {names[name] for name in names if getattr(self, name) is not UNSET}
        if len(given_names) != 1:
            raise ValueError(f"Expected exactly one of {', '.join(f'`{name}`' for name in names.values())}")
        fields = self._json_names()
        for companion, of in self.COMPANIONS.items():
            if (getattr(self, fields[companion]) is not UNSET) != bool(given_names & of):
                raise ValueError(f"Expected `{companion}` with {' or '.join(f'`{name}`' for name in sorted(of))}")

    @classmethod
    def alternatives(cls) -> dict[str, str]:
        """Return the JSON names of the alternative fields by their Python names."""
        optional = cls.__struct_fields__[len(cls.__struct_fields__) - len(cls.__struct_defaults__) :]
        return {
            name: json for json, name in cls._json_names().items() if name in optional and json not in cls.COMPANIONS
        }

    @classmethod
    def _json_names(cls) -> dict[str, str]:
        """Return the Python names of the fields by their JSON names."""
        return dict(zip(cls.__struct_encode_fields__, cls.__struct_fields__, strict=True))


class Answer(Struct):
    """A JSON object that is sent. A field that is UNSET is omitted; no other field has a default."""


def given(value: T | UnsetType) -> T | None:
    """Return a field of a request, None if it is omitted."""
    return None if isinstance(value, UnsetType) else value
