"""What `starcyte-galaxy check` says of a Galaxy server, and putting the visualization into one."""

import contextlib
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


class Answers(BaseHTTPRequestHandler):
    """A server that answers like gx-it-proxy below its path, and like Galaxy elsewhere."""

    def do_GET(self):
        of_proxy = self.path.startswith(self.server.forwarded)
        status, text = (502, b"Proxy target missing") if of_proxy else (404, b"<html>Galaxy")
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def answering(forwarded="/interactivetool/"):
    """Run a server and yield its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as http:
        http.forwarded = forwarded
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield http.server_port
        finally:
            http.shutdown()
            thread.join()


@pytest.fixture
def proxy():
    with answering() as port:
        yield port


@pytest.fixture
def server(tmp_path, plugin, proxy):
    """The parts of a server that has all it needs; tests change them, and `look` writes and reads them."""
    root = tmp_path / "galaxy"
    (root / "config").mkdir(parents=True)
    (root / "static" / "images").mkdir(parents=True)
    (root / "static" / "images" / "starcyte.png").touch()
    visualization_folder.install(root)
    (root / "config" / "tool_conf.xml").write_text("<toolbox/>")
    bin_ = tmp_path / "package" / "bin"
    bin_.mkdir(parents=True)
    (bin_ / "starcyte-galaxy").touch(0o755)
    return {
        "root": root,
        "galaxy.yml": {
            "gravity": {"gx_it_proxy": {"enable": True, "port": proxy}},
            "galaxy": {
                "interactivetools_enable": True,
                "tool_config_file": f"tool_conf.xml,{ROOT / 'tool_conf.xml'}",
                "galaxy_infrastructure_url": f"http://localhost:{proxy}",
            },
        },
        "job_conf.yml": {
            "runners": {
                "local": {"load": "galaxy.jobs.runners.local:LocalJobRunner"},
                "slurm": {"load": "galaxy.jobs.runners.slurm:SlurmJobRunner"},
            },
            "execution": {
                "default": "local",
                "environments": {
                    "local": {"runner": "local"},
                    "sessions": {"runner": "slurm", "env": [{"execute": f'PATH="{bin_}:$PATH"; export PATH'}]},
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
    assert len(said(look(server), "missing")) == 5


def test_tools_from_a_toolshed(server):
    guid = "toolshed.g2.bx.psu.edu/repos/starcyte/starcyte/interactive_tool_starcyte/0.1.0+galaxy0"
    (server["root"] / "config" / "shed.xml").write_text(f'<toolbox><tool file="x.xml" guid="{guid}"/></toolbox>')
    server["galaxy.yml"]["galaxy"]["tool_config_file"] = "shed.xml"
    assert len(said(look(server), "missing")) == 4


def test_tool_conf_that_is_no_xml(server):
    (server["root"] / "config" / "broken.xml").write_text("<toolbox>")
    server["galaxy.yml"]["galaxy"]["tool_config_file"] += ",broken.xml"
    assert not said(look(server), "missing")


def test_no_proxy_and_no_address(server):
    server["galaxy.yml"]["gravity"]["gx_it_proxy"]["enable"] = False
    del server["galaxy.yml"]["galaxy"]["galaxy_infrastructure_url"]
    notes = said(look(server), "note")
    assert len(notes) == 2
    assert "gx-it-proxy" in notes[0]


def test_a_tool_conf_that_does_not_exist(server):
    """As in a new Galaxy, which has a sample only, and does not start."""
    path = server["root"] / "config" / "tool_conf.xml"
    path.unlink()
    one(look(server), "missing", f"{path}, which tool_config_file names")
    sample = server["root"] / "lib" / "galaxy" / "config" / "sample" / "tool_conf.xml.sample"
    sample.parent.mkdir(parents=True)
    sample.touch()
    one(look(server), "missing", f"`cp {sample} {path}`")


def test_a_proxy_that_does_not_run(server):
    with answering() as port:
        pass
    server["galaxy.yml"]["gravity"]["gx_it_proxy"]["port"] = port
    one(look(server), "missing", f"gx-it-proxy at localhost:{port}, where nothing answers")


def test_a_web_server_that_does_not_forward(server):
    with answering("/elsewhere/") as port:
        server["galaxy.yml"]["galaxy"]["galaxy_infrastructure_url"] = f"http://localhost:{port}/"
        one(look(server), "missing", f"http://localhost:{port} does not forward /interactivetool/")
    one(look(server), "note", "does not answer")


def test_a_trial_without_a_web_server(server, proxy):
    galaxy = server["galaxy.yml"]["galaxy"]
    galaxy["interactivetools_upstream_proxy"] = False
    one(look(server), "missing", "interactivetools_proxy_host")
    galaxy["interactivetools_proxy_host"] = f"localhost:{proxy}"
    # Galaxy's own address leads to Galaxy alone
    with answering("/elsewhere/") as port:
        galaxy["galaxy_infrastructure_url"] = f"http://localhost:{port}"
        assert {f.kind for f in look(server)} == {"ok"}


def test_a_runner_that_recovers_no_jobs(server):
    server["job_conf.yml"]["execution"]["environments"]["sessions"]["runner"] = "local"
    one(look(server), "note", "a restart of Galaxy ends running sessions")


def test_a_folder_of_the_path_without_the_package(server, tmp_path):
    (tmp_path / "package" / "bin" / "starcyte-galaxy").unlink()
    one(look(server), "missing", str(tmp_path / "package" / "bin"))


def test_sessions_among_short_jobs(server):
    del server["job_conf.yml"]["tools"]
    notes = said(look(server), "note")
    assert any("takes one of its workers for hours" in note for note in notes)


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
    one(environment(server, runner="slurm"), "note", "on the PATH")
    one(environment(server, runner="slurm", docker_enabled=True), "note", "docker_container_id_override")
    image = {"docker_enabled": True, "docker_container_id_override": "starcyte:0.1.0"}
    assert {f.kind for f in environment(server, runner="slurm", **image)} == {"ok"}
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
