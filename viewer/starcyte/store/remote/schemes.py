"""The source of a URL, and the objects below it, by its scheme."""

from __future__ import annotations

from urllib.parse import urlsplit

from starcyte.settings import Settings
from starcyte.store.remote.objects import Objects
from starcyte.store.remote.source import RemoteSource


def open_source(url: str, settings: Settings) -> RemoteSource:
    """Return the source of a URL; raise InputError if the package for its scheme is not installed."""
    # imported here, so that a dataset from a path does not wait for urllib3 and TLS
    if urlsplit(url).scheme in {"http", "https"}:
        from starcyte.store.remote.http import HttpSource

        return HttpSource(url, settings)
    from starcyte.store.remote.object_store import ObjectStoreSource

    return ObjectStoreSource(url, settings)


def open_objects(url: str, settings: Settings) -> Objects:
    """Return the objects below a URL; raise InputError if the package for its scheme is not installed."""
    if urlsplit(url).scheme in {"http", "https"}:
        from starcyte.store.remote.web_objects import WebObjects

        return WebObjects(url, settings)
    from starcyte.store.remote.bucket_objects import BucketObjects

    return BucketObjects(url, settings)
