"""Heroku without Heroku: a slug made in a bare Debian, run with a dyno's memory; its dataset comes from a local server.

    python -m benchmarks.heroku cells.h5ad

Needs root, debootstrap, and cgroups (version 1 or 2) that may be written. What the Python buildpack does is done by
hand: a virtual environment, ``pip install -r requirements.txt``, then the command of the Procfile with app.json's
variables and ``PORT``.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import waitress
from flask import Flask, send_from_directory

from benchmarks.server import free_port

ROOT = Path(__file__).resolve().parents[1]
DYNO_BYTES = 512 << 20
_SUITE, _MIRROR = "bookworm", "http://deb.debian.org/debian"
_WAIT_SECONDS = 600
#: Of the machine, where they are: certificates and settings of the package managers
_SHARED = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/ssl/certs",
    "/etc/pip.conf",
    "/etc/xdg/pip",
    "/etc/npmrc",
    "~/.npmrc",
)


def make_slug(folder: Path) -> None:
    """Install the tracked files of this checkout as Heroku's buildpack does, in a Debian of its own."""
    packages = "python3,python3-venv,ca-certificates"
    debian = ["debootstrap", "--variant=minbase", f"--include={packages}", _SUITE, folder, _MIRROR]
    if not (folder / "usr/bin/python3").exists():
        subprocess.run(debian, check=True, stdout=subprocess.DEVNULL)
    app = folder / "app"
    app.mkdir()
    archive = subprocess.run(["git", "-C", ROOT, "archive", "HEAD"], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", app], input=archive, check=True)
    with machine_settings(folder):
        run_in(folder, "python3 -m venv .heroku/python && .heroku/python/bin/pip install -q -r requirements.txt")


@contextmanager
def machine_settings(folder: Path) -> Iterator[None]:
    """Let programs in a folder that is their root see the machine's certificates, names and package registries."""
    places = [Path(place).expanduser() for place in _SHARED]
    said = subprocess.run([sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True)
    places += [
        Path(word) for word in shlex.split(said.stdout.replace("file://", " ").replace("=", " ")) if word[0] == "/"
    ]
    with ExitStack() as stack:
        for place in dict.fromkeys(p for p in places if p.exists()):
            inside = folder / place.relative_to("/")
            inside.parent.mkdir(parents=True, exist_ok=True)
            if place.is_dir():
                inside.mkdir(exist_ok=True)
            else:
                inside.touch()
            subprocess.run(["mount", "--bind", place, inside], check=True)
            stack.callback(subprocess.run, ["umount", "--lazy", inside], check=True)
        yield


def run_in(folder: Path, command: str) -> None:
    """Run a command of the shell with a folder as its root."""
    kept = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "NPM_", "NODE_", "SSL_", "npm_"))}
    kept |= {
        "HOME": "/app",
        "PATH": "/usr/sbin:/usr/bin:/bin",
        "NPM_CONFIG_USERCONFIG": str(Path("~/.npmrc").expanduser()),
    }
    subprocess.run(["chroot", folder, "sh", "-c", f"cd /app && {command}"], env=kept, check=True)


class Dyno:
    """The web process of a slug, in a cgroup of its own.

    Parameters
    ----------
    folder
        The slug's root.
    environ
        What a dyno has besides app.json's variables: DATASET, PORT.
    """

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        version_2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()
        above = Path("/sys/fs/cgroup") if version_2 else Path("/sys/fs/cgroup/memory")
        limit, self._peak = (
            ("memory.max", "memory.peak") if version_2 else ("memory.limit_in_bytes", "memory.max_usage_in_bytes")
        )
        self._group = above / f"starcyte-dyno-{environ['PORT']}"
        self._group.mkdir()
        (self._group / limit).write_text(str(DYNO_BYTES))
        described = json.loads((ROOT / "app.json").read_text())["env"]
        values = {name: row["value"] for name, row in described.items() if "value" in row}
        path = {"HOME": "/app", "PATH": "/app/.heroku/python/bin:/usr/sbin:/usr/bin:/bin"}
        web = (ROOT / "Procfile").read_text().removeprefix("web: ").strip()
        command = f"echo $$ > {self._group}/cgroup.procs; exec chroot {folder} sh -c 'cd /app && exec {web}'"
        self.begin = time.perf_counter()
        self.process = subprocess.Popen(["sh", "-c", command], env={**path, **values, **environ})
        self.port = int(environ["PORT"])

    def until(self, path: str, holds: str = "", lacks: str = "\0") -> float:
        """Return the seconds from the start until a path is answered, and the answer holds a text and lacks another."""
        while time.perf_counter() - self.begin < _WAIT_SECONDS:
            if self.process.poll() is not None:
                sys.exit(f"the dyno ended with status {self.process.returncode}")
            with suppress(OSError, http.client.HTTPException):
                answer = self.get(path)
                if holds in answer and lacks not in answer:
                    return time.perf_counter() - self.begin
            time.sleep(0.01)
        sys.exit(f"{path} was not answered")

    def get(self, path: str, body: object = None) -> str:
        """Return an answer; raise OSError where it is none."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
            request.add_header("X-Starcyte-Client", "benchmark")
        with urllib.request.urlopen(request, timeout=120) as answer:
            return str(answer.read().decode("latin-1"))

    def memory(self) -> dict[str, float]:
        """Return MB: the process's own, its peak, and the group's with the pages of files that it has read."""
        pids = (self._group / "cgroup.procs").read_text().split()
        main = next(pid for pid in pids if b"starcyte" in Path(f"/proc/{pid}/cmdline").read_bytes())
        status = dict(line.split(":", 1) for line in Path(f"/proc/{main}/status").read_text().splitlines())
        found = {
            name: int(status[key].split()[0]) / 1024 for name, key in (("anonymous", "RssAnon"), ("peak", "VmHWM"))
        }
        peak = self._group / self._peak
        return found | ({"group peak": int(peak.read_text()) / 2**20} if peak.exists() else {})

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(30)
        with suppress(OSError):
            self._group.rmdir()


def main() -> None:
    """Make a slug, start a dyno, use it, and print what was seen."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("files", nargs="+", type=Path, help="Datasets, one dyno each.")
    parser.add_argument("--slug", type=Path, help="Folder of a slug that is there already, or is to stay.")
    args = parser.parse_args()
    with ExitStack() as stack:
        folder = args.slug or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slug-")))
        if not (folder / "app/.heroku/python/bin/starcyte").exists():
            shutil.rmtree(folder / "app", ignore_errors=True)
            begin = time.perf_counter()
            make_slug(folder)
            print(f"slug made in {time.perf_counter() - begin:.0f} s")
        size = sum(f.lstat().st_size for f in (folder / "app").rglob("*") if f.is_file())
        print(f"slug: {size / 1e6:.0f} MB on disk")
        for file in args.files:
            shutil.rmtree(folder / "app/.cache", ignore_errors=True)
            print(f"{file.name}, {file.stat().st_size / 1e6:.0f} MB: {json.dumps(_use(folder, file))}")


def _use(folder: Path, file: Path) -> dict[str, object]:
    web, port = free_port(), free_port()
    server = multiprocessing.get_context("spawn").Process(target=_serve_files, args=(file.resolve().parent, web))
    server.start()
    dyno = None
    try:
        environ = {"PORT": str(port), "DATASET": f"http://127.0.0.1:{web}/{file.name}"}
        time.sleep(1)
        # the server is on this machine, which an address of the open internet would not be
        dyno = Dyno(folder, environ | {"STARCYTE_REMOTE_PRIVATE": "true"})
        seen: dict[str, object] = {"page s": round(dyno.until("/"), 2)}
        seen["ready s"] = round(dyno.until("/api/v1/health", '"ready"'), 2)
        schema = json.loads(dyno.get("/api/v1/schema"))
        seen["cells s"] = round(dyno.until(f"/api/v1/embeddings/{schema['embeddings'][0]['name']}"), 2)
        seen["whole s"] = round(dyno.until("/api/v1/health", lacks='"downloaded"'), 2)
        gene = json.loads(dyno.get("/api/v1/genes?limit=1"))["genes"][0]["name"]
        column = next(c["name"] for c in schema["obs"] if c["kind"] == "categorical")
        begin = time.perf_counter()
        dyno.get(f"/api/v1/expression?gene={gene}")
        seen["gene s"] = round(time.perf_counter() - begin, 2)
        seen["indexed s"] = round(dyno.until("/api/v1/health", lacks='"indexing"'), 2)
        dyno.get(f"/api/v1/summary?genes={gene}&group_by={column}")
        half = schema["n_obs"] // 2
        begin, said = time.perf_counter(), json.loads(dyno.get("/api/v1/diffexp", {"a": {"ranges": [[0, half]]}}))
        while "result" not in said and "genes" not in said:
            time.sleep(0.1)
            said = json.loads(dyno.get(f"/api/v1/jobs/{said['job']['id']}"))
        seen["comparison s"] = round(time.perf_counter() - begin, 2)
        return seen | {f"{name} MB": round(value) for name, value in dyno.memory().items()}
    finally:
        if dyno:
            dyno.stop()
        server.terminate()
        server.join(10)


def _serve_files(folder: Path, port: int) -> None:
    """Serve files as a store does: any part of one, and with a version."""
    app = Flask(__name__)
    app.add_url_rule("/<path:name>", view_func=lambda name: send_from_directory(folder, name))
    waitress.serve(app, host="127.0.0.1", port=port)


if __name__ == "__main__":
    main()
