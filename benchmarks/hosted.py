"""Many users of one server: ``python -m benchmarks.hosted``.

Locust plays users who colour, compare, summarize and annotate: a hundred on one dataset, then on ten, then on one
beside a hundred clients that read nothing and a hundred that send a byte a second. Then clients ask starcyte and
cellxgene for genes without a pause, as in benchmarks.run. What is printed is what was seen: answers a second, their
times, errors, and memory and open files before and after.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from benchmarks.datasets import SIZES, Size
from benchmarks.load import load
from benchmarks.peers import CACHE, Cellxgene, Starcyte, install
from benchmarks.process import Watch, tree
from benchmarks.questions import Genes, Unable
from benchmarks.server import Request, Server
from benchmarks.strangers import Strangers

CLIENTS, _PATHS, _DATASETS = 16, 400, 10
# seconds that an answer is waited for, when all the clients have left
_PATIENCE = 30.0
_NAMED = {"X-User": "operator"}
_USERS = Path(__file__).with_name("hosted_users.py")


class Hosted(Starcyte):
    """One dataset for many users, whom a proxy would name."""

    def command(self, file: Path, scratch: Path, port: int) -> Sequence[str]:
        options = ["--access=proxy", "--user-header=X-User", f"--data-dir={scratch / 'made'}"]
        return [*super().command(file, scratch, port), *options]


class CatalogService(Hosted):
    """A folder of datasets for many users."""

    name = "starcyte serve"

    def program(self, command: str, file: Path) -> list[str]:
        return super().program("serve", file)


@dataclass(frozen=True)
class Seen:
    """What came of one run of locust."""

    rows: list[dict[str, Any]]
    anonymous: tuple[float, float, float]
    files: tuple[int, int]

    def lines(self, seconds: float) -> list[str]:
        """Return a table in Markdown."""
        out = ["| request | answers | per s | p50 ms | p95 ms | p99 ms | most ms | errors |", "| --- |" + " ---: |" * 7]
        times = Counter[str]()
        everything = [row for row in self.rows if row["method"] != "ALL"]
        for row in everything:
            times.update(row["response_times"])
        sums = {key: sum(row[key] for row in everything) for key in ("num_requests", "num_failures")}
        total = {"name": "all requests", "response_times": times, **sums}
        for row in [*sorted(self.rows, key=lambda r: r["name"]), total]:
            spread = np.repeat([float(t) for t in row["response_times"]], list(row["response_times"].values()))
            p50, p95, p99, most = np.quantile(spread, [0.5, 0.95, 0.99, 1.0]) if spread.size else [np.nan] * 4
            rate = row["num_requests"] / seconds
            out.append(
                f"| {row['name']} | {row['num_requests']:,} | {rate:.1f} | {p50:.0f} | {p95:.0f} | {p99:.0f}"
                f" | {most:.0f} | {row['num_failures']} |"
            )
        begin, end, peak = (value / 2**20 for value in self.anonymous)
        out.append("")
        out.append(
            f"Memory of its own (anonymous), MB: {begin:.0f} before, {end:.0f} after, {peak:.0f} at most. Open files:"
            f" {self.files[0]} before, {self.files[1]} after."
        )
        return out


def play(server: Server, roots: Sequence[str], users: int, seconds: float) -> Seen:
    """Have users at work on a server that runs."""
    programs = install("locust")
    pid = server.pid
    server.memory.begin()
    time.sleep(0.5)
    before, files = server.memory.anonymous, _files(pid)
    environ = os.environ | {"ROOTS": ",".join(roots)}
    command = [
        str(programs / "locust"),
        "-f",
        str(_USERS),
        "--headless",
        "--json",
        "--only-summary",
        "--skip-log-setup",
    ]
    # all have come within the first tenth of the time
    command += [
        "-u",
        str(users),
        "-r",
        str(max(users / seconds * 10, 1)),
        "-t",
        f"{seconds:.0f}s",
        "--stop-timeout",
        "60",
    ]
    said = subprocess.run(
        [*command, "--host", f"http://127.0.0.1:{server.port}"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 300,
    )
    if not said.stdout.strip():
        raise Unable(said.stderr[-500:])
    rows = json.loads(said.stdout[said.stdout.index("[") :])
    if server.memory.killed:
        raise Unable(f"killed at {server.memory.killed / 1e9:.0f} GB")
    end = time.monotonic() + 30
    while _files(pid) > files and time.monotonic() < end:
        time.sleep(0.5)
    return Seen(rows, (before, server.memory.anonymous, server.memory.anonymous_peak), (files, _files(pid)))


def _files(pid: int) -> int:
    """Return how many files and sockets a process and its children have open."""
    return sum(sum(1 for _ in Path(f"/proc/{p}/fd").iterdir()) for p in tree(pid))


def _wait(server: Starcyte, root: str = "/") -> None:
    """Return when a dataset is open and indexed."""
    while True:
        health = json.loads(server.answer(Request(f"{root}api/v1/health", _NAMED)))
        if health["state"] == "ready" and "indexing" not in health:
            return
        if health["state"] == "error":
            raise Unable(str(health))
        time.sleep(0.2)


def one_dataset(watch: Watch, size: Size, data: Path, users: int, seconds: float, strangers: int = 0) -> list[str]:
    """Return what was seen of many users on one dataset, beside so many clients of each kind that harm."""
    scratch = CACHE / "scratch" / "hosted"
    shutil.rmtree(scratch / "made", ignore_errors=True)
    server = Hosted(watch, CACHE / "index")
    server.start(size.file(data), scratch)
    try:
        _wait(server)
        if not strangers:
            return play(server, ["/"], users, seconds).lines(seconds)
        harm = Strangers(server.port, strangers, ["/"], [f"stranger-{i}" for i in range(10)])
        with harm.at_work():
            lines = play(server, ["/"], users, seconds).lines(seconds)
        return [*lines, "", f"Connections of clients that harm: {harm.connected}."]
    finally:
        server.stop()


def ten_datasets(watch: Watch, sizes: Sequence[Size], data: Path, users: int, seconds: float) -> list[str]:
    """Return what was seen of many users on ten datasets; they are hard links to those that are there."""
    scratch = CACHE / "scratch" / "hosted-ten"
    folder = scratch / "datasets"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(scratch / "made", ignore_errors=True)
    for i in range(_DATASETS):
        with contextlib.suppress(FileExistsError):
            (folder / f"dataset-{i}.h5ad").hardlink_to(sizes[i % len(sizes)].file(data))
    server = CatalogService(watch, CACHE / "index")
    server.start(folder, scratch)
    try:
        listed = json.loads(server.answer(Request("/api/v1/catalog", _NAMED)))["datasets"]
        roots = [f"/d/{row['id']}/" for row in listed]
        for root in roots:
            _wait(server, root)
        return play(server, roots, users, seconds).lines(seconds)
    finally:
        server.stop()


def side_by_side(watch: Watch, size: Size, data: Path, seconds: float, with_cellxgene: bool) -> list[str]:
    """Return what was seen of clients that ask for genes without a pause, of both viewers."""
    file = size.file(data)
    servers: list[Server] = [Starcyte(watch, CACHE / "index", _PATIENCE)]
    if with_cellxgene:
        servers.append(Cellxgene(watch, "csr", _PATIENCE))
    out = [
        f"| {CLIENTS} clients, random genes | answers per s | p50 ms | p95 ms | errors | memory MB | afterwards |",
        "| --- |" + " ---: |" * 5 + " --- |",
    ]
    with h5py.File(file) as opened:
        n_vars = opened["var/_index"].shape[0]
    for server in servers:
        try:
            server.start(file, CACHE / "scratch" / "hosted")
            if isinstance(server, Starcyte):
                _wait(server)
            genes = np.random.default_rng(7).integers(n_vars, size=_PATHS)
            requests = [server.requests(Genes((int(i),)))[0] for i in genes]
            came = load(server.port, requests, CLIENTS, seconds)
            server.answer(Request(server.health))
            out.append(
                f"| {server.name} | {came.throughput:.1f} | {1000 * came.p50:.0f} | {1000 * came.p95:.0f}"
                f" | {came.errors} | {server.memory.anonymous_peak / 2**20:.0f} | answers |"
            )
        except Unable as error:
            out.append(f"| {server.name} | | | | | | {error} |")
        finally:
            server.stop()
    return out


def main() -> None:
    """Run what is asked for, and print and keep it as Markdown."""
    parser = argparse.ArgumentParser(prog="benchmarks.hosted", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="medium", help="the dataset of all; default: medium")
    parser.add_argument("--also", choices=SIZES, default="small", help="every other one of ten; default: small")
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--strangers", type=int, default=100, help="clients of each kind that harm; default: 100")
    parts = ("one", "ten", "strangers", "peers")
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--without-cellxgene", action="store_true")
    parser.add_argument("--data", type=Path, default=CACHE / "data")
    parser.add_argument("--output", type=Path, default=CACHE / "results" / "hosted.md")
    args = parser.parse_args()
    size = SIZES[args.size]
    lines = [f"{size.name}: {size}", ""]
    with Watch() as watch:
        for part in args.parts:
            if part == "peers":
                title = f"{CLIENTS} clients, {size.cells:,} cells"
                found = side_by_side(watch, size, args.data, args.seconds / 3, not args.without_cellxgene)
            elif part == "one":
                title = f"{args.users} users, one dataset of {size.cells:,} cells, {args.seconds:.0f} s"
                found = one_dataset(watch, size, args.data, args.users, args.seconds)
            elif part == "strangers":
                title = f"{args.users} users beside {args.strangers} deaf and {args.strangers} slow clients"
                found = one_dataset(watch, size, args.data, args.users, args.seconds, args.strangers)
            else:
                title = f"{args.users} users, ten datasets, {args.seconds:.0f} s"
                found = ten_datasets(watch, (size, SIZES[args.also]), args.data, args.users, args.seconds)
            lines += [f"**{title}**", "", *found, ""]
            print("\n".join(lines[-len(found) - 3 :]), flush=True)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text("\n".join(lines))
    print(args.output, file=sys.stderr)


if __name__ == "__main__":
    main()
