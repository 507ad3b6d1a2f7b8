"""The image that Dockerfile describes, and the engine that runs it: podman, which needs no daemon.

Nothing is pulled from a registry of images: the base is a Debian that debootstrap makes, unless BASE names an image.
"""

import json
import logging
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASE, IMAGE = "localhost/starcyte-debian:bookworm", "localhost/starcyte:tested"
MIRROR = "http://deb.debian.org/debian"
#: The machine's own certificates, which are not Debian's where something stands between it and the net.
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
#: The largest image, in bytes.
LARGEST = 600e6
#: Of a debootstrap, what an image does without.
LITTER = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale", "dev")
#: crun refuses mixed versions of cgroups, and some machines let nobody raise the number of open files.
CONTAINERS_CONF = """[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""

log = logging.getLogger("galaxy")


class Engine:
    """Podman.

    Parameters
    ----------
    folder
        Where its configuration goes, and a command of its name for Galaxy to run.
    """

    def __init__(self, folder):
        missing = [name for name in ("podman", "runc", "debootstrap") if shutil.which(name) is None]
        if missing or os.geteuid() != 0:
            pytest.fail(
                f"These tests build an image and run it, as root: install {', '.join(missing) or 'nothing more'} "
                "(Debian: apt-get install podman runc conmon netavark iptables catatonit debootstrap).",
                pytrace=False,
            )
        self.folder = folder
        folder.mkdir(exist_ok=True)
        (folder / "containers.conf").write_text(CONTAINERS_CONF)
        self.environ = {**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf")}
        #: What Galaxy runs for docker.
        self.command = folder / "docker"
        self.command.write_text(
            f"#!/bin/sh\nCONTAINERS_CONF='{folder}/containers.conf'\nexport CONTAINERS_CONF\nexec podman \"$@\"\n"
        )
        self.command.chmod(0o755)

    def run(self, *arguments, **given):
        """Run podman and return what it says."""
        ran = subprocess.run(
            ["podman", *map(str, arguments)], env=self.environ, capture_output=True, text=True, check=False, **given
        )
        assert ran.returncode == 0, f"podman {arguments[0]}: {ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
        return ran.stdout

    def _has(self, image):
        return subprocess.run(["podman", "image", "exists", image], env=self.environ, check=False).returncode == 0

    def base(self):
        """Return the name of the image to start from, made where it is not there."""
        if os.environ.get("BASE"):
            return os.environ["BASE"]
        if not self._has(BASE):
            with tempfile.TemporaryDirectory(prefix="starcyte-debian-") as name:
                root = Path(name, "root")
                command = ["debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", root, MIRROR]
                subprocess.run(command, check=True, capture_output=True)
                for litter in LITTER:
                    shutil.rmtree(root / litter)
                    (root / litter).mkdir()
                path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
                with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as packed:
                    self.run("import", "--quiet", "--change", f"ENV {path}", "-", BASE, stdin=packed.stdout)
        return BASE

    def build(self):
        """Build the image by the steps of Dockerfile and return its name, or that of the one that IMAGE names."""
        if os.environ.get("IMAGE"):
            return os.environ["IMAGE"]
        options = ["--network=host", f"--build-arg=BASE={self.base()}", f"--tag={IMAGE}"]
        if CERTIFICATES.exists():
            # given to the build alone: the Dockerfile knows nothing of it
            inside = "/run/certificates.crt"
            for name, text in (("pip.conf", f"[global]\ncert = {inside}\n"), (".npmrc", f"cafile={inside}\n")):
                (self.folder / name).write_text(text)
            mounts = {CERTIFICATES: inside, "pip.conf": "/etc/pip.conf", ".npmrc": "/root/.npmrc"}
            options += [f"--volume={self.folder / name}:{target}:ro" for name, target in mounts.items()]
        self.run("build", *options, ROOT)
        return IMAGE

    def size(self, image):
        """Return the bytes of an image."""
        return json.loads(self.run("image", "inspect", image))[0]["Size"]
