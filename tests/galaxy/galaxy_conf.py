"""The configuration of the Galaxy that the tests run, as the administrator's page says."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
WRAPPERS = ROOT / "galaxy_wrappers"
INTERACTIVE = WRAPPERS / "tools" / "interactive"
BIN = Path(sys.executable).parent
EMAIL, BOOTSTRAP_KEY = "admin@example.org", "bootstrap-key-for-tests"
TOOL = "interactive_tool_starcyte"
BATCH_TOOLS = ("starcyte_inspect", "starcyte_prepare", "starcyte_annotate", "starcyte_compare")
#: Copies of the tool under ids of their own: one as a ToolShed installs it, with its long id, and one that runs as a
#: user whom the machine does not know.
SHED, SHED_TOOL = "toolshed.example.org/repos/someone/starcyte", "interactive_tool_from_shed"
UID, UID_TOOL = 12345, "interactive_tool_as_uid"
#: A copy that runs where the Python package is missing.
BARE_TOOL = "interactive_tool_on_a_bare_node"


def galaxy_yml(server):
    """Return the content of galaxy.yml."""
    conf = server.folder / "conf"
    files = [conf / "tool_conf.xml", ROOT / "tool_conf.xml", conf / "shed_tool_conf.xml", conf / "copies_tool_conf.xml"]
    return {
        "galaxy": {
            "data_dir": str(server.folder / "var"),
            "config_dir": str(conf),
            "managed_config_dir": str(server.folder / "var" / "config"),
            "job_config_file": str(conf / "job_conf.yml"),
            "datatypes_config_file": str(conf / "datatypes_conf.xml"),
            "tool_config_file": ",".join(map(str, files)),
            # the sample's tables look at a server on the net
            "tool_data_table_config_path": str(conf / "tool_data_table_conf.xml"),
            "static_dir": str(server.folder / "run" / "static"),
            "admin_users": EMAIL,
            "bootstrap_admin_api_key": BOOTSTRAP_KEY,
            "id_secret": "secret-for-tests",
            "allow_local_account_creation": True,
            "interactivetools_enable": True,
            # there is no nginx in front: links name the proxy's own address
            "interactivetools_upstream_proxy": False,
            "interactivetools_proxy_host": f"localhost:{server.proxy_port}",
            "interactivetools_map": str(server.map),
            "galaxy_infrastructure_url": server.url,
            "outputs_to_working_directory": True,
            "enable_tool_shed_check": False,
            "conda_auto_init": False,
            "enable_mulled_containers": False,
            "carbon_emission_estimates": False,
            "cleanup_job": "never",
            # how often it looks for jobs to start, and whether they have ended
            "job_handler_monitor_sleep": 0.2,
            "job_runner_monitor_sleep": 0.2,
        }
    }


def job_conf(server):
    """Return the content of job_conf.yml: where the tools run without a container, or in one."""
    # the job's folder is Galaxy's; a server that runs jobs as their users gives it to them as well
    given_away = {"execute": f'chown -R {UID}:{UID} "$_GALAXY_JOB_DIR"'}
    stanza = page_stanza("Docker" if server.engine else "No container")
    sessions = stanza["execution"]["environments"]["starcyte"]
    if server.engine:
        sessions |= {
            "docker_cmd": str(server.engine.command),
            "docker_sudo": False,
            "docker_container_id_override": server.image,
            # the loopback address alone, in place of every one
            "docker_host_port_cmd": "echo 127.0.0.1:",
            # Galaxy is not run from a checkout of its own
            "container_monitor_command": str(server.venv / "bin" / "galaxy-container-monitor"),
            "container_monitor_get_ip_method": "command: echo 127.0.0.1",
        }
        as_uid = {**sessions, "docker_set_user": f"{UID}:{UID}", "env": [given_away]}
    else:
        # jobs run the code that is tested
        sessions["env"][0]["execute"] = sessions["env"][0]["execute"].replace("/opt/starcyte/bin", str(BIN))
        if os.environ.get("PYTHONPATH"):
            sessions["env"].append({"name": "PYTHONPATH", "value": os.environ["PYTHONPATH"]})
        other = {"execute": f"PATH='{_command_as_uid(server.folder)}':\"$PATH\"; export PATH"}
        as_uid = {**sessions, "env": [given_away, other]}
    local = {"load": "galaxy.jobs.runners.local:LocalJobRunner", "workers": 4}
    rules = page_stanza("4. Where sessions run")["tools"]
    rules += [{"id": SHED_TOOL, "environment": "starcyte"}, {"id": UID_TOOL, "environment": "starcyte_as_uid"}]
    rules.append({"id": BARE_TOOL, "environment": "bare"})
    bare = {"runner": sessions["runner"], "env": [{"execute": "PATH=/usr/bin:/bin; export PATH"}]}
    return {
        "runners": {"local": local, **stanza["runners"]},
        "execution": {
            "default": "local",
            "environments": {
                **{"local": {"runner": "local"}, "bare": bare},
                **{"starcyte": sessions, "starcyte_as_uid": as_uid},
            },
        },
        "tools": rules,
    }


def page_stanza(title):
    """Return the first stanza that the administrator's page has below a heading."""
    page = (WRAPPERS / "README.md").read_text()
    (text,) = re.findall(rf"^#+ {re.escape(title)}\n.*?```yaml\n(.*?)```", page, re.S | re.M)
    return yaml.safe_load(text)


def _command_as_uid(folder):
    """Return a folder with a starcyte-galaxy that runs as another user, by a Python that every user can run."""
    place = folder / "as_uid"
    place.mkdir()
    paths = [ROOT / "viewer", ROOT / "tool", *(p for p in sys.path if p.endswith("site-packages"))]
    command = place / "starcyte-galaxy"
    command.write_text(
        f"#!/bin/sh\nPYTHONPATH='{os.pathsep.join(map(str, paths))}'; export PYTHONPATH\n"
        f'exec setpriv --reuid={UID} --regid={UID} --clear-groups {python_of_all()} -m starcyte_galaxy "$@"\n'
    )
    command.chmod(0o755)
    return place


def python_of_all():
    """Return a Python like the tests' own that any user can run, or None; theirs may lie in root's home."""
    for path in (Path(sys.executable).resolve(), Path("/usr/bin/python3"), Path("/usr/local/bin/python3")):
        closed = [p for p in path.parents if not p.exists() or not p.stat().st_mode & stat.S_IXOTH]
        if path.exists() and not closed:
            command = [path, "-c", "import sys; print(*sys.version_info[:2])"]
            said = subprocess.run(command, capture_output=True, text=True, check=False)
            if said.stdout.split() == [str(n) for n in sys.version_info[:2]]:
                return path
    return None


def write(server):
    """Write all of it."""
    # found, and not imported, which takes long
    code = "from importlib.util import find_spec as f; print(f('galaxy.tools').submodule_search_locations[0])"
    command = [server.venv / "bin" / "python", "-c", code]
    package = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    conf = server.folder / "conf"
    # JSON is YAML
    (conf / "galaxy.yml").write_text(json.dumps(galaxy_yml(server)))
    (conf / "job_conf.yml").write_text(json.dumps(job_conf(server)))
    (conf / "tool_conf.xml").write_text(
        f'<toolbox tool_path="{package}/bundled"><section id="getext" name="Get Data">'
        '<tool file="data_source/upload.xml"/></section></toolbox>'
    )
    (conf / "tool_data_table_conf.xml").write_text("<tables/>")
    (conf / "datatypes_conf.xml").write_text(_datatypes(package))
    _install_from_shed(server.folder)
    for tool in (UID_TOOL, BARE_TOOL):
        _copy_wrappers(server.folder / tool, tool)
    files = "".join(f'<tool file="{tool}/interactivetool_starcyte.xml"/>' for tool in (UID_TOOL, BARE_TOOL))
    (conf / "copies_tool_conf.xml").write_text(
        f'<toolbox tool_path="{server.folder}"><section id="copies" name="Copies">{files}</section></toolbox>'
    )


def _datatypes(package):
    """Return Galaxy's own datatypes with the link to the tool's form on an h5ad."""
    sample = (Path(package).parent / "config" / "sample" / "datatypes_conf.xml.sample").read_text()
    (h5ad,) = re.findall(r'<datatype extension="h5ad"[^>]*/>', sample)
    link = WRAPPERS / "display_applications" / "starcyte.xml"
    return sample.replace(h5ad, f'{h5ad[:-2]}><display file="{link}"/></datatype>')


def _copy_wrappers(place, tool):
    shutil.copytree(INTERACTIVE, place)
    wrapper = place / "interactivetool_starcyte.xml"
    wrapper.write_text(wrapper.read_text().replace(f'id="{TOOL}"', f'id="{tool}"'))


def _install_from_shed(folder):
    """Lay the tool out as an installation from a ToolShed does."""
    place = f"{SHED}/0123456789ab/starcyte"
    _copy_wrappers(folder / "shed" / place, SHED_TOOL)
    guid = f"{SHED}/{SHED_TOOL}/0.1.0+galaxy0"
    server, _, owner, name = SHED.split("/")
    (folder / "conf" / "shed_tool_conf.xml").write_text(
        f'<toolbox tool_path="{folder / "shed"}"><section id="shed" name="From a ToolShed">'
        f'<tool file="{place}/interactivetool_starcyte.xml" guid="{guid}"><tool_shed>{server}</tool_shed>'
        f"<repository_name>{name}</repository_name><repository_owner>{owner}</repository_owner>"
        "<installed_changeset_revision>0123456789ab</installed_changeset_revision>"
        f"<id>{guid}</id><version>0.1.0+galaxy0</version></tool></section></toolbox>"
    )
