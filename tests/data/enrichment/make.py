"""Write oracle.json: the sets of a simulated ranking as gseapy and decoupler test them.

Run it where both are installed: ``pip install gseapy==1.3.1 decoupler==2.2.0``.
"""

import json
from pathlib import Path

import decoupler
import gseapy
import numpy as np
import pandas as pd

rng = np.random.default_rng(1)
genes = [f"g{i}" for i in range(1000)]
scores = np.sort(rng.normal(size=1000).round(4))[::-1]
sets = {}
for k in range(24):
    odds = np.ones(1000)
    odds[slice(0, 200) if k % 3 == 0 else slice(800, 1000)] += 2 if k % 3 < 2 else 0
    size = int(rng.integers(12, 90))
    sets[f"set {k}"] = [genes[i] for i in rng.choice(1000, size, replace=False, p=odds / odds.sum())]
sets["all of the top"] = genes[:15]
chosen = genes[:120]

ranked = gseapy.prerank(
    pd.Series(scores, genes), sets, permutation_num=20_000, min_size=1, max_size=1000, seed=1, threads=1, outdir=None
).res2d.set_index("Term")
over = gseapy.enrich(chosen, sets, background=genes, outdir=None).res2d.set_index("Term")
net = pd.DataFrame(
    [(name, gene, 1.0) for name, some in sets.items() for gene in some], columns=["source", "target", "weight"]
)
matrix = pd.DataFrame([scores], index=["comparison"], columns=genes)
nes, p = decoupler.mt.gsea(matrix, net, tmin=1, times=20_000, seed=1)
odds_ratio, _ = decoupler.mt.ora(matrix, net, tmin=1, n_up=len(genes) - len(chosen), n_bg=len(genes))
found = {
    "versions": {"gseapy": gseapy.__version__, "decoupler": decoupler.__version__},
    "genes": genes,
    "scores": scores.tolist(),
    "sets": sets,
    "chosen": chosen,
    "gseapy": {
        name: {
            "score": float(row["ES"]),
            "normalised": float(row["NES"]),
            "p": float(row["NOM p-val"]),
            "leading": row["Lead_genes"].split(";"),
            # it leaves out sets that have none of the genes
            "over": float(over["P-value"].get(name, 1.0)),
        }
        for name, row in ranked.loc[list(sets)].iterrows()
    },
    "decoupler": {
        name: {
            "normalised": float(nes[name].iloc[0]),
            "p": float(p[name].iloc[0]),
            # logarithm, with 0.5 added to each count
            "odds ratio": float(odds_ratio[name].iloc[0]),
        }
        for name in sets
    },
}
Path(__file__).with_name("oracle.json").write_text(json.dumps(found, indent=1))
