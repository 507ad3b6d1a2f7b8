"""Which kind of origin a URL leads to."""

from __future__ import annotations

from urllib.parse import urlsplit

from starcyte.settings import Settings
from starcyte.store.origin import Origin


def origin_of(url: str, settings: Settings) -> Origin:
    """Return where a URL leads; raise InputError where the package for it is not installed."""
    # imported here: what only URLs need, such as TLS, must not delay the start
    if urlsplit(url).scheme in {"http", "https"}:
        from starcyte.store.remote_http import HttpOrigin

        return HttpOrigin(url, settings)
    from starcyte.store.remote_object import ObjectOrigin

    return ObjectOrigin(url, settings)
