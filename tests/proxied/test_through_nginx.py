"""Behind a real nginx, as deploy/nginx.conf sets it up: path, user and address come from nginx alone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import gx_it_proxy
import nginx
import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
PASSWORDS = {"eva": "correct horse", "admin": "battery staple"}

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="this machine has no nginx")


@pytest.fixture(scope="module")
def site(dataset, tmp_path_factory):
    """The address of nginx, with a viewer behind it that takes users from nginx' word."""
    folder = tmp_path_factory.mktemp("nginx")
    ready, errors = folder / "ready.json", folder / "errors"
    options = ["--trust-prefix", "--access=proxy", "--user-header=X-User", "--trusted-proxies=127.0.0.1"]
    options += ["--admins=admin", f"--data-dir={folder / 'made'}", "--port=0", f"--ready-file={ready}"]
    with errors.open("wb") as stream:
        command = [sys.executable, "-m", "starcyte", "launch", str(dataset), *options]
        viewer = subprocess.Popen(command, stderr=stream)
    nginx.wait_for(ready.exists, viewer, "the viewer")
    port = gx_it_proxy.free_port()
    passwords = folder / "passwords"
    passwords.write_text("".join(f"{name}:{{PLAIN}}{password}\n" for name, password in PASSWORDS.items()))
    site = (ROOT / "deploy" / "nginx.conf").read_text()
    site = site.replace("127.0.0.1:5005", f"127.0.0.1:{json.loads(ready.read_text())['port']}")
    site = site.replace("listen 80;", f"listen 127.0.0.1:{port};")
    site = re.sub('# (auth_basic "cells";)', r"\1", site)
    site = re.sub("# auth_basic_user_file .*;", f"auth_basic_user_file {passwords};", site)
    try:
        with nginx.running(folder, site, port) as server:
            root = f"http://127.0.0.1:{port}/cells/"
            nginx.wait_for(lambda: ask(root, "eva", "api/v1/health").json()["state"] == "ready", server, "the dataset")
            yield root
    finally:
        viewer.terminate()
        viewer.wait(30)
    assert errors.read_text() == ""


def ask(root, user, path="", method="GET", **kwargs):
    auth = None if user is None else (user, PASSWORDS.get(user, "wrong"))
    kwargs["headers"] = {"X-Starcyte-Client": "test"} | kwargs.get("headers", {})
    return requests.request(method, root + path, auth=auth, timeout=60, allow_redirects=False, **kwargs)


def test_the_page_knows_its_path(site):
    answer = ask(site, "eva")
    assert answer.status_code == 200
    assert '<base href="/cells/">' in answer.text
    script = re.search('src="\\./(assets/[^"]+)"', answer.text)[1]
    assert ask(site, "eva", script).status_code == 200
    assert ask(site.removesuffix("/"), "eva").headers["Location"].endswith("/cells/")


def test_nobody_comes_in_without_a_password(site):
    assert ask(site, None, "api/v1/schema").status_code == 401
    assert ask(site, "stranger", "api/v1/schema").status_code == 401


def test_the_user_is_the_one_that_nginx_knows(site):
    assert ask(site, "eva", "api/v1/login").json()["user"] == "eva"
    claimed = ask(site, "eva", "api/v1/login", headers={"X-User": "admin"})
    assert (claimed.json()["user"], claimed.json()["role"]) == ("eva", "annotate"), "a header of the client's is lost"
    assert ask(site, "admin", "api/v1/login").json()["role"] == "admin"


def test_each_user_has_annotations_of_their_own(site):
    assert ask(site, "eva", "api/v1/annotations/mine", "PUT", json={"labels": []}).status_code == 201
    assert ask(site, "admin", "api/v1/annotations").json()["annotations"] == []


def test_a_path_that_a_client_claims_is_not_believed(site):
    answer = ask(site, "eva", headers={"X-Forwarded-Prefix": "/evil"})
    assert '<base href="/cells/">' in answer.text
    assert "evil" not in answer.text


def test_a_comparison_and_its_table_come_through(site):
    body = {"a": {"ranges": [[0, 100]]}, "limit": 3}
    answer = ask(site, "eva", "api/v1/diffexp", "POST", json=body)
    job, said = answer.headers["Location"], answer.json()
    while said.get("job", {"state": "done"})["state"] in {"queued", "running"}:
        said = ask(site, "eva", f"api/v1/{job}?limit=3").json()
    result = said.get("result", said)
    assert len(result["genes"]) == 3
    table = ask(site, "eva", f"api/v1/jobs/{result['job_id']}", headers={"Accept": "text/csv"})
    assert next(line for line in table.text.splitlines() if not line.startswith("#")).startswith("gene,")


def test_a_write_of_another_site_is_refused(site):
    answer = ask(site, "eva", "api/v1/annotations/x", "PUT", json={}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "forbidden"


def test_a_body_over_the_limit_ends_at_nginx(site):
    answer = ask(site, "eva", "api/v1/diffexp", "POST", data=b"x" * (33 << 20))
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "assets/..%2f..%2fsettings.py", "//x"])
def test_no_path_leads_out(site, path):
    answer = requests.get(site + path, auth=("eva", PASSWORDS["eva"]), timeout=60, allow_redirects=False)
    assert answer.status_code in {400, 404}
    assert "root:" not in answer.text
