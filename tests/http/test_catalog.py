"""A catalog over HTTP: the list for each user, its datasets, and files that change."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from asking import Client
from h5ad_file import Categorical, write_h5ad
from PIL import Image
from starcyte.catalog.catalog import Catalog
from starcyte.curation.accounts import Accounts
from starcyte.errors import DatasetInvalid
from starcyte.settings import Settings
from starcyte.web.app import create_catalog_app
from starcyte.web.security.access import Access

PROXY = {"access": "proxy", "user_header": "X-User", "trusted_proxies": "203.0.113.9", "admins": "admin"}
HOSTILE = "<img src=x onerror=alert(1)>\"'&"
PATIENCE = 120.0


def until(condition):
    """Ask until the answer is true, and return it."""
    end = time.monotonic() + PATIENCE
    while not (answer := condition()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)
    return answer


class Site(Client):
    """A client of a catalog."""

    def __init__(self, given: Path, scratch: Path, accounts: Accounts | None = None, **chosen):
        settings = Settings(cache_dir=str(scratch / "cache"), data_dir=str(scratch / "data"), rescan=3600.0, **chosen)
        self.folder = given
        app = create_catalog_app(settings, Catalog(str(given), settings), Access(settings, accounts))
        super().__init__(app)
        self.service = app.extensions["starcyte_catalog"]
        self.service.refresh()

    def listed(self, **kwargs):
        """Return what is listed by its place, once all files were looked at."""
        return until(lambda: self._settled(**kwargs))

    def _settled(self, **kwargs):
        datasets = self.json("catalog", **kwargs)["datasets"]
        if any(d["state"] in {"waiting", "opening"} for d in datasets):
            return None
        return {d["place"]: d for d in datasets} or {"": None}

    def leave(self):
        """Let go of everything."""
        self.service.stop()
        self.service.close()
        self.app.extensions["starcyte_traffic"].close()

    def schema(self, key, **kwargs):
        """Return the schema of a dataset once it is open."""
        return until(lambda: self._opened(key, **kwargs)).json

    def _opened(self, key, **kwargs):
        response = self.get(f"/d/{key}/api/v1/schema", **kwargs)
        return None if response.status_code == 503 else response


@pytest.fixture
def serve_folder(tmp_path):
    sites = []

    def serve(given, **chosen):
        # the memory of a process that runs all tests says nothing of a server's
        sites.append(Site(given, tmp_path / "scratch", **{"open_bytes": 1 << 40, **chosen}))
        return sites[-1]

    yield serve
    for site in sites:
        site.leave()


def cells(path, n=30, title=None, organism="Homo sapiens", seed=1):
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_h5ad(
        path,
        rng.poisson(1.0, (n, 4)).astype(np.float32),
        obs={
            "cell_type": Categorical(np.arange(n, dtype=np.int8) % 2, ["B", "T"]),
            "organism": Categorical(np.zeros(n, np.int8), [organism]),
            "tissue": Categorical(np.arange(n, dtype=np.int8) % 2, ["blood", HOSTILE]),
        },
        genes=["a", "b", "c", "d"],
        obsm={"X_umap": rng.normal(size=(n, 2)).astype(np.float32)},
    )


def make_folder(root):
    cells(root / "one.h5ad")
    cells(root / "deep" / "two.dat", n=40, seed=2)
    (root / "broken.h5ad").write_bytes((root / "one.h5ad").read_bytes()[:3000])
    (root / "empty.h5ad").touch()
    (root / "other.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    return root


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "root")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A catalog for tests that change nothing."""
    site = Site(make_folder(tmp_path_factory.mktemp("plain")), tmp_path_factory.mktemp("scratch"))
    yield site
    site.leave()


def test_lists_datasets_with_their_summaries(plain):
    found = plain.listed()
    one, two = found["one.h5ad"], found["deep/two.dat"]
    assert (one["n_obs"], one["n_vars"], two["n_obs"]) == (30, 4, 40)
    assert one["organism"] == ["Homo sapiens"]
    assert one["tissue"] == ["blood", HOSTILE]
    assert one["size"] == (plain.folder / "one.h5ad").stat().st_size
    assert one["state"] == two["state"] == "ready"
    for place in ("broken.h5ad", "empty.h5ad"):
        assert found[place]["state"] == "error"
        assert place in found[place]["error"]["message"]
        assert found[place]["thumbnail"] is None


def test_a_dataset_is_opened_on_request(plain):
    site = plain
    key = site.listed()["one.h5ad"]["id"]
    assert site.schema(key)["n_obs"] == 30
    assert site.json(f"/d/{key}/api/v1/obs/cell_type")["n"] == 30
    assert site.json(f"/d/{key}/api/v1/openapi.json")["info"]["title"] == "starcyte"
    made = site.open(f"/d/{key}/api/v1/annotations/mine", method="PUT", json={"labels": [{"name": "x"}]})
    assert made.status_code == 201
    assert site.listed()["one.h5ad"]["open"]


def test_a_damaged_dataset_reports_its_error_and_affects_no_other(plain):
    site = plain
    found = site.listed()
    health = until(
        lambda: (h := site.json(f"/d/{found['broken.h5ad']['id']}/api/v1/health"))["state"] != "loading" and h
    )
    assert health["state"] == "error"
    assert health["error"] == found["broken.h5ad"]["error"]
    assert site.schema(found["broken.h5ad"]["id"])["error"]["code"] == "dataset_invalid"
    assert site.schema(found["one.h5ad"]["id"])["n_obs"] == 30


@pytest.mark.parametrize(
    "path", ["/d/nothing/", "/d/nothing/api/v1/schema", "/d/x/../../etc/passwd", "/d/%2e%2e/", "/d//"]
)
def test_unknown_paths_are_not_found(serve_folder, folder, path):
    assert serve_folder(folder).get(path).status_code == 404


def test_an_address_without_its_last_slash_redirects(plain):
    site = plain
    key = site.listed()["one.h5ad"]["id"]
    response = site.get(f"/d/{key}?a=1")
    assert (response.status_code, response.headers["Location"]) == (308, f"./{key}/?a=1")


def test_the_thumbnail(serve_folder, folder, tmp_path):
    site = serve_folder(folder)
    one = site.listed()["one.h5ad"]
    response = site.get(f"/{one['thumbnail']}")
    assert response.mimetype == "image/png"
    (tmp_path / "picture.png").write_bytes(response.data)
    pixels = np.asarray(Image.open(tmp_path / "picture.png"))
    assert pixels.shape == (240, 360, 4)
    assert 0 < (pixels[..., 3] > 0).mean() < 0.5
    again = site.get(f"/{one['thumbnail']}", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    site.schema(one["id"])
    assert site.get(f"/d/{one['id']}/api/v1/thumbnail").data == response.data


def test_settings_and_titles_of_the_catalog_apply_to_the_dataset(serve_folder, folder):
    said = {
        "title": HOSTILE,
        "settings": {"color_by": "tissue"},
        "datasets": [{"path": "one.h5ad", "id": "first", "title": HOSTILE, "settings": {"read_only": True}}],
    }
    (folder / "catalog.yml").write_text(json.dumps(said))
    site = serve_folder(folder, title="")
    assert site.json("catalog")["title"] == HOSTILE
    assert site.listed()["one.h5ad"]["title"] == HOSTILE
    schema = site.schema("first")
    assert (schema["title"], schema["defaults"]["color_by"]) == (HOSTILE, "tissue")
    assert not schema["features"]["annotations"]
    assert site.schema(site.listed()["deep/two.dat"]["id"])["features"]["annotations"]


def test_hostile_text_is_escaped_in_pages_and_descriptions(serve_folder, folder):
    (folder / "one.md").write_text(
        f"# {HOSTILE}\n<script>alert(1)</script>\n\n[a](javascript:alert(1)) ![p](https://evil.example/p.png)\n"
        "<iframe src='//evil.example'></iframe> [b](https://example.org 'x\" onmouseover=\"alert(1)')"
    )
    (folder / "catalog.yml").write_text(json.dumps({"datasets": [{"path": "one.h5ad", "id": "x", "title": HOSTILE}]}))
    site = serve_folder(folder)
    html = site.listed()["one.h5ad"]["description"]
    tags = set(re.findall(r"<\s*/?\s*([a-zA-Z0-9]+)", html))
    assert tags <= {"h3", "p", "a"}
    for tag in re.findall(r"<[^>]*>", html):
        assert "javascript:" not in tag
        # an attribute's value may say anything, an attribute of that name may not be
        assert not re.search(r"\son\w+\s*=", re.sub(r'"[^"]*"', '""', tag))
    page = site.get("/d/x/").text
    assert HOSTILE not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_a_shared_link_has_a_preview_of_the_dataset(serve_folder, folder):
    site = serve_folder(folder, allowed_hosts="lab.example")
    key = site.listed()["one.h5ad"]["id"]
    page = site.get(f"/d/{key}/", headers={"Host": "lab.example"}).text
    assert f'<meta property="og:image" content="http://lab.example/api/v1/catalog/{key}/thumbnail">' in page
    assert '<meta property="og:title" content="one">' in page
    assert "30 cells, 4 genes" in page
    assert f'<base href="/d/{key}/">' in page


def test_search_engines_are_excluded_unless_allowed(serve_folder, folder):
    site = serve_folder(folder)
    key = site.listed()["one.h5ad"]["id"]
    assert site.get("/robots.txt").text == "User-agent: *\nDisallow: /\n"
    for path in ("/", f"/d/{key}/", f"/d/{key}/api/v1/health", "/api/v1/catalog"):
        assert "noindex" in site.get(path).headers["X-Robots-Tag"]
    open_ = serve_folder(folder, robots=True)
    assert "Allow: /" in open_.get("/robots.txt").text
    assert "X-Robots-Tag" not in open_.get("/").headers


# --- files that change ---


def replaced(path: Path) -> None:
    part = cells(path.with_name("part"), n=50, seed=9)
    part.replace(path)


def rewritten(path: Path) -> None:
    content = cells(path.with_name("part"), n=50, seed=9).read_bytes()
    path.with_name("part").unlink()
    path.write_bytes(content)


@pytest.mark.parametrize("change", [replaced, rewritten])
def test_a_replaced_file_is_refused_to_old_pages_and_shown_to_new_ones(serve_folder, folder, refused, change):
    site = serve_folder(folder)
    key = site.listed()["one.h5ad"]["id"]
    old = site.schema(key)
    page = {"headers": {"X-Starcyte-Revision": old["revision"]}}
    assert site.json(f"/d/{key}/api/v1/obs/cell_type", **page)["n"] == 30
    change(folder / "one.h5ad")
    for path in ("obs/cell_type", "genes?q=a", "annotations", "expression?gene=a", "schema", "embeddings/X_umap"):
        response = until(lambda path=path: (r := site.get(f"/d/{key}/api/v1/{path}", **page)).status_code != 503 and r)
        refused(response, 409, "dataset_changed")
    until(lambda: site.get(f"/d/{key}/api/v1/health", **page).status_code == 409)
    sent = site.open(f"/d/{key}/api/v1/annotations/mine", method="PUT", json={"labels": []}, headers=page["headers"])
    refused(sent, 409, "dataset_changed")
    new = site.schema(key)
    assert (new["n_obs"], old["n_obs"]) == (50, 30)
    assert site.json(f"/d/{key}/api/v1/obs/cell_type")["n"] == 50
    assert site.listed()["one.h5ad"]["n_obs"] == 50


def test_a_job_of_the_old_file_is_not_returned_for_the_new(serve_folder, folder, refused):
    site = serve_folder(folder, answer_wait=60.0)
    key = site.listed()["one.h5ad"]["id"]
    site.schema(key)
    question = {"a": {"ranges": [[0, 10]]}, "b": "rest"}
    first = site.post(f"/d/{key}/api/v1/diffexp", question)
    assert first.status_code == 200
    job = first.json["job_id"]
    assert site.get(f"/d/{key}/api/v1/jobs/{job}").status_code == 200
    other = site.listed()["deep/two.dat"]["id"]
    site.schema(other)
    refused(site.get(f"/d/{other}/api/v1/jobs/{job}"), 404, "not_found")
    rewritten(folder / "one.h5ad")
    site.schema(key)
    refused(site.get(f"/d/{key}/api/v1/jobs/{job}"), 404, "not_found")


def test_a_file_that_is_truncated_while_it_is_open(serve_folder, folder):
    site = serve_folder(folder)
    key = site.listed()["one.h5ad"]["id"]
    page = {"headers": {"X-Starcyte-Revision": site.schema(key)["revision"]}}
    with (folder / "one.h5ad").open("r+b") as stream:
        stream.truncate(2500)
    health = until(lambda: (h := site.get(f"/d/{key}/api/v1/health", **page).json).get("state") == "error" and h)
    assert "truncated" in health["error"]["message"]
    assert site.get(f"/d/{key}/api/v1/obs/cell_type", **page).status_code == 422
    assert site.listed()["one.h5ad"]["state"] == "error"


def test_a_file_that_is_removed_while_open_and_restored(serve_folder, folder, refused):
    site = serve_folder(folder)
    key = site.listed()["one.h5ad"]["id"]
    site.schema(key)
    (folder / "one.h5ad").rename(folder.with_name("kept"))
    refused(site.get(f"/d/{key}/api/v1/obs/cell_type"), 404, "not_found")
    refused(site.get(f"/d/{key}/api/v1/health"), 404, "not_found")
    assert "one.h5ad" not in site.listed()
    folder.with_name("kept").rename(folder / "one.h5ad")
    site.service.refresh()
    assert site.schema(key)["n_obs"] == 30


def test_a_removed_file_and_a_new_one_are_noticed(serve_folder, folder):
    site = serve_folder(folder)
    site.listed()
    (folder / "one.h5ad").unlink()
    cells(folder / "three.h5ad", n=20)
    site.service.refresh()
    found = site.listed()
    assert "one.h5ad" not in found
    assert found["three.h5ad"]["n_obs"] == 20


def test_an_unreadable_folder_keeps_its_datasets_listed(serve_folder, folder):
    site = serve_folder(folder)
    assert len(site.listed()) == 4
    folder.rename(folder.with_name("away"))
    site.service.refresh()
    assert "cannot be read" in site.service.problem
    assert len(site.service.entries()) > 0
    folder.with_name("away").rename(folder)
    site.service.refresh()
    assert site.service.problem == ""


# --- open and closed ---


def test_the_least_recently_used_are_closed_and_reopened_on_request(serve_folder, tmp_path):
    for i in range(4):
        cells(tmp_path / "root" / f"{i}.h5ad", n=20 + i, seed=i)
    site = serve_folder(tmp_path / "root", max_open=2)
    keys = {place: d["id"] for place, d in site.listed().items()}
    schemas = {place: site.schema(key) for place, key in keys.items()}
    until(lambda: site.service.sweep() or len(site.service.opened()) <= 2)
    still = [key for key, _ in site.service.opened()]
    assert still == [keys["2.h5ad"], keys["3.h5ad"]]
    headers = {"X-Starcyte-Revision": schemas["0.h5ad"]["revision"]}
    # an open page that only asks whether all is well opens nothing
    assert site.json(f"/d/{keys['0.h5ad']}/api/v1/health", headers=headers)["state"] == "ready"
    assert site.service.is_open(keys["0.h5ad"]) is False
    again = until(
        lambda: (r := site.get(f"/d/{keys['0.h5ad']}/api/v1/obs/cell_type", headers=headers)).status_code != 503 and r
    )
    assert again.json["n"] == 20


def test_a_dataset_in_use_is_not_closed(serve_folder, folder):
    site = serve_folder(folder, max_open=1, close_idle=0.0)
    key = site.listed()["one.h5ad"]["id"]
    site.schema(key)
    context, release = site.service.acquire(key)
    until(lambda: context.loader.state == "ready")
    site.service.sweep()
    assert context.dataset().obs_column("cell_type").values.size == 30
    release()
    site.service.sweep()
    assert site.service.opened() == []
    with pytest.raises(DatasetInvalid):
        context.dataset().obs_column("tissue")


def test_limits_of_files_and_memory_close_unused_datasets(serve_folder, folder):
    for budget in ({"open_files": 1}, {"open_bytes": 1}):
        site = serve_folder(folder, **budget)
        found = site.listed()
        for place in ("one.h5ad", "deep/two.dat"):
            site.schema(found[place]["id"])
        until(lambda site=site: site.service.sweep() or not site.service.opened())


# --- who may see what ---


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    folder = make_folder(tmp_path_factory.mktemp("guarded"))
    said = {
        "roles": {"*": "read"},
        "datasets": [
            {"path": "one.h5ad", "id": "one", "roles": {"*": "none", "ann": "annotate", "rea": "read", "adm": "admin"}},
            {"path": "deep/two.dat", "id": "two"},
        ],
    }
    (folder / "catalog.yml").write_text(json.dumps(said))
    site = Site(folder, tmp_path_factory.mktemp("scratch"), **PROXY)
    yield site
    site.leave()


def as_(user):
    return {"headers": {"X-User": user}} if user else {}


@pytest.mark.parametrize(
    ("user", "role"), [("ann", "annotate"), ("rea", "read"), ("adm", "admin"), ("admin", "admin"), ("eve", None)]
)
def test_only_readable_datasets_are_listed(guarded, user, role):
    found = guarded.listed(**as_(user))
    assert found.get("one.h5ad", {"role": None})["role"] == role
    assert found["deep/two.dat"]["role"] == ("admin" if user == "admin" else "read")


def test_without_signing_in_nothing_is_shown(guarded, refused):
    for path in ("catalog", "status", "catalog/one/thumbnail", "openapi.json"):
        refused(guarded.get(path), 401, "not_signed_in")
    for key in ("one", "two", "nothing"):
        assert guarded.json(f"/d/{key}/api/v1/health") == guarded.json("health")
        refused(guarded.get(f"/d/{key}/api/v1/schema"), 401, "not_signed_in")


def test_hidden_and_missing_datasets_are_indistinguishable(guarded):
    guarded.listed(**as_("admin"))
    before = guarded.service.counts["opened"]
    paths = ["", "api/v1/health", "api/v1/schema", "api/v1/annotations", "api/v1/thumbnail", "api/v1/nothing", "x.js"]
    for path in paths:
        hidden, absent = (guarded.get(f"/d/{key}/{path}", **as_("eve")) for key in ("one", "nothing"))
        assert hidden.status_code == absent.status_code
        assert hidden.text.replace("one", "nothing") == absent.text.replace("one", "nothing"), path
    hidden, absent = (guarded.get(f"catalog/{key}/thumbnail", **as_("eve")) for key in ("one", "nothing"))
    assert (hidden.status_code, hidden.text.replace("one", "nothing")) == (404, absent.text.replace("one", "nothing"))
    assert guarded.service.counts["opened"] == before


@pytest.mark.parametrize(("user", "may"), [("ann", True), ("adm", True), ("rea", False), ("admin", True)])
def test_a_role_applies_to_its_dataset(guarded, user, may, refused):
    until(lambda: guarded.get("/d/one/api/v1/schema", **as_(user)).status_code == 200)
    sent = guarded.open("/d/one/api/v1/annotations/mine", method="PUT", json={"labels": []}, **as_(user))
    assert sent.status_code in ({200, 201} if may else {403})
    other = guarded.open("/d/two/api/v1/annotations/mine", method="PUT", json={"labels": []}, **as_(user))
    assert other.status_code == (201 if user == "admin" else 403)


@pytest.mark.parametrize("path", ["/api/v1/status", "/metrics", "/status"])
def test_the_operators_pages_require_the_role_admin(guarded, path, refused):
    for user in ("ann", "rea", "adm", "eve"):
        refused(guarded.get(path, headers={"X-User": user, "Accept": "application/json"}), 403, "forbidden")
    refused(guarded.get(path, headers={"Accept": "application/json"}), 401, "not_signed_in")
    assert guarded.get(path, **as_("admin")).status_code == 200


def test_signing_in_returns_to_the_page(serve_folder, folder, tmp_path):
    accounts = Accounts(tmp_path / "accounts.sqlite")
    accounts.add("ann", "a long password", "read")
    site = serve_folder(folder, access="password", accounts=accounts)
    response = site.get("/d/any-id/", headers={"Accept": "text/html"})
    assert (response.status_code, response.headers["Location"]) == (303, "../../login?next=d/any-id/")
    assert site.post("login", {"user": "ann", "password": "a long password"}).status_code == 204
    found = site.listed()
    assert found["one.h5ad"]["role"] == "read"
    assert site.schema(found["one.h5ad"]["id"])["n_obs"] == 30
    accounts.close()


def test_a_link_with_the_token_opens_a_dataset(serve_folder, folder):
    site = serve_folder(folder, access="token", token="a-token-of-some-length")
    response = site.get("/d/any-id/?token=a-token-of-some-length", headers={"Accept": "text/html"})
    assert response.status_code == 303
    assert "Path=/;" in response.headers["Set-Cookie"] + ";"
    assert site.listed()["one.h5ad"]["state"] == "ready"


# --- for the operator ---


def test_the_status_counts_datasets(plain):
    site = plain
    key = site.listed()["one.h5ad"]["id"]
    site.schema(key)
    status = site.json("status")
    assert status["datasets"]["n_open"] >= 1
    assert key in [one["id"] for one in status["datasets"]["open"]]
    assert status["datasets"]["states"] == {"ready": 2, "error": 2}
    assert {one["place"] for one in status["datasets"]["broken"]} == {"broken.h5ad", "empty.h5ad"}
    assert status["memory"]["bytes"] > 10 << 20
    assert status["users"][0]["address"] == "203.0.113.9"
    assert status["requests"]["n"] >= 2


def test_the_metrics_are_in_the_format_of_prometheus(plain):
    from prometheus_client.parser import text_string_to_metric_families

    site = plain
    key = site.listed()["one.h5ad"]["id"]
    site.schema(key)
    site.get("/nothing")
    response = site.get("/metrics")
    assert response.headers["Content-Type"].startswith("text/plain")
    found = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    assert found["starcyte_datasets_open", ()] >= 1
    assert found["starcyte_datasets", (("state", "ready"),)] == 2
    assert found["starcyte_requests_total", (("method", "GET"), ("route", "asset"), ("status", "404"))] >= 1
    total = sum(v for (name, _), v in found.items() if name == "starcyte_requests_total")
    assert found["starcyte_request_seconds_bucket", (("le", "+Inf"),)] == total
    assert found["process_open_fds", ()] > 3


def test_the_metrics_may_be_public(serve_folder, folder):
    assert serve_folder(folder, **PROXY, metrics=True).get("/metrics").status_code == 200


def test_the_log_names_users_and_requests_but_no_secrets(serve_folder, folder, tmp_path):
    log = tmp_path / "access.log"
    token = "a-token-of-some-length"
    site = serve_folder(folder, access="token", token=token, access_log=str(log))
    site.get(f"/?token={token}", headers={"Accept": "text/html"})
    site.get("catalog", headers={"Authorization": f"Bearer {token}", "Cookie": "other=secret-cookie"})
    site.get("/d/any-id/api/v1/expression?gene=SECRETGENE", headers={"Referer": "https://secret.example"})
    site.get('/a"\x1b[31m<b>')
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["status"] for line in lines[:2]] == [303, 200]
    assert lines[1]["path"] == "/api/v1/catalog"
    assert lines[2]["path"] == "/d/any-id/api/v1/expression"
    assert lines[3]["path"] == '/a"\x1b[31m<b>'
    assert set(lines[0]) == {"time", "address", "user", "method", "path", "status", "bytes", "ms"}
    for secret in (token, "SECRETGENE", "secret-cookie", "secret.example"):
        assert secret not in log.read_text()


def test_the_log_of_a_proxy_names_its_users(serve_folder, folder, tmp_path):
    log = tmp_path / "access.log"
    serve_folder(folder, **PROXY, access_log=str(log)).get("catalog", **as_("ann"))
    assert json.loads(log.read_text())["user"] == "ann"


def test_a_copy_of_a_file_shares_its_index_but_not_its_jobs(serve_folder, folder):
    shutil.copy(folder / "one.h5ad", folder / "copy.h5ad")
    site = serve_folder(folder)
    found = site.listed()
    for place in ("one.h5ad", "copy.h5ad"):
        assert site.schema(found[place]["id"])["n_obs"] == 30
    assert found["one.h5ad"]["id"] != found["copy.h5ad"]["id"]
