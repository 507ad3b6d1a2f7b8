"""Go through everything with one dataset within a limit of memory: ``python -m benchmarks.peakmem_walk``.

Open, index, 200 genes, t-test, Wilcoxon, markers, 16 clients. The limit is a control group where this machine allows
one; anonymous memory of all processes is sampled every 50 ms beside it. Ends with status 1 if a step fails, if the
kernel had to kill, or if anonymous memory went over the limit.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.cases import CASES
from benchmarks.dataset_facts import Facts, facts_of
from benchmarks.datasets import SIZES
from benchmarks.limit import Limit
from benchmarks.load import load
from benchmarks.peers import CACHE, Starcyte
from benchmarks.process import Watch
from benchmarks.questions import Cells, Genes
from benchmarks.session import CLIENTS

_GENES = 200
_COMPARED = ("t-test, two random 10 %", "Wilcoxon, two 8 % of clusters", "markers of 40 clusters, t-test")


class Limited(Starcyte):
    """The viewer within a limit, where there is one."""

    limit: Limit | None = None

    def command(self, file: Path, scratch: Path, port: int) -> Sequence[str]:
        command = [*super().command(file, scratch, port)]
        return command if self.limit is None else self.limit.command(command)


def walk(server: Starcyte, file: Path, facts: Facts, scratch: Path, seconds: float) -> dict[str, dict[str, float]]:
    """Take all steps, and return of each its seconds and the highest anonymous memory until its end."""
    rng = np.random.default_rng(7)
    questions = {case.title: case.ask for case in CASES}
    steps: dict[str, dict[str, float]] = {}

    def step(name: str, work: Callable[[], object]) -> None:
        begin = time.perf_counter()
        work()
        taken = {"seconds": round(time.perf_counter() - begin, 3), "anonymous": float(server.memory.anonymous_peak)}
        steps[name] = taken
        print(f"{name}: {taken['seconds']:.2f} s, anonymous at most {taken['anonymous'] / 1e6:.0f} MB", flush=True)

    def genes(n: int) -> None:
        for i in rng.integers(facts.n_vars, size=n).tolist():
            server.ask(Genes((i,)))

    def index() -> None:
        while server.indexing():
            time.sleep(0.2)

    def clients() -> None:
        asked = [server.requests(Genes((i,)))[0] for i in rng.integers(facts.n_vars, size=2000).tolist()]
        came = load(server.port, asked, CLIENTS, seconds)
        print(f"  {came.throughput:.1f} answers a second, 95 % within {came.p95 * 1e3:.0f} ms, {came.errors} errors")
        if came.errors or not came.answers:
            raise RuntimeError(f"{came.errors} errors among {came.answers} answers")

    try:
        step("start to first answer", lambda: server.start(file, scratch))
        step("cells", lambda: server.ask(Cells()))
        step("a gene while the index is made", lambda: genes(1))
        step("index", index)
        step(f"{_GENES} genes", lambda: genes(_GENES))
        for title in _COMPARED:
            step(title, lambda title=title: server.ask(questions[title](facts, rng, 0)))  # type: ignore[misc]
        step(f"{CLIENTS} clients", clients)
    finally:
        server.stop()
    return steps


def prepared_store(file: Path) -> Path:
    """Return the prepared store of a file, written if it is not there."""
    store = file.with_suffix(".zarr")
    if not store.exists():
        program = Path(sys.executable).with_name("starcyte")
        subprocess.run([program, "prepare", file, "--output", store], check=True)
    return store


def main() -> int:
    """Walk, and print what was used."""
    parser = argparse.ArgumentParser(prog="benchmarks.peakmem_walk", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="large")
    parser.add_argument("--prepared", action="store_true", help="go through the prepared store of the file")
    parser.add_argument("--limit-mb", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=10.0, help="seconds that the clients ask; default: 10")
    parser.add_argument("--data", type=Path, default=CACHE / "data")
    parser.add_argument("--output", type=Path, default=CACHE / "results" / "walk")
    arguments = parser.parse_args()
    size, file = arguments.limit_mb << 20, SIZES[arguments.size].file(arguments.data)
    facts, scratch = facts_of(file), CACHE / "scratch" / "walk"
    shown = prepared_store(file) if arguments.prepared else file
    shutil.rmtree(scratch, ignore_errors=True)
    limit = None
    try:
        limit = Limit(size)
        print(f"limit: {arguments.limit_mb} MiB, by the control group {limit.folder}")
    except OSError as error:
        print(f"limit: none but what is sampled, as no control group can be made here: {error}")
    found: dict[str, object] = {"size": arguments.size, "limit": size, "group": limit is not None}
    try:
        with Watch() as watch:
            server = Limited(watch, scratch / "cache", seconds=1800.0)
            server.limit = limit
            found["steps"] = steps = walk(server, shown, facts, scratch, arguments.seconds)
        anonymous = max(step["anonymous"] for step in steps.values())
        kills = limit.kills if limit else 0
        found |= {"anonymous": anonymous, "kills": kills, "highest": limit.highest if limit else 0}
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if limit:
            limit.close()
    with_files = f", with pages of files {found['highest'] / 1e6:.0f} MB" if limit else ""  # type: ignore[operator]
    print(f"anonymous memory at most {anonymous / 1e6:.0f} MB{with_files}; killed by the kernel: {kills}")
    arguments.output.mkdir(parents=True, exist_ok=True)
    kind = "-prepared" if arguments.prepared else ""
    (arguments.output / f"{arguments.size}{kind}.json").write_text(json.dumps(found, indent=1))
    return int(kills > 0 or anonymous > size)


if __name__ == "__main__":
    sys.exit(main())
