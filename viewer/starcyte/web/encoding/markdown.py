"""Markdown of untrusted authors as sanitised HTML."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

import nh3

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_MOST_KEPT = 512


@lru_cache(_MOST_KEPT)
def as_html(text: str) -> str:
    """Return Markdown as HTML: links to elsewhere, no pictures, no scripts, no styles.

    Parameters
    ----------
    text
        The Markdown; HTML in it is text.
    """
    if not text.strip():
        return ""
    # its largest headings are those below a dataset's own name
    made = _renderer().render(text).replace("<h1>", "<h3>").replace("</h1>", "</h3>")
    made = made.replace("<h2>", "<h4>").replace("</h2>", "</h4>")
    return nh3.clean(
        made,
        tags=_TAGS,
        attributes={"a": {"href", "title"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        generic_attribute_prefixes=None,
    )


@cache
def _renderer() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable("table").disable("image")
