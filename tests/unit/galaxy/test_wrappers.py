"""The wrappers: Galaxy's schema and linters, and the project's own checks, on them and on wrong ones."""

import json
import shutil
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
from starcyte_galaxy import cli, wrappers
from starcyte_galaxy.errors import JobError

with warnings.catch_warnings():
    # Galaxy's template engine imports modules that Python is about to drop
    warnings.simplefilter("ignore", DeprecationWarning)
    from galaxy.tool_util.lint import LintContext, LintLevel, lint_tool_source_with
    from galaxy.tool_util.linters.xsd import TOOL_XSD
    from galaxy.tool_util.parser.factory import get_tool_source
    from galaxy.util import etree, parse_xml
    from galaxy.util.template import fill_template

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "galaxy_wrappers"
TOOLS = sorted(p for p in FOLDER.glob("*.xml") if "<tool " in p.read_text())
NASTY = "\"; rm -rf ~ #'<b>é😀.h5ad"
#: Linters that need the network, and one that cannot hold: a session does not end by itself, so there is no <test> yet.
LEFT_OUT = ["BioToolsValid", "TestsMissing", "TestsNoValid"]


@pytest.fixture
def folder(tmp_path):
    copy = tmp_path / "galaxy_wrappers"
    shutil.copytree(FOLDER, copy)
    return copy


def lint(path):
    context = LintContext(LintLevel.WARN, skip_types=LEFT_OUT)
    with warnings.catch_warnings():
        # warnings are about the linters here: they leave a file open, and take one of docutils for one about the help
        warnings.simplefilter("ignore")
        lint_tool_source_with(context, get_tool_source(str(path)))
    return [f"{m.linter}: {m.message}" for m in context.warn_messages + context.error_messages]


def change(folder, old, new, name="starcyte.xml"):
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


@pytest.mark.parametrize("path", TOOLS, ids=lambda p: p.name)
def test_schema(path):
    tree = get_tool_source(str(path)).xml_tree
    schema = etree.XMLSchema(etree.parse(TOOL_XSD))
    assert schema.validate(tree), schema.error_log


@pytest.mark.parametrize("path", TOOLS, ids=lambda p: p.name)
def test_lint(path):
    assert lint(path) == []


@pytest.mark.parametrize("path", TOOLS, ids=lambda p: p.name)
def test_lint_as_an_ordinary_tool(path, folder):
    # most linters skip interactive tools, so they are shown a copy that is none
    change(folder, ' tool_type="interactive"', "", path.name)
    assert lint(folder / path.name) == []


def test_linters_do_run(folder):
    path = change(folder, ' tool_type="interactive"', "")
    change(folder, '<expand macro="citations"/>', "")
    change(folder, ' format="h5ad"', "")
    assert {line.split(":")[0] for line in lint(path)} == {"CitationsMissing", "InputsDataFormat"}


def test_own_checks():
    assert wrappers.check(FOLDER) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (' require_login="true"', "", "open to everyone"),
        (' requires_domain="False"', "", "requires_domain is not written"),
        ("x-forwarded-prefix", "X-Forwarded-Prefix", "in lower case"),
        ("<port>@PORT@<", "<port>8001<", "port 8001 is not the one"),
        ('directory="saved"', 'directory="outputs"', "collects 'outputs'"),
        ('format="txt" label', 'format="txt" from_work_dir="report.txt" label', "from_work_dir"),
        ("run '$config'", "run '$config' --title '${infile.name}'", "$infile on the command line"),
        ("</tool>", "", "starcyte.xml: "),
    ],
)
def test_wrong_wrappers_are_caught(folder, old, new, said):
    change(folder, old, new)
    found = wrappers.check(folder)
    assert len(found) == 1
    assert said in found[0]


def test_outputs_without_buttons(folder):
    path = folder / "starcyte.xml"
    tree = parse_xml(path)
    outputs = tree.getroot().find("outputs")
    outputs.remove(outputs.find("data"))
    tree.write(str(path))
    assert "no plain <data> output" in "\n".join(wrappers.check(folder))


def test_command(folder, capsys):
    assert cli.main(["check", str(folder)]) == 0
    change(folder, '@TOOL_VERSION@">0.1.0', '@TOOL_VERSION@">0.0.9', "macros.xml")
    assert cli.main(["check", str(folder)]) == 2
    assert "@TOOL_VERSION@ is 0.0.9" in capsys.readouterr().out


def test_command_without_lxml(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "starcyte_galaxy.wrappers")
    monkeypatch.delattr("starcyte_galaxy.wrappers")
    monkeypatch.setitem(sys.modules, "lxml", None)
    assert cli.main(["check", str(FOLDER)]) == 2
    assert "pip install lxml" in capsys.readouterr().err


def test_empty_folder(tmp_path, capsys):
    with pytest.raises(JobError, match="no tool wrapper"):
        wrappers.check(tmp_path)
    assert cli.main(["check", str(tmp_path)]) == 2
    assert "Give the folder galaxy_wrappers" in capsys.readouterr().err


def test_tool_conf_names_what_is_there():
    toolbox = parse_xml(ROOT / "tool_conf.xml").getroot()
    path = ROOT / toolbox.get("tool_path").replace("${tool_conf_dir}/", "")
    assert [path / t.get("file") for t in toolbox.iter("tool")] == TOOLS


class Dataset:
    """What a template sees of a dataset: Galaxy replaces characters of its name, but for `unsanitized`."""

    def __init__(self, name, identifier=None):
        self.unsanitized = SimpleNamespace(name=name)
        self.name = "".join(c if c.isalnum() and c.isascii() else "X" for c in name)
        self.element_identifier = self.name if identifier is None else identifier

    def __str__(self):
        return "/galaxy/objects/dataset_1.dat"


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        (Dataset("pbmc"), "pbmc"),
        (Dataset(NASTY), NASTY),
        (Dataset("three\nlines $x #if"), "three\nlines $x #if"),
        (Dataset("dataset 7", "sample é"), "sample é"),
    ],
    ids=["plain", "nasty", "template", "of a collection"],
)
def test_config_file(dataset, name):
    source = get_tool_source(str(FOLDER / "starcyte.xml"))
    template = source.xml_tree.findtext(".//configfile[@name='config']")
    context = {"infile": dataset, "report": "/galaxy/jobs/report.dat", "__galaxy_url__": "http://localhost:8080"}
    config = json.loads(fill_template(template, context=context, python_template_version="3.7"))
    assert config == {
        "dataset": "/galaxy/objects/dataset_1.dat",
        "name": name,
        "port": 8000,
        "report": "/galaxy/jobs/report.dat",
        "outputs": "saved",
        "galaxy_url": "http://localhost:8080",
    }
