"""Many clients at once: wrk where it is installed, else threads of our own."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.server import Request

_SCRIPT = """
local paths = {}
for line in io.lines("%s") do paths[#paths + 1] = line end
local turn = 0
request = function()
  turn = turn + 1
  return wrk.format("GET", paths[turn %% #paths + 1])
end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\n{"answers": %%d, "seconds": %%f, "p50": %%f, "p95": %%f, "errors": %%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e6, latency:percentile(95) / 1e6,
    e.connect + e.read + e.write + e.status + e.timeout))
end
for name, value in pairs(%s) do wrk.headers[name] = value end
"""


@dataclass(frozen=True)
class Load:
    """What came of it: answers, errors, seconds; the times of the answers."""

    answers: int
    errors: int
    seconds: float
    p50: float
    p95: float

    @property
    def throughput(self) -> float:
        """Good answers a second."""
        return max(self.answers - self.errors, 0) / self.seconds


def load(port: int, requests: Sequence[Request], clients: int, seconds: float) -> Load:
    """Let clients ask, one request after the other each, on connections that are kept where the server keeps them.

    Parameters
    ----------
    port
        Where the server listens on this machine.
    requests
        What is asked, in turn; all with the same headers.
    clients
        How many ask at once.
    seconds
        How long.
    """
    wrk = shutil.which("wrk")
    return _wrk(wrk, port, requests, clients, seconds) if wrk else _threads(port, requests, clients, seconds)


def _wrk(program: str, port: int, requests: Sequence[Request], clients: int, seconds: float) -> Load:
    with tempfile.TemporaryDirectory() as folder:
        paths, script = Path(folder) / "paths", Path(folder) / "script.lua"
        paths.write_text("\n".join(r.path for r in requests))
        headers = ", ".join(f"[{json.dumps(k)}] = {json.dumps(v)}" for k, v in requests[0].headers.items())
        script.write_text(_SCRIPT % (paths, f"{{{headers}}}"))
        length = max(round(seconds), 1)
        command = [program, "-t1", f"-c{clients}", f"-d{length}s", "--timeout", "60s", "-s", str(script)]
        url = f"http://127.0.0.1:{port}"
        said = subprocess.run([*command, url], capture_output=True, text=True, check=True, timeout=length + 120)
    return Load(**json.loads(said.stdout.splitlines()[-1]))


def _threads(port: int, requests: Sequence[Request], clients: int, seconds: float) -> Load:
    times: list[float] = []
    errors: list[str] = []
    begin = time.perf_counter()
    end = begin + seconds

    def ask(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        turn = first
        while (now := time.perf_counter()) < end:
            request = requests[turn % len(requests)]
            turn += clients
            try:
                connection.request("GET", request.path, headers=request.headers)
                response = connection.getresponse()
                response.read()
                if response.status >= 400:
                    errors.append(str(response.status))
            except (OSError, http.client.HTTPException) as error:
                errors.append(type(error).__name__)
                connection.close()
                time.sleep(0.05)
            times.append(time.perf_counter() - now)
        connection.close()

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - begin
    p50, p95 = (float(np.quantile(times, q)) for q in (0.5, 0.95))
    return Load(len(times), len(errors), elapsed, p50, p95)
