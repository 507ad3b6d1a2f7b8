"""The formats of datasets, from the registry of the program."""

from __future__ import annotations

from starcyte.store.open import FORMATS


def markdown(page: str = "") -> str:
    """Return a table of what is read.

    Parameters
    ----------
    page
        The page that describes each format, as a link to it begins; by default the page of the table.
    """
    rows = ["| dataset | container | usual names | written by |", "| --- | --- | --- | --- |"]
    for known in FORMATS:
        for one in known.reads:
            names = ", ".join(f"`{ending}`" for ending in one.endings)
            rows.append(f"| [{one.content}]({page}#{one.page}) | {known.label} | {names} | {one.writers} |")
    return "\n".join(rows)
