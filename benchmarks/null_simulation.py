"""Count the false genes of each test where nothing differs, and the true ones it finds where genes do.

``python -m benchmarks.null_simulation`` simulates donors whose mean expression differs at random, without any
difference between the sides, and asks Welch's t-test and Wilcoxon's test of cells, limma-voom of sums by donor as
starcyte computes it, and PyDESeq2. It prints a table in Markdown and writes a figure for the documentation.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import rankdata, ttest_ind
from starcyte.compute.corrections import benjamini_hochberg
from starcyte.compute.pseudobulk.analysis import compare_sums
from starcyte.compute.pseudobulk.design import build_design

from benchmarks.peers import install

SPREADS = (0.1, 0.25, 0.5)
DONORS = 6
GENES = 2000
TRUE_GENES = 100
TRUE_FOLD = 2.0
METHODS = {
    "t-test": "t-test of cells",
    "wilcoxon": "Wilcoxon of cells",
    "voom": "limma-voom of sums",
    "deseq2": "PyDESeq2",
}
_COLORS = {"t-test": "#c44e52", "wilcoxon": "#dd8452", "voom": "#4c72b0", "deseq2": "#937860"}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shares:
    """Shares of tested genes with p < 0.05 and with adjusted p < 0.05, and of true genes with adjusted p < 0.05."""

    raw: float
    adjusted: float
    power: float


def simulated(rng: np.random.Generator, spread: float, cells: int, true: bool) -> tuple[Floats, NDArray[np.intp]]:
    """Return counts (cells x genes) and the donor of each cell; donors 0, 2, 4 against 1, 3, 5."""
    mean = np.exp(rng.normal(-1.0, 1.2, GENES)) * np.exp(rng.normal(0, spread, (DONORS, GENES)))
    if true:
        mean[::2, :TRUE_GENES] *= TRUE_FOLD
    donors = np.repeat(np.arange(DONORS), cells)
    depth = rng.gamma(8.0, 1 / 8.0, donors.size)
    return rng.poisson(mean[donors] * depth[:, None]).astype(np.float64), donors


def of_cells(counts: Floats, donors: NDArray[np.intp]) -> Iterator[tuple[str, Floats]]:
    """Yield the p-values of tests of the normalised logarithms of cells."""
    logs = np.log1p(counts / counts.sum(axis=1, keepdims=True) * np.median(counts.sum(axis=1)))
    a, b = logs[donors % 2 == 0], logs[donors % 2 == 1]
    yield "t-test", ttest_ind(a, b, equal_var=False).pvalue
    n, n_a = logs.shape[0], a.shape[0]
    ranks = rankdata(np.concatenate([a, b]), axis=0)
    ties = np.array([((c := np.unique(g, return_counts=True)[1]).astype(float) ** 3 - c).sum() for g in logs.T])
    spread = np.sqrt((1 - ties / (n**3 - n)) * n_a * (n - n_a) * (n + 1) / 12)
    yield "wilcoxon", 2 * ndtr(-np.abs((ranks[:n_a].sum(axis=0) - n_a * (n + 1) / 2) / spread))


def shares(p_value: Floats, p_adjusted: Floats) -> Shares:
    """Return the shares; the first genes are those that may differ."""
    tested = np.isfinite(p_value)
    found = np.nan_to_num(p_adjusted, nan=1.0) < 0.05
    return Shares(float((p_value[tested] < 0.05).mean()), float(found[tested].mean()), float(found[:TRUE_GENES].mean()))


def simulate(seeds: int, cells: int, true: bool, deseq2: bool) -> dict[float, dict[str, list[Shares]]]:
    """Return the shares of every method, by spread of donors and seed."""
    results: dict[float, dict[str, list[Shares]]] = {spread: {m: [] for m in METHODS} for spread in SPREADS}
    with tempfile.TemporaryDirectory() as folder:
        of_file: list[float] = []
        for spread in SPREADS:
            for seed in range(seeds):
                counts, donors = simulated(np.random.default_rng([seed, int(100 * spread), true]), spread, cells, true)
                for method, p_value in of_cells(counts, donors):
                    results[spread][method].append(shares(p_value, benjamini_hochberg(p_value)))
                sums = np.stack([counts[donors == k].sum(axis=0) for k in range(DONORS)])
                names = [f"donor {k}" for k in range(DONORS)]
                found = compare_sums(sums.T, build_design(donors, names, donors % 2))
                results[spread]["voom"].append(shares(found.p_value, found.p_adjusted))
                np.savez(Path(folder) / f"{len(of_file):04}.npz", sums=sums, sides=np.arange(DONORS) % 2)
                of_file.append(spread)
        if deseq2:
            child = Path(__file__).with_name("deseq2_child.py")
            subprocess.run([install("deseq2") / "python", child, folder], check=True)
            for number, spread in enumerate(of_file):
                results[spread]["deseq2"].append(shares(*np.load(Path(folder) / f"{number:04}.out.npy")))
    return results


def table(null: Any, true: Any) -> str:
    """Return the shares in percent as Markdown: the mean over seeds, and the largest adjusted one."""
    lines = [
        "| spread of donors | test | p < 0.05 | adjusted p < 0.05 | worst seed | true genes found |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for spread in SPREADS:
        for method, name in METHODS.items():
            of_null, of_true = null[spread][method], true[spread][method]
            if of_null:
                raw, adjusted = (100 * np.mean([getattr(s, k) for s in of_null]) for k in ("raw", "adjusted"))
                worst, power = 100 * max(s.adjusted for s in of_null), 100 * np.mean([s.power for s in of_true])
                lines.append(f"| {spread} | {name} | {raw:.1f} % | {adjusted:.2f} % | {worst:.2f} % | {power:.1f} % |")
    return "\n".join(lines)


def figure(null: Any) -> str:
    """Return an SVG: the share of false genes by the spread of the donors, a line for each test."""
    left, top, width, height = 60, 20, 360, 220
    x = {spread: left + width * i / (len(SPREADS) - 1) for i, spread in enumerate(SPREADS)}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 {height + 80}"',
        f'font-family="sans-serif" font-size="12"><rect width="600" height="{height + 80}" fill="#fff"/>',
    ]
    for share in (0, 20, 40, 60, 80):
        y = top + height * (1 - share / 80)
        parts.append(f'<path d="M{left} {y:.1f}H{left + width}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{share} %</text>')
    parts += [f'<text x="{at:.1f}" y="{top + height + 18}" text-anchor="middle">{s}</text>' for s, at in x.items()]
    middle = left + width / 2
    parts.append(f'<text x="{middle}" y="{top + height + 40}" text-anchor="middle">spread of donors (sd of ln)</text>')
    ends: list[tuple[float, str, str]] = []
    for method, name in METHODS.items():
        if not null[SPREADS[0]][method]:
            continue
        ys = [top + height * (1 - 100 * np.mean([v.adjusted for v in null[s][method]]) / 80) for s in SPREADS]
        points = " ".join(f"{x[s]:.1f},{y:.1f}" for s, y in zip(SPREADS, ys, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{_COLORS[method]}" stroke-width="2"/>')
        ends.append((ys[-1], name, _COLORS[method]))
    at = -np.inf
    for y, name, color in sorted(ends):
        at = max(y, at + 15)
        parts.append(f'<text x="{left + width + 10}" y="{at + 4:.1f}" fill="{color}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def main() -> None:
    """Simulate, print the table and write the figure."""
    parser = argparse.ArgumentParser(prog="benchmarks.null_simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--cells", type=int, default=500, help="cells of each donor; default: 500")
    parser.add_argument("--no-deseq2", action="store_true", help="do without PyDESeq2")
    parser.add_argument("--figure", type=Path, help="the SVG to write")
    arguments = parser.parse_args()
    null, true = (
        simulate(arguments.seeds, arguments.cells, with_true, not arguments.no_deseq2) for with_true in (False, True)
    )
    print(table(null, true))
    if arguments.figure:
        arguments.figure.write_text(figure(null))


if __name__ == "__main__":
    main()
