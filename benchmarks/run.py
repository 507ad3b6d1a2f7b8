"""Measure starcyte and its peers: ``python -m benchmarks.run``, or ``make bench``."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from benchmarks.datasets import SIZES
from benchmarks.peers import CACHE
from benchmarks.results import Results
from benchmarks.session import OF_HUGE, VIEWERS, Session
from benchmarks.table import markdown


def main() -> None:
    """Run the sessions that are asked for, and print the table of all that stand."""
    parser = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["small", "medium", "large"])
    parser.add_argument(
        "--viewers", nargs="+", choices=VIEWERS, help=f"default: all; of a huge dataset {', '.join(OF_HUGE)}"
    )
    parser.add_argument("--rounds", type=int, default=3, help="starts of each viewer and index builds; default: 3")
    parser.add_argument("--seconds", type=float, default=10.0, help="seconds that the clients ask; default: 10")
    parser.add_argument("--data", type=Path, default=CACHE / "data", help="folder of the datasets, about 25 GB")
    parser.add_argument("--output", type=Path, default=CACHE / "results", help="folder of the JSON and Markdown")
    arguments = parser.parse_args()
    # also then the viewers must not be left behind
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for name in arguments.sizes:
        output = arguments.output / f"{name}.json"
        asked = arguments.viewers or (OF_HUGE if SIZES[name].huge else VIEWERS)
        viewers = [v for v in VIEWERS if v in {"starcyte", *asked}]
        session = Session(SIZES[name], viewers, arguments.data, CACHE / "scratch" / name, output)
        session.run(arguments.rounds, arguments.seconds)
    runs = [Results.read(path) for path in sorted(arguments.output.glob("*.json"))]
    text = markdown(runs)
    (arguments.output / "benchmarks.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
