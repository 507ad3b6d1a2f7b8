"""The entry point: telling Galaxy where the viewer listens, where nobody else does.

In a job with a Docker container Galaxy's container monitor writes ``container_runtime.json`` into the job's folder,
on Kubernetes the job runner knows by itself. In a job without a container engine nobody writes that file, and the
entry point would stay pending for ever; so the job writes it.
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
#: An administrator can set these at the destination, where what is found out is wrong.
HOST_VARIABLE = "STARCYTE_GALAXY_HOST"


@dataclass(frozen=True)
class EntryPoint:
    """An entry point that this job has to register by itself.

    Parameters
    ----------
    job_folder
        Galaxy's folder of the job, above the working folder.
    declared_port
        The port that the tool declares; it names the entry point.
    host
        The address at which Galaxy's proxy finds this machine.
    """

    job_folder: Path
    declared_port: int
    host: str

    @property
    def bind(self) -> str:
        """The address for the viewer to listen on.

        Nobody is asked who they are at the port itself, so it is no more open than the proxy needs it to be.
        """
        return "127.0.0.1" if self.host == "127.0.0.1" else "0.0.0.0"  # noqa: S104

    def free_port(self) -> int:
        """Return the declared port, or 0 (any free one) where another program has it."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.bind, self.declared_port))
            except OSError:
                return 0
        return self.declared_port

    def register(self, port: int) -> bool:
        """Tell Galaxy the port.

        Parameters
        ----------
        port
            Where the viewer listens.

        Returns
        -------
        bool
            False where the job's folder cannot be written to; then Galaxy has another way to know.
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
        # Galaxy may read at any moment: the file appears whole
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
    """Find out whether this job has to register its entry point.

    Parameters
    ----------
    working
        The job's working folder.
    declared_port
        The port that the tool declares.
    galaxy_url
        Where Galaxy answers, seen from a job; may be empty.
    environ
        The job's environment.

    Returns
    -------
    EntryPoint or None
        None where Galaxy knows the port by itself: on Kubernetes, beside a container monitor, and wherever the job's
        folder is not ours to write to, as inside a Docker container.
    """
    job_folder = working.parent
    if working.name != "working" or "INTERACTIVETOOL_PORT" in environ:
        return None
    if (job_folder / RUNTIME_FILE).exists() or _is_monitored(job_folder) or not os.access(job_folder, os.W_OK):
        return None
    return EntryPoint(job_folder, declared_port, environ.get(HOST_VARIABLE) or address_facing(galaxy_url))


def _is_monitored(job_folder: Path) -> bool:
    """Tell whether Galaxy started a container monitor that will write the file; it can do so for Docker alone."""
    try:
        config = json.loads((job_folder / "configs" / "container_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and config.get("container_type") == "docker"


def address_facing(url: str) -> str:
    """Return this machine's address as seen from another one.

    Parameters
    ----------
    url
        A URL of the other machine.

    Returns
    -------
    str
        The loopback address if the URL is of this machine, or cannot be told.
    """
    try:
        host, port = urlsplit(url).hostname, urlsplit(url).port or 80
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
            # connecting a datagram socket sends nothing: it only chooses the route, and with it the address
            route.connect((host or "127.0.0.1", port))
            address = str(route.getsockname()[0])
    except (OSError, ValueError):
        return "127.0.0.1"
    return "127.0.0.1" if address.startswith("127.") else address
