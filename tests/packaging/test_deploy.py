"""The examples of deploying: each parses, names options that exist, and asks for no more than it needs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from starcyte import cli
from starcyte.server import check_access
from starcyte.settings import PREFIX, SETTINGS, load

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


def read_yaml(path):
    return list(yaml.safe_load_all((ROOT / path).read_text()))


COMPOSE = read_yaml("deploy/compose.yml")[0]["services"]["starcyte"]
SECRET, CLAIM, DEPLOYMENT, SERVICE = read_yaml("deploy/kubernetes.yml")
POD = DEPLOYMENT["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]
APP = json.loads((ROOT / "app.json").read_text())
UNIT = (DEPLOY / "starcyte.service").read_text()
PROCFILE = (ROOT / "Procfile").read_text()

COMMANDS = {
    "Procfile": shlex.split(PROCFILE.removeprefix("web: ")),
    "heroku.yml": shlex.split(read_yaml("heroku.yml")[0]["run"]["web"]),
    "starcyte.service": shlex.split(re.search("^ExecStart=(.*)$", UNIT, re.MULTILINE)[1]),
    "compose.yml": COMPOSE["command"],
    "kubernetes.yml": CONTAINER["command"],
}
ENVIRONMENTS = {
    "Procfile": {name: row.get("value", "x" * 32 * ("generator" in row)) for name, row in APP["env"].items()},
    "compose.yml": COMPOSE["environment"],
    "kubernetes.yml": {row["name"]: row.get("value", "x" * 32) for row in CONTAINER["env"]},
    "starcyte.service": dict(
        pair.split("=", 1) for line in re.findall("^Environment=(.*)$", UNIT, re.MULTILINE) for pair in line.split()
    ),
}
ENVIRONMENTS["heroku.yml"] = ENVIRONMENTS["Procfile"]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_one_of_starcyte_with_settings_that_fit_together(name):
    program, *words = COMMANDS[name]
    assert Path(program).name == "starcyte", "a console script, and no logic"
    environ = {key: value for key, value in ENVIRONMENTS[name].items() if value}
    known = {PREFIX + s.name.upper() for s in SETTINGS} | {"DATASET", "PORT"}
    assert set(environ) <= known
    args = cli._parser().parse_args(words)
    config = DEPLOY / "starcyte.ini" if args.config else None
    settings = load({s.name: getattr(args, s.name) for s in SETTINGS}, environ, config)
    check_access(settings)
    assert settings.access, "that everybody may come in is never said by leaving it out"
    assert vars(args).get("dataset") or vars(args).get("catalog") or environ.get("DATASET")


def test_the_settings_file_is_understood():
    settings = load({}, {}, DEPLOY / "starcyte.ini")
    check_access(settings)
    assert settings.trust_prefix
    assert settings.access == "password"


def test_what_heroku_gives_and_takes():
    assert PROCFILE.startswith("web: ")
    assert COMMANDS["Procfile"] == COMMANDS["heroku.yml"]
    assert not any(word.startswith("--port") for word in COMMANDS["Procfile"]), "PORT says it"
    assert APP["env"]["DATASET"]["value"].startswith("https://")
    assert APP["formation"]["web"]["quantity"] == 1
    assert [b["url"] for b in APP["buildpacks"]] == ["heroku/python"]
    asked = (ROOT / "requirements.txt").read_text().splitlines()
    assert [line for line in asked if not line.startswith("#")] == ["."], "setup.cfg says what is needed"
    # the dyno's disk is lost at each start, so that nobody is offered to make what would be
    assert APP["env"]["STARCYTE_DISABLE_ANNOTATIONS"]["value"] == "true"


def test_another_way_in_can_be_chosen_on_heroku():
    environ = ENVIRONMENTS["Procfile"] | {"STARCYTE_ACCESS": "token", "STARCYTE_PUBLIC": "false"}
    environ = {k: v for k, v in environ.items() if v}
    args = cli._parser().parse_args(COMMANDS["Procfile"][1:])
    check_access(load({s.name: getattr(args, s.name) for s in SETTINGS}, environ))


def test_the_pod_has_no_privilege_and_is_probed():
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["automountServiceAccountToken"] is False
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert CONTAINER[probe]["httpGet"] == {"path": "/api/v1/health", "port": "http"}
    mounts = {m["name"]: m for m in CONTAINER["volumeMounts"]}
    assert set(mounts) == {v["name"] for v in POD["volumes"]}
    assert mounts["data"]["readOnly"] is True
    assert f"--port={CONTAINER['ports'][0]['containerPort']}" in CONTAINER["command"]
    assert SERVICE["spec"]["selector"] == DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    reference = CONTAINER["env"][0]["valueFrom"]["secretKeyRef"]
    assert (reference["name"], reference["key"]) == (SECRET["metadata"]["name"], next(iter(SECRET["stringData"])))
    assert CLAIM["metadata"]["name"] in str(POD["volumes"])
    assert DEPLOYMENT["spec"]["replicas"] == 1


def test_the_composed_container_has_no_privilege():
    assert (COMPOSE["cap_drop"], COMPOSE["read_only"]) == (["ALL"], True)
    assert COMPOSE["user"].split(":")[0] != "0"
    assert COMPOSE["ports"][0].startswith("127.0.0.1:"), "the proxy in front is what others reach"
    assert "./data:/data:ro" in COMPOSE["volumes"]
    assert (DEPLOY / COMPOSE["build"]).resolve() == ROOT


def test_traefik_takes_the_path_off_and_says_so():
    (config,) = read_yaml("deploy/traefik.yml")
    http = config["http"]
    router = http["routers"]["cells"]
    assert set(router["middlewares"]) == set(http["middlewares"])
    assert router["service"] in http["services"]
    assert http["middlewares"]["cells-path"] == {"stripPrefix": {"prefixes": ["/cells"]}}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd-analyze")
def test_systemd_takes_the_unit(tmp_path):
    program = tmp_path / "starcyte"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "starcyte.service"
    unit.write_text(UNIT.replace("/opt/starcyte/bin/starcyte", str(program)))
    said = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")
