"""Nobody comes in by oversight: what a server that listens needs to be told."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys

import pytest
from process import run


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
@pytest.mark.parametrize("flags", [[], ["--access=none"]], ids=str)
def test_an_open_door_to_the_network_is_refused(pbmc, host, flags):
    done = run("launch", pbmc, "--port=0", f"--host={host}", *flags)
    if "Cannot listen on" in done.stderr:
        pytest.skip("this machine has no such address")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--access=token" in done.stderr
    assert "--access=none --public" in done.stderr


@pytest.mark.parametrize(
    "flags",
    [
        ["--access=open"],
        ["--public"],
        ["--access=token", "--public"],
        ["--access=proxy"],
        ["--access=token", "--token=short"],
        ["--role=root"],
    ],
    ids=" ".join,
)
def test_settings_that_contradict_each_other_are_refused(pbmc, flags):
    done = run("launch", pbmc, "--port=0", *flags)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


def test_the_token_is_in_the_printed_link_and_nowhere_else(launched, pbmc):
    viewer = launched(pbmc, "--host=0.0.0.0", "--access=token")
    link = re.search(r"http\S+", viewer.out)[0]
    token = link.partition("?token=")[2]
    assert len(token) >= 32
    assert token not in json.dumps(viewer.ready)
    assert viewer.get("schema")[0] == 401
    client = http.client.HTTPConnection("127.0.0.1", viewer.ready["port"], timeout=60)
    client.request("GET", f"/?token={token}", headers={"Accept": "text/html"})
    answer = client.getresponse()
    answer.read()
    assert answer.status == 303
    client.request("GET", "/api/v1/health", headers={"Cookie": answer.headers["Set-Cookie"].split(";")[0]})
    assert "title" in json.load(client.getresponse())
    client.close()
    viewer.opened()
    assert viewer.stop() == 0
    assert token not in viewer.err


def test_another_start_has_another_token(launched, pbmc):
    first, second = (launched(pbmc, "--access=token").out.partition("?token=")[2] for _ in range(2))
    assert first != second


def user(folder, *arguments, password=""):
    return subprocess.run(
        [sys.executable, "-m", "starcyte", "user", *arguments, f"--data-dir={folder}"],
        input=password,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_accounts_are_made_by_the_command_and_let_in(launched, pbmc, tmp_path):
    data = tmp_path / "data"
    assert user(data, "add", "eva", "admin", password="correct horse\n").returncode == 0
    assert user(data, "add", "otto", password="battery staple\n").returncode == 0
    assert user(data, "list").stdout == "eva\tadmin\notto\tannotate\n"
    viewer = launched(pbmc, "--access=password", f"--data-dir={data}").opened()
    headers = {"Content-Type": "application/json"}
    body = json.dumps({"user": "otto", "password": "battery staple"})
    assert viewer.get("login", "POST", body, **headers)[0] == 204
    assert user(data, "remove", "otto").returncode == 0
    assert viewer.get("login", "POST", body, **headers)[0] == 401
    assert viewer.stop() == 0
    assert viewer.err == ""


@pytest.mark.parametrize(
    "arguments", [["add"], ["remove", "nobody"], ["add", "eva", "root"], ["role", "eva"], ["dance", "eva"]], ids=str
)
def test_what_the_command_does_not_understand(tmp_path, arguments):
    done = user(tmp_path, *arguments, password="long enough\n")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


def test_a_token_is_in_no_log(launched, pbmc, tmp_path):
    token, log = "a-secret-that-is-long-enough", tmp_path / "access.log"
    viewer = launched(pbmc, "--access=token", f"--token={token}", f"--access-log={log}", "--verbose")
    bearer = {"Authorization": f"Bearer {token}"}
    viewer.wait_until(lambda: b'"loading"' not in viewer.get("health", **bearer)[1])
    viewer.get(f"/?token={token}")
    viewer.get(f"/?token={token}x")
    viewer.get(f"api/v1/schema?token={token}", Referer=f"http://127.0.0.1/?token={token}")
    viewer.get("schema", **bearer, Cookie=f"x={token}")
    viewer.get("/no/such/path", **bearer)
    viewer.get("diffexp", "POST", token.encode(), **bearer)
    assert viewer.stop() == 0
    assert log.read_text().count("\n") >= 6
    assert token not in log.read_text()
    assert token not in viewer.err
    assert viewer.out.count(token) == 1, "in the link, and nowhere else"


def test_a_token_is_asked_for_by_default(launched, pbmc):
    viewer = launched(pbmc, access="")
    token = viewer.out.strip().partition("?token=")[2]
    assert len(token) >= 32
    assert viewer.get("schema")[0] == 401
    assert viewer.get("health")[0] == 200
    bearer = {"Authorization": f"Bearer {token}"}
    viewer.wait_until(lambda: viewer.get("schema", **bearer)[0] == 200)


def test_a_name_of_another_site_is_refused(launched, pbmc):
    for options in ((), ("--access=token",)):
        viewer = launched(pbmc, *options)
        for path in ("/", "/api/v1/health", "/api/v1/schema", "/assets/x", "/none"):
            status, body = viewer.get(path, Host="evil.test")
            assert status == 421
            assert json.loads(body)["error"]["code"] == "misdirected"
        assert viewer.get("health", Host=f"localhost:{viewer.ready['port']}")[0] == 200


BROWSER = """#!/bin/sh
echo "$@" > {folder}/arguments
cp "${{1#file://}}" {folder}/page.html
stat -c %a "${{1#file://}}" > {folder}/mode
touch {folder}/done
"""


def test_the_browser_gets_the_token_by_a_file_of_the_user(launched, pbmc, tmp_path, monkeypatch):
    browser = tmp_path / "browser"
    browser.write_text(BROWSER.format(folder=tmp_path))
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    viewer = launched(pbmc, "--open", f"--cache-dir={tmp_path / 'cache'}", access="")
    viewer.wait_until((tmp_path / "done").exists)
    link = viewer.out.strip().rpartition(" ")[2]
    token = link.partition("?token=")[2]
    assert token
    arguments = (tmp_path / "arguments").read_text()
    assert token not in arguments
    assert arguments.startswith("file:///")
    assert (tmp_path / "mode").read_text() == "600\n"
    assert f"url={link}" in (tmp_path / "page.html").read_text()
    assert viewer.stop() == 0
    assert not list((tmp_path / "cache").glob("*.html"))
