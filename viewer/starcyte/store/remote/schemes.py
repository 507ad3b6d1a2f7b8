"""Which kind of origin a URL leads to."""

from __future__ import annotations

from urllib.parse import urlsplit

from starcyte.settings import Settings
from starcyte.store.remote.source import RemoteSource


def source_of(url: str, settings: Settings) -> RemoteSource:
    """Return where a URL leads; raise InputError where the package for it is not installed."""
    # imported here: what only URLs need, such as TLS, must not delay the start
    if urlsplit(url).scheme in {"http", "https"}:
        from starcyte.store.remote.http import HttpSource

        return HttpSource(url, settings)
    from starcyte.store.remote.object_store import ObjectStoreSource

    return ObjectStoreSource(url, settings)
