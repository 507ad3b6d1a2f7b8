"""Who a request is from: what a trusted proxy says, and nobody else."""

from __future__ import annotations

import flask
import pytest
from starcyte.errors import BadRequest, Forbidden, SettingInvalid
from starcyte.settings import Settings
from starcyte.web.security.proxy import current_user, is_trusted, trusted_networks

app = flask.Flask("guarded")


def user(peer, headers, **settings):
    with app.test_request_context("/", headers=headers, environ_base={"REMOTE_ADDR": peer}):
        return current_user(Settings(**settings))


def test_without_the_setting_all_are_one():
    assert user("127.0.0.1", {"X-User": "anna"}) == ""
    assert user("203.0.113.9", {"Remote-User": "anna", "X-Forwarded-User": "anna"}) == ""


def test_a_trusted_proxy_names_the_user():
    assert user("127.0.0.1", {"X-User": "anna"}, user_header="X-User") == "anna"
    assert user("10.1.2.3", {"X-User": "anna"}, user_header="X-User", trusted_proxies="10.0.0.0/8") == "anna"
    assert user("127.0.0.1", {"X-User": "zoë".encode().decode("latin-1")}, user_header="X-User") == "zoë"
    assert user("127.0.0.1", {"X-User": "zo\xeb"}, user_header="X-User") == "zoë"
    assert user("127.0.0.1", {}, user_header="X-User") == ""


@pytest.mark.parametrize("peer", ["10.1.2.3", "127.0.0.2", "::2", "", "unix"])
def test_nobody_else_does(peer):
    with pytest.raises(Forbidden, match="trusted_proxies"):
        user(peer, {"X-User": "anna"}, user_header="X-User")
    assert user(peer, {}, user_header="X-User") == ""


@pytest.mark.parametrize("name", ["x" * 201, "a\x07b", "a\x85"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(BadRequest):
        user("127.0.0.1", {"X-User": name}, user_header="X-User")


@pytest.mark.parametrize(
    ("peer", "networks", "trusted"),
    [
        ("::1", "127.0.0.1,::1", True),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("::ffff:10.0.0.1", "127.0.0.1", False),
        ("10.0.0.1", " 10.0.0.0/8 , 192.168.1.7 ", True),
        ("192.168.1.8", "192.168.1.7", False),
        ("127.0.0.1", "", False),
    ],
)
def test_addresses_and_networks_are_trusted(peer, networks, trusted):
    assert is_trusted(peer, Settings(trusted_proxies=networks)) is trusted


@pytest.mark.parametrize("networks", ["proxy.example", "10.0.0.0/99", "1.2.3"])
def test_a_setting_that_is_no_network_is_told(networks):
    with pytest.raises(SettingInvalid, match="trusted_proxies"):
        trusted_networks(networks)
