"""A path in front of ours that the proxy leaves in its requests, as Kubernetes' ingress does for a Galaxy job."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class BasePath:
    """Takes the path off requests that have it; others pass as they are, for a proxy may take it off itself.

    Parameters
    ----------
    app
        The application.
    path
        The path, such as ``/interactivetool/ep/ID/TOKEN``; a slash at its end changes nothing.
    """

    def __init__(self, app: WSGIApplication, path: str) -> None:
        self._app, self._path = app, path.rstrip("/")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        path: str = environ.get("PATH_INFO", "")
        if self._path and (path == self._path or path.startswith(f"{self._path}/")):
            environ["SCRIPT_NAME"] = self._path
            environ["PATH_INFO"] = path[len(self._path) :] or "/"
        return self._app(environ, start_response)
