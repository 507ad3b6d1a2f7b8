"""What `starcyte-galaxy check` says of a Galaxy server, and putting the visualization into one."""

import shutil
from pathlib import Path

import pytest
import yaml
from starcyte_galaxy import cli, visualization_folder
from starcyte_galaxy.errors import JobError
from starcyte_galaxy.installation import Server

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A visualization as it is built."""
    folder = tmp_path / "package" / "visualization" / "starcyte"
    for name in ("static/index.js", "static/starcyte.xml", "config/starcyte.xml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    monkeypatch.setattr(visualization_folder.resources, "files", lambda _: tmp_path / "package")
    return folder


@pytest.fixture
def server(tmp_path, plugin):
    """The parts of a server that has all it needs; tests change them, and `look` writes and reads them."""
    root = tmp_path / "galaxy"
    (root / "config").mkdir(parents=True)
    (root / "static" / "images").mkdir(parents=True)
    (root / "static" / "images" / "starcyte.png").touch()
    visualization_folder.install(root)
    return {
        "root": root,
        "galaxy.yml": {
            "gravity": {"gx_it_proxy": {"enable": True}},
            "galaxy": {
                "interactivetools_enable": True,
                "tool_config_file": f"tool_conf.xml,{ROOT / 'tool_conf.xml'}",
                "galaxy_infrastructure_url": "https://galaxy.example.org",
            },
        },
        "job_conf.yml": {
            "runners": {"local": {"load": "galaxy.jobs.runners.local:LocalJobRunner"}},
            "execution": {
                "default": "local",
                "environments": {
                    "local": {"runner": "local"},
                    "sessions": {"runner": "local", "env": [{"execute": "PATH=/opt/starcyte/bin:$PATH"}]},
                },
            },
            "tools": [{"id": "interactive_tool_starcyte", "environment": "sessions"}],
        },
    }


def look(server):
    config = server["root"] / "config"
    for name in ("galaxy.yml", "job_conf.yml"):
        if server[name] is not None:
            (config / name).write_text(yaml.safe_dump(server[name]))
    return list(Server(config / "galaxy.yml").check())


def test_nothing_is_missing(server):
    assert {f.kind for f in look(server)} == {"ok"}


# what Galaxy's library imports is not ours
@pytest.mark.filterwarnings("default::DeprecationWarning")
def test_command(server, capsys):
    look(server)
    arguments = ["check", str(ROOT / "galaxy_wrappers"), "--galaxy", str(server["root"] / "config" / "galaxy.yml")]
    assert cli.main(arguments) == 0
    server["galaxy.yml"]["galaxy"]["interactivetools_enable"] = False
    look(server)
    assert cli.main(arguments) == 2
    assert "missing: interactivetools_enable: true in galaxy.yml" in capsys.readouterr().out


def environment(server, **values):
    server["job_conf.yml"]["execution"]["environments"]["sessions"] = values
    return look(server)


def said(findings, kind):
    return [f.text for f in findings if f.kind == kind]


def one(findings, kind, text):
    (line,) = said(findings, kind)
    assert text in line


def test_tools_that_are_not_in_the_panel(server):
    server["galaxy.yml"]["galaxy"]["tool_config_file"] = ["tool_conf.xml"]
    assert len(said(look(server), "missing")) == 4


def test_tools_from_a_toolshed(server):
    guid = "toolshed.g2.bx.psu.edu/repos/starcyte/starcyte/interactive_tool_starcyte/0.1.0+galaxy0"
    (server["root"] / "config" / "shed.xml").write_text(f'<toolbox><tool file="x.xml" guid="{guid}"/></toolbox>')
    server["galaxy.yml"]["galaxy"]["tool_config_file"] = "shed.xml"
    assert len(said(look(server), "missing")) == 3


def test_tool_conf_that_is_no_xml(server):
    (server["root"] / "config" / "broken.xml").write_text("<toolbox>")
    server["galaxy.yml"]["galaxy"]["tool_config_file"] += ",broken.xml"
    assert not said(look(server), "missing")


def test_no_proxy_and_no_address(server):
    del server["galaxy.yml"]["gravity"], server["galaxy.yml"]["galaxy"]["galaxy_infrastructure_url"]
    notes = said(look(server), "note")
    assert len(notes) == 2
    assert "gx-it-proxy" in notes[0]


def test_sessions_among_short_jobs(server):
    del server["job_conf.yml"]["tools"]
    notes = said(look(server), "note")
    assert "takes one of its workers for hours" in notes[0]


def test_a_missing_environment_is_reported(server):
    server["job_conf.yml"]["tools"][0]["environment"] = "nowhere"
    one(look(server), "missing", "'nowhere'")
    server["job_conf.yml"] = {"execution": {}}
    one(look(server), "missing", "job_conf.yml with an environment")


def test_job_conf_in_galaxy_yml(server):
    server["galaxy.yml"]["galaxy"]["job_config"] = server["job_conf.yml"]
    server["job_conf.yml"] = None
    assert {f.kind for f in look(server)} == {"ok"}


def test_old_job_conf(server):
    server["galaxy.yml"]["galaxy"]["job_config_file"] = "job_conf.xml"
    (server["root"] / "config" / "job_conf.xml").touch()
    one(look(server), "note", "job_conf.xml is not checked")


def test_destinations(server):
    one(environment(server, runner="local"), "note", "on the PATH")
    one(environment(server, runner="local", docker_enabled=True), "note", "docker_container_id_override")
    image = {"docker_enabled": True, "docker_container_id_override": "starcyte:0.1.0"}
    assert {f.kind for f in environment(server, runner="local", **image)} == {"ok"}
    one(environment(server, runner="local", container_monitor=False, **image), "missing", "container monitor")
    one(environment(server, runner="local", singularity_enabled=True), "missing", "container_monitor: false")
    assert not said(environment(server, runner="local", singularity_enabled=True, container_monitor=False), "missing")
    server["job_conf.yml"]["runners"]["k8s"] = {"load": "galaxy.jobs.runners.kubernetes:KubernetesJobRunner"}
    one(environment(server, runner="k8s", docker_enabled=True), "missing", "container_monitor: false")
    assert {f.kind for f in environment(server, runner="k8s", container_monitor=False)} == {"ok"}


def test_a_missing_visualization_is_reported(server):
    shutil.rmtree(server["root"] / "static" / "plugins")
    one(look(server), "missing", "starcyte-galaxy install-visualization")


def test_visualization_of_another_version(server):
    target = server["root"] / "static" / "plugins" / "visualizations" / "starcyte"
    (target / "static" / "index.js").write_text("older")
    one(look(server), "missing", "static/index.js differ")


def test_no_picture(server):
    (server["root"] / "static" / "images" / "starcyte.png").unlink()
    one(look(server), "note", "picture")


@pytest.mark.parametrize("text", ["", "[]", "{", "galaxy: 3", "\x00"])
def test_no_galaxy_yml(tmp_path, text):
    path = tmp_path / "galaxy.yml"
    path.write_text(text)
    with pytest.raises(JobError, match=r"galaxy\.yml"):
        Server(path)
    with pytest.raises(JobError, match="cannot be read"):
        Server(tmp_path / "none.yml")


@pytest.mark.parametrize("given", ["", "static", "static/plugins/visualizations"])
def test_install(tmp_path, plugin, capsys, given):
    (tmp_path / "galaxy" / "static" / "plugins" / "visualizations").mkdir(parents=True)
    target = tmp_path / "galaxy" / "static" / "plugins" / "visualizations" / "starcyte"
    for _ in range(2):
        assert cli.main(["install-visualization", str(tmp_path / "galaxy" / given)]) == 0
        assert visualization_folder.differences(target) == []
    assert "restart Galaxy" in capsys.readouterr().out
    assert [p.name for p in target.parent.iterdir()] == ["starcyte"]


def test_install_into_no_galaxy(tmp_path, plugin, capsys):
    assert cli.main(["install-visualization", str(tmp_path)]) == 2
    assert "not a folder of a Galaxy server" in capsys.readouterr().err


def test_a_visualization_that_is_not_built_is_not_installed(tmp_path, plugin, capsys):
    (plugin / "static" / "index.js").unlink()
    (tmp_path / "static").mkdir()
    assert cli.main(["install-visualization", str(tmp_path / "static")]) == 2
    assert "make client" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_reported(tmp_path, plugin, capsys):
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "plugins").write_text("a file in its place")
    assert cli.main(["install-visualization", str(tmp_path / "static")]) == 2
    assert "cannot be written" in capsys.readouterr().err
