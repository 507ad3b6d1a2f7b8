"""EntryPoint: registers the address of the viewer with Galaxy if Galaxy cannot find it.

In a job with a Docker container, Galaxy's container monitor writes ``container_runtime.json`` into the job's folder; on
Kubernetes the job runner knows the port. In a job without a container the file is not written, and the entry point
would stay pending, so the job writes it.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

RUNTIME_FILE = "container_runtime.json"
#: Set at the destination to override the detected host
HOST_VARIABLE = "STARCYTE_GALAXY_HOST"


@dataclass(frozen=True)
class EntryPoint:
    """An entry point that this job registers.

    Parameters
    ----------
    job_folder
        Galaxy's folder of the job, above the working folder.
    declared_port
        The port that the tool declares, which identifies the entry point.
    host
        The address of this machine for Galaxy's proxy.
    """

    job_folder: Path
    declared_port: int
    host: str

    @property
    def bind(self) -> str:
        """The address for the viewer to listen on: the loopback if the proxy is local, as the port is not protected."""
        return "127.0.0.1" if self.host == "127.0.0.1" else "0.0.0.0"  # noqa: S104

    def free_port(self) -> int:
        """Return the declared port, or 0 (any free one) if it is in use."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.bind, self.declared_port))
            except OSError:
                return 0
        return self.declared_port

    def register(self, port: int) -> bool:
        """Write the port for Galaxy.

        Parameters
        ----------
        port
            The port that the viewer listens on.

        Returns
        -------
        bool
            False if the folder of the job cannot be written.
        """
        ports = {
            str(self.declared_port): {
                "tool_port": self.declared_port,
                "host": self.host,
                "port": port,
                "protocol": "tcp",
            }
        }
        target = self.job_folder / RUNTIME_FILE
        # renamed, as Galaxy may read the file at any time
        part = target.with_suffix(".json.part")
        try:
            part.write_text(json.dumps(ports), encoding="utf-8")
            part.replace(target)
        except OSError:
            return False
        return True


def entry_point(
    working: Path, declared_port: int, galaxy_url: str, environ: Mapping[str, str] = os.environ
) -> EntryPoint | None:
    """Return the entry point that this job must register, if any.

    Parameters
    ----------
    working
        The working folder of the job.
    declared_port
        The port that the tool declares.
    galaxy_url
        The URL of Galaxy for jobs; may be empty.
    environ
        The environment of the job.

    Returns
    -------
    EntryPoint or None
        None if Galaxy finds the port: on Kubernetes, with a container monitor, and if the folder of the job is not
        writable, as in a Docker container.
    """
    job_folder = working.parent
    if working.name != "working" or "INTERACTIVETOOL_PORT" in environ:
        return None
    if (job_folder / RUNTIME_FILE).exists() or _is_monitored(job_folder) or not os.access(job_folder, os.W_OK):
        return None
    return EntryPoint(job_folder, declared_port, environ.get(HOST_VARIABLE) or address_facing(galaxy_url))


def _is_monitored(job_folder: Path) -> bool:
    """Return whether Galaxy started a container monitor, which only supports Docker."""
    try:
        config = json.loads((job_folder / "configs" / "container_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and config.get("container_type") == "docker"


def address_facing(url: str) -> str:
    """Return the address of this machine for another one.

    Parameters
    ----------
    url
        A URL of the other machine.

    Returns
    -------
    str
        The loopback address if the URL is of this machine, or there is no route to it.
    """
    try:
        host, port = urlsplit(url).hostname, urlsplit(url).port or 80
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
            # connecting a datagram socket sends nothing, but selects the route and its address
            route.connect((host or "127.0.0.1", port))
            address = str(route.getsockname()[0])
    except (OSError, ValueError):
        return "127.0.0.1"
    return "127.0.0.1" if address.startswith("127.") else address
