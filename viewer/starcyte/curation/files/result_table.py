"""Saved results as tables: a comparison, markers, or a comparison within each category of a column.

A result is the JSON that a page sent, so that every part of it may be missing or of another kind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from starcyte.curation.files.write_tables import TableFormat, encode

_OF_SAMPLES = "of_samples"


def result_table(body: bytes, form: TableFormat) -> bytes | None:
    """Return a saved result as a table; None if it contains none.

    Parameters
    ----------
    body
        The JSON of a comparison (``genes``, a list of rows), or of markers or a comparison within categories
        (``groups`` or ``categories`` with a name and ``genes``), at the top or in the key ``result``. A comparison over
        samples has a column for each sample, and lines of ``#`` above its header that say how it was made.
    form
        The format.
    """
    whole = json.loads(body)
    for part in _dicts([whole, whole.get("result") if isinstance(whole, dict) else None]):
        if rows := _rows(part):
            # a dictionary keeps the order of first occurrence
            header = list({name: None for row in rows for name in row})
            lines = [_comment(line) for line in _head(whole, part)] + [form.row(header)]
            lines += [form.separator.join(_value(row.get(name), form) for name in header) + "\n" for row in rows]
            return encode("".join(lines))
    return None


def _rows(part: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a result, with the values of samples as columns, and names of categories before them."""
    samples = [f"{unit.get('sample')} ({unit.get('side')})" for unit in _dicts(part.get("samples"))]
    rows = [_spread(row, samples) for row in _dicts(part.get("genes"))]
    for key, by in (("groups", part.get("group_by") or "group"), ("categories", part.get("each") or "category")):
        for group in _dicts(part.get(key)):
            rows += [{str(by): group.get("name")} | _spread(row, []) for row in _dicts(group.get("genes"))]
    return rows


def _spread(row: dict[str, Any], samples: list[str]) -> dict[str, Any]:
    values = row.get(_OF_SAMPLES)
    kept = {name: value for name, value in row.items() if name != _OF_SAMPLES}
    return kept | dict(zip(samples, values if isinstance(values, list) else [], strict=False))


def _head(whole: dict[str, Any], part: dict[str, Any]) -> Iterator[str]:
    """Yield how a comparison over samples, or within categories, was made; nothing for other results."""
    categories, of_samples = _dicts(part.get("categories")), isinstance(part.get("sample"), str)
    if not of_samples and not categories:
        return
    if part is not whole:
        yield f"A: {whole.get('a')}; B: {whole.get('b')}"
        if isinstance(whole.get("left_out"), str) and whole["left_out"]:
            yield whole["left_out"]
    yield f"{part.get('method')} on {part.get('matrix')} ({part.get('scale')}); adjusted by {part.get('correction')}"
    change = part.get("fold_change")
    if isinstance(change, dict):
        yield f"log2 fold change: {change.get('name')}, log2 of the ratio of {change.get('formula')}"
    adjusted = _texts(part.get("covariates"))
    if of_samples:
        yield f"samples: {part['sample']}" + (f"; adjusted for {adjusted}" if adjusted else "")
    used = [f"{u.get('sample')} ({u.get('side')}, {u.get('n')} cells)" for u in _dicts(part.get("samples"))]
    if used:
        yield f"used: {', '.join(used)}; model: {_texts(part.get('coefficients'))}"
    yield from _strings(part.get("warnings"))
    n, of = ("n_samples", "samples") if of_samples else ("n", "cells")
    for group in categories:
        sizes = f"{group.get(n + '_a')} against {group.get(n + '_b')} {of}"
        tested = f"{sizes}, {group.get('n_tested')} genes tested"
        problem = group.get("problem")
        yield f"{group.get('name')}: " + (f"not compared. {problem}" if problem else tested)
        yield from (f"{group.get('name')}: {warning}" for warning in _strings(group.get("warnings")))


def _comment(line: str) -> str:
    # names of the file may have line ends
    return f"# {' '.join(line.split())}\n"


def _dicts(listed: Any) -> list[dict[str, Any]]:
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []


def _strings(listed: Any) -> list[str]:
    return list(map(str, listed)) if isinstance(listed, list) else []


def _texts(listed: Any) -> str:
    return ", ".join(_strings(listed))


def _value(value: Any, form: TableFormat) -> str:
    if value is None:
        return ""
    # not escaped: a negative number is not a formula
    return repr(value) if isinstance(value, int | float) else form.field(str(value))
