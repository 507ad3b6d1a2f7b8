"""The HTML page of the inspect tool. All strings of the file are escaped; Galaxy shows the page without styles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

#: Categories listed in a row; a column may have thousands
MAX_LISTED = 12


def inspection_page(name: str, size: int, description: dict[str, Any]) -> str:
    """Return the page of a dataset.

    Parameters
    ----------
    name
        The name of the dataset in the history.
    size
        Its size in bytes.
    description
        The output of ``starcyte inspect --json``.

    Returns
    -------
    str
        HTML.
    """
    warnings = description["warnings"]
    parts = [
        f"<h1>{escape(name)}</h1>",
        f"<p>{description['n_obs']:,} cells, {description['n_vars']:,} genes, {size:,} bytes</p>",
        "<h2>Warnings</h2>",
        _list(warnings) if warnings else "<p>None.</p>",
        "<h2>Columns of the cells (obs)</h2>",
        _table(("Column", "Kind", "Content"), ((c["name"], c["kind"], _content(c)) for c in description["obs"])),
        "<h2>Embeddings (obsm)</h2>",
        _table(("Embedding", "Dimensions"), ((e["name"], e["dims"]) for e in description["embeddings"])),
        "<h2>Matrices</h2>",
        _table(
            ("Matrix", "Genes", "Layout", "Data type"),
            ((m["name"], f"{m['n_vars']:,}", m["layout"], m["dtype"]) for m in description["matrices"]),
        ),
        "<h2>Genes</h2>",
        f"<p>Names from {escape(str(description['genes']['names_from']))}.</p>",
    ]
    title = escape(f"{name}: content")
    head = f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title></head>\n<body>\n'
    return head + "\n".join(parts) + "\n</body>\n</html>\n"


def _content(column: dict[str, Any]) -> str:
    categories = column.get("categories")
    if not categories:
        return f"{column['n_categories']:,} categories" if column.get("n_categories") else ""
    n, names = column["n_categories"], [str(c) for c in categories[:MAX_LISTED]]
    more = f" and {n - MAX_LISTED:,} more" if n > MAX_LISTED else ""
    return f"{n:,} {'category' if n == 1 else 'categories'}: {', '.join(names)}{more}"


def _list(items: Sequence[str]) -> str:
    return "<ul>\n" + "".join(f"<li>{escape(item)}</li>\n" for item in items) + "</ul>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{escape(str(v))}</td>" for v in row) + "</tr>\n" for row in rows)
    if not body:
        return "<p>None.</p>"
    head = "<tr>" + "".join(f"<th>{escape(h)}</th>" for h in heads) + "</tr>\n"
    return f'<table border="1" cellpadding="4">\n{head}{body}</table>'
