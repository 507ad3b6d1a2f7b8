"""What was measured, kept as JSON after every case so that an interrupted run is not lost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

Unit = Literal["s", "bytes", "per s", "count"]


@dataclass
class Row:
    """One case: what each viewer took, or why it has no figure.

    Parameters
    ----------
    title
        What the table calls it.
    unit
        Of all its figures.
    limit
        What the machine could do at best; None where nothing bounds it.
    """

    title: str
    unit: Unit
    limit: float | None = None
    samples: dict[str, list[float]] = field(default_factory=dict)
    unable: dict[str, str] = field(default_factory=dict)

    def add(self, viewer: str, value: float) -> None:
        """Note one figure of a viewer."""
        self.samples.setdefault(viewer, []).append(value)

    def median(self, viewer: str) -> float | None:
        """Return the middle of a viewer's figures."""
        return float(np.median(self.samples[viewer])) if viewer in self.samples else None


@dataclass
class Results:
    """One run over one dataset."""

    machine: Mapping[str, Any]
    dataset: Mapping[str, Any]
    viewers: Sequence[str]
    rows: list[Row] = field(default_factory=list)
    other_cpu: float | None = None
    in_turns: bool = False

    def row(self, title: str, unit: Unit, limit: float | None = None) -> Row:
        """Return the row of that title, made if there is none."""
        for row in self.rows:
            if row.title == title:
                return row
        self.rows.append(Row(title, unit, limit))
        return self.rows[-1]

    def write(self, path: Path) -> None:
        """Write them."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1))

    @staticmethod
    def read(path: Path) -> Results:
        """Read what :meth:`write` wrote."""
        values = json.loads(path.read_text())
        return Results(**values | {"rows": [Row(**row) for row in values["rows"]]})
