"""The wrappers: Galaxy's schema and linters, and the project's own checks, on them and on wrong ones."""

import json
import re
import shutil
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from starcyte.settings import Settings
from starcyte.store.index.column_index import ColumnIndex
from starcyte.store.open import open_dataset
from starcyte_galaxy import cli, wrappers
from starcyte_galaxy.errors import JobError

pytestmark = pytest.mark.slow

with warnings.catch_warnings():
    # Galaxy's template engine imports modules that Python is about to drop
    warnings.simplefilter("ignore", DeprecationWarning)
    from galaxy.tool_util.lint import LintContext, LintLevel, lint_tool_source_with
    from galaxy.tool_util.linters.xsd import TOOL_XSD
    from galaxy.tool_util.parser.factory import get_tool_source
    from galaxy.tool_util.parser.output_collection_def import dataset_collector_descriptions_from_elem
    from galaxy.tool_util.parser.stdio import StdioErrorLevel
    from galaxy.util import etree, parse_xml
    from galaxy.util.template import fill_template

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "galaxy_wrappers"
TOOLS = sorted(p for p in FOLDER.rglob("*.xml") if "<tool " in p.read_text())
FORMATS = "h5ad,h5mu,loom,zarr.zip,spatialdata.zip,zarr"
SESSION_TOOL = "tools/interactive/interactivetool_starcyte.xml"
BATCH = "tools/starcyte"
NASTY = "\"; rm -rf ~ #'<b>é😀.h5ad"
INTERACTIVE = [p for p in TOOLS if 'tool_type="interactive"' in p.read_text()]
#: It needs the network.
LEFT_OUT = ["BioToolsValid"]


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


def change(folder, old, new, name=SESSION_TOOL):
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


@pytest.mark.parametrize("path", INTERACTIVE, ids=lambda p: p.name)
def test_lint_as_an_ordinary_tool(path, folder):
    # most linters skip interactive tools, so they are shown a copy that is none
    copy = change(folder, ' tool_type="interactive"', "", path.relative_to(FOLDER))
    assert lint(copy) == []


def test_linters_do_run(folder):
    path = change(folder, ' tool_type="interactive"', "")
    text = path.read_text()
    path.write_text(re.sub("<citations>.*</citations>", "", text, flags=re.S).replace(f' format="{FORMATS}"', ""))
    assert {line.split(":")[0] for line in lint(path)} == {"CitationsMissing", "InputsDataFormat"}


def test_own_checks():
    assert wrappers.check(FOLDER) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (' require_login="true"', "", "anonymous users can run the tool"),
        (' requires_domain="False"', "", "requires_domain is missing"),
        ("x-forwarded-prefix", "X-Forwarded-Prefix", "in lower case"),
        ("<port>@PORT@<", "<port>8001<", "port 8001 differs from the config file"),
        ('directory="saved"', 'directory="outputs"', "collects 'outputs'"),
        (' visible="true"', "", "hidden"),
        ('format="txt" label', 'format="txt" from_work_dir="report.txt" label', "from_work_dir"),
        ("(starcyte-galaxy --version || true)", "starcyte-galaxy --version", "version_command"),
        ("run '$config'", "run '$config' --title '${infile.name}'", "$infile on the command line"),
        ("</tool>", "", "interactivetool_starcyte.xml: "),
    ],
)
def test_wrong_wrappers_are_caught(folder, old, new, said):
    change(folder, old, new)
    found = wrappers.check(folder)
    assert found
    assert all(said in line for line in found)


def test_outputs_without_buttons(folder):
    path = folder / SESSION_TOOL
    tree = parse_xml(path)
    outputs = tree.getroot().find("outputs")
    outputs.remove(outputs.find("data"))
    tree.write(str(path))
    assert "no plain <data> output" in "\n".join(wrappers.check(folder))


def test_command(folder, capsys):
    assert cli.main(["check", str(folder)]) == 0
    assert capsys.readouterr().out.startswith("ok: the wrappers in ")
    for name in (SESSION_TOOL, f"{BATCH}/macros.xml"):
        path = change(folder, '@TOOL_VERSION@">0.1.0', '@TOOL_VERSION@">0.0.9', name)
        assert cli.main(["check", str(folder)]) == 2
        assert f"{path.name}: @TOOL_VERSION@ is 0.0.9" in capsys.readouterr().out


def test_command_knows_the_schema(folder, capsys):
    change(folder, "<description>", "<picture/><description>")
    assert cli.main(["check", str(folder)]) == 2
    assert "interactivetool_starcyte.xml" in (out := capsys.readouterr().out)
    assert "picture" in out


def test_command_without_lxml(monkeypatch, capsys):
    for name in ("wrappers", "installation"):
        monkeypatch.delitem(sys.modules, f"starcyte_galaxy.{name}", raising=False)
        monkeypatch.delattr(f"starcyte_galaxy.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "lxml", None)
    assert cli.main(["check", str(FOLDER)]) == 2
    assert "pip install lxml" in capsys.readouterr().err


def test_empty_folder(tmp_path, capsys):
    with pytest.raises(JobError, match="no tool wrapper"):
        wrappers.check(tmp_path)
    assert cli.main(["check", str(tmp_path)]) == 2
    assert "Pass the folder galaxy_wrappers" in capsys.readouterr().err


def test_tool_conf_lists_the_tools():
    toolbox = parse_xml(ROOT / "tool_conf.xml").getroot()
    path = ROOT / toolbox.get("tool_path").replace("${tool_conf_dir}/", "")
    assert sorted(path / t.get("file") for t in toolbox.iter("tool")) == TOOLS


class Dataset:
    """What a template sees of a dataset: Galaxy replaces characters of its name, but for `unsanitized`."""

    ext = "tabular"

    def __init__(self, name, identifier=None, path="/galaxy/objects/dataset_1.dat"):
        self.unsanitized = SimpleNamespace(name=name)
        self.name = "".join(c if c.isalnum() and c.isascii() else "X" for c in name)
        self.element_identifier = self.name if identifier is None else identifier
        self.path = path

    def __str__(self):
        return self.path


class NoDataset:
    """What a template sees of an input that was left out."""

    def __bool__(self):
        return False

    def __str__(self):
        return "None"


class Value:
    """What a template sees of any other parameter: text with characters replaced, and the value itself."""

    def __init__(self, value):
        self.value = value

    def __str__(self):
        return "None" if self.value is None else str(self.value).lower().replace('"', "X")


def config_of(**context):
    tree = get_tool_source(str(FOLDER / SESSION_TOOL)).xml_tree
    # outputs are names in a template too, and may hide others
    outputs = {e.get("name"): "an output" for e in tree.find("outputs")}
    template = tree.findtext(".//configfile[@name='config']")
    return json.loads(fill_template(template, context=outputs | context, python_template_version="3.7"))


def options(**values):
    given = {"color_by": None, "embedding": None, "idle_minutes": None, "read_only": False, "mode": "session"} | values
    return SimpleNamespace(session=NoDataset(), **{k: Value(v) for k, v in given.items()})


NAMES = pytest.mark.parametrize(
    ("dataset", "name"),
    [
        (Dataset("pbmc"), "pbmc"),
        (Dataset(NASTY), NASTY),
        (Dataset("three\nlines $x #if"), "three\nlines $x #if"),
        (Dataset("dataset 7", "sample é"), "sample é"),
    ],
    ids=["plain", "nasty", "template", "of a collection"],
)
SESSION = {"report": "/galaxy/jobs/report.dat", "__galaxy_url__": "http://localhost:8080", "index": NoDataset()}


@NAMES
def test_config_of_a_session(dataset, name):
    assert config_of(infile=[dataset], options=options(), **SESSION) == {
        "datasets": [{"dataset": "/galaxy/objects/dataset_1.dat", "name": name}],
        "port": 8000,
        "report": "/galaxy/jobs/report.dat",
        "outputs": "saved",
        "galaxy_url": "http://localhost:8080",
        "index": "",
        "session": "",
        "color_by": "",
        "embedding": "",
        "idle_minutes": None,
        "read_only": False,
        "only_report": False,
    }


def test_config_of_a_session_with_all_options():
    given = options(color_by='n "genes" (log)', embedding="X_umap", idle_minutes=0.5, read_only=True, mode="report")
    given.session = Dataset("session", path="/galaxy/objects/dataset_3.dat")
    config = config_of(
        infile=[Dataset("pbmc")],
        options=given,
        **SESSION | {"index": Dataset("index", path="/galaxy/objects/dataset_2.dat")},
    )
    assert (config["index"], config["session"]) == ("/galaxy/objects/dataset_2.dat", "/galaxy/objects/dataset_3.dat")
    # as it is in the file, and not as Galaxy would put it on a command line
    assert (config["color_by"], config["embedding"]) == ('n "genes" (log)', "X_umap")
    assert (config["idle_minutes"], config["read_only"], config["only_report"]) == (0.5, True, True)


def test_config_of_several_datasets():
    given = [Dataset(NASTY, path="/a.dat"), Dataset("dataset 7", "sample é", "/b.dat"), Dataset("pbmc", path="/c.dat")]
    config = config_of(infile=given, options=options(), **SESSION)
    assert config["datasets"] == [
        {"dataset": "/a.dat", "name": NASTY},
        {"dataset": "/b.dat", "name": "sample é"},
        {"dataset": "/c.dat", "name": "pbmc"},
    ]


def test_config_of_a_store_that_is_a_folder():
    given = Dataset("cells", path="/a.dat")
    given.ext, given.extra_files_path = "zarr", "/a_files"
    given.metadata = SimpleNamespace(store_root='it"s.zarr')
    config = config_of(infile=[given], options=options(), **SESSION)
    assert config["datasets"] == [{"dataset": '/a_files/it"s.zarr', "name": "cells"}]
    given.metadata = SimpleNamespace(store_root=None)
    config = config_of(infile=[given], options=options(), **SESSION)
    assert config["datasets"][0]["dataset"] == "/a_files/"


def test_name_of_the_entry_point():
    (entry,) = get_tool_source(str(FOLDER / SESSION_TOOL)).xml_tree.iter("entry_point")
    template = entry.get("name")

    def shown(*datasets):
        return fill_template(template, context={"infile": list(datasets)}, python_template_version="3.7")

    assert shown(Dataset(NASTY)) == f"starcyte on {NASTY}"
    assert shown(Dataset(NASTY), Dataset("pbmc")) == "starcyte on 2 datasets"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("annotations.tabular", ("annotations", "tabular")),
        ("gene_sets.gmt", ("gene_sets", "tabular")),
        ("x.y.svg", ("x.y", "svg")),
        ("pbmc/annotations.tabular", ("pbmc/annotations", "tabular")),
        ("pbmc/x.gmt", ("pbmc/x", "tabular")),
        (".pbmc.saving/files.json", None),
        ("pbmc/notes.txt", None),
    ],
)
def test_files_that_galaxy_collects(path, found):
    tree = get_tool_source(str(FOLDER / SESSION_TOOL)).xml_tree
    collectors = dataset_collector_descriptions_from_elem(tree.find("outputs/data"), legacy=False)
    # as galaxy.job_execution.output_collect matches, which is in no package of these tests
    # hidden datasets cannot be chosen in a form
    assert all(c.default_visible for c in collectors)
    matches = [(re.match(c.pattern, path), c) for c in collectors if c.recurse and c.match_relative_path]
    made = [(m["designation"], m.groupdict().get("ext", c.default_ext)) for m, c in matches if m]
    assert made == ([found] if found else [])


def test_names_have_no_colon():
    for path in TOOLS:
        assert ":" not in etree.parse(path).getroot().get("name")


def test_pictures_that_need_no_login():
    """Galaxy answers 401 for the picture of a tool that requires a login, on its panel of interactive tools."""
    for path in TOOLS:
        tool = etree.parse(path).getroot()
        assert tool.find("icon") is None or tool.get("require_login") != "true"


@pytest.mark.parametrize("code", [-9, 1, 2, 127, 136, 137, 138, 255])
def test_a_killed_session_keeps_its_files(code):
    """Galaxy discards the outputs of a job in error."""
    exit_codes, _ = get_tool_source(str(FOLDER / SESSION_TOOL)).parse_stdio()
    levels = [e.error_level for e in exit_codes if e.range_start <= code <= e.range_end]
    assert levels == [StdioErrorLevel.WARNING if code == 137 else StdioErrorLevel.FATAL]


def test_each_folder_can_be_sent_upstream():
    """Nothing refers to a file of another folder, and the test data of both are the same."""
    for folder in (FOLDER / "tools" / "interactive", FOLDER / BATCH):
        assert (folder / ".shed.yml").exists()
        data = folder / "test-data"
        for path in folder.glob("*.xml"):
            root = get_tool_source(str(path)).xml_tree.getroot()
            assert all((folder / e.text).exists() for e in etree.parse(path).iter("import"))
            assert all((folder / e.get("src")).exists() for e in root.iter("icon"))
            given = [p for p in root.iterfind("tests/test//param") if p.get("ftype")]
            assert all((data / name).exists() for p in given for name in p.get("value").split(","))
    for path in (FOLDER / BATCH / "test-data").iterdir():
        other = FOLDER / "tools" / "interactive" / "test-data" / path.name
        assert not other.exists() or other.read_bytes() == path.read_bytes()


def test_repositories_of_a_toolshed():
    for folder in ("interactive", "starcyte"):
        shed = yaml.safe_load((FOLDER / "tools" / folder / ".shed.yml").read_text())
        assert re.fullmatch("[a-z0-9_]+", shed["name"])
        assert shed["remote_repository_url"].endswith(f"/tools/{folder}")
        assert shed["type"] == "unrestricted"
        assert ("suite" in shed) == (folder == "starcyte")


def test_index_of_the_tests_is_of_this_format(tmp_path):
    """Where the format has changed: ``starcyte prepare cells.h5ad --output index.tar`` in that folder."""
    data = FOLDER / "tools" / "interactive" / "test-data"
    dataset = open_dataset(data / "cells.h5ad", Settings(cache_dir=str(tmp_path)))
    index = ColumnIndex(data / "index.tar", dataset.index_key("X"))
    assert index.shape == (200, 50)


def test_the_tools_take_the_same_datatypes():
    (macros,) = FOLDER.rglob("macros.xml")
    assert f'<token name="@FORMATS@">{FORMATS}</token>' in macros.read_text()
    assert f'format="{FORMATS}"' in (FOLDER / SESSION_TOOL).read_text()
