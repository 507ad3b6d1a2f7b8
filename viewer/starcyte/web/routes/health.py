"""The loading status of a dataset."""

from __future__ import annotations

from flask import g, request
from msgspec import UNSET

from starcyte import __version__
from starcyte.web.context import Mount, context, current_mount
from starcyte.web.contract.error import error_of
from starcyte.web.contract.health import Health, Indexing
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.responses import answer_uncached
from starcyte.web.routing.blueprint import Routes
from starcyte.web.security.access import Role

#: Header by which a page names the state of the file that it shows
REVISION = "X-Starcyte-Revision"

routes = Routes("health")


@routes.get("/health", errors=(404, 409))
def health() -> ResponseOf[Health]:
    """Return the loading status of the dataset."""
    one = current_mount()
    if one is not None and (g.role == Role.NOBODY or (one.is_closed and REVISION in request.headers)):
        # open pages poll this status, which must not open the dataset again
        return answer_uncached(_closed(one))
    loader, problems, idle = context().loader, context().problems, context().idle
    if g.role == Role.NOBODY:
        return answer_uncached(Health(app="starcyte", version=__version__, state=loader.state))
    indexing, downloaded = loader.indexing, loader.downloaded
    return answer_uncached(
        Health(
            app="starcyte",
            version=__version__,
            state=loader.state,
            progress=loader.progress,
            message=loader.message,
            title=loader.title,
            error=error_of(loader.error) if loader.state == "error" and loader.error else UNSET,
            downloaded=UNSET if downloaded is None else round(downloaded, 3),
            indexing=Indexing(matrix=indexing.matrix, progress=indexing.done) if indexing else UNSET,
            problems=problems or UNSET,
            idle=idle.status() if idle else UNSET,
        )
    )


def _closed(one: Mount) -> Health:
    """Return the status of a dataset of a catalog that is not open."""
    if g.role == Role.NOBODY:
        return Health(app="starcyte", version=__version__, state="ready")
    return Health(
        app="starcyte",
        version=__version__,
        state="error" if one.problem else "ready",
        message=one.problem.message if one.problem else "",
        title=one.title,
        error=error_of(one.problem) if one.problem else UNSET,
    )
