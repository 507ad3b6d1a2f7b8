"""The datasets of a catalogue below ``/d/<id>/``, each as if it were alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from werkzeug.wsgi import ClosingIterator

from starcyte.catalog.service import CatalogService, absent
from starcyte.errors import NotFound, StarcyteError
from starcyte.web.context import MOUNTED, Context
from starcyte.web.csrf import MOUNT
from starcyte.web.idle import IdleClock

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PATH = re.compile(r"/d/([A-Za-z0-9_-]{1,80})(/.*)?", re.S)
#: Roles of what is not there: nobody may see it
NOBODYS: Mapping[str, str] = {"*": "none"}


class Mounts:
    """Leads requests to the application of the site or to that of its datasets.

    Parameters
    ----------
    site
        The application of the catalogue itself.
    dataset
        That of a dataset; it finds out from the request which.
    catalog_service
        The datasets.
    """

    def __init__(self, site: WSGIApplication, dataset: WSGIApplication, catalog_service: CatalogService) -> None:
        self._site, self._dataset, self._catalogue = site, dataset, catalog_service

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        found = _PATH.fullmatch(environ.get("PATH_INFO", ""))
        if found is None:
            return self._site(environ, start_response)
        key, rest = found[1], found[2]
        if rest is None:
            # relative to /d/: whatever is in front of us
            query = environ.get("QUERY_STRING", "")
            place = f"./{quote(key)}/{'?' + query if query else ''}"
            start_response("308 Permanent Redirect", [("Location", place), ("Content-Length", "0")])
            return []
        one = DatasetMount(self._catalogue, key)
        environ[MOUNTED] = one
        environ[MOUNT] = f"/d/{key}"
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + environ[MOUNT]
        environ["PATH_INFO"] = rest
        return ClosingIterator(self._dataset(environ, start_response), one.let_go)


class DatasetMount:
    """A dataset as one request meets it; see ``context.Mounted``."""

    def __init__(self, catalog_service: CatalogService, key: str) -> None:
        self._catalogue, self._key = catalog_service, key
        self._entry = catalog_service.entry(key)
        self._held: tuple[Context, Callable[[], None]] | None = None

    @property
    def title(self) -> str:
        """What to call it."""
        return self._catalogue.title_of(self._entry) if self._entry else self._key

    @property
    def missing(self) -> NotFound:
        """What is raised for who may not know of it."""
        return absent(self._key)

    @property
    def roles(self) -> Mapping[str, str] | None:
        """Its own roles."""
        return self._entry.roles if self._entry else NOBODYS

    @property
    def summary(self) -> str:
        """A line about it."""
        survey = self._catalogue.standing(self._entry).survey if self._entry else None
        return f"{survey.n_obs:,} cells, {survey.n_vars:,} genes" if survey else ""

    @property
    def picture(self) -> str:
        """The address of its picture, from the top of the site."""
        there = self._entry is not None and self._catalogue.picture(self._entry) is not None
        return f"api/v1/catalog/{self._key}/thumbnail" if there else ""

    @property
    def site_title(self) -> str:
        """What the catalogue is called."""
        return self._catalogue.title

    @property
    def is_there(self) -> bool:
        """Whether there is such a dataset."""
        return self._entry is not None

    @property
    def problem(self) -> StarcyteError | None:
        """Why it cannot be shown, as far as that is known."""
        return self._catalogue.standing(self._entry).error if self._entry else None

    @property
    def is_shut(self) -> bool:
        """Whether it is there, and is not open now."""
        return self._entry is not None and self._held is None and not self._catalogue.is_open(self._key)

    @property
    def idle(self) -> IdleClock | None:
        """The time since the server was used, where that ends it."""
        return self._catalogue.idle

    def context(self) -> Context:
        """Return its context, which is kept until the answer has gone; it is opened if it is not open."""
        if self._held is None:
            self._held = self._catalogue.hold(self._key)
        return self._held[0]

    def is_stale(self) -> bool:
        """Whether the file has changed since what is answered with was opened."""
        if self._held is None or self._entry is None:
            return False
        now = self._catalogue.entry(self._key)
        return now is None or now.content != self._entry.content

    def revision(self) -> str:
        """Return the revision of the file as it is, where it is known without opening it."""
        survey = self._catalogue.standing(self._entry).survey if self._entry else None
        return survey.revision if survey else ""

    def let_go(self) -> None:
        """Let the dataset be closed."""
        if self._held is not None:
            self._held[1]()
