"""Dispatch of requests below ``/d/<id>/`` to the datasets of a catalog, each served as if it were the only one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from werkzeug.wsgi import ClosingIterator

from starcyte.catalog.service import CatalogService, no_such_dataset
from starcyte.errors import NotFound, StarcyteError
from starcyte.web.context import MOUNT, Context, ContextFactory
from starcyte.web.monitoring.idle import IdleClock
from starcyte.web.security.proxy import MOUNT_PATH

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PATH = re.compile(r"/d/([A-Za-z0-9_-]{1,80})(/.*)?", re.S)
#: Roles of a dataset that does not exist: no user may see it
NO_ROLES: Mapping[str, str] = {"*": "none"}


class DatasetDispatcher:
    """Dispatches requests to the application of the catalog or to that of its datasets.

    Parameters
    ----------
    site
        The application of the catalog itself.
    dataset
        The application of a dataset, which is named by the request's environment.
    service
        The datasets.
    contexts
        The factory of their contexts.
    """

    def __init__(
        self,
        site: WSGIApplication,
        dataset: WSGIApplication,
        service: CatalogService[Context],
        contexts: ContextFactory,
    ) -> None:
        self._site, self._dataset, self._service, self._contexts = site, dataset, service, contexts

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        found = _PATH.fullmatch(environ.get("PATH_INFO", ""))
        if found is None:
            return self._site(environ, start_response)
        key, rest = found[1], found[2]
        if rest is None:
            # relative to /d/, so that a path prefix of a proxy is kept
            query = environ.get("QUERY_STRING", "")
            place = f"./{quote(key)}/{'?' + query if query else ''}"
            start_response("308 Permanent Redirect", [("Location", place), ("Content-Length", "0")])
            return []
        one = DatasetMount(self._service, self._contexts, key)
        environ[MOUNT] = one
        environ[MOUNT_PATH] = f"/d/{key}"
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + environ[MOUNT_PATH]
        environ["PATH_INFO"] = rest
        return ClosingIterator(self._dataset(environ, start_response), one.release)


class DatasetMount:
    """A dataset as seen by one request; see ``context.Mount``."""

    def __init__(self, service: CatalogService[Context], contexts: ContextFactory, key: str) -> None:
        self._service, self._contexts, self._key = service, contexts, key
        self._entry = service.entry(key)
        self._acquired: tuple[Context, Callable[[], None]] | None = None

    @property
    def title(self) -> str:
        """The title of the dataset."""
        return self._service.title_of(self._entry) if self._entry else self._key

    @property
    def not_found(self) -> NotFound:
        """The error for users who may not see it."""
        return no_such_dataset(self._key)

    @property
    def roles(self) -> Mapping[str, str] | None:
        """The roles of this dataset."""
        return self._entry.roles if self._entry else NO_ROLES

    @property
    def summary(self) -> str:
        """A line that describes it; empty if little is known."""
        summary = self._service.status(self._entry).summary if self._entry else None
        return f"{summary.n_obs:,} cells, {summary.n_vars:,} genes" if summary else ""

    @property
    def thumbnail(self) -> str:
        """The address of its thumbnail, relative to the top of the site."""
        there = self._entry is not None and self._service.thumbnail(self._entry) is not None
        return f"api/v1/catalog/{self._key}/thumbnail" if there else ""

    @property
    def catalog_title(self) -> str:
        """The title of the catalog."""
        return self._service.title

    @property
    def exists(self) -> bool:
        """Whether the catalog has this dataset."""
        return self._entry is not None

    @property
    def problem(self) -> StarcyteError | None:
        """The reason that it cannot be shown, if known."""
        return self._service.status(self._entry).error if self._entry else None

    @property
    def is_closed(self) -> bool:
        """Whether it exists and is closed."""
        return self._entry is not None and self._acquired is None and not self._service.is_open(self._key)

    @property
    def idle(self) -> IdleClock | None:
        """The clock that ends an unused server."""
        return self._contexts.idle

    def context(self) -> Context:
        """Return its context, which stays open until the answer is sent; the dataset is opened if needed."""
        if self._acquired is None:
            self._acquired = self._service.acquire(self._key)
        return self._acquired[0]

    def is_stale(self) -> bool:
        """Return whether the file has changed since the dataset was opened."""
        if self._acquired is None or self._entry is None:
            return False
        now = self._service.entry(self._key)
        return now is None or now.content != self._entry.content

    def revision(self) -> str:
        """Return the revision of the file if it is known without opening it; else an empty text."""
        summary = self._service.status(self._entry).summary if self._entry else None
        return summary.revision if summary else ""

    def release(self) -> None:
        """Release the context."""
        if self._acquired is not None:
            self._acquired[1]()
