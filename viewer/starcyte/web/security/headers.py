"""The security headers of every answer."""

from __future__ import annotations

from flask import Response

from starcyte.settings import Settings

# The page shows strings of the file, in Galaxy on Galaxy's own origin: scripts are loaded from the server only. Inline
# styles are allowed, as the client sets positions and widths; they cannot load anything from another origin.
_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "font-src 'self'",
    "worker-src 'self'",
    "base-uri 'self'",
    "form-action 'none'",
)


def protect(response: Response, settings: Settings) -> Response:
    """Add the security headers to an answer."""
    policy = _POLICY if settings.allow_framing else (*_POLICY, "frame-ancestors 'self'")
    response.headers["Content-Security-Policy"] = "; ".join(policy)
    response.headers["X-Content-Type-Options"] = "nosniff"
    if not settings.robots:
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin" if settings.allow_framing else "same-origin"
    return response
