"""Text of a report as HTML and SVG: names of a file are hostile, so every text is escaped here."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from html import escape

# no text of a name: controls, which no document may hold, and marks that turn the direction of the text after them
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]")


def text(value: object) -> str:
    """Return a text as the content of an element or a quoted attribute."""
    return escape(_CONTROLS.sub("\ufffd", str(value)))


def short(value: str, length: int) -> str:
    """Return a text of at most a length, with an ellipsis in place of its end; not escaped."""
    return value if len(value) <= length else value[: length - 1] + "…"


def number(value: float) -> str:
    """Return a number with three significant digits."""
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}").replace("e+", "e")


def label(x: float, y: float, value: str, anchor: str = "start", kind: str = "", length: int = 28) -> str:
    """Return a text of an SVG, cut to a length, with the whole text as its title."""
    shown = short(value, length)
    title = f"<title>{text(value)}</title>" if shown != value else ""
    of_kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{of_kind}>{text(shown)}{title}</text>'


def row(tag: str, texts: Sequence[str], numbers: Collection[int], kind: str = "") -> str:
    """Return a row of a table, with numbers to the right."""
    cells = "".join(
        f"<{tag}{' class=n' if i in numbers else ''}><bdi>{text(value)}</bdi></{tag}>" for i, value in enumerate(texts)
    )
    of_kind = f' class="{kind}"' if kind else ""
    return f"<tr{of_kind}>{cells}</tr>"


def table(head: str, rows: Sequence[str]) -> str:
    """Return a table that scrolls where it is too wide."""
    return f'<div class="wide"><table><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table></div>'


def picture(width: float, height: float, name: str, content: str) -> str:
    """Return an SVG element with an accessible name."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
        f' height="{height:.0f}" role="img" aria-label="{text(name)}">{content}</svg>'
    )


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Return round numbers within a range, about as many as wanted."""
    span = (high - low) or 1.0
    rough = span / wanted
    power = 10.0 ** int(f"{rough:e}".partition("e")[2])
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = int(-(-low // step))
    return [k * step for k in range(first, int(high // step) + 1)]
