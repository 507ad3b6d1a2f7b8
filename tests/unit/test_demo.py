"""The demo dataset: whole, reproducible, and with the biology it says it has."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pytest
import scipy.sparse as sp
import scipy.spatial
import scipy.stats
from starcyte.demo.cell_types import ANCHORS, CELL_TYPES, HOUSEKEEPING, LINEAGES, PATHS, PROGRAMS
from starcyte.demo.dataset import write_demo
from starcyte.demo.genes import PANEL

pytestmark = pytest.mark.slow

MARKERS = {
    "HSC/MPP": ["SPINK2", "CD34", "CRHBP", "AVP", "PRSS57"],
    "Late erythroblast": ["HBB", "HBA1", "HBA2", "ALAS2", "AHSP"],
    "Megakaryocyte": ["PF4", "PPBP", "GP9", "TUBB1"],
    "GMP": ["MPO", "AZU1", "ELANE", "PRTN3"],
    "CD14+ monocyte": ["S100A8", "S100A9", "S100A12", "FCN1", "VCAN"],
    "CD16+ monocyte": ["FCGR3A", "MS4A7", "LST1", "CDKN1C"],
    "cDC": ["FCER1A", "CD1C", "CLEC10A", "CPVL"],
    "pDC": ["LILRA4", "IRF7", "CLEC4C", "PTGDS"],
    "Pro-B cell": ["VPREB1", "IGLL1", "DNTT"],
    "B cell": ["MS4A1", "CD79A", "BANK1"],
    "Plasma cell": ["MZB1", "IGKC", "DERL3", "XBP1"],
    "CD4+ T cell": ["IL7R", "CD3D", "LTB"],
    "CD8+ T cell": ["CD8A", "CD8B", "CD3D"],
    "NK cell": ["GNLY", "NKG7", "KLRF1"],
    "Endothelial": ["VWF", "PECAM1", "CLDN5"],
    "Reticular stroma": ["CXCL12", "COL1A1", "DCN"],
}


@pytest.fixture(scope="module")
def demo_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo.h5ad"
    write_demo(path, n_obs=4000)
    return path


@pytest.fixture(scope="module")
def demo(demo_path: Path) -> ad.AnnData:
    return ad.read_h5ad(demo_path)


def layout(path: Path) -> dict[str, tuple[object, ...]]:
    """Return each group and dataset of a file with its attributes, dtype, storage and values."""
    found: dict[str, tuple[object, ...]] = {}

    def add(name: str, node: h5py.Group | h5py.Dataset) -> None:
        ids = {key: node.attrs.get_id(key) for key in node.attrs}
        attributes = {key: (i.dtype, i.shape, np.asarray(node.attrs[key]).tolist()) for key, i in ids.items()}
        found[name] = (attributes,)
        if isinstance(node, h5py.Dataset):
            values = np.asarray(node)
            content = values.tolist() if values.dtype == object else values.tobytes()
            found[name] += (node.dtype, node.shape, node.maxshape, node.chunks, node.compression, content)

    with h5py.File(path) as file:
        add("/", file)
        file.visititems(add)
    return found


def test_the_file_is_as_anndata_writes_it(demo_path: Path, demo: ad.AnnData, tmp_path: Path) -> None:
    demo.write_h5ad(tmp_path / "again.h5ad", compression="lzf")
    assert layout(demo_path) == layout(tmp_path / "again.h5ad")


def t_statistics(dataset: ad.AnnData, inside: np.ndarray) -> np.ndarray:
    """Return Welch's t of each gene in the cells `inside` against the rest."""
    dense = dataset.X.toarray()
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = scipy.stats.ttest_ind(dense[inside], dense[~inside], equal_var=False).statistic
    return np.nan_to_num(statistic)


def test_shape_and_parts(demo: ad.AnnData) -> None:
    assert demo.shape == (4000, 2000)
    assert {"X_umap", "X_pca", "spatial"} <= set(demo.obsm)
    assert demo.obsm["X_umap"].shape == (4000, 2)
    assert demo.obsm["X_pca"].shape == (4000, 30)
    assert demo.obsm["spatial"].shape == (4000, 2)
    for name in ("X_umap", "X_pca", "spatial"):
        assert np.isfinite(demo.obsm[name]).all()
    assert demo.obs_names.is_unique
    assert demo.var_names.is_unique
    assert demo.var["gene_ids"].is_unique
    assert demo.var["gene_ids"].str.fullmatch(r"ENSG\d{11}").all()
    assert demo.var.loc["CD3D", "gene_ids"] == "ENSG00000167286"


def test_full_size_is_the_default() -> None:
    assert write_demo.__kwdefaults__ == {"n_obs": 20_000, "n_vars": 2_000, "seed": 3}
    assert len(PANEL) == 2000


def test_x_is_the_logarithm_of_normalised_counts(demo: ad.AnnData) -> None:
    counts = demo.layers["counts"]
    assert isinstance(counts, sp.csr_matrix)
    assert demo.X.dtype == np.float32
    assert (counts.data == np.rint(counts.data)).all()
    assert counts.data.min() >= 1
    dense = counts.toarray().astype(np.float64)
    expected = np.log1p(dense / dense.sum(axis=1, keepdims=True) * 1e4)
    np.testing.assert_allclose(demo.X.toarray(), expected, rtol=1e-5)
    assert 0.05 < demo.X.nnz / np.prod(demo.shape) < 0.3


def test_quality_columns_agree_with_counts(demo: ad.AnnData) -> None:
    dense = demo.layers["counts"].toarray()
    np.testing.assert_allclose(demo.obs["total_counts"], dense.sum(axis=1))
    np.testing.assert_array_equal(demo.obs["n_genes_by_counts"], (dense > 0).sum(axis=1))
    mitochondrial = demo.var_names.str.startswith("MT-")
    np.testing.assert_allclose(
        demo.obs["pct_counts_mt"], 100 * dense[:, mitochondrial].sum(axis=1) / dense.sum(axis=1), rtol=1e-4
    )
    assert demo.obs["predicted_doublet"].dtype == bool
    assert 0 < demo.obs["predicted_doublet"].mean() < 0.05


@pytest.mark.parametrize(("cell_type", "markers"), MARKERS.items(), ids=MARKERS.keys())
def test_markers_lead_the_t_test(demo: ad.AnnData, cell_type: str, markers: list[str]) -> None:
    inside = (demo.obs["cell_type"] == cell_type).to_numpy()
    assert inside.sum() >= 10
    statistic = t_statistics(demo, inside)
    ranking = demo.var_names[np.argsort(-statistic)].tolist()
    places = [ranking.index(marker) for marker in markers]
    assert np.median(places) < 25, dict(zip(markers, places, strict=True))


def test_expression_follows_pseudotime(demo: ad.AnnData) -> None:
    on = demo.obs["pseudotime"].notna().to_numpy()
    assert 0.4 < on.mean() < 0.9
    assert demo.obs.loc[on, "pseudotime"].between(0, 1).all()
    assert not on[demo.obs["lineage"] == "T/NK"].any()
    assert not on[demo.obs["lineage"] == "Stroma"].any()
    reds = demo[on & demo.obs["cell_type"].isin(["MEP", "Early erythroblast", "Late erythroblast"])]
    time = reds.obs["pseudotime"]
    assert scipy.stats.spearmanr(time, reds[:, "HBB"].X.toarray().ravel()).statistic > 0.6
    assert scipy.stats.spearmanr(time, reds[:, "CD34"].X.toarray().ravel()).statistic < -0.3


def test_samples_differ_less_than_cell_types(demo: ad.AnnData) -> None:
    components = demo.obsm["X_pca"].astype(np.float64)
    total = components.var(axis=0).sum()

    def explained(column: str) -> float:
        codes = demo.obs[column].cat.codes.to_numpy()
        means = np.stack([components[codes == code].mean(axis=0) for code in range(codes.max() + 1)])
        return float(means[codes].var(axis=0).sum() / total)

    assert explained("cell_type") > 0.5
    assert explained("sample") < 0.05


def test_components_are_principal(demo: ad.AnnData) -> None:
    variable = demo.var["highly_variable"].to_numpy()
    dense = demo.X[:, variable].toarray().astype(np.float64)
    dense -= dense.mean(axis=0)
    singular = np.linalg.svd(dense, compute_uv=False)[:30]
    np.testing.assert_allclose(demo.uns["pca"]["variance"], singular**2 / (len(dense) - 1), rtol=1e-3)
    np.testing.assert_allclose(dense @ demo.varm["PCs"][variable], demo.obsm["X_pca"], atol=1e-3)


def test_map_keeps_types_together(demo: ad.AnnData) -> None:
    tree = scipy.spatial.cKDTree(demo.obsm["X_umap"])
    codes = demo.obs["cell_type"].cat.codes.to_numpy()
    near = tree.query(demo.obsm["X_umap"], 11)[1][:, 1:]
    assert (codes[near] == codes[:, None]).mean() > 0.8


def test_tissue_has_an_order(demo: ad.AnnData) -> None:
    codes = demo.obs["cell_type"].cat.codes.to_numpy()
    place = demo.obsm["spatial"]
    near = scipy.spatial.cKDTree(place).query(place, 7)[1][:, 1:]
    alike = (codes[near] == codes[:, None]).mean()
    by_chance = ((np.bincount(codes) / len(codes)) ** 2).sum()
    assert alike > 1.5 * by_chance
    samples = demo.obs["sample"].cat.codes.to_numpy()
    assert (samples[near] == samples[:, None]).all()


def test_colours_fit_their_categories(demo: ad.AnnData) -> None:
    for column in ("cell_type", "lineage", "condition"):
        colours = list(demo.uns[f"{column}_colors"])
        assert len(colours) == len(demo.obs[column].cat.categories) == len(set(colours))
    assert list(demo.obs["cell_type"].cat.categories) == list(CELL_TYPES)


def test_scanpy_can_work_with_it(demo: ad.AnnData) -> None:
    scanpy = pytest.importorskip("scanpy")
    copy = demo.copy()
    scanpy.tl.rank_genes_groups(copy, "cell_type", groups=["NK cell"], method="t-test")
    assert copy.uns["rank_genes_groups"]["names"]["NK cell"][0] in {"GNLY", "NKG7", "PRF1"}


def test_seed_fixes_everything_but_another_seed_differs(tmp_path: Path) -> None:
    first, again, other = (tmp_path / name for name in ("first.h5ad", "again.h5ad", "other.h5ad"))
    write_demo(first, n_obs=600, n_vars=300)
    write_demo(again, n_obs=600, n_vars=300)
    write_demo(other, n_obs=600, n_vars=300, seed=1)

    def content(path: Path) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        with h5py.File(path) as file:
            file.visititems(
                lambda name, item: (
                    found.update({name: np.asarray(item).tobytes()})
                    if isinstance(item, h5py.Dataset) and item.dtype.kind != "O"
                    else None
                )
            )
        return found

    assert content(first) == content(again)
    assert content(first)["X/data"] != content(other)["X/data"]


@pytest.mark.parametrize("n_vars", [0, 2001], ids=["none", "more than the panel"])
def test_impossible_number_of_genes_is_refused(tmp_path: Path, n_vars: int) -> None:
    with pytest.raises(ValueError, match="n_vars"):
        write_demo(tmp_path / "demo.h5ad", n_obs=10, n_vars=n_vars)


def test_few_cells_and_genes(tmp_path: Path) -> None:
    write_demo(tmp_path / "small.h5ad", n_obs=50, n_vars=40)
    assert ad.read_h5ad(tmp_path / "small.h5ad").shape == (50, 40)


def test_tables_are_consistent() -> None:
    named = {entry.split()[0] for anchor in ANCHORS.values() for entry in anchor.programs.split(",")}
    assert named <= set(PROGRAMS)
    assert {name for path in PATHS for _, name in path.cell_types} == set(CELL_TYPES)
    assert {lineage for lineage, _ in CELL_TYPES.values()} == set(LINEAGES)
    assert {end for path in PATHS for end in (path.start, path.end)} == set(ANCHORS)
    genes = {
        gene
        for text in [*PROGRAMS.values(), HOUSEKEEPING]
        for part in text.split(";")
        for gene in part.split(":")[1].split()
    }
    assert genes <= set(PANEL)
