"""A real Galaxy: installed once into a cache folder, run in a folder of its own, spoken to by its API."""

import contextlib
import json
import logging
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import gx_it_proxy
import pytest
import requests

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EMAIL, NAME, PASSWORD = "admin@example.org", "admin", "password1"
BOOTSTRAP_KEY = "bootstrap-key-for-tests"
TOOL = "interactive_tool_starcyte"
#: The visualization as it is built.
PLUGIN = ROOT / "tool" / "starcyte_galaxy" / "visualization" / "starcyte"
#: Copies of it for other tools: one that is not installed, and one as a ToolShed installs it, with its long id.
SHED, SHED_TOOL = "toolshed.example.org/repos/someone/starcyte", "interactive_tool_from_shed"
OTHER_PLUGINS = {"starcyte_without_tool": "interactive_tool_absent", "starcyte_from_shed": SHED_TOOL}
#: Names of datasets in the history.
PLAIN, NASTY = "PBMC 68k reduced", "\"; rm -rf ~ #'<b>é😀.h5ad"

log = logging.getLogger("galaxy")


@contextlib.contextmanager
def timed(what):
    began = time.monotonic()
    yield
    log.info("%s: %.1f s", what, time.monotonic() - began)


def wait_for(what, get, seconds):
    """Return what `get` returns once that is true."""
    end = time.monotonic() + seconds
    while not (found := get()):
        assert time.monotonic() < end, f"waited {seconds} s in vain for {what}"
        time.sleep(0.25)
    return found


def install():
    """Return the folder of a virtual environment with Galaxy in it."""
    texts = [(HERE / name).read_text() for name in ("requirements.txt", "overrides.txt")]
    folder = gx_it_proxy.cache_folder("galaxy", *texts, sys.version, platform.machine())
    with gx_it_proxy.filled(folder) as fresh:
        if fresh:
            venv = fresh / "venv"
            uv = [venv / "bin" / "uv", "pip", "install", "--quiet", "--python", venv / "bin" / "python"]
            # pip cannot override a pin
            steps = [
                [sys.executable, "-m", "venv", venv],
                [venv / "bin" / "pip", "install", "--quiet", "uv"],
                [*uv, "--compile-bytecode", "-r", HERE / "requirements.txt", "--override", HERE / "overrides.txt"],
            ]
            with timed("Galaxy installed"):
                for step in steps:
                    ran = subprocess.run(step, capture_output=True, text=True, check=False)
                    if ran.returncode:
                        said = f"{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
                        pytest.fail(f"Galaxy cannot be installed, {step[0].name} says:\n{said}", pytrace=False)
    return folder / "venv"


class Galaxy:
    """A Galaxy server in a folder of its own, with starcyte's tool_conf.xml and jobs that run without a container.

    Parameters
    ----------
    folder
        A new folder.
    port, proxy_port
        Where it and gx-it-proxy listen.
    """

    def __init__(self, folder, port, proxy_port):
        self.folder = folder
        self.venv = install()
        self.port = port
        self.url = f"http://localhost:{port}"
        self.proxy_port = proxy_port
        self.map = folder / "interactivetools_map.sqlite"
        self.session = requests.Session()
        for name in ("conf", "run", "var"):
            (folder / name).mkdir()
        self._configure()

    def _configure(self):
        starcyte = Path(sys.executable).parent
        assert (starcyte / "starcyte-galaxy").exists(), "install starcyte into this environment first: pip install -e ."
        galaxy = json.loads(
            subprocess.run(
                [
                    self.venv / "bin" / "python",
                    "-c",
                    "import galaxy.tools, json; print(json.dumps(galaxy.tools.__path__[0]))",
                ],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        # jobs run the code that is tested
        environ = [{"execute": f"PATH='{starcyte}':\"$PATH\"; export PATH"}]
        if os.environ.get("PYTHONPATH"):
            environ.append({"name": "PYTHONPATH", "value": os.environ["PYTHONPATH"]})
        conf = self.folder / "conf"
        # JSON is YAML
        (conf / "galaxy.yml").write_text(
            json.dumps(
                {
                    "galaxy": {
                        "data_dir": str(self.folder / "var"),
                        "config_dir": str(conf),
                        "managed_config_dir": str(self.folder / "var" / "config"),
                        "job_config_file": str(conf / "job_conf.yml"),
                        "datatypes_config_file": str(conf / "datatypes_conf.xml"),
                        "tool_config_file": ",".join(
                            str(folder / name)
                            for folder, name in [
                                (conf, "tool_conf.xml"),
                                (ROOT, "tool_conf.xml"),
                                (conf, "shed_tool_conf.xml"),
                            ]
                        ),
                        # the sample's tables look at a server on the net
                        "tool_data_table_config_path": str(conf / "tool_data_table_conf.xml"),
                        "static_dir": str(self.folder / "run" / "static"),
                        "admin_users": EMAIL,
                        "bootstrap_admin_api_key": BOOTSTRAP_KEY,
                        "id_secret": "secret-for-tests",
                        "allow_local_account_creation": True,
                        "interactivetools_enable": True,
                        # there is no nginx in front: links name the proxy's own address
                        "interactivetools_upstream_proxy": False,
                        "interactivetools_proxy_host": f"localhost:{self.proxy_port}",
                        "interactivetools_map": str(self.map),
                        "galaxy_infrastructure_url": self.url,
                        "outputs_to_working_directory": True,
                        "enable_tool_shed_check": False,
                        "conda_auto_init": False,
                        "enable_mulled_containers": False,
                        "carbon_emission_estimates": False,
                        "cleanup_job": "never",
                    }
                }
            )
        )
        (conf / "job_conf.yml").write_text(
            json.dumps(
                {
                    "runners": {"local": {"load": "galaxy.jobs.runners.local:LocalJobRunner", "workers": 4}},
                    "execution": {
                        "default": "local",
                        "environments": {
                            "local": {
                                "runner": "local",
                                "env": environ,
                            }
                        },
                    },
                }
            )
        )
        (conf / "tool_conf.xml").write_text(
            f'<toolbox tool_path="{galaxy}/bundled"><section id="getext" name="Get Data">'
            '<tool file="data_source/upload.xml"/></section></toolbox>'
        )
        (conf / "tool_data_table_conf.xml").write_text("<tables/>")
        (conf / "datatypes_conf.xml").write_text(self._datatypes(galaxy))
        self._install_from_shed(conf)
        gx_it_proxy.make_map(self.map)

    def _datatypes(self, package):
        """Return Galaxy's own datatypes with the link to the tool's form on an h5ad."""
        sample = (Path(package).parent / "config" / "sample" / "datatypes_conf.xml.sample").read_text()
        link = ROOT / "galaxy_wrappers" / "display_applications" / "starcyte.xml"
        (h5ad,) = re.findall(r'<datatype extension="h5ad"[^>]*/>', sample)
        return sample.replace(h5ad, f'{h5ad[:-2]}><display file="{link}"/></datatype>')

    def _install_visualization(self, static):
        assert (PLUGIN / "static" / "index.js").exists(), "build the client first: npm run build in viewer/client"
        folder = static / "plugins" / "visualizations"
        shutil.copytree(PLUGIN, folder / "starcyte", dirs_exist_ok=True)
        for name, tool in OTHER_PLUGINS.items():
            shutil.copytree(PLUGIN, folder / name, dirs_exist_ok=True)
            text = (PLUGIN / "static" / "starcyte.xml").read_text()
            text = text.replace(TOOL, tool).replace('name="starcyte"', f'name="{name}"')
            (folder / name / "static" / f"{name}.xml").write_text(text)

    def _install_from_shed(self, conf):
        """Lay the tool out as an installation from a ToolShed does, under an id of its own."""
        place = f"{SHED}/0123456789ab/starcyte"
        shutil.copytree(ROOT / "galaxy_wrappers", self.folder / "shed" / place)
        wrapper = self.folder / "shed" / place / "starcyte.xml"
        wrapper.write_text(wrapper.read_text().replace(f'id="{TOOL}"', f'id="{SHED_TOOL}"'))
        guid = f"{SHED}/{SHED_TOOL}/0.1.0+galaxy0"
        server, _, owner, name = SHED.split("/")
        (conf / "shed_tool_conf.xml").write_text(
            f'<toolbox tool_path="{self.folder / "shed"}"><section id="shed" name="From a ToolShed">'
            f'<tool file="{place}/starcyte.xml" guid="{guid}"><tool_shed>{server}</tool_shed>'
            f"<repository_name>{name}</repository_name><repository_owner>{owner}</repository_owner>"
            "<installed_changeset_revision>0123456789ab</installed_changeset_revision>"
            f"<id>{guid}</id><version>0.1.0+galaxy0</version></tool></section></toolbox>"
        )

    @contextlib.contextmanager
    def running(self):
        """Run the server, and stop whatever it still runs at the end."""
        bin_ = self.venv / "bin"
        static = self.folder / "run" / "static"
        client = [bin_ / "galaxy-web-client-install", "--force-overwrite", "--mode", "absolute", static]
        subprocess.run(client, check=True, capture_output=True)
        self._install_visualization(static)
        environ = {**os.environ, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}", "VIRTUAL_ENV": str(self.venv)}
        environ.pop("PYTHONPATH", None)
        log_file = self.folder / "galaxy.log"
        command = [bin_ / "galaxy-web", "-c", self.folder / "conf" / "galaxy.yml", "-b", f"127.0.0.1:{self.port}"]
        with log_file.open("w") as out:
            process = subprocess.Popen(command, cwd=self.folder / "run", env=environ, stdout=out, stderr=out)

            def answers():
                assert process.poll() is None, f"Galaxy ended:\n{log_file.read_text()[-5000:]}"
                with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                    return self.session.get(f"{self.url}/api/version", timeout=5).ok
                return False

            try:
                with timed("Galaxy started"):
                    wait_for("Galaxy to answer", answers, 300)
                self._log_in()
                yield self
            finally:
                with contextlib.suppress(Exception):
                    for entry in self.call("GET", "/api/entry_points?running=true"):
                        self.call("DELETE", f"/api/entry_points/{entry['id']}")
                        self.wait_for_end(entry["job_id"])
                self.session.close()
                process.terminate()
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.wait()

    def call(self, method, path, **given):
        answer = self.session.request(method, self.url + path, timeout=120, **given)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:800]}"
        return answer.json() if answer.content else None

    def _log_in(self):
        self.session.headers["x-api-key"] = BOOTSTRAP_KEY
        self.call("POST", "/api/users", json={"email": EMAIL, "username": NAME, "password": PASSWORD})
        del self.session.headers["x-api-key"]
        key = self.call("GET", "/api/authenticate/baseauth", auth=(EMAIL, PASSWORD))["api_key"]
        self.session.headers["x-api-key"] = key

    def upload(self, history, files, ext="auto"):
        """Upload files under the names given and return their datasets."""
        elements = [{"src": "files", "name": name, "ext": ext, "dbkey": "?"} for name in files]
        targets = json.dumps([{"destination": {"type": "hdas"}, "elements": elements}])
        with contextlib.ExitStack() as stack:
            parts = {
                f"files_{i}|file_data": stack.enter_context(path.open("rb")) for i, path in enumerate(files.values())
            }
            data = {"history_id": history, "targets": targets}
            outputs = self.call("POST", "/api/tools/fetch", data=data, files=parts)["outputs"]
        return [self.wait_for_dataset(output["id"]) for output in outputs]

    def wait_for_dataset(self, dataset):
        def finished():
            found = self.call("GET", f"/api/datasets/{dataset}")
            return found["state"] in {"ok", "error", "failed_metadata", "discarded", "paused"} and found

        found = wait_for("a dataset", finished, 300)
        assert found["state"] == "ok", found
        return found

    def job(self, job):
        return self.call("GET", f"/api/jobs/{job}?full=true")

    def wait_for_end(self, job):
        def ended():
            found = self.job(job)
            return found["state"] in {"ok", "error", "deleted", "failed"} and found

        return wait_for("the job's end", ended, 120)

    def contents(self, history):
        return self.call("GET", f"/api/histories/{history}/contents?v=dev&view=detailed")

    def text(self, dataset):
        return self.session.get(f"{self.url}/api/datasets/{dataset}/display", timeout=60).content.decode("utf-8")


class Session:
    """The tool, run on a dataset until its entry point was active.

    Parameters
    ----------
    galaxy
        The server.
    history, dataset
        Their ids.
    """

    def __init__(self, galaxy, history, dataset):
        self.galaxy = galaxy
        before = set(self._folders())
        inputs = {"infile": {"src": "hda", "id": dataset}}
        with timed("run until the entry point was active"):
            answer = galaxy.call("POST", "/api/tools", json={"tool_id": TOOL, "history_id": history, "inputs": inputs})
            assert not answer.get("errors"), answer
            self.id = answer["jobs"][0]["id"]
            self.report = answer["outputs"][0]["id"]
            self.saved = answer["output_collections"][0]["id"]
            self.entry = wait_for("the entry point", self._active, 180)
        (self.working,) = set(self._folders()) - before
        key, token = self.entry["target"].rstrip("/").split("/")[-2:]
        self.http = gx_it_proxy.Through(galaxy.proxy_port, key, token, "path")
        # what Galaxy calls active is registered, not yet answering
        with timed("from active to the first cells that can be shown"):
            wait_for("the viewer", self._ready, 60)

    def _folders(self):
        return (p.parent for p in self.galaxy.folder.glob("var/jobs_directory/*/*/working/saved"))

    def _active(self):
        state = self.galaxy.job(self.id)
        ended = {k: state.get(k) for k in ("state", "exit_code", "tool_stdout", "tool_stderr", "job_messages")}
        assert state["state"] not in {"ok", "error", "deleted", "failed"}, ended
        entries = self.galaxy.call("GET", f"/api/entry_points?job_id={self.id}")
        return entries and entries[0]["active"] and entries[0].get("target") and entries[0]

    def _ready(self):
        answer = self.http.get("/api/v1/health")
        assert answer.status_code in {200, 502}, answer.text
        return answer.status_code == 200 and answer.json()["state"] == "ready"

    @property
    def port(self):
        """The port that the job registered."""
        return json.loads((self.working.parent / "container_runtime.json").read_text())["8000"]["port"]

    @property
    def process(self):
        """The id of the viewer's process."""
        return json.loads((self.working / "starcyte_ready.json").read_text())["pid"]

    def stop(self):
        """Stop it as Galaxy's page does, and return the job's end."""
        with timed("stopped until the job had ended"):
            self.galaxy.call("DELETE", f"/api/entry_points/{self.entry['id']}")
            return self.galaxy.wait_for_end(self.id)


def chromium():
    """Return where Chromium is, or None for the one that playwright may have installed itself."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
