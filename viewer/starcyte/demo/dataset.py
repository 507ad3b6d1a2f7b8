"""The demo dataset: a simulated human bone marrow of 20,000 cells, with real marker genes of its cell types."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from starcyte.demo import cells as demo_cells
from starcyte.demo.cell_types import CELL_TYPES, LINEAGES
from starcyte.demo.cells import Floats
from starcyte.demo.embedding import layout
from starcyte.demo.genes import PANEL
from starcyte.demo.tissue import place_cells
from starcyte.store.write.elements import Categorical, Column, Frame, write_anndata

_BLOCK = 1000
_WORKERS = 2
_COMPONENTS = 30
_VARIABLE_GENES = 600


def write_demo(path: Path, *, n_obs: int = 20_000, n_vars: int = 2_000, seed: int = 3) -> None:
    """Simulate the demo dataset and write it as an h5ad file.

    Four donors with lupus are compared with four controls. The genes of the program *interferon* are raised in the cell
    types of ``INTERFERON_RESPONSE``, and the cell types of ``COMPOSITION_CHANGE`` have other proportions; all else is
    the spread of donors.

    Parameters
    ----------
    path
        Path of the file.
    n_obs
        Number of cells.
    n_vars
        Number of genes, at most 2,000.
    seed
        The same seed gives the same dataset.
    """
    if not 1 <= n_vars <= len(PANEL):
        raise ValueError(f"n_vars must be between 1 and {len(PANEL)}, not {n_vars}")
    rng = np.random.default_rng(seed)
    genes = demo_cells.simulate_genes(rng, n_vars)
    cells = demo_cells.simulate_cells(rng, n_obs)
    counts = _simulate_counts(rng, cells, genes)
    totals = np.asarray(counts.sum(axis=1)).ravel()

    labels = cells.labels
    names = _barcodes(rng, labels.sample.as_text())
    mitochondrial = np.asarray(counts[:, genes.mitochondrial].sum(axis=1)).ravel()
    obs: dict[str, Column] = {
        "cell_type": labels.cell_type,
        "lineage": labels.lineage,
        "sample": labels.sample,
        "condition": labels.condition,
        "sex": labels.sex,
        "age": labels.age,
        "total_counts": totals.astype(np.float32),
        "n_genes_by_counts": np.diff(counts.indptr).astype(np.int32),
        "pct_counts_mt": (100 * mitochondrial / np.maximum(totals, 1)).astype(np.float32),
        "phase": labels.phase,
        "pseudotime": labels.pseudotime,
        "doublet_score": cells.doublet_score,
        "predicted_doublet": cells.predicted_doublet,
    }

    normal = sp.csr_matrix(
        (
            np.log1p(counts.data * np.repeat(1e4 / np.maximum(totals, 1), np.diff(counts.indptr))).astype(np.float32),
            counts.indices,
            counts.indptr,
        ),
        shape=counts.shape,
    )
    variable = _highly_variable(normal, ~genes.sex_linked)
    components, loadings, variance = _pca(normal, variable)
    umap = layout(_integrated(components[:, :12], labels.cell_type, labels.sample), cells.start, rng)

    var: dict[str, Column] = {
        "gene_ids": [PANEL[name] for name in genes.names],
        "n_cells_by_counts": np.bincount(counts.indices, minlength=n_vars).astype(np.int32),
        "mean_counts": (np.asarray(counts.sum(axis=0)).ravel() / n_obs).astype(np.float32),
        "mt": genes.mitochondrial,
        "ribo": genes.ribosomal,
        "highly_variable": variable,
    }
    sections = place_cells(rng, labels.sample, labels.cell_type, labels.pseudotime)
    write_anndata(
        path,
        {
            "X": normal,
            "obs": Frame(names, obs),
            "var": Frame(genes.names, var),
            "obsm": {"X_umap": umap, "X_pca": components, "spatial": sections},
            "varm": {"PCs": loadings},
            "obsp": {},
            "varp": {},
            "layers": {"counts": counts},
            "uns": {
                "title": "Human bone marrow (simulated)",
                "log1p": {},
                "pca": {"variance": variance, "variance_ratio": variance / _total_variance(normal, variable)},
                "cell_type_colors": [color for _, color in CELL_TYPES.values()],
                "lineage_colors": list(LINEAGES.values()),
                "condition_colors": ["#5b8db8", "#d0704c"],
            },
        },
    )


def _simulate_counts(rng: np.random.Generator, cells: demo_cells.Cells, genes: demo_cells.GenePanel) -> sp.csr_matrix:
    """Draw the counts of each gene in each cell from a negative binomial distribution."""
    n_obs = len(cells.depth)
    spread = demo_cells.DONOR_SPREAD
    effect = rng.lognormal(0, spread, (len(demo_cells.SAMPLES), len(genes.names))).astype(np.float32)
    probe = np.linspace(0, n_obs - 1, min(n_obs, 500)).astype(int)
    profile = np.concatenate(
        [demo_cells.expected_counts(cells, genes, slice(i, i + 1), effect, None) for i in probe]
    ).sum(axis=0)
    ambient = profile / profile.sum()
    steady = genes.housekeeping | genes.ribosomal | genes.mitochondrial
    # sampling a pool of gamma variates is ten times faster than drawing 40 million of them
    pool = rng.gamma(2.5, 1 / 2.5, 1 << 16).astype(np.float32)
    calm_pool = rng.gamma(9, 1 / 9, 1 << 16).astype(np.float32)
    starts = range(0, n_obs, _BLOCK)

    def count(start: int, own: np.random.Generator) -> sp.csr_matrix:
        rows = slice(start, min(start + _BLOCK, n_obs))
        mean = demo_cells.expected_counts(cells, genes, rows, effect, ambient)
        drawn = own.integers(0, 1 << 16, mean.shape, dtype=np.uint16)
        mean *= np.where(steady, calm_pool[drawn], pool[drawn])
        return sp.csr_matrix(_poisson(mean, own))

    with ThreadPoolExecutor(_WORKERS) as pool_of_threads:
        blocks = list(pool_of_threads.map(count, starts, rng.spawn(len(starts))))
    stacked: sp.csr_matrix = sp.vstack(blocks, format="csr")
    return stacked


def _poisson(mean: Floats, rng: np.random.Generator) -> Floats:
    """Draw from the Poisson distribution, several times faster than numpy as most of the means are small."""
    drawn = rng.random(mean.shape, np.float32)
    term = np.exp(-mean)
    counts = np.zeros(mean.shape, np.float32)
    left = np.flatnonzero(drawn > term)
    means, u, term = mean.ravel()[left], drawn.ravel()[left], term.ravel()[left]
    large = means > 6
    flat = counts.ravel()
    flat[left[large]] = rng.poisson(means[large])
    left, means, u, term = left[~large], means[~large], u[~large], term[~large]
    below = term.copy()
    value = 0
    while len(left) and value < 40:
        value += 1
        term = term * means / value
        below += term
        flat[left] = value
        on = u > below
        left, means, u, term, below = left[on], means[on], u[on], term[on], below[on]
    return counts


def _moments(matrix: sp.csr_matrix) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    n_obs, n_vars = matrix.shape
    mean = np.bincount(matrix.indices, matrix.data, n_vars) / n_obs
    square = np.bincount(matrix.indices, matrix.data.astype(np.float64) ** 2, n_vars) / n_obs
    return mean, np.maximum(square - mean**2, 0) * n_obs / max(n_obs - 1, 1)


def _highly_variable(matrix: sp.csr_matrix, allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return a mask of the highly variable genes: those with the highest variance among genes of similar mean."""
    mean, variance = _moments(matrix)
    expressed = (mean > 0.01) & allowed
    bins = np.digitize(mean, np.quantile(mean, np.linspace(0, 1, 21)[1:-1]))
    excess = np.full(len(mean), -np.inf)
    for each in np.unique(bins[expressed]):
        here = (bins == each) & expressed
        excess[here] = variance[here] - np.median(variance[here])
    wanted = min(_VARIABLE_GENES, int(expressed.sum()))
    marked = np.zeros(len(mean), bool)
    marked[np.argsort(-excess, kind="stable")[:wanted]] = True
    return marked


def _total_variance(matrix: sp.csr_matrix, variable: npt.NDArray[np.bool_]) -> float:
    return float(_moments(matrix)[1][variable].sum())


def _pca(matrix: sp.csr_matrix, variable: npt.NDArray[np.bool_]) -> tuple[Floats, Floats, npt.NDArray[np.float64]]:
    """Return the principal components of the highly variable genes, their loadings and variances."""
    dense = matrix[:, variable].toarray()
    dense -= dense.mean(axis=0)
    variance, axes = np.linalg.eigh((dense.T @ dense).astype(np.float64) / max(len(dense) - 1, 1))
    wanted = min(_COMPONENTS, len(variance))
    variance, axes = variance[::-1][:wanted], axes[:, ::-1][:, :wanted]
    axes *= np.where(axes[np.abs(axes).argmax(axis=0), np.arange(wanted)] < 0, -1, 1)
    loadings = np.zeros((matrix.shape[1], wanted), np.float32)
    loadings[variable] = axes
    return dense @ axes.astype(np.float32), loadings, np.maximum(variance, 0)


def _integrated(components: Floats, cell_type: Categorical, sample: Categorical) -> Floats:
    """Return components without the mean differences between samples, so that the map shows cell types, not donors.

    Parameters
    ----------
    components
        Cells by components.
    cell_type, sample
        Columns of obs; the differences are those within each cell type.
    """
    corrected = components.copy()
    for code in np.unique(cell_type.codes):
        cells = cell_type.codes == code
        centre = components[cells].mean(axis=0)
        for number in np.unique(sample.codes[cells]):
            own = cells & (sample.codes == number)
            # the mean of few cells is mostly theirs, not their donor's
            corrected[own] -= (components[own].mean(axis=0) - centre) * (own.sum() / (own.sum() + 10))
    return corrected


def _barcodes(rng: np.random.Generator, samples: npt.NDArray[np.object_]) -> list[str]:
    """Return unique cell names in the style of 10x Genomics, with barcodes of 16 bases."""
    bases = np.array(list("ACGT"))
    taken: dict[str, None] = {}
    while len(taken) < len(samples):
        letters = bases[rng.integers(0, 4, (len(samples), 16))]
        taken.update(dict.fromkeys("".join(row) for row in letters))
    return [f"{sample}_{barcode}-1" for sample, barcode in zip(samples, taken, strict=False)]
