"""Ask a prepared store and its source the same, beside annzarro and Cellucid: ``python -m benchmarks.prepared``.

starcyte opens the store and, with its index, the file; annzarro and Cellucid's server open the store as the AnnData
that it is. Cellucid's server sends ranges of the files, which its page unpacks: of it, the ranges of a gene are timed
alone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.cases import CASES
from benchmarks.dataset_facts import Facts, facts_of
from benchmarks.datasets import SIZES
from benchmarks.peakmem_walk import prepared_store
from benchmarks.peers import CACHE, Annzarro, Cellucid, Starcyte
from benchmarks.process import Watch
from benchmarks.questions import Cells, Genes, Unable
from benchmarks.server import Server

_GENES, _SETS, _TWENTY = 60, 12, 20
_COMPARED = ("t-test, two random 10 %", "Wilcoxon, two 8 % of clusters", "markers of 40 clusters, t-test")


def ask(server: Server, file: Path, scratch: Path, facts: Facts, idle: float) -> dict[str, float]:
    """Return the seconds of each question, and the bytes of memory."""
    rng, questions = np.random.default_rng(7), {case.title: case.ask for case in CASES}
    found: dict[str, float] = {"start to first answer": server.start(file, scratch)}
    try:
        found["cells"] = server.ask(Cells())[0]
        if isinstance(server, Starcyte):
            while server.indexing():
                time.sleep(0.2)
        chosen = rng.integers(facts.n_vars, size=(_SETS, _TWENTY)).tolist()
        one = [server.ask(Genes((i,)))[0] for i in rng.integers(facts.n_vars, size=_GENES).tolist()]
        found["one gene"], found["one gene, 95 %"] = statistics.median(one), float(np.quantile(one, 0.95))
        found["20 genes"] = statistics.median(server.ask(Genes(tuple(genes)))[0] for genes in chosen)
        time.sleep(idle)
        found["one gene after a pause"] = server.ask(Genes((int(rng.integers(facts.n_vars)),)))[0]
        for title in _COMPARED:
            try:
                found[title] = server.ask(questions[title](facts, rng, 0))[0]
            except Unable as error:
                print(f"  {title}: {error}")
        found["memory"] = float(server.memory.anonymous_peak)
    finally:
        server.stop()
    return found


def main(given: Sequence[str] | None = None) -> int:
    """Ask all, and print a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.prepared", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="medium")
    parser.add_argument("--idle", type=float, default=60.0, help="seconds of the pause; default: 60")
    parser.add_argument("--data", type=Path, default=CACHE / "data")
    parser.add_argument("--output", type=Path, default=CACHE / "results" / "prepared")
    arguments = parser.parse_args(given)
    file = SIZES[arguments.size].file(arguments.data)
    store, facts, scratch = prepared_store(file), facts_of(file), CACHE / "scratch" / "prepared"
    shutil.rmtree(scratch, ignore_errors=True)
    found: dict[str, dict[str, float]] = {}
    with Watch() as watch:
        servers = {
            "starcyte, prepared": (Starcyte(watch, scratch / "cache", seconds=1800.0), store),
            "starcyte, h5ad and index": (Starcyte(watch, scratch / "cache", seconds=1800.0), file),
            "annzarro": (Annzarro(watch), store),
            "Cellucid, ranges alone": (Cellucid(watch), store),
        }
        for name, (server, path) in servers.items():
            print(name, flush=True)
            try:
                found[name] = ask(server, path, scratch, facts, arguments.idle)
            except Unable as error:
                print(f"  {error}")
    shutil.rmtree(scratch, ignore_errors=True)
    titles = dict.fromkeys(title for answers in found.values() for title in answers)
    print(f"\n| {arguments.size} | " + " | ".join(found) + " |\n| --- |" + " ---: |" * len(found))
    for title in titles:
        print(f"| {title} | " + " | ".join(_text(title, answers.get(title)) for answers in found.values()) + " |")
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / f"{arguments.size}.json").write_text(json.dumps(found, indent=1))
    return 0


def _text(title: str, value: float | None) -> str:
    if value is None:
        return "none"
    if title == "memory":
        return f"{value / 1e6:.0f} MB"
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
