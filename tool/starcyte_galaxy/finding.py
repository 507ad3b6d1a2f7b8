"""Finding: the result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Parameters
    ----------
    kind
        ``ok``, ``missing`` for an error, or ``note`` for something to consider.
    text
        The subject and the remedy.
    """

    kind: Literal["ok", "missing", "note"]
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"
