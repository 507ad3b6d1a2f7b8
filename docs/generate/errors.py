"""The codes of the errors, from the exceptions of ``starcyte.errors``."""

from __future__ import annotations

from starcyte.errors import StarcyteError


def markdown() -> str:
    """Return a table of the codes with their status and exit status."""
    rows = ["| code | HTTP status | exit status | meaning |", "| --- | ---: | ---: | --- |"]
    known: set[str] = set()
    for kind in _kinds(StarcyteError):
        if kind.code not in known:
            known.add(kind.code)
            meaning = (kind.__doc__ or "").split("\n\n")[0].replace("\n", " ")
            rows.append(f"| `{kind.code}` | {kind.status} | {kind.exit_status} | {meaning} |")
    return "\n".join(rows)


def _kinds(kind: type[StarcyteError]) -> list[type[StarcyteError]]:
    below = kind.__subclasses__()
    return [one for child in below for one in (child, *_kinds(child))]
