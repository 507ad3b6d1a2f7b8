"""Answer comparisons by PyDESeq2, in an environment of its own: ``python deseq2_child.py FOLDER``.

The folder holds arrays NUMBER.npz with ``sums`` (samples x genes) and ``sides``; for each, NUMBER.out.npy is written,
which holds the p-values and the adjusted p-values.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from pydeseq2.dds import DeseqDataSet
from pydeseq2.ds import DeseqStats


def main() -> None:
    """Answer every array of the folder."""
    warnings.simplefilter("ignore")
    for path in sorted(Path(sys.argv[1]).glob("*.npz")):
        given = np.load(path)
        names = [f"s{i}" for i in range(given["sums"].shape[0])]
        counts = pd.DataFrame(given["sums"].astype(int), index=names)
        counts.columns = [str(c) for c in counts.columns]
        metadata = pd.DataFrame({"side": ["a" if side == 0 else "b" for side in given["sides"]]}, index=names)
        dataset = DeseqDataSet(counts=counts, metadata=metadata, design="~side", quiet=True, n_cpus=1)
        dataset.deseq2()
        statistics = DeseqStats(dataset, contrast=["side", "a", "b"], quiet=True, n_cpus=1)
        statistics.summary()
        found = statistics.results_df
        np.save(path.with_suffix(".out.npy"), np.stack([found["pvalue"], found["padj"]]))


if __name__ == "__main__":
    main()
