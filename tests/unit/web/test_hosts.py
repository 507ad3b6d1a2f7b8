"""The names by which a server may be addressed, and those of DNS rebinding."""

from __future__ import annotations

import socket

import flask
import pytest
from starcyte.errors import Misdirected
from starcyte.settings import Settings
from starcyte.web.security.hosts import is_own_host, refuse_other_hosts

app = flask.Flask("named")
EVERYWHERE = {"host": "0.0.0.0", "access": "none", "public": True}
PROXIED = {"user_header": "X-User", "access": "none"}


def refused(name, peer="127.0.0.1", **settings):
    with app.test_request_context("/", headers={"Host": name}, environ_base={"REMOTE_ADDR": peer}):
        try:
            refuse_other_hosts(Settings(**settings))
        except Misdirected:
            return True
    return False


OTHERS = [
    "evil.test",
    "evil.test:5005",
    "localhost.evil.test",
    "127.0.0.1.evil.test",
    "",
    "[::1",
    "a b",
    "x@localhost.y",
]


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:5005", "localhost.", "127.0.0.1:1", "127.0.0.2", "[::1]:5005"]
)
@pytest.mark.parametrize("access", ["", "none", "token", "password"])
def test_a_server_of_this_machine_has_the_names_of_this_machine(host, access):
    assert not refused(host, access=access)


@pytest.mark.parametrize("host", [*OTHERS, "192.0.2.1", "10.0.0.1:80", socket.gethostname()])
@pytest.mark.parametrize("access", ["", "none", "token", "password"])
@pytest.mark.parametrize("listening", ["127.0.0.1", "::1", "localhost"])
def test_other_names_are_refused_on_this_machine(host, access, listening):
    if host.lower() != "localhost":
        assert refused(host, access=access, host=listening)


@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8::1]:80", "localhost:1", socket.gethostname()])
def test_an_open_server_has_its_addresses_and_the_name_of_the_machine(host):
    assert not refused(host, **EVERYWHERE)


@pytest.mark.parametrize("host", OTHERS)
def test_an_open_server_refuses_other_names(host):
    assert refused(host, **EVERYWHERE)
    assert refused(host, "203.0.113.9", **EVERYWHERE)


@pytest.mark.parametrize("access", ["token", "password", "proxy"])
def test_a_server_with_a_login_is_found_by_any_name(access):
    # whose cookie belongs to the right one
    settings = Settings(host="0.0.0.0", access=access, user_header="X-User" if access == "proxy" else "")
    with app.test_request_context("/", headers={"Host": "cells.example"}, environ_base={"REMOTE_ADDR": "203.0.113.9"}):
        refuse_other_hosts(settings)
        assert not is_own_host(settings)


@pytest.mark.parametrize(
    ("allowed", "host", "expected"),
    [
        ("cells.example", "cells.example:8000", False),
        ("cells.example, *.lab.example", "a.b.lab.example", False),
        ("*.lab.example", "lab.example", True),
        ("*.lab.example", "evillab.example", True),
        ("cells.example", "cells.example.evil", True),
        ("*", "anything", False),
        ("*", "", True),
        (",", "", True),
    ],
)
def test_names_are_allowed_by_a_setting(allowed, host, expected):
    assert refused(host, allowed_hosts=allowed, **EVERYWHERE) == expected
    assert refused(host, allowed_hosts=allowed) == expected


def test_a_trusted_proxy_chooses_the_name():
    for settings in (PROXIED, {"trust_prefix": True}, {"base_path": "/x"}):
        assert not refused("cells.example", **settings)
        assert refused("cells.example", "192.0.2.7", **settings)
    assert not refused("cells.example", "192.0.2.7", trusted_proxies="192.0.2.0/24", **EVERYWHERE)
    assert refused("cells.example", "127.0.0.1"), "no proxy is configured"


def test_a_request_without_a_name_is_not_of_a_browser():
    with app.test_request_context("/") as context:
        context.request.environ.pop("HTTP_HOST")
        refuse_other_hosts(Settings())
