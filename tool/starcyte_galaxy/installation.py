"""Checks of a Galaxy server's configuration for the tools of starcyte."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from lxml import etree

from starcyte_galaxy import visualization_folder as visualization
from starcyte_galaxy.errors import JobError
from starcyte_galaxy.finding import Finding
from starcyte_galaxy.interactive_proxy import check_proxy

TOOL = "interactive_tool_starcyte"
BATCH_TOOLS = ("starcyte_inspect", "starcyte_prepare", "starcyte_annotate", "starcyte_compare")


class Server:
    """The configuration of a Galaxy server.

    Parameters
    ----------
    path
        Its ``galaxy.yml``.
    root
        The root folder of Galaxy, for relative paths; by default the parent of the folder ``config``.

    Raises
    ------
    JobError
        If it cannot be read.
    """

    def __init__(self, path: Path, root: Path | None = None) -> None:
        self.folder = path.absolute().parent
        self.root = root.absolute() if root else self.folder.parent if self.folder.name == "config" else self.folder
        values = _read_yaml(path)
        self.gravity = _mapping(values.get("gravity"))
        self.galaxy = _mapping(values.get("galaxy"))
        if not self.galaxy:
            raise JobError(f"{str(path)!r} has no section `galaxy`.", "Pass the galaxy.yml of the server.")
        self.config_dir = self._path(self.galaxy.get("config_dir"), self.root) or self.folder

    def _path(self, value: Any, start: Path) -> Path | None:
        return (start / str(value)) if value else None

    def check(self) -> Iterator[Finding]:
        """Run all checks."""
        yield from self._settings()
        yield from self._tools()
        yield from self._jobs()
        yield from self._visualization()

    def _settings(self) -> Iterator[Finding]:
        if self.galaxy.get("interactivetools_enable"):
            yield Finding("ok", "interactive tools are enabled")
        else:
            yield Finding("missing", "interactivetools_enable: true in galaxy.yml; else Galaxy does not load the tool")
        proxy = _mapping(self.gravity.get("gx_it_proxy"))
        if proxy.get("enable"):
            yield Finding("ok", "gravity runs gx-it-proxy")
        else:
            yield Finding("note", "gravity does not run gx-it-proxy (gravity: gx_it_proxy: enable): run it yourself")
        yield from check_proxy(self.galaxy, proxy)
        if not self.galaxy.get("galaxy_infrastructure_url"):
            yield Finding("note", "galaxy_infrastructure_url is not set: jobs without containers assume a local Galaxy")

    def _tools(self) -> Iterator[Finding]:
        given = self.galaxy.get("tool_config_file", "tool_conf.xml")
        names = given if isinstance(given, list) else str(given).split(",")
        found: set[str] = set()
        for name in (str(n).strip() for n in names):
            path = next((p for p in (self.config_dir / name, self.root / name) if p.is_file()), None)
            if path is not None:
                found |= _tools_in(path)
            elif "tool_config_file" in self.galaxy:
                yield self._absent_tool_conf(name)
        for tool in (TOOL, *BATCH_TOOLS):
            if tool in found:
                yield Finding("ok", f"{tool} is in the tool panel")
            else:
                yield Finding("missing", f"{tool}: add this repository's tool_conf.xml to tool_config_file")

    def _absent_tool_conf(self, name: str) -> Finding:
        text = f"{self.config_dir / name}, which tool_config_file names: without it Galaxy does not start"
        sample = self.root / "lib" / "galaxy" / "config" / "sample" / "tool_conf.xml.sample"
        if Path(name).name == "tool_conf.xml" and sample.is_file():
            text += f"; `cp {sample} {self.config_dir / name}`"
        return Finding("missing", text)

    def _job_config(self) -> Mapping[str, Any] | None:
        if self.galaxy.get("job_config"):
            return _mapping(self.galaxy["job_config"])
        name = str(self.galaxy.get("job_config_file", "job_conf.yml"))
        for path in (self.config_dir / name, self.root / name):
            if path.is_file():
                return None if path.suffix == ".xml" else _read_yaml(path)
        return {}

    def _jobs(self) -> Iterator[Finding]:
        config = self._job_config()
        if config is None:
            yield Finding("note", "job_conf.xml is not checked: README.md describes the destination")
            return
        execution = _mapping(config.get("execution"))
        environments = _mapping(execution.get("environments"))
        if not environments:
            yield Finding("missing", "job_conf.yml with an environment for the tool, as in README.md")
            return
        rules = {str(_mapping(t).get("id")): _mapping(t) for t in config.get("tools") or ()}
        default = str(execution.get("default", ""))
        name = str(rules.get(TOOL, {}).get("environment", default))
        environment = _mapping(environments.get(name))
        if not environment:
            yield Finding("missing", f"environment {name!r} of {TOOL} in job_conf.yml: define it")
            return
        yield Finding("ok", f"{TOOL} runs in environment {name!r}")
        if name == default and environment.get("runner") == "local":
            yield Finding("note", f"{name!r} runs all other jobs too: each session takes one of its workers for hours")
        runner = _mapping(_mapping(config.get("runners")).get(environment.get("runner", "")))
        yield from _destination(name, environment, str(runner.get("load", "")))

    def _visualization(self) -> Iterator[Finding]:
        static = self._path(self.galaxy.get("static_dir"), self.root) or self.root / "static"
        target = static / visualization.PLACE / visualization.NAME
        try:
            different = visualization.differences(target)
        except JobError as error:
            yield Finding("note", str(error))
            return
        if not target.is_dir():
            yield Finding("missing", f"the visualization in {target}: `starcyte-galaxy install-visualization {static}`")
        elif different:
            yield Finding(
                "missing",
                f"the visualization of this version ({', '.join(different)} differ in {target}): "
                f"`starcyte-galaxy install-visualization {static}`",
            )
        else:
            yield Finding("ok", f"the visualization is in {target}")
        if not (static / "images" / "starcyte.png").is_file():
            yield Finding(
                "note",
                f"the picture of the help is not in {static / 'images'}: copy it from the wrappers (static/images)",
            )


def _destination(name: str, environment: Mapping[str, Any], runner: str) -> Iterator[Finding]:
    if runner.endswith("KubernetesJobRunner"):
        if environment.get("container_monitor", True):
            yield Finding("missing", f"container_monitor: false in {name!r}: Galaxy knows the port from Kubernetes")
    elif environment.get("docker_enabled"):
        if environment.get("container_monitor", True) is False:
            yield Finding("missing", f"the container monitor of {name!r}: without it sessions do not become active")
        if not environment.get("docker_container_id_override") and not environment.get("container_override"):
            yield Finding(
                "note", f"{name!r} uses the image that Galaxy resolves; docker_container_id_override sets one"
            )
    elif environment.get("singularity_enabled"):
        if environment.get("container_monitor", True):
            yield Finding("missing", f"container_monitor: false in {name!r}: Galaxy's monitor supports Docker only")
    elif "pulsar" not in runner.lower():
        yield _path(name, environment)
    if runner.endswith("LocalJobRunner"):
        yield Finding(
            "note",
            f"{name!r} has the local runner, which recovers no jobs: a restart of Galaxy ends running sessions with an "
            "error, and their files do not reach the history; the runners of Slurm, DRMAA and Kubernetes recover jobs",
        )


def _path(name: str, environment: Mapping[str, Any]) -> Finding:
    """Check the folders that an environment puts on the PATH of its jobs."""
    entries = [_mapping(entry) for entry in environment.get("env") or ()]
    lines = [str(e.get("execute") or "") for e in entries]
    lines += [f"PATH={e.get('value')}" for e in entries if e.get("name") == "PATH"]
    values = [value for line in lines for value in re.findall(r"""\bPATH=["']?([^"';]*)""", line)]
    folders = [Path(part) for value in values for part in value.split(":") if part.startswith("/")]
    if not values:
        return Finding("note", f"starcyte-galaxy must be on the PATH of jobs in {name!r}, which does not set PATH")
    if any(os.access(folder / "starcyte-galaxy", os.X_OK) for folder in folders):
        return Finding("ok", f"{name!r} puts starcyte-galaxy on the PATH of its jobs")
    listed = ", ".join(map(str, folders)) or "none"
    return Finding(
        "missing",
        f"starcyte-galaxy in a folder that {name!r} puts on the PATH of its jobs ({listed}): install the package "
        "there, on each machine that runs jobs",
    )


def _tools_in(path: Path) -> set[str]:
    """Return the ids of our tools in a tool_conf, also those of the wrappers it refers to."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        root = etree.parse(path, parser).getroot()
    except (OSError, etree.XMLSyntaxError):
        return set()
    base = (root.get("tool_path") or ".").replace("${tool_conf_dir}", str(path.parent))
    found = set()
    for tool in root.iter("tool"):
        guid = tool.get("guid", "").split("/")
        found |= {part for part in guid if part in (TOOL, *BATCH_TOOLS)}
        file = path.parent / base / tool.get("file", "")
        try:
            wrapper = etree.parse(file, parser).getroot()
        except (OSError, etree.XMLSyntaxError):
            continue
        found.add(str(wrapper.get("id")))
    return found


def _read_yaml(path: Path) -> Mapping[str, Any]:
    try:
        return _mapping(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise JobError(f"{str(path)!r} cannot be read: {reason}.", "Pass a YAML file of the Galaxy server.") from None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
