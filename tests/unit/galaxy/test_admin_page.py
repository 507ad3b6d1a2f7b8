"""The configuration in galaxy_wrappers/README.md against the checks of `starcyte-galaxy check`."""

import re
from pathlib import Path

import pytest
import yaml
from lxml import etree
from starcyte_galaxy import installation

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "galaxy_wrappers" / "README.md").read_text()
TOOLS = {installation.TOOL, *installation.BATCH_TOOLS}


def blocks(kind, text=TEXT):
    return re.findall(rf"```{kind}\n(.*?)```", text, re.S)


def section(title):
    (text,) = re.findall(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ [A-Z0-9]|\Z)", TEXT, re.S | re.M)
    return text


def test_tools_of_the_section():
    (text,) = blocks("xml", section("3. The tools"))
    files = [tool.get("file").removeprefix("/path/to/this/repository/") for tool in etree.fromstring(text).iter("tool")]
    assert {etree.parse(ROOT / name).getroot().get("id") for name in files} == TOOLS


def test_every_tool_is_sent_somewhere():
    (text,) = blocks("yaml", section("4. Where sessions run"))
    assert {tool["id"] for tool in yaml.safe_load(text)["tools"]} == TOOLS


@pytest.mark.parametrize("destination", ["Slurm", "Docker", "Kubernetes", "Pulsar", "No container"])
def test_destination(destination, tmp_path):
    job_conf = yaml.safe_load(blocks("yaml", section(destination))[0])
    job_conf |= yaml.safe_load(blocks("yaml", section("4. Where sessions run"))[0])
    (tmp_path / "job_conf.yml").write_text(yaml.safe_dump(job_conf))
    (tmp_path / "galaxy.yml").write_text(blocks("yaml", section("2. Interactive tools"))[0])
    found = list(installation.Server(tmp_path / "galaxy.yml").check())
    assert [f.kind for f in found if "environment" in f.text] == ["ok"], [str(f) for f in found]
    # the page says so as well
    local = "LocalJobRunner" in section(destination)
    assert any("recovers no jobs" in f.text for f in found) == local
    assert ("(#restarts-of-galaxy)" in section(destination)) == local


def test_tpv_names_the_tools():
    (text,) = blocks("yaml", section("TPV"))
    patterns = yaml.safe_load(text)["tools"]
    shed = "toolshed.g2.bx.psu.edu/repos/someone/starcyte/{}/0.1.0+galaxy0"
    for tool in TOOLS:
        assert [p for p in patterns if re.match(p, tool)]
        assert [p for p in patterns if re.match(p, shed.format(tool))]


def test_all_yaml_is_yaml():
    for text in blocks("yaml"):
        assert yaml.safe_load(text)
        assert text.startswith(("# galaxy.yml", "# job_conf.yml", "# of ")), "it names the file that it belongs to"


def test_files_of_the_page_exist():
    """A file of this repository that a command names is there, wherever the command is run."""
    named = re.findall(r"(?:\$STARCYTE|\{\{ starcyte_checkout \}\}|/path/to/this/repository)/([\w./-]+)", TEXT)
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_commands_use_its_variables_only():
    commands = "".join(blocks("sh"))
    assert set(re.findall(r"\$\{?(\w+)", commands)) == set(re.findall(r"^(\w+)=", commands, re.M))
