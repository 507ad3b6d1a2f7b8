"""Time comparisons over samples beside a t-test of cells, decoupler's sums and PyDESeq2 of the same sums.

``python -m benchmarks.pseudobulk --folder FOLDER`` writes a dataset of counts of twelve donors and forty types, and
prints a table in Markdown. Peers are installed into environments of their own.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from starcyte.compute.by_category import compare_by_category
from starcyte.compute.diffexp import compare
from starcyte.compute.methods.method import ReadSums
from starcyte.compute.options import Options
from starcyte.compute.pseudobulk.samples import Samples, sides_of
from starcyte.compute.pseudobulk.sums_cache import SumsCache
from starcyte.settings import Settings
from starcyte.store.dataset import no_tick
from starcyte.store.index.background import index_matrix
from starcyte.store.index.sums import Groups
from starcyte.store.open import open_dataset

from benchmarks.datasets import SIZES, write_dataset
from benchmarks.peers import install

Rows = list[tuple[str, float, float]]
#: After which a peer is stopped
MOST_SECONDS = 1200


def timed(rows: Rows, what: str, question: Callable[[], object]) -> None:
    """Ask a question, and note the seconds it takes by the clock and of all processors."""
    start, cpu = time.perf_counter(), time.process_time()
    question()
    rows.append((what, time.perf_counter() - start, time.process_time() - cpu))


def of_starcyte(path: Path, cache: Path, workers: int) -> tuple[Rows, np.ndarray, np.ndarray]:
    """Return the times of starcyte's questions, the sums of shape (donors, genes), and the condition of each donor."""
    settings = Settings(cache_dir=str(cache), workers=workers)
    dataset = open_dataset(path, settings)
    matrix, rows = dataset.matrix("X"), Rows()
    matrix.index = index_matrix(dataset, settings, "X", no_tick)
    shutil.rmtree(cache / "sums", ignore_errors=True)
    kept = SumsCache(dataset, settings)
    donors, names = dataset.obs_column("donor").as_codes()
    types = dataset.obs_column("cluster")
    a = dataset.obs_column("condition").as_codes()[0] == 0
    samples = Samples("donor", donors, names)
    tenth = np.random.default_rng(0).permutation(dataset.n_obs) * 10 // dataset.n_obs

    def sums(categories: np.ndarray | None) -> ReadSums:
        parts = sides_of(a, ~a)
        return lambda groups, tick: kept.merged("X", groups, lambda: samples.parts(parts, categories), tick)

    def over_samples() -> object:
        return compare(
            *(dataset, matrix, a, ~a, Options("pseudobulk"), workers), design=samples.design(a, ~a), sums=sums(None)
        )

    def by_category() -> object:
        options, read = Options("pseudobulk"), sums(types.as_codes()[0])
        return compare_by_category(dataset, matrix, a, ~a, samples, types, options, workers, sums=read)

    def of_cells() -> object:
        return compare(dataset, matrix, tenth == 0, tenth == 1, Options("t-test"), workers)

    of_cells()
    timed(rows, "t-test, 10 % of the cells against 10 %", of_cells)
    timed(rows, "over samples, first", over_samples)
    timed(rows, "over samples, then", over_samples)
    timed(rows, "in each of 40 types, first", by_category)
    timed(rows, "in each of 40 types, then", by_category)
    totals = kept.sums("X", Groups(donors, len(names))).total.T
    dataset.close()
    return rows, totals, np.array([int(a[donors == donor][0]) for donor in range(len(names))])


def of_peers(path: Path, sums: np.ndarray, sides: np.ndarray) -> Rows:
    """Return the times of decoupler's sums, and of PyDESeq2 on sums of shape (donors, genes)."""
    here, rows = Path(__file__).parent, Rows()
    command = [install("decoupler") / "python", here / "decoupler_child.py", path]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=MOST_SECONDS)
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        # on a machine of little memory, it is killed while it reads
        rows.append((f"decoupler: {_ended(error)}", np.nan, np.nan))
    else:
        found = json.loads(done.stdout)
        rows.append((f"decoupler, {found['bytes'] / 2**30:.1f} GB of memory: reading", found["read"], np.nan))
        rows.append(("decoupler: sums by donor and type", found["sums"], np.nan))
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "0.npz", sums=sums.astype(np.int64), sides=sides)
        python = install("deseq2") / "python"
        start = time.perf_counter()
        try:
            subprocess.run([python, here / "deseq2_child.py", folder], check=True, timeout=MOST_SECONDS)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
            rows.append((f"PyDESeq2: {_ended(error)}", np.nan, np.nan))
        else:
            rows.append(("PyDESeq2 of the sums by donor", time.perf_counter() - start, np.nan))
    return rows


def _ended(error: subprocess.TimeoutExpired | subprocess.CalledProcessError) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"not done in {MOST_SECONDS // 60} minutes"
    return f"ended with status {error.returncode}"


def main() -> None:
    """Write the dataset, and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.pseudobulk", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="of the dataset and the index; they stay there")
    parser.add_argument("--size", choices=sorted(SIZES), default="large")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--no-peers", action="store_true", help="do without decoupler and PyDESeq2")
    arguments = parser.parse_args()
    size = SIZES[arguments.size]
    path = arguments.folder / f"counts-{size.name}.h5ad"
    if not path.exists():
        arguments.folder.mkdir(parents=True, exist_ok=True)
        write_dataset(path, size.cells, size.genes, size.density, counts=True)
    rows, sums, sides = of_starcyte(path, arguments.folder / "cache", arguments.workers)
    if not arguments.no_peers:
        rows += of_peers(path, sums, sides)
    print(f"{size}, {arguments.workers} processors\n")
    print("| question | seconds | of all processors |\n| --- | ---: | ---: |")
    for what, clock, cpu in rows:
        print(f"| {what} | {' | '.join('' if np.isnan(value) else f'{value:.2f}' for value in (clock, cpu))} |")


if __name__ == "__main__":
    main()
