"""The tables: Markdown for people, from the JSON of the runs.

``python -m benchmarks.table FILE.json ...`` prints the long ones; with ``--docs`` they replace those in
``docs/explanation/benchmarks.md``, and a short one as well. Without files, those of the last run.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers import CACHE
from benchmarks.results import Results, Row, Unit

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "benchmarks.md"

# of the short table: what it is called in the long ones, and of which dataset
SHORT = (
    ("start to first answer", "large"),
    ("start to cells on the page, no index yet", "large"),
    ("index and moments, all cores, from the disk", "large"),
    ("index and moments, all cores, from the page cache", "large"),
    ("memory, highest through all of this", "large"),
    ("one gene", "large"),
    ("one gene", "medium"),
    ("one gene", "small"),
    ("20 genes", "medium"),
    ("16 clients, random genes: answers", "medium"),
    ("the same: 95th percentile", "medium"),
    ("t-test, two random 10 %", "large"),
    ("t-test, two random 10 %", "medium"),
    ("t-test, a cluster and the rest", "large"),
    ("Wilcoxon, two 8 % of clusters", "medium"),
    ("markers of 40 clusters, t-test", "medium"),
)
_TITLES = {"the same: 95th percentile": "16 clients: 95 % are answered within"}

OURS = "starcyte"
LIBRARY = "scanpy"  # no viewer: compared with where no viewer has the case


def markdown(runs: Sequence[Results]) -> str:
    """Return the tables of some runs, largest dataset last."""
    runs = sorted(runs, key=lambda run: run.dataset["cells"])
    return "\n\n".join(_section(run) for run in runs) + "\n"


def short(runs: Sequence[Results], walk: dict[str, Any] | None = None) -> str:
    """Return the short table, of the rows that were measured.

    Parameters
    ----------
    runs
        The runs, one for each dataset.
    walk
        What ``benchmarks.peakmem_walk`` found, if it was run.
    """
    by_name = {run.dataset["name"]: run for run in runs}
    lines = [
        "| | cells | starcyte | the best other | | the machine's limit |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for title, name in SHORT:
        row = next((row for row in by_name[name].rows if row.title == title), None) if name in by_name else None
        ours = None if row is None else row.median(OURS)
        if row is None or ours is None:
            continue
        best = _best(row, by_name[name].viewers)
        other = "" if best is None else f"{_figure(best[1], row.unit)} ({best[0]})"
        limit = "" if row.limit is None else _figure(row.limit, row.unit)
        cells = (_TITLES.get(title, title), f"{by_name[name].dataset['cells']:,}", _figure(ours, row.unit), other)
        lines.append(f"| {' | '.join(cells)} | {_ratio(row, by_name[name].viewers)} | {limit} |")
    first = max(runs, key=lambda run: int(run.dataset["cells"]))
    machine = first.machine
    said = [
        f"Medians of one run, {machine['date']}, on {machine['cores']} cores of {machine['processor']} with "
        f"{machine['memory_gib']} GiB: starcyte {machine['commit']}; cellxgene 1.3.0, its file by rows and by columns; "
        "annzarro 0.7.5; scanpy with the file in memory. The machine's limit is one read of the bytes needed, from the "
        "page cache; for the index, one plain read of X with h5py."
    ]
    if walk:
        how = "in a control group of" if walk["group"] else "sampled every 50 ms, below"
        said.append(
            f"Opening 1,000,000 cells, the index, 200 genes, a t-test, a Wilcoxon, markers and 16 clients, {how} "
            f"{walk['limit'] / 2**20:.0f} MiB: {walk['anonymous'] / 1e6:.0f} MB of anonymous memory at most, "
            f"{'nothing' if not walk['kills'] else walk['kills']} killed (`python -m benchmarks.peakmem_walk`)."
        )
    return "\n".join(lines) + "\n\n" + "\n\n".join(said) + "\n"


def insert(text: str, name: str, table: str) -> str:
    """Return a text with a table between the comments ``begin NAME`` and ``end NAME``, in place of the former one."""
    before, begin, rest = text.partition(f"<!-- begin {name} -->\n")
    _, end, after = rest.partition(f"<!-- end {name} -->")
    if not begin or not end:
        raise ValueError(f"there are no comments 'begin {name}' and 'end {name}'")
    return f"{before}{begin}\n{table}\n{end}{after}"


def _section(run: Results) -> str:
    machine, dataset = run.machine, run.dataset
    others = "" if run.other_cpu is None else f"; other processes took {run.other_cpu:.0%} of the cores meanwhile"
    turns = " One viewer ran at a time: together they need more memory than there is." if run.in_turns else ""
    viewers = [v for v in run.viewers if any(v in row.samples or v in row.unable for row in run.rows)]
    lines = [
        f"### {dataset['cells']:,} cells x {dataset['genes']:,} genes, {dataset['nnz'] / 1e6:,.0f} million values "
        f"({dataset['density']:.1%}), {_figure(dataset['bytes'], 'bytes')}",
        "",
        f"{machine['date']}; {machine['cores']} cores of {machine['processor']}, {machine['memory_gib']} GiB, "
        f"{machine['system']}, Python {machine['python']}; starcyte at {machine['commit']}. One core copies "
        f"{machine['memory_copy_gb_s']} GB/s, reads a cached file at {dataset['read_gb_s']} GB/s. "
        f"Load average before: {machine['load_average'][0]}{others}.{turns}",
        "",
        "| | " + " | ".join(viewers) + " | starcyte against the best other viewer, or scanpy | the machine's limit |",
        "| --- |" + " ---: |" * (len(viewers) + 2),
    ]
    lines += [_line(row, viewers) for row in run.rows]
    notes = sorted({f"{v}: {why}" for row in run.rows for v, why in row.unable.items() if why != "has none"})
    return "\n".join(lines + (["", *[f"* {note}" for note in notes]] if notes else []))


def _line(row: Row, viewers: Sequence[str]) -> str:
    cells = [_cell(row, viewer) for viewer in viewers]
    limit = "" if row.limit is None else _figure(row.limit, row.unit)
    return f"| {row.title} | {' | '.join(cells)} | {_ratio(row, viewers)} | {limit} |"


def _cell(row: Row, viewer: str) -> str:
    median = row.median(viewer)
    if median is not None:
        return _figure(median, row.unit)
    why = row.unable.get(viewer, "")
    return {"": "", "has none": "none"}.get(why, "fails")


def _best(row: Row, viewers: Sequence[str]) -> tuple[str, float] | None:
    """Return the best of the others and its figure: a viewer, or scanpy where no viewer has the case."""
    if row.unit == "count":
        return None
    peers = [v for v in viewers if v not in {OURS, LIBRARY} and v in row.samples]
    if not peers and row.unit == "s" and LIBRARY in row.samples:
        peers = [LIBRARY]
    figures = [(v, m) for v in peers if (m := row.median(v)) is not None]
    choose = max if row.unit == "per s" else min
    return choose(figures, key=lambda f: f[1]) if figures else None


def _ratio(row: Row, viewers: Sequence[str]) -> str:
    ours, best = row.median(OURS), _best(row, viewers)
    if ours is None or best is None:
        return ""
    ratio = ours / best[1] if row.unit == "per s" else best[1] / ours
    return f"{ratio:,.0f} x" if ratio >= 10 else f"{ratio:.1f} x" if ratio >= 1 else f"{ratio:.2f} x"


def _figure(value: float, unit: Unit) -> str:
    if unit == "bytes":
        return f"{value / 1e9:.2f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"
    if unit == "per s":
        return f"{value:,.0f}/s" if value >= 10 else f"{value:.1f}/s"
    if unit == "count":
        return f"{value:,.0f}"
    for factor, name in ((1, "s"), (1e3, "ms")):
        if value * factor >= 1:
            return f"{value * factor:,.0f} {name}" if value * factor >= 100 else f"{value * factor:.3g} {name}"
    return f"{value * 1e6:.0f} µs"


def main() -> None:
    """Print the tables, or write them into the documentation."""
    parser = argparse.ArgumentParser(prog="benchmarks.table", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="JSON of runs; default: all of the last")
    parser.add_argument("--docs", action="store_true", help="write the tables of docs/explanation/benchmarks.md")
    arguments = parser.parse_args()
    results = CACHE / "results"
    runs = [Results.read(path) for path in arguments.files or sorted(results.glob("*.json"))]
    if not runs:
        parser.error("there are no results; make bench writes some")
    text, walk = markdown(runs), results / "walk" / "large.json"
    if not arguments.docs:
        print(text)
        return
    table = short(runs, json.loads(walk.read_text()) if walk.exists() else None)
    PAGE.write_text(insert(insert(PAGE.read_text(), "summary", table), "tables", text))


if __name__ == "__main__":
    main()
