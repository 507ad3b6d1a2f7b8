"""What is refused before it is looked at: writes from other sites, and prefixes that are no path."""

from __future__ import annotations

import flask
import pytest
from starcyte.errors import Forbidden
from starcyte.settings import Settings
from starcyte.web.security.csrf import refuse_cross_site
from starcyte.web.security.headers import protect
from starcyte.web.security.proxy import trusted_prefix

app = flask.Flask("guarded")


def refused(method, headers):
    with app.test_request_context("/api/v1/diffexp", method=method, headers={"X-Starcyte-Client": "x"} | headers):
        try:
            refuse_cross_site()
        except Forbidden:
            return True
    return False


FOREIGN = {
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
    "same site, other origin": {"Sec-Fetch-Site": "same-site"},
    "an unknown word": {"Sec-Fetch-Site": "sideways"},
    "empty": {"Sec-Fetch-Site": ""},
    "cross-site with our origin": {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    "another origin": {"Origin": "http://evil.example"},
    "our name as the start of another": {"Origin": "http://localhost.evil.example"},
    "our name as the user of another": {"Origin": "http://localhost@evil.example"},
    "a subdomain": {"Origin": "http://a.localhost"},
    "a page without an origin": {"Origin": "null"},
    "no address": {"Origin": "::::"},
    "half an address": {"Origin": "http://[::1"},
    "an empty origin": {"Origin": ""},
    "a file": {"Origin": "file://"},
}
OURS = {
    "a script, which names nothing": {},
    "our page": {"Sec-Fetch-Site": "same-origin"},
    "the user": {"Sec-Fetch-Site": "none"},
    "our origin": {"Origin": "http://localhost"},
    "our name, another port (a proxy's)": {"Origin": "https://localhost:8443"},
    "our page, behind a proxy that renames the host": {"Sec-Fetch-Site": "same-origin", "Origin": "https://galaxy.eu"},
}


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH"])
@pytest.mark.parametrize("headers", [pytest.param(v, id=k) for k, v in FOREIGN.items()])
def test_a_write_from_another_site_is_refused(method, headers):
    assert refused(method, headers)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("headers", [pytest.param(v, id=k) for k, v in OURS.items()])
def test_a_write_of_our_own_is_let_through(method, headers):
    assert not refused(method, headers)


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH"])
@pytest.mark.parametrize("headers", [pytest.param(v, id=k) for k, v in OURS.items()])
def test_a_write_without_our_header_is_refused(method, headers):
    # as of a page of another port of this host, over plain HTTP
    with (
        app.test_request_context("/api/v1/diffexp", method=method, headers=headers),
        pytest.raises(Forbidden, match="X-Starcyte-Client"),
    ):
        refuse_cross_site()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("headers", [pytest.param(v, id=k) for k, v in FOREIGN.items()])
def test_reading_is_never_refused(method, headers):
    assert not refused(method, headers)


def prefix(given, trust=True):
    headers = {} if given is None else {"X-Forwarded-Prefix": given}
    with app.test_request_context("/", headers=headers):
        return trusted_prefix(Settings(trust_prefix=trust))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/interactivetool/ep/a1b2c3/x9y8", "/interactivetool/ep/a1b2c3/x9y8"),
        ("/viewer/", "/viewer"),
        ("/viewer//", "/viewer"),
        ("/a-b_c.d~e", "/a-b_c.d~e"),
        ("/", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_plain_path_is_taken(given, expected):
    assert prefix(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        "viewer",
        "//evil.example",
        "//evil.example/x",
        "/a//b",
        "http://evil.example",
        "/a/../b",
        "/..",
        "/a b",
        "/a?b",
        "/a#b",
        "/a;b",
        "/<script>",
        '/"onload="x',
        "/'",
        "/%2e%2e",
        "/a\\b",
        "\\\\evil",
        "/é",
        "/a, /b",
        "/a:80",
        "/@evil",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_plain_path_is_ignored(given):
    assert prefix(given) == ""


def test_a_prefix_is_ignored_where_the_operator_does_not_trust_it():
    assert prefix("/viewer", trust=False) == ""


@pytest.mark.parametrize("allow_framing", [False, True], ids=["alone", "in frames"])
def test_every_answer_is_protected(allow_framing):
    headers = protect(flask.Response(), Settings(allow_framing=allow_framing)).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["form-action"] == "'none'"
    assert policy["base-uri"] == "'self'"
    assert "unsafe-eval" not in headers["Content-Security-Policy"]
    assert policy.get("frame-ancestors") == (None if allow_framing else "'self'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
