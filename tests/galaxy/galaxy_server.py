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

import galaxy_conf
import gx_it_proxy
import pytest
import requests
from galaxy_conf import BOOTSTRAP_KEY, EMAIL, ROOT, SHED_TOOL, TOOL, UID_TOOL

HERE = Path(__file__).parent
NAME, PASSWORD = "admin", "password1"
#: The visualization as it is built.
PLUGIN = ROOT / "tool" / "starcyte_galaxy" / "visualization" / "starcyte"
#: Copies of it for other tools, of which one is not installed.
OTHER_PLUGINS = {
    "starcyte_without_tool": "interactive_tool_absent",
    "starcyte_from_shed": SHED_TOOL,
    "starcyte_as_uid": UID_TOOL,
}
#: Names of datasets in the history, the last one of other cells.
PLAIN, NASTY, CELLS = "PBMC 68k reduced", "\"; rm -rf ~ #'<b>é😀.h5ad", "cells, 'all' of # them <i>"

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
    """A Galaxy server in a folder of its own, with starcyte's tool_conf.xml.

    Parameters
    ----------
    folder
        A new folder.
    port, proxy_port
        Where it and gx-it-proxy listen.
    engine
        What runs the tools in a container; None: they run without one.
    """

    def __init__(self, folder, port, proxy_port, engine=None):
        self.folder = folder
        self.engine = engine
        self.image = engine and engine.build()
        self.venv = install()
        self.port = port
        self.url = f"http://localhost:{port}"
        self.proxy_port = proxy_port
        self.root, self.config = folder / "run", folder / "conf" / "galaxy.yml"
        self.map = folder / "interactivetools_map.sqlite"
        self.session = requests.Session()
        # Galaxy closes a connection that nobody uses, at times while the next request is on its way
        self.session.headers["Connection"] = "close"
        for name in ("conf", "run", "var"):
            (folder / name).mkdir()
        gx_it_proxy.make_map(self.map)
        galaxy_conf.write(self)

    def _install_visualization(self, static):
        assert (PLUGIN / "static" / "index.js").exists(), "build the client first: npm run build in viewer/client"
        folder = static / "plugins" / "visualizations"
        shutil.copytree(PLUGIN, folder / "starcyte", dirs_exist_ok=True)
        for name, tool in OTHER_PLUGINS.items():
            shutil.copytree(PLUGIN, folder / name, dirs_exist_ok=True)
            text = (PLUGIN / "static" / "starcyte.xml").read_text()
            text = text.replace(TOOL, tool).replace('name="starcyte"', f'name="{name}"')
            (folder / name / "static" / f"{name}.xml").write_text(text)

    @contextlib.contextmanager
    def running(self):
        """Run the server, and stop whatever it still runs at the end."""
        bin_ = self.venv / "bin"
        static = self.root / "static"
        client = [bin_ / "galaxy-web-client-install", "--force-overwrite", "--mode", "absolute", static]
        subprocess.run(client, check=True, capture_output=True)
        self._install_visualization(static)
        try:
            self._start()
            self._log_in()
            yield self
        finally:
            with contextlib.suppress(Exception):
                for entry in self.call("GET", "/api/entry_points?running=true"):
                    self.call("DELETE", f"/api/entry_points/{entry['id']}")
                    self.wait_for_end(entry["job_id"])
            self.session.close()
            self._end()

    def restart(self):
        """Stop the server with all that runs, and start it again."""
        self._end()
        self._start()

    def _start(self):
        bin_ = self.venv / "bin"
        environ = {**os.environ, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}", "VIRTUAL_ENV": str(self.venv)}
        environ.pop("PYTHONPATH", None)
        log_file = self.folder / "galaxy.log"
        command = [bin_ / "galaxy-web", "-c", self.config, "-b", f"127.0.0.1:{self.port}"]
        with log_file.open("a") as out:
            self._process = subprocess.Popen(command, cwd=self.root, env=environ, stdout=out, stderr=out)

        def answers():
            assert self._process.poll() is None, f"Galaxy ended:\n{log_file.read_text()[-5000:]}"
            with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                return self.session.get(f"{self.url}/api/version", timeout=5).ok
            return False

        with timed("Galaxy started"):
            wait_for("Galaxy to answer", answers, 1200)

    def _end(self):
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    @property
    def can_become_uid(self):
        """Whether jobs of a user whom the machine does not know can run here."""
        return os.geteuid() == 0 and (self.engine is not None or galaxy_conf.python_of_all() is not None)

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

    def upload(self, history, files, datatypes):
        """Upload files under the names given, as the datatypes given or as what Galaxy takes them for.

        Return their datasets.
        """
        elements = [{"src": "files", "name": name, "ext": datatypes.get(name, "auto"), "dbkey": "?"} for name in files]
        targets = json.dumps([{"destination": {"type": "hdas"}, "elements": elements}])
        with contextlib.ExitStack() as stack:
            parts = {
                f"files_{i}|file_data": stack.enter_context(path.open("rb")) for i, path in enumerate(files.values())
            }
            data = {"history_id": history, "targets": targets}
            outputs = self.call("POST", "/api/tools/fetch", data=data, files=parts)["outputs"]
        return [self.wait_for_dataset(output["id"]) for output in outputs]

    def copy(self, history, dataset):
        """Copy a dataset into another history, which takes no time, and return its id."""
        given = {"source": "hda", "content": dataset, "type": "dataset"}
        return self.call("POST", f"/api/histories/{history}/contents", json=given)["id"]

    def wait_for_dataset(self, dataset):
        def finished():
            found = self.call("GET", f"/api/datasets/{dataset}")
            return found["state"] in {"ok", "error", "failed_metadata", "discarded", "paused"} and found

        found = wait_for("a dataset", finished, 900)
        assert found["state"] == "ok", found
        return found

    def job(self, job):
        return self.call("GET", f"/api/jobs/{job}?full=true")

    def wait_for_end(self, job):
        def ended():
            found = self.job(job)
            return found["state"] in {"ok", "error", "deleted", "failed"} and found

        return wait_for("the job's end", ended, 300)

    def contents(self, history):
        return self.call("GET", f"/api/histories/{history}/contents?v=dev&view=detailed")

    def working(self, job):
        """Return the folder that a job works in."""
        said = self.job(job)["command_line"].replace("'", " ")
        return Path(re.search(r"\S+/jobs_directory/\d+/\d+/", said)[0], "working")

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
        inputs = {"infile": {"src": "hda", "id": dataset}}
        with timed("run until the entry point was active"):
            answer = galaxy.call("POST", "/api/tools", json={"tool_id": TOOL, "history_id": history, "inputs": inputs})
            assert not answer.get("errors"), answer
            self.id = answer["jobs"][0]["id"]
            self.report = answer["outputs"][0]["id"]
            self.entry = wait_for("the entry point", lambda: active(galaxy, self.id), 180)
        self.working = galaxy.working(self.id)
        key, token = self.entry["target"].rstrip("/").split("/")[-2:]
        self.http = gx_it_proxy.Through(galaxy.proxy_port, key, token, "path")
        # what Galaxy calls active is registered, not yet answering
        with timed("from active to the first cells that can be shown"):
            wait_for("the viewer", self._ready, 60)

    def _ready(self):
        answer = self.http.get("/api/v1/health")
        assert answer.status_code in {200, 502}, answer.text
        return answer.status_code == 200 and answer.json()["state"] == "ready"

    @property
    def port(self):
        """The port that the job registered."""
        return json.loads((self.working.parent / "container_runtime.json").read_text())["8000"]["port"]

    def stop(self):
        """Stop it as Galaxy's page does, and return the job's end."""
        with timed("stopped until the job had ended"):
            self.galaxy.call("DELETE", f"/api/entry_points/{self.entry['id']}")
            return self.galaxy.wait_for_end(self.id)


def active(galaxy, job):
    """Return the entry point of a job once it is active."""
    state = galaxy.job(job)
    ended = {k: state.get(k) for k in ("state", "exit_code", "tool_stdout", "tool_stderr", "job_messages")}
    assert state["state"] not in {"ok", "error", "deleted", "failed"}, ended
    entries = galaxy.call("GET", f"/api/entry_points?job_id={job}")
    return entries and entries[0]["active"] and entries[0].get("target") and entries[0]


def left(galaxy, job):
    """Return the text of a session's report, and of what was saved by name, with its datatype and its id."""
    report = galaxy.wait_for_dataset(job["outputs"]["report"]["id"])
    assert report["extension"] == "txt"
    made = {}
    for name, id_ in saved(job).items():
        found = galaxy.wait_for_dataset(id_)
        # a hidden dataset cannot be chosen in a form
        assert found["visible"]
        made[name] = (found["extension"], galaxy.text(found["id"]), found["id"])
    return galaxy.text(report["id"]), made


def saved(job):
    """Return the datasets of what a session saved, by the names of the files without their endings."""
    found = {re.fullmatch(r"__new_primary_file_report\|(.*)__", key): given for key, given in job["outputs"].items()}
    return {match[1]: given["id"] for match, given in found.items() if match}


def viewers(working):
    """Return the processes of the viewer that a job runs, inside of a container or not."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().decode("utf-8", "replace").split("\0")
            if {"launch", "serve"} & set(words) and f"--ready-file={working}/starcyte_ready.json" in words:
                found.append(int(path.parent.name))
    return found


def wrappers(working):
    """Return the processes of starcyte-galaxy in the folder of a job."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (path / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
            if "run" in words and any("starcyte-galaxy" in w for w in words) and (path / "cwd").readlink() == working:
                found.append(int(path.name))
    return found


def chromium():
    """Return where Chromium is, or None for the one that playwright may have installed itself."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
