"""README, CONTRIBUTING and the pages of the documentation against the program."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starcyte import cli
from starcyte.settings import SETTINGS
from starcyte.store.names import dataset_stem, has_dataset_name
from starcyte.store.open import FORMATS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = (
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"),
    *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")),
)


def code(document: str) -> Iterator[str]:
    """Yield the code of a document: the lines of its blocks, without prompts, and its inline code."""
    text = (ROOT / document).read_text()
    for block in re.findall(r"^```\w*\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE):
        yield from (line.removeprefix("$ ") for line in block.splitlines())
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE))


def commands(program: str) -> list[tuple[str, ...]]:
    """Return every call of a program in the documents, as its words after the name."""
    lines = [line.split("#")[0].split() for document in DOCUMENTS for line in code(document)]
    return sorted({tuple(words[1:]) for words in lines if len(words) > 1 and words[0] == program})


def test_documents_name_commands() -> None:
    """Guards the tests below against finding nothing to test."""
    assert {words[0] for words in commands("make")} >= {"demo", "test"}
    assert {words[0] for words in commands("starcyte")} >= {"launch", "inspect", "get"}


@pytest.mark.parametrize("words", commands("make"), ids=" ".join)
def test_make_target_exists(words: tuple[str, ...]) -> None:
    assert re.search(rf"^{re.escape(words[0])}:.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("words", commands("starcyte"), ids=" ".join)
def test_starcyte_command_exists_with_its_options(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([words[0], "--help"])
    assert ended.value.code in (0, None)
    known = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out))
    assert {word.partition("=")[0] for word in words[1:] if word.startswith("--")} <= known


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (ROOT / document).read_text())
    folder = (ROOT / document).parent
    assert [t for t in targets if "://" not in t and not (folder / t).exists()] == []


def test_there_are_twelve_pictures_each_small_enough_and_in_a_page() -> None:
    pictures = sorted((ROOT / "docs" / "images").glob("*.png"))
    assert len(pictures) == 12
    assert [picture.name for picture in pictures if picture.stat().st_size > 250_000] == []
    pages = "".join(page.read_text() for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    assert [picture.name for picture in pictures if f"images/{picture.name}" not in pages] == []


def test_every_caution_of_cellxgene_has_its_setting_and_its_test() -> None:
    text = (ROOT / "docs" / "reference" / "cellxgene.md").read_text()
    rows = [row.split("|")[1:-1] for row in text.splitlines() if row.startswith("| ") and "`tests/" in row]
    assert len(rows) > 12
    flags = {flag for setting in SETTINGS for flag in (setting.flag, *setting.aliases)} | {"DATASET"}
    for row in rows:
        if len(row) == 4:
            assert set(re.findall(r"`([^`]+)`", row[2])) <= flags, row[2]
        for path, _, name in (
            shown.partition("::") for shown in re.findall(r"`((?:tests|benchmarks)/[^`]+)`", row[-1])
        ):
            assert (ROOT / path).exists(), path
            assert f"def {name}(" in (ROOT / path).read_text() if name else True, (path, name)


def test_every_threat_has_its_setting_and_its_test() -> None:
    text = (ROOT / "docs" / "explanation" / "threats.md").read_text()
    rows = [row.split("|")[1:-1] for row in text.splitlines() if row.startswith("| ") and "`tests/" in row]
    assert len(rows) > 20
    flags = {setting.flag for setting in SETTINGS}
    for _, _, options, shown in rows:
        assert set(re.findall(r"{option}`([^`]+)`", options)) <= flags, options
        path, _, name = shown.strip(" `").partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(), shown


def test_contributing_has_the_layers_and_rules_that_lint_checks() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    setup = configparser.ConfigParser()
    setup.read_string((ROOT / "setup.cfg").read_text())
    strata, *others = [setup[name] for name in setup.sections() if name.startswith("importlinter:contract:")]
    layers = strata["layers"].split("\n")
    names = [layer.replace("starcyte.", "").split(" | ") for layer in reversed(layers) if layer]
    assert " <- ".join(n[0] if len(n) == 1 else f"{{{', '.join(n)}}}" for n in names) in text
    assert [contract["name"] for contract in others if f"- {contract['name']}.\n" not in text] == []


def test_contributing_has_the_order_of_the_folders_of_the_client() -> None:
    (chain,) = re.findall(r"^wire <- .*$", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.MULTILINE)
    order = [set(re.findall(r"\w+", group)) for group in chain.split(" <- ")]
    rules = (ROOT / "viewer" / "client" / ".dependency-cruiser.cjs").read_text()
    known = dict(re.findall(r"^const (\w+) = \[(.*)\];$", rules, flags=re.MULTILINE))
    table = re.findall(
        r"^  (\w+): (?:\[(.*)\]|(\w+)),$", rules.partition("MAY_IMPORT")[2].partition("};")[0], re.MULTILINE
    )
    assert {folder for folder, _, _ in table} == set.union(*order)
    for folder, listed, name in table:
        allowed = listed or known.get(name, "")
        while "..." in allowed:
            allowed = re.sub(r"\.\.\.(\w+)", lambda spread: known[spread[1]], allowed)
        place = next(i for i, group in enumerate(order) if folder in group)
        assert set(re.findall(r"\w+", allowed)) <= set().union(*order[:place]), folder


def test_contributing_lists_folders_that_exist_and_no_package_is_missing() -> None:
    listed = set(re.findall(r"^\| `([^`]+/)` \|", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.MULTILINE))
    assert [folder for folder in listed if not (ROOT / folder).exists() and "static" not in folder] == []
    packages = {init.parent for init in (ROOT / "viewer" / "starcyte").glob("*/**/__init__.py")}
    in_depth = {f"{package.relative_to(ROOT)}/" for package in packages if package.parent.name != "curation"}
    assert in_depth <= listed


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_named_exist(document: str) -> None:
    paths = re.findall(
        r"`((?:tests|benchmarks|viewer|docs|deploy|tool)/[^`\s:]+)(?:::\w+)?`", (ROOT / document).read_text()
    )
    assert [path for path in paths if not (ROOT / path).exists() and "/static/" not in path] == []


def test_readme_lists_the_formats_of_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    from generate import formats

    listed = (
        (ROOT / "README.md").read_text().partition("<!-- formats -->\n")[2].partition("\n<!-- end of formats -->")[0]
    )
    assert listed == formats.markdown("docs/reference/files-read.md")
    anchors = re.findall(r"^\(([a-z]+)\)=$", (ROOT / "docs/reference/files-read.md").read_text(), flags=re.MULTILINE)
    assert {one.page for known in FORMATS for one in known.reads} <= set(anchors)


def test_usual_names_are_those_of_datasets() -> None:
    for known in FORMATS:
        for one in known.reads:
            for ending in one.endings:
                assert has_dataset_name(f"x{ending}")
                assert dataset_stem(f"x{ending}") == "x"
