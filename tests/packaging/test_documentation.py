"""The documentation: it builds without warnings, has every setting and request, and loads nothing from elsewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from starcyte.settings import SETTINGS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pages."""
    target = tmp_path_factory.mktemp("pages")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    ran = subprocess.run(
        [*command, "-d", str(tmp_path_factory.mktemp("doctrees")), str(ROOT / "docs"), str(target)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    return target


def test_every_setting_has_its_entry(built: Path) -> None:
    page = (built / "reference" / "settings.html").read_text()
    assert [s.flag for s in SETTINGS if f'id="cmdoption-{s.flag.removeprefix("--")}"' not in page] == []


def requests_of(page: Path) -> set[str]:
    """Return the requests that a page has sections of, such as ``GET schema``."""
    sections = re.findall(r"<h2>.*?<span class=\"pre\">(.+?)</code>", page.read_text())
    return {re.sub(r"<.*?>", "", section) for section in sections}


def test_every_request_has_its_section(built: Path) -> None:
    command = ["get", "--demo", "api/v1/openapi.json"]
    answer = subprocess.run([sys.executable, "-m", "starcyte", *command], stdout=subprocess.PIPE, check=True).stdout
    paths = json.loads(answer)["paths"]
    methods = ("get", "post", "put", "patch", "delete")
    wanted = {f"{m.upper()} {path.removeprefix('/api/v1/')}" for path in paths for m in paths[path] if m in methods}
    assert requests_of(built / "reference" / "http.html") == wanted


def test_requests_in_the_text_exist(built: Path) -> None:
    known = {
        request.split()[1].split("/")[0]
        for page in ("http", "http-catalog")
        for request in requests_of(built / "reference" / f"{page}.html")
    }
    for source in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        named = {path.split("/")[0] for path in re.findall(r"api/v1/([\w./]+)", source.read_text())}
        assert named <= known, source


def test_no_page_loads_anything_from_elsewhere(built: Path) -> None:
    loaded = r'<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)="((?:https?:)?//[^"]+)"'
    assert {page.name: found for page in built.rglob("*.html") if (found := re.findall(loaded, page.read_text()))} == {}


def test_every_page_is_reached_and_says_something(built: Path) -> None:
    index = (built / "index.html").read_text()
    for source in (ROOT / "docs").rglob("*.md"):
        page = source.relative_to(ROOT / "docs").with_suffix(".html")
        text = re.sub(r"<[^>]+>", " ", (built / page).read_text().partition("<article")[2].partition("</article")[0])
        assert len(text.split()) > 100, page
        assert page.name == "index.html" or f'href="{page}"' in index, page
