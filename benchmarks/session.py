"""One dataset, all viewers: every case asked of each in turn, so that what disturbs one disturbs all.

Where memory does not hold them all, each viewer is asked all cases before the next is started.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from benchmarks.cases import CASES, Case
from benchmarks.dataset_facts import facts_of
from benchmarks.datasets import Size
from benchmarks.load import load
from benchmarks.machine import Others, describe, forget, plain_read, read_bandwidth
from benchmarks.peers import Annzarro, Cellxgene, Starcyte
from benchmarks.process import Watch, available_memory
from benchmarks.questions import Cells, Genes, Unable
from benchmarks.results import Results, Row
from benchmarks.scanpy_memory import Scanpy
from benchmarks.server import Server, running

CLIENTS = 16
_MARGIN = 5 << 30  # of the machine's memory, left to it when a peer that holds the file is started
_PATIENCE = 20.0  # seconds one viewer may take of one case before it is asked no more
_ENDURANCE = 240.0  # seconds one viewer may take of all cases before the rest is left out
_TIME_IS_UP = f"left out: {_ENDURANCE:.0f} s for one viewer were over"
_PATHS = 2000

VIEWERS: dict[str, Callable[[Watch, Path], Server]] = {
    "starcyte": lambda watch, cache: Starcyte(watch, cache),
    "cellxgene CSR": lambda watch, cache: Cellxgene(watch, "csr"),
    "cellxgene CSC": lambda watch, cache: Cellxgene(watch, "csc"),
    "annzarro": lambda watch, cache: Annzarro(watch),
    "scanpy": lambda watch, cache: Scanpy(watch),
}
# scanpy and cellxgene by rows would take tens of minutes of a huge dataset, or all memory
OF_HUGE = ("starcyte", "cellxgene CSC", "annzarro")


class Session:
    """A run over one dataset.

    Parameters
    ----------
    size
        The dataset, written if it is not there.
    viewers
        Names of VIEWERS; starcyte among them.
    data
        The folder of datasets.
    scratch
        A folder for what the viewers write; emptied first.
    output
        The file of the results, written anew after each case.
    """

    def __init__(self, size: Size, viewers: Sequence[str], data: Path, scratch: Path, output: Path) -> None:
        self._scratch, self._output = scratch, output
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        self._cache = scratch / "cache"
        self._names = list(viewers)
        self._peaks: dict[str, int] = {}  # of processes that are gone
        self._spent: dict[str, float] = {}  # seconds, by viewer
        layouts = {"csr", "csc"} if "cellxgene CSC" in viewers else {"csr"}
        self._files = {layout: size.file(data, layout) for layout in sorted(layouts)}
        self._facts = facts = facts_of(self._files["csr"])
        self._read = read_bandwidth(self._files["csr"])
        self._rng = np.random.default_rng(7)
        self._others = Others()
        dataset = {
            "name": size.name,
            "cells": facts.n_obs,
            "genes": facts.n_vars,
            "nnz": facts.nnz,
            "density": facts.nnz / facts.n_obs / facts.n_vars,
            "bytes": self._files["csr"].stat().st_size,
            "read_gb_s": round(self._read / 1e9, 1),
        }
        self.results = Results(describe(), dataset, list(viewers))

    def run(self, rounds: int, seconds: float) -> None:
        """Measure all cases.

        Parameters
        ----------
        rounds
            How often each viewer is started, and the index made; at most as often each question is asked.
        seconds
            How long the clients ask.
        """
        try:
            self._say("index")
            self._index(rounds)
            self._say("start")
            for turn in range(rounds):
                self._starts(turn, last=turn == rounds - 1)
            self._questions(rounds, seconds)
            self.results.other_cpu = self._others.share()
        finally:
            self.results.write(self._output)
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _say(self, what: str) -> None:
        self.results.write(self._output)
        print(f"{time.strftime('%H:%M:%S')} {self.results.dataset['name']}: {what}", flush=True)

    def _row(self, title: str, unit: str = "s", limit: float | None = None) -> Row:
        return self.results.row(title, unit, limit)  # type: ignore[arg-type]

    def _index(self, rounds: int) -> None:
        """Make the index as ``starcyte prepare`` does, beside one plain read of X; the last one is kept."""
        memory = Row("index: memory, highest", "bytes")
        for state in ("from the disk", "from the page cache"):
            row = self._row(f"index and moments, all cores, {state}")
            reads = []
            with Watch() as watch:
                for _ in range(rounds):
                    reads.append(plain_read(self._file(state)))
                    row.add("starcyte", self._prepare(watch, self._file(state), memory))
                    if sum(row.samples["starcyte"]) > _PATIENCE:
                        break
            row.limit = float(np.median(reads))
        self.results.rows.append(memory)

    def _file(self, state: str) -> Path:
        if state == "from the disk":
            forget(self._files["csr"])
        return self._files["csr"]

    def _prepare(self, watch: Watch, file: Path, memory: Row) -> float:
        shutil.rmtree(self._cache, ignore_errors=True)
        begin = time.perf_counter()
        process = subprocess.Popen(Starcyte(watch, self._cache).program("prepare", file), stdout=subprocess.DEVNULL)
        taken = watch.add(process.pid)
        if process.wait() != 0:
            raise RuntimeError("starcyte prepare failed")
        seconds = time.perf_counter() - begin
        watch.remove(process.pid)
        memory.add("starcyte", taken.anonymous_peak)
        return seconds

    def _starts(self, turn: int, last: bool) -> None:
        """Start each viewer alone, on a file it has not seen, until cells and then a gene are there."""
        health, cells = self._row("start to first answer"), self._row("start to cells on the page, no index yet")
        gene = self._row("the first gene, no index yet")
        highest = self._row("memory, highest while the index is made", "bytes")
        cells.limit = 9 * self._facts.n_obs / self._read
        with Watch() as watch:
            for name in self._names:
                if sum(cells.samples.get(name, health.samples.get(name, []))) > _PATIENCE:
                    continue
                cache = self._scratch / "no-index"
                shutil.rmtree(cache, ignore_errors=True)
                server = VIEWERS[name](watch, cache)
                try:
                    begin = time.perf_counter()
                    with self._running(server) as first:
                        health.add(name, first)
                        self._ask_once(server, Cells(), cells, begin)
                        self._ask_once(server, Genes((int(self._rng.integers(self._facts.n_vars)),)), gene)
                        while last and isinstance(server, Starcyte) and server.indexing():
                            time.sleep(0.5)
                        if last and isinstance(server, Starcyte):
                            highest.add(name, server.memory.anonymous_peak)
                except Unable as error:
                    for row in (health, cells, gene):
                        row.unable[name] = str(error)
                shutil.rmtree(cache, ignore_errors=True)

    def _running(self, server: Server) -> AbstractContextManager[float]:
        self._refuse_too_large(server)
        return running(server, self._files[server.layout], self._scratch / server.name.replace(" ", "-"))

    def _refuse_too_large(self, server: Server) -> None:
        needed, there = server.appetite * 8 * self._facts.nnz, available_memory() - _MARGIN
        if needed > there:
            raise Unable(f"not started: takes about {needed / 1e9:.0f} GB, {max(there, 0) / 1e9:.0f} GB are free")

    @staticmethod
    def _ask_once(server: Server, question: object, row: Row, begin: float | None = None) -> None:
        try:
            seconds, _ = server.ask(question)  # type: ignore[arg-type]
            row.add(server.name, seconds if begin is None else time.perf_counter() - begin)
        except Unable as error:
            row.unable[server.name] = str(error)

    def _questions(self, rounds: int, seconds: float) -> None:
        """Ask all viewers, that run side by side, one at a time; or in turns, where memory holds but one of them."""
        for names in self._companies():
            with Watch() as watch:
                servers = [VIEWERS[name](watch, self._cache) for name in names]
                try:
                    self._ask_all(servers, rounds, seconds)
                finally:
                    for server in servers:
                        server.stop()

    def _companies(self) -> list[list[str]]:
        """Return which viewers run at the same time: what one holds in memory must not push out what another reads."""
        with Watch() as watch:
            appetites = [VIEWERS[name](watch, self._cache).appetite for name in self._names]
        index = sum(path.stat().st_size for path in self._cache.rglob("*.bin"))
        files = sum(path.stat().st_size for path in self._files.values())
        needed = sum(appetites) * 8 * self._facts.nnz + index + files
        self.results.in_turns = needed > available_memory()
        return [[name] for name in self._names] if self.results.in_turns else [self._names]

    def _ask_all(self, servers: Sequence[Server], rounds: int, seconds: float) -> None:
        for server in servers:
            self._start(server)
        self._settle(servers)
        self._cold_gene(servers)
        for number, case in enumerate(CASES):
            self._revive(servers)
            self._say(case.title)
            row = self._row(case.title, limit=case.bytes(self._facts) / self._read or None)
            rng = np.random.default_rng((7, number))
            self._rounds(case, row, servers, case.rounds if rounds > 1 else min(case.rounds, 5), rng)
        self._memory(servers, "memory, highest through all of this")
        self._revive(servers)
        for server in servers:
            self._clients(server, seconds)
        self._memory(servers, f"memory, highest with {CLIENTS} clients")

    def _start(self, server: Server) -> None:
        self._say(f"starting {server.name}")
        try:
            self._refuse_too_large(server)
            server.start(self._files[server.layout], self._scratch / server.name.replace(" ", "-"))
        except Unable as error:
            server.lost = str(error)

    def _revive(self, servers: Sequence[Server]) -> None:
        """Start again what ended with the last case: it may well answer the next."""
        for server in servers:
            if server.lost and server.memory.anonymous_peak:
                self._peaks[server.name] = max(self._peaks.get(server.name, 0), server.memory.anonymous_peak)
                self._start(server)

    def _settle(self, servers: Sequence[Server]) -> None:
        for server in servers:
            self._ask_once(server, Cells(), Row("", "s"))
        time.sleep(1)
        row = self._row("memory, the page shown", "bytes")
        for server in servers:
            if server.lost:
                row.unable[server.name] = server.lost
            else:
                row.add(server.name, server.memory.anonymous)

    def _cold_gene(self, servers: Sequence[Server]) -> None:
        row = self._row(
            "one gene, nothing in the page cache", limit=6 * self._facts.nnz / self._facts.n_vars / self._read
        )
        for server in servers:
            forget(self._files[server.layout], self._cache)
            self._ask_once(server, Genes((int(self._rng.integers(self._facts.n_vars)),)), row)
        plain_read(self._files["csr"])  # back into the page cache, for all that follows
        for path in self._cache.rglob("*.bin"):
            read_bandwidth(path)

    def _rounds(self, case: Case, row: Row, servers: Sequence[Server], rounds: int, rng: np.random.Generator) -> None:
        spent = dict.fromkeys((s.name for s in servers), 0.0)
        for turn in range(rounds):
            question = case.ask(self._facts, rng, turn)
            for server in servers[turn % len(servers) :] + servers[: turn % len(servers)]:
                if server.name in row.unable or spent[server.name] > _PATIENCE:
                    continue
                if self._spent.get(server.name, 0.0) > _ENDURANCE:
                    if server.name not in row.samples:
                        row.unable[server.name] = _TIME_IS_UP
                    continue
                begin = time.monotonic()
                try:
                    taken, _ = server.ask(question)
                    row.add(server.name, taken)
                    spent[server.name] += taken
                except Unable as error:
                    row.unable[server.name] = str(error)
                self._spent[server.name] = self._spent.get(server.name, 0.0) + time.monotonic() - begin

    def _clients(self, server: Server, seconds: float) -> None:
        throughput = self._row(f"{CLIENTS} clients, random genes: answers", "per s")
        p50, p95 = (self._row(f"the same: {name}") for name in ("median", "95th percentile"))
        errors = self._row("the same: errors", "count")
        genes = np.random.default_rng(7).integers(self._facts.n_vars, size=_PATHS)
        try:
            if server.lost:
                raise Unable(server.lost)
            requests = [server.requests(Genes((int(i),)))[0] for i in genes]
            self._say(f"{CLIENTS} clients, {server.name}")
            came = load(server.port, requests, CLIENTS, seconds)
            if server.memory.killed:
                raise Unable(f"killed at {server.memory.killed / 1e9:.0f} GB: the machine had no more memory")
            if not came.answers:
                raise Unable(f"none of {CLIENTS} clients had an answer in {seconds:.0f} s")
        except (Unable, NotImplementedError) as error:
            for row in (throughput, p50, p95, errors):
                row.unable[server.name] = str(error) or "has none"
            return
        for row, value in ((throughput, came.throughput), (p50, came.p50), (p95, came.p95), (errors, came.errors)):
            row.add(server.name, value)

    def _memory(self, servers: Sequence[Server], title: str) -> None:
        row = self._row(title, "bytes")
        for server in servers:
            peak = max(self._peaks.pop(server.name, 0), server.memory.anonymous_peak)
            if peak:
                row.add(server.name, peak)
            else:
                row.unable[server.name] = server.lost or "has none"
            server.memory.begin()
