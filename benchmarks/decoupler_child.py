"""Sum counts by sample and cluster with decoupler, in an environment of its own: ``python decoupler_child.py FILE``.

Prints the seconds of reading the file and of the sums, and the highest resident memory in bytes, as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import anndata
import decoupler


def main() -> None:
    """Read the file, and sum."""
    start = time.perf_counter()
    data = anndata.read_h5ad(sys.argv[1])
    read = time.perf_counter()
    decoupler.pp.pseudobulk(data, sample_col="donor", groups_col="cluster", mode="sum")
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"read": read - start, "sums": done - read, "bytes": peak}))


if __name__ == "__main__":
    main()
