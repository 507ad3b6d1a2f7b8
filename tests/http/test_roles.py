"""Who may do what: every route, in every role, in every mode of access."""

from __future__ import annotations

import pytest
from route_table import routes
from starcyte.curation.accounts import Accounts
from starcyte.settings import Settings
from starcyte.store.loader import DatasetLoader
from starcyte.web.app import create_app
from starcyte.web.security.access import Access, Role, required_role

PROXY = {"access": "proxy", "user_header": "X-User", "trusted_proxies": "203.0.113.9"}

#: What everybody may ask, and nothing else: added to by hand alone
OPEN = {
    ("asset", "GET"),
    ("health.health", "GET"),
    ("robots", "GET"),
    ("login.show", "GET"),
    ("login.begin", "POST"),
    ("login.end", "DELETE"),
    ("login_page", "GET"),
}
#: What changes nothing though its method says so
HARMLESS = {
    ("analysis.diffexp", "POST"),
    ("analysis.each", "POST"),
    ("analysis.markers", "POST"),
    ("analysis.means", "POST"),
    ("curation.agreement_within", "POST"),
    ("enrichment.enrichment", "POST"),
    ("samples.composition", "POST"),
    ("samples.design", "POST"),
    ("samples.pseudobulk", "POST"),
    ("analysis.job_cancel", "DELETE"),
    ("summaries.score_of_many", "POST"),
    ("summaries.summary_within", "POST"),
    ("summaries.distribution_within", "POST"),
    ("summaries.histogram_within", "POST"),
    ("summaries.correlation_within", "POST"),
    ("cells.cell_names", "POST"),
    ("cells.match_cells", "POST"),
    ("shutdown.keep", "POST"),
}


@pytest.fixture(scope="module")
def site(small_file, tmp_path_factory):
    """Return an application behind a proxy that names users; their names are their roles."""
    settings = Settings(**PROXY, data_dir=str(tmp_path_factory.mktemp("data")), read_only=False)
    loader = DatasetLoader(small_file, settings)
    loader.run()
    roles = {"reader": "read", "annotator": "annotate", "shut out": "none", "*": "read"}
    app = create_app(settings, loader, Access(Settings(**PROXY, admins="admin")), roles)
    yield app
    app.extensions["starcyte"].stop()
    app.extensions["starcyte"].close()
    loader.close()


def status(app, method, path, user=None, address="203.0.113.9", **headers):
    headers |= {} if user is None else {"X-User": user}
    headers.setdefault("Accept", "application/json")
    response = app.test_client().open(path, method=method, headers=headers, environ_base={"REMOTE_ADDR": address})
    code = (response.json or {}).get("error", {}).get("code") if response.mimetype == "application/json" else None
    return response.status_code, code


def test_there_are_routes_to_test(site):
    assert len(routes(site)) > 40


def test_routes_without_authentication_are_listed_here(site):
    assert {(e, m) for e, m, _ in routes(site) if required_role(e, m) == Role.NOBODY} == OPEN


def test_unsafe_routes_of_readers_are_listed_here(site):
    sent = {(e, m) for e, m, _ in routes(site) if m != "GET" and required_role(e, m) == Role.READ}
    assert sent <= HARMLESS


@pytest.mark.parametrize(
    ("user", "role"),
    [
        (None, Role.NOBODY),
        ("", Role.NOBODY),
        ("shut out", Role.NOBODY),
        ("reader", Role.READ),
        ("a stranger", Role.READ),
        ("annotator", Role.ANNOTATE),
        ("admin", Role.ADMIN),
    ],
    ids=str,
)
def test_each_route_refuses_each_role_that_is_too_small(site, user, role):
    for endpoint, method, path in routes(site):
        if endpoint == "shutdown.finish":
            continue  # it ends the process
        got, code = status(site, method, path, user)
        refused = code in {"not_signed_in", "forbidden"} and got in {401, 403}
        allowed = role >= required_role(endpoint, method)
        known = "not allowed here" if endpoint in OPEN else endpoint
        assert refused != allowed or (endpoint == "login.begin"), (known, method, path, user, got, code)
        if not allowed:
            assert got == (401 if not user else 403), (endpoint, method, user)


def test_only_a_trusted_proxy_names_the_user(site):
    for endpoint, method, path in routes(site):
        if (endpoint, method) in OPEN or endpoint == "shutdown.finish":
            continue
        assert status(site, method, path, "admin", address="198.51.100.1") == (403, "forbidden"), (endpoint, method)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_role_is_no_way_around_the_check_of_sites(site, method):
    got = status(site, method, "/api/v1/annotations/x", "admin", **{"Sec-Fetch-Site": "cross-site"})
    assert got == (403, "forbidden")


def test_health_tells_strangers_that_it_lives_and_no_more(site):
    client = site.test_client()
    answer = client.get("/api/v1/health", environ_base={"REMOTE_ADDR": "203.0.113.9"}).json
    assert set(answer) == {"app", "version", "state"}
    named = client.get("/api/v1/health", headers={"X-User": "reader"}, environ_base={"REMOTE_ADDR": "203.0.113.9"}).json
    assert named["title"] == "small"


def test_a_reader_has_no_annotations_in_the_schema(site):
    for user, expected in (("reader", False), ("annotator", True)):
        schema = site.test_client().get(
            "/api/v1/schema", headers={"X-User": user}, environ_base={"REMOTE_ADDR": "203.0.113.9"}
        )
        assert schema.json["features"]["annotations"] is expected


@pytest.fixture
def door(tmp_path, small_file):
    """Return a function that makes a client of an application in some mode."""
    made = []

    def make(accounts=None, **settings):
        chosen = Settings(data_dir=str(tmp_path / "data"), **settings)
        loader = DatasetLoader(small_file, chosen)
        loader.run()
        made.append((create_app(chosen, loader, Access(chosen, accounts)), loader))
        return made[-1][0].test_client()

    yield make
    for app, loader in made:
        app.extensions["starcyte"].stop()
        app.extensions["starcyte"].close()
        loader.close()


@pytest.mark.parametrize(
    ("settings", "annotation"),
    [({}, 201), ({"access": "none", "public": True}, 201), ({"access": "none", "public": True, "role": "read"}, 403)],
)
def test_without_authentication_all_users_have_the_role_of_the_settings(door, settings, annotation):
    client = door(**settings)
    assert client.get("/api/v1/schema").status_code == 200
    assert client.put("/api/v1/annotations/mine", json={"labels": []}).status_code == annotation


TOKEN = "a-token-that-is-long-enough"


def test_a_token_lets_in_by_its_link(door):
    client = door(access="token", token=TOKEN)
    assert client.get("/api/v1/schema").status_code == 401
    first = client.get(f"/?token={TOKEN}")
    assert (first.status_code, first.headers["Location"]) == (303, "./"), "the token leaves the address"
    cookie = first.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/;" in cookie + ";"
    assert TOKEN not in cookie
    assert client.get("/api/v1/schema").status_code == 200
    assert client.get("/").status_code == 200


def test_a_script_sends_the_token_in_a_header(door):
    client = door(access="token", token=TOKEN)
    for given, expected in ((f"Bearer {TOKEN}", 200), (f"bearer {TOKEN}", 200), (f"Basic {TOKEN}", 401)):
        assert client.get("/api/v1/schema", headers={"Authorization": given}).status_code == expected


@pytest.mark.parametrize("given", ["", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "naïve", "x" * 10_000])
def test_a_wrong_token_is_refused(door, given):
    client = door(access="token", token=TOKEN)
    assert client.get("/", query_string={"token": given}).headers["Location"].startswith("./login")
    assert client.get("/api/v1/schema").status_code == 401
    assert client.get("/api/v1/schema", query_string={"token": TOKEN}).status_code == 401, "by the page alone"


def test_wrong_tokens_are_throttled(door):
    client = door(access="token", token=TOKEN, max_login_failures=3)
    got = [client.get("/api/v1/schema", headers={"Authorization": "Bearer x"}) for _ in range(5)]
    assert [r.status_code for r in got] == [401, 401, 401, 429, 429]
    assert int(got[-1].headers["Retry-After"]) > 10
    right = client.get("/api/v1/schema", headers={"Authorization": f"Bearer {TOKEN}"})
    assert right.status_code == 200, "of another user of the same address"


@pytest.fixture
def accounts(tmp_path):
    made = Accounts(tmp_path / "accounts.sqlite")
    made.add("eva", "correct horse", "annotate")
    made.add("rita", "battery staple", "read")
    yield made
    made.close()


def sign_in(client, user, password, **kwargs):
    return client.post("/api/v1/login", json={"user": user, "password": password}, **kwargs)


def test_a_password_lets_in_until_one_signs_out(door, accounts):
    client = door(accounts, access="password")
    assert client.get("/api/v1/schema").status_code == 401
    assert sign_in(client, "eva", "correct horse").status_code == 204
    assert client.get("/api/v1/login").json == {
        "mode": "password",
        "signed_in": True,
        "user": "eva",
        "role": "annotate",
    }
    assert client.put("/api/v1/annotations/mine", json={"labels": []}).status_code == 201
    assert [annotation["name"] for annotation in client.get("/api/v1/annotations").json["annotations"]] == ["mine"]
    assert client.delete("/api/v1/login").status_code == 204
    assert client.get("/api/v1/annotations").status_code == 401


def test_users_have_annotations_of_their_own(door, accounts):
    accounts.add("otto", "another one", "annotate")
    client = door(accounts, access="password")
    sign_in(client, "eva", "correct horse")
    client.put("/api/v1/annotations/of eva", json={"labels": []})
    sign_in(client, "otto", "another one")
    assert client.get("/api/v1/annotations").json["annotations"] == []


def test_a_reader_reads(door, accounts):
    client = door(accounts, access="password")
    sign_in(client, "rita", "battery staple")
    assert client.get("/api/v1/schema").status_code == 200
    assert client.put("/api/v1/annotations/mine", json={"labels": []}).status_code == 403


@pytest.mark.parametrize(
    ("user", "password", "expected"),
    [
        ("eva", "wrong", 401),
        ("eva", "", 401),
        ("eva", "x" * 3000, 401),
        ("eva", "x" * 100_000, 413),
        ("nobody", "correct horse", 401),
        ("eva\0", "correct horse", 401),
        ("", "", 401),
        (None, None, 400),
        (["eva"], "correct horse", 400),
        ({"$ne": ""}, {"$ne": ""}, 400),
        ("' OR 1=1 --", "x", 401),
    ],
)
def test_wrong_passwords_and_names_are_refused(door, accounts, user, password, expected):
    client = door(accounts, access="password")
    response = sign_in(client, user, password)
    assert response.status_code == expected
    assert "Set-Cookie" not in response.headers


def test_an_unknown_user_is_answered_as_a_wrong_password(door, accounts):
    client = door(accounts, access="password")
    assert sign_in(client, "eva", "wrong").json == sign_in(client, "nobody", "wrong").json


def test_wrong_passwords_of_a_user_are_throttled(door, accounts):
    client = door(accounts, access="password", max_login_failures=3)
    for _ in range(3):
        assert sign_in(client, "eva", "wrong", environ_base={"REMOTE_ADDR": "198.51.100.1"}).status_code == 401
    refused = sign_in(client, "eva", "correct horse", environ_base={"REMOTE_ADDR": "198.51.100.1"})
    assert (refused.status_code, refused.json["error"]["code"]) == (429, "too_many_attempts")
    elsewhere = {"REMOTE_ADDR": "198.51.100.77"}
    assert sign_in(client, "eva", "correct horse", environ_base=elsewhere).status_code == 204, "at home"
    assert sign_in(client, "rita", "battery staple").status_code == 204, "another user may come in"


def test_wrong_passwords_of_a_user_from_everywhere_are_throttled(door, accounts):
    client = door(accounts, access="password", max_login_failures=1)
    for i in range(10):
        assert sign_in(client, "eva", "wrong", environ_base={"REMOTE_ADDR": f"198.51.100.{i}"}).status_code == 401
    refused = sign_in(client, "eva", "correct horse", environ_base={"REMOTE_ADDR": "198.51.100.77"})
    assert refused.status_code == 429


@pytest.mark.parametrize("mode", ["token", "password"])
def test_a_copy_of_the_cookie_ends_with_the_login(door, accounts, mode):
    client = door(accounts, access=mode, token=TOKEN)

    def login():
        answer = client.get(f"/?token={TOKEN}") if mode == "token" else sign_in(client, "eva", "correct horse")
        return answer.headers["Set-Cookie"].split(";")[0]

    def status(cookie):
        other = client.application.test_client(use_cookies=False)
        return other.get("/api/v1/schema", headers={"Cookie": cookie}).status_code

    first, second = login(), login()
    assert (status(first), status(second)) == (200, 200)
    assert client.delete("/api/v1/login").status_code == 204
    assert (status(first), status(second)) == (200, 401), "the other login goes on"
    if mode == "password":
        other = door(accounts, access=mode).application.test_client(use_cookies=False)
        found = other.get("/api/v1/schema", headers={"Cookie": second})
        assert found.status_code == 401, "after a restart too"


def test_wrong_passwords_from_an_address_are_throttled(door, accounts):
    client = door(accounts, access="password", max_login_failures=3, trusted_proxies="203.0.113.1")
    spoofed = [
        sign_in(
            client,
            f"user{i}",
            "wrong",
            environ_base={"REMOTE_ADDR": "198.51.100.1"},
            headers={"X-Forwarded-For": f"192.0.2.{i}"},
        )
        for i in range(4)
    ]
    assert [r.status_code for r in spoofed] == [401, 401, 401, 429], "an address that it names itself is not believed"
    behind = [
        sign_in(
            client,
            f"other{i}",
            "wrong",
            environ_base={"REMOTE_ADDR": "203.0.113.1"},
            headers={"X-Forwarded-For": f"10.0.0.1, 192.0.2.{i}"},
        )
        for i in range(4)
    ]
    assert [r.status_code for r in behind] == [401] * 4, "behind the trusted proxy each has an address of its own"


@pytest.mark.parametrize("change", ["password", "removed", "role", "forged", "another server", "too old"])
def test_a_session_ends_when_its_ground_does(door, accounts, tmp_path, change):
    client = door(accounts, access="password", **({"login_seconds": 0.0} if change == "too old" else {}))
    response = sign_in(client, "eva", "correct horse")
    name, value = response.headers["Set-Cookie"].split(";")[0].split("=", 1)
    if change == "password":
        accounts.set_password("eva", "a new password")
    elif change == "removed":
        accounts.remove("eva")
    elif change == "role":
        accounts.set_role("eva", "read")
        assert client.put("/api/v1/annotations/mine", json={"labels": []}).status_code == 403
        return
    elif change == "forged":
        client.set_cookie(name, value[:-3] + "abc")
    elif change == "another server":
        other = Accounts(tmp_path / "other.sqlite")
        other.add("eva", "correct horse", "admin")
        value = sign_in(door(other, access="password"), "eva", "correct horse").headers["Set-Cookie"]
        client.set_cookie(name, value.split(";")[0].split("=", 1)[1])
        other.close()
    else:
        client.set_cookie(name, value)
        import time

        time.sleep(1.1)
    assert client.get("/api/v1/schema").status_code == 401


def test_a_browser_that_asks_for_the_page_is_sent_to_sign_in(door, accounts):
    client = door(accounts, access="password")
    response = client.get("/", headers={"Accept": "text/html"})
    assert (response.status_code, response.headers["Location"]) == (303, "./login?next=")
    assert client.get("/login").status_code == 200
    assert client.get("/api/v1/login").json["mode"] == "password"


@pytest.mark.parametrize(
    ("headers", "secure", "path"),
    [
        ({}, False, "/"),
        ({"X-Forwarded-Proto": "https"}, True, "/"),
        ({"X-Forwarded-Prefix": "/lab/cells"}, False, "/lab/cells/"),
        ({"X-Forwarded-Prefix": "/a; Domain=evil"}, False, "/"),
        ({"X-Forwarded-Prefix": "/a\x0bSet-Cookie"}, False, "/"),
    ],
)
def test_the_cookie_is_valid_for_this_server_only(door, accounts, headers, secure, path):
    client = door(accounts, access="password", trust_prefix=True)
    cookie = sign_in(client, "eva", "correct horse", headers=headers).headers["Set-Cookie"]
    parts = [part.strip() for part in cookie.split(";")[1:]]
    assert f"Path={path}" in parts
    assert ("Secure" in parts) is secure
    assert {"HttpOnly", "SameSite=Lax"} <= set(parts)
    assert not [p for p in parts if p.startswith("Domain")]
