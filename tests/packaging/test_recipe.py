"""The recipe for conda names the version and the requirements that setup.cfg has."""

import configparser
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
#: What conda calls otherwise than PyPI does.
NAMES = {"prometheus-client": "prometheus_client"}


def test_recipe_is_of_this_package():
    text = (ROOT / "deploy" / "bioconda" / "meta.yaml").read_text()
    (version,) = re.findall(r'{% set version = "([^"]+)" %}', text)
    # what is left of the templates is text to YAML
    text = re.sub(r"{%.*?%}", "", text).replace("{{ version }}", version)
    recipe = yaml.safe_load(re.sub(r": {{ (.*)", r": '{{ \1'", re.sub(r"- ({{.*}})", r"- '\1'", text)))
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert recipe["package"]["version"] == version
    assert f'__version__ = "{version}"' in (ROOT / "viewer" / "starcyte" / "__init__.py").read_text()
    required = (line.split(">=") for line in setup["options"]["install_requires"].split())
    wanted = {f"{NAMES.get(name, name)} >={least}" for name, least in required}
    wanted.add(f"python {setup['options']['python_requires']}")
    assert set(recipe["requirements"]["run"]) == wanted
    commands = [line for line in setup["options.entry_points"]["console_scripts"].splitlines() if line]
    assert recipe["build"]["entry_points"] == commands
    assert recipe["about"]["summary"] == setup["metadata"]["description"]
