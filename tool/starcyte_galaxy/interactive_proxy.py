"""Checks of gx-it-proxy, which leads to the sessions, and of the web server in front of it."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from starcyte_galaxy.finding import Finding

DEFAULT_PORT = 4002
#: The address of a session that does not exist
PATH = "/interactivetool/ep/0/0/"
TIMEOUT = 5.0
_COMPARED_BYTES = 200
# not by a proxy of the environment: the servers are this machine's or the site's
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Answer = tuple[int, bytes]


def check_proxy(galaxy: Mapping[str, Any], gravity: Mapping[str, Any]) -> Iterator[Finding]:
    """Check whether gx-it-proxy answers, directly and through the web server in front of Galaxy.

    Parameters
    ----------
    galaxy
        The section of that name of galaxy.yml.
    gravity
        The settings ``gx_it_proxy`` of gravity.

    Yields
    ------
    Finding
        The results.
    """
    upstream = galaxy.get("interactivetools_upstream_proxy", True)
    host = galaxy.get("interactivetools_proxy_host")
    if not upstream and not host:
        yield Finding(
            "missing",
            "interactivetools_proxy_host in galaxy.yml, the host and port of gx-it-proxy that links to sessions "
            "name: interactivetools_upstream_proxy is false",
        )
        return
    own = str(host) if host and not upstream else f"localhost:{gravity.get('port', DEFAULT_PORT)}"
    answer = _answer(f"http://{own}{PATH}")
    if answer is None:
        yield Finding(
            "missing",
            f"gx-it-proxy at {own}, where nothing answers: gravity starts it with Galaxy (gravity: gx_it_proxy: "
            "enable: true); without it, sessions start but cannot be reached",
        )
        return
    yield Finding("ok", f"gx-it-proxy answers at {own}")
    url = str(galaxy.get("galaxy_infrastructure_url") or "")
    if upstream and urlsplit(url).hostname:
        yield _forwarding(url.rstrip("/"), answer)


def _forwarding(url: str, direct: Answer) -> Finding:
    """Compare an answer of gx-it-proxy with that of the web server at the URL of Galaxy."""
    answer = _answer(url + PATH)
    if answer is None:
        return Finding("note", f"{url} does not answer: whether it forwards /interactivetool/ is not checked")
    if answer == direct:
        return Finding("ok", f"{url} forwards /interactivetool/ to gx-it-proxy")
    return Finding(
        "missing",
        f"{url} does not forward /interactivetool/ to gx-it-proxy: add that to the web server as in README.md; for a "
        "trial without one, set interactivetools_upstream_proxy: false and interactivetools_proxy_host",
    )


def _answer(url: str) -> Answer | None:
    """Return the status and the beginning of the answer to a request; None without an answer."""
    try:
        with _opener.open(url, timeout=TIMEOUT) as response:
            return response.status, response.read(_COMPARED_BYTES)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(_COMPARED_BYTES)
    except (OSError, HTTPException, ValueError):
        return None
