"""The table: Markdown for people, from the JSON of the runs.

``python -m benchmarks.table FILE.json ...``
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.results import Results, Row, Unit

OURS = "starcyte"
LIBRARY = "scanpy"  # no viewer: compared with where no viewer has the case


def markdown(runs: Sequence[Results]) -> str:
    """Return the tables of some runs, largest dataset last."""
    runs = sorted(runs, key=lambda run: run.dataset["cells"])
    return "\n\n".join(_section(run) for run in runs) + "\n"


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


def _ratio(row: Row, viewers: Sequence[str]) -> str:
    ours = row.median(OURS)
    peers = [v for v in viewers if v not in {OURS, LIBRARY} and v in row.samples]
    if not peers and row.unit == "s" and LIBRARY in row.samples:
        peers = [LIBRARY]
    others = [m for v in peers if (m := row.median(v)) is not None]
    if ours is None or not others or row.unit == "count":
        return ""
    ratio = ours / max(others) if row.unit == "per s" else min(others) / ours
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


if __name__ == "__main__":
    print(markdown([Results.read(Path(path)) for path in sys.argv[1:]]))
