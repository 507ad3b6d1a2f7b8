"""Checks of the tool wrappers that neither Galaxy's schema nor its linters make.

Each is about something that loads without a complaint and then fails in front of a user.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from starcyte_galaxy.collect import viewer_version
from starcyte_galaxy.errors import JobError
from starcyte_galaxy.installation import Finding

#: What a wrapper may put on its command line: files and values that Galaxy made up, never a user's text.
COMMAND_MAY_NAME = frozenset({"config", "__tool_directory__"})
#: Where the viewer takes the prefix from that the proxy stripped.
PREFIX_HEADER = "x-forwarded-prefix"


def check(folder: Path) -> list[str]:
    """Check every wrapper in a folder.

    Parameters
    ----------
    folder
        The folder ``galaxy_wrappers``.

    Returns
    -------
    list of str
        One line for each thing found: where, what, and what to do.

    Raises
    ------
    JobError
        If there is no wrapper in the folder.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    trees: dict[Path, etree._Element] = {}
    found = []
    for path in sorted(folder.glob("*.xml")):
        try:
            trees[path] = etree.parse(path, parser).getroot()
        except etree.XMLSyntaxError as error:
            found.append(f"{path.name}: {error.msg}")
    tokens = {str(t.get("name")): (t.text or "").strip() for root in trees.values() for t in root.iter("token")}
    tools = {path: root for path, root in trees.items() if root.tag == "tool"}
    if not tools and not found:
        raise JobError(f"There is no tool wrapper in {str(folder)!r}.", "Give the folder galaxy_wrappers.")
    version = tokens.get("@TOOL_VERSION@")
    if tools and version != viewer_version():
        found.append(
            f"macros.xml: @TOOL_VERSION@ is {version}, but starcyte {viewer_version()} is installed: make them one."
        )
    for path, root in tools.items():
        if root.get("tool_type") == "interactive":
            found += [f"{path.name}:{e.sourceline}: {text}" for e, text in _check_interactive(root, tokens)]
    return found


def check_schema(folder: Path) -> list[Finding]:
    """Check every wrapper in a folder against Galaxy's schema, which comes with Galaxy's own package.

    Parameters
    ----------
    folder
        The folder ``galaxy_wrappers``.

    Returns
    -------
    list of Finding
        What the schema says, or that it is not there.
    """
    try:
        from galaxy.tool_util.linters.xsd import TOOL_XSD
        from galaxy.util.xml_macros import load
    except ModuleNotFoundError:
        return [Finding("note", "Galaxy's schema is not here: `pip install galaxy-tool-util` to check against it")]
    schema = etree.XMLSchema(etree.parse(str(TOOL_XSD)))
    found = []
    for path in sorted(folder.glob("*.xml")):
        try:
            tree = load(str(path))
        except (OSError, etree.XMLSyntaxError):
            continue  # told by the other checks
        if tree.getroot().tag == "tool" and not schema.validate(tree):
            found += [Finding("missing", f"{path.name}: {line}") for line in str(schema.error_log).splitlines()]
    return found


def _check_interactive(root: etree._Element, tokens: dict[str, str]) -> Iterator[tuple[etree._Element, str]]:
    if root.get("require_login") != "true":
        yield (
            root,
            'the tool is open to everyone: write require_login="true", for a session is a job that runs for hours.',
        )
    plain = root.findall("outputs/data")
    if not plain:
        yield root, "no plain <data> output, so the history gets no buttons to open and to stop the session: add one."
    for data in plain:
        if data.get("from_work_dir"):
            yield data, "from_work_dir: a stop leaves this output empty; write into it directly."
    config = _expand("".join(str(t) for c in root.iter("configfile") for t in c.itertext()), tokens)
    for entry in root.iter("entry_point"):
        yield from ((entry, text) for text in _check_entry_point(entry, config, tokens))
    for command in root.iter("command"):
        for name in re.findall(r"(?<!\\)\$\{?(\w+)", command.text or ""):
            if name not in COMMAND_MAY_NAME:
                yield command, f"${name} on the command line: pass it in the config file, where nothing meets a shell."
    for discover in root.iter("discover_datasets"):
        directory = discover.get("directory", "")
        if not re.search(rf'"outputs":\s*"{re.escape(directory)}"', config):
            yield discover, f"Galaxy collects {directory!r}, but the config file names another folder for outputs."


def _check_entry_point(entry: etree._Element, config: str, tokens: dict[str, str]) -> Iterator[str]:
    domain = entry.get("requires_domain")
    header = entry.get("requires_path_in_header_named", "")
    if domain is None:
        yield "requires_domain is not written: Galaxy's schema and its code have different defaults."
    elif domain.lower() == "false" and header != PREFIX_HEADER:
        yield (
            f"requires_path_in_header_named is {header!r}: the viewer knows {PREFIX_HEADER!r}, and in lower case "
            "the proxy replaces what a browser sent under that name."
        )
    port = _expand(entry.findtext("port") or "", tokens)
    if not re.search(rf'"port":\s*{re.escape(port)}\b', config):
        yield f"port {port} is not the one in the config file: use one token for both."


def _expand(text: str, tokens: dict[str, str]) -> str:
    for name, value in tokens.items():
        text = text.replace(name, value)
    return text.strip()
