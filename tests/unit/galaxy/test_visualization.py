"""The descriptions of the visualization and the display application against the tool that they lead to."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import etree

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
TOOL = ROOT / "galaxy_wrappers" / "tools" / "interactive" / "interactivetool_starcyte.xml"
VISUALIZATION = ROOT / "viewer" / "client" / "visualization" / "public" / "starcyte.xml"
DISPLAY = ROOT / "galaxy_wrappers" / "display_applications" / "starcyte.xml"


@pytest.fixture
def tool() -> etree._Element:
    return etree.parse(TOOL).getroot()


@pytest.fixture
def visualization() -> etree._Element:
    return etree.parse(VISUALIZATION).getroot()


def test_visualization_starts_the_tool(tool, visualization):
    assert visualization.findtext("specs/tool_id") == tool.get("id")


def test_the_visualization_accepts_the_datatypes_of_the_tool(tool, visualization):
    tests = [(test.get("test_attr"), test.text) for test in visualization.iterfind("data_sources/data_source/test")]
    (accepted,) = (param.get("format") for param in tool.iterfind("inputs/param[@name='infile']"))
    assert tests == [("ext", ext) for ext in accepted.split(",")]
    assert tests[0] == ("ext", "h5ad")
    # each version of Galaxy takes the dataset's id from one of these
    assert visualization.findtext("params/param[@required='true']") == "dataset_id"
    assert visualization.findtext("data_sources/data_source/to_param[@param_attr='id']") == "dataset_id"


def test_visualization_is_a_script(visualization):
    """Galaxy 24.0 to 25.1 takes an entry point without a type for a template."""
    (entry,) = visualization.iterfind("entry_point")
    assert dict(entry.attrib) == {"entry_point_type": "script", "src": "index.js"}


def test_display_application_leads_to_the_tools_form(tool):
    display = etree.parse(DISPLAY).getroot()
    query = parse_qs(urlsplit(display.findtext("link/url").replace("$", "")).query)
    assert query["tool_id"] == [tool.get("id")]
    (dataset,) = (name for name in query if name not in {"tool_id", "version"})
    assert dataset in {param.get("name") for param in tool.iterfind("inputs/param[@type='data']")}


def test_visualization_can_be_part_of_a_page(visualization):
    assert visualization.get("embeddable") == "true"


def test_visualization_is_a_package_of_its_own():
    """Its folder can be sent to galaxy-visualizations as it is: it needs nothing beside it."""
    folder = VISUALIZATION.parents[1]
    for path in folder.glob("*.ts"):
        assert not re.search(r"""(from|import) ['"]\.\./""", path.read_text(encoding="utf-8")), path.name
    package = json.loads((folder / "package.json").read_text())
    assert package["files"] == ["static"]
    assert "private" not in package
