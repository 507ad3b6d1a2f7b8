"""Every analysis with everything that may go with it: a subset, an annotation, other matrices, a catalog, roles, users.

Each answer is compared with that to the same question about a plain file which holds just what should be seen.
"""

from __future__ import annotations

import base64
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from asking import API, Client
from prepared import prepared_store
from scipy.sparse import csr_array, csr_matrix
from starcyte.catalog.catalog import Catalog
from starcyte.compute.methods import METHODS
from starcyte.settings import Settings
from starcyte.store.loader import DatasetLoader
from starcyte.web.app import create_app, create_catalog_app
from starcyte.web.security.access import Access

pytestmark = pytest.mark.slow

FOREIGN = Path(__file__).parents[1] / "data" / "foreign" / "seurat_disk.h5ad"
PROXY = {"access": "proxy", "user_header": "X-User", "trusted_proxies": "203.0.113.9", "admins": "admin"}
PREFIX = "/interactivetool/ep/abc/def"
SICK = {"column": "condition", "in": ["sick"]}
GENES = ["g0", "g1", "g2"]
OF_CELLS = [method.id for method in METHODS.values() if not method.over_samples]
#: What names the matrix, the column, or the file that was asked
NAMES = {"job_id", "fingerprint", "matrix", "group_by", "split_by", "each", "column", "a", "b"}

Ask = Callable[[str, dict[str, Any] | None], Any]


@dataclass(frozen=True, eq=False)
class Product:
    """A way to ask, and the plain file that has the right answers.

    Attributes
    ----------
    ask, plain
        Ask about the product, and about the plain file.
    group
        The column of groups, as a selection names it.
    matrix
        The matrix that holds the values.
    within
        The cells that all questions are limited to.
    cells
        The rows of the cells of the plain file.
    """

    ask: Ask
    plain: Ask
    group: str = "obs:mine"
    matrix: str = "X"
    within: dict[str, Any] | None = None
    cells: Any = ...

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        data: bytes = self.ask.file(path)  # type: ignore[attr-defined]
        return data


def question(name: str, group: str, matrix: str) -> tuple[str, dict[str, Any] | None]:
    """Return the path and the body of a question about groups x and y in a matrix."""
    by = group.removeprefix("obs:")
    # a selection names the categories below those of a level
    column = group.partition(":")[2] if not group.startswith("level:") else "mine"
    side = {"annotation" if group.startswith("annotation:") else "column": column, "in": ["x"]}
    kind, _, method = name.partition(": ")
    m = {"matrix": matrix}
    questions: dict[str, tuple[str, dict[str, Any] | None]] = {
        "dot plot": ("summary", m | {"genes": ",".join(GENES), "group_by": by}),
        "violin": ("distribution", m | {"gene": "g1", "group_by": by}),
        "split violin": ("distribution", m | {"gene": "g1", "group_by": "type", "split_by": by}),
        "violin of a column": ("distribution", {"column": "age", "group_by": by}),
        "histogram": ("histogram", m | {"gene": "g2", "bins": 7}),
        "correlation": ("correlation", m | {"x": "g1", "y": "g2"}),
        "composition": ("agreement", {"a": "obs:type", "b": group}),
        "markers": ("markers", m | {"group_by": by, "method": method, "limit": 12}),
        "selection against rest": ("diffexp", m | {"a": side, "method": method, "limit": 12}),
        "samples": ("diffexp", m | {"a": SICK, "method": method, "sample": "donor", "limit": 12, "min_cells": 1}),
        "cells in each": ("diffexp/each", m | {"a": SICK, "each": by, "method": method, "limit": 12}),
        "samples in each": ("diffexp/each", m | {"a": SICK, "each": by, "sample": "donor", "min_cells": 1}),
        "means of all genes": ("means", m | {"group_by": by}),
        "sums of samples": ("pseudobulk", m | {"each": by, "sample": "donor"}),
        "proportions": ("composition", {"a": SICK, "column": by, "sample": "donor", "min_cells": 1}),
        "design": ("design", {"a": side, "sample": "donor", "min_cells": 1}),
        "heat map": (f"expression?gene=g0&matrix={matrix}", None),
        "mean of a set": ("score", m | {"genes": GENES, "method": "mean"}),
        "score of a set": ("score", m | {"genes": GENES, "method": "score"}),
    }
    return questions[kind]


QUESTIONS = [
    *("dot plot", "violin", "split violin", "violin of a column", "histogram", "correlation", "composition"),
    *(f"{kind}: {method}" for kind in ("markers", "selection against rest", "cells in each") for method in OF_CELLS),
    *(
        "samples: pseudobulk",
        "samples in each",
        "means of all genes",
        "sums of samples",
        "proportions",
        "design",
        "heat map",
        "mean of a set",
        "score of a set",
    ),
]
#: A value of each cell, of which a subset is a part
OF_EACH_CELL = {"heat map", "mean of a set", "score of a set"}


def asker(client: Client, prefix: str = API, **headers: str) -> Ask:
    """Return a function that asks, and waits for a job."""

    def ask(path: str, body: dict[str, Any] | None) -> Any:
        given = {"Accept": "application/json"} | headers
        method = "GET" if body is None else "POST"
        response = client.open(prefix + path, method=method, json=body, headers=given)
        end = time.monotonic() + 60
        while response.status_code == 202 or (
            response.status_code == 200 and response.json.get("job", {}).get("state") in {"queued", "running"}
        ):
            assert time.monotonic() < end
            time.sleep(0.02)
            response = client.get(f"{prefix}jobs/{response.json['job']['id']}", headers=given)
        answer = response.json
        return response.status_code, answer.get("result", answer)

    def file(path: str) -> bytes:
        response = client.get(prefix + path, headers=headers)
        assert response.status_code == 200, response.text
        return bytes(response.data)

    ask.file = file  # type: ignore[attr-defined]
    return ask


def assert_same(found: Any, wanted: Any, at: str = "") -> None:
    """Compare two answers but for names of what was asked."""
    if isinstance(wanted, dict):
        assert set(found) == set(wanted), at
        for key in set(wanted) - NAMES:
            assert_same(found[key], wanted[key], f"{at}.{key}")
    elif isinstance(wanted, list):
        assert len(found) == len(wanted), at
        for k, (one, other) in enumerate(zip(found, wanted, strict=True)):
            assert_same(one, other, f"{at}[{k}]")
    elif isinstance(wanted, float) or isinstance(found, float):
        assert found == pytest.approx(wanted, rel=1e-5, abs=1e-6), at
    elif isinstance(found, str) and isinstance(wanted, str):
        # a warning names the column
        assert re.sub(r"(level:1:)?(annotation:own|fine)", "mine", found) == wanted, at
    else:
        assert found == wanted, at


@pytest.fixture(scope="module")
def data(study):
    """The study with a column of groups x and y, and cells without a group."""
    whole = study.copy()
    rng = np.random.default_rng(7)
    whole.obs["mine"] = pd.Categorical.from_codes(rng.integers(-1, 2, whole.n_obs), ["x", "y"])
    return whole


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """Return a function that makes a client of a file; all are closed at the end."""
    closing = []

    def make_(given: anndata.AnnData | Path, roles: dict[str, str] | None = None, **chosen: Any) -> Client:
        folder = tmp_path_factory.mktemp("product")
        path = folder / "file.h5ad"
        if isinstance(given, Path) and given.is_dir():
            path = given
        elif isinstance(given, Path):
            shutil.copy(given, path)
        else:
            given.write_h5ad(path)
        settings = Settings(data_dir=str(folder / "data"), cache_dir=str(folder / "cache"), **chosen)
        loader = DatasetLoader(path, settings)
        loader.run()
        app = create_app(settings, loader, Access(settings), roles)
        closing.extend([app.extensions["starcyte"].stop, app.extensions["starcyte"].close, loader.close])
        return Client(app)

    yield make_
    for close in closing:
        close()


@pytest.fixture(scope="module")
def plain(make, data):
    """A client of the plain file."""
    return asker(make(data))


@pytest.fixture(scope="module")
def subset(make, data, plain):
    kept = data.obs["donor"].isin(["d0", "d1", "d2", "d3", "d6", "d7"]).to_numpy() | (np.arange(data.n_obs) % 7 == 0)
    within = {"indices": np.flatnonzero(kept).tolist()}
    return Product(plain, asker(make(data[kept].copy())), within=within, cells=kept)


def own_annotation(client: Client, prefix: str = API, column: str = "mine", **headers: str) -> None:
    body = {"from": f"obs:{column}"}
    assert client.open(f"{prefix}annotations/own", method="PUT", json=body, headers=headers).status_code == 201


@pytest.fixture(scope="module")
def annotation(make, data, plain):
    client = make(data)
    own_annotation(client)
    return Product(asker(client), plain, group="annotation:own")


@pytest.fixture(scope="module")
def annotation_in_subset(make, data, subset):
    client = make(data)
    own_annotation(client)
    return Product(asker(client), subset.plain, "annotation:own", within=subset.within, cells=subset.cells)


def without_x(data: anndata.AnnData, **more: Any) -> anndata.AnnData:
    return anndata.AnnData(None, data.obs.copy(), data.var.copy(), **more)


@pytest.fixture(scope="module")
def layer_alone(make, data, plain):
    return Product(asker(make(without_x(data, layers={"counts": data.X.copy()}))), plain, matrix="layers/counts")


@pytest.fixture(scope="module")
def raw_alone(make, data, plain):
    copy = data.copy()
    copy.raw = data
    copy.X = None
    return Product(asker(make(copy)), plain, matrix="raw/X")


@pytest.fixture(scope="module")
def store(data, tmp_path_factory):
    """The prepared store of the file."""
    folder = tmp_path_factory.mktemp("prepared")
    data.write_h5ad(folder / "file.h5ad")
    prepared_store(folder / "file.h5ad", folder / "file.zarr")
    return folder / "file.zarr"


@pytest.fixture(scope="module")
def prepared(make, store, plain):
    return Product(asker(make(store)), plain)


@pytest.fixture(scope="module")
def annotation_in_subset_of_prepared(make, store, subset):
    client = make(store)
    own_annotation(client)
    return Product(asker(client), subset.plain, "annotation:own", within=subset.within, cells=subset.cells)


def with_levels(data: anndata.AnnData) -> anndata.AnnData:
    """Add a column whose categories have those of another as their first parts."""
    copy = data.copy()
    parts = data.obs["mine"].astype(object) + np.where(np.arange(data.n_obs) % 3, " / a", " / b / c")
    copy.obs["fine"] = pd.Categorical(parts)
    return copy


@pytest.fixture(scope="module")
def level(make, data, plain):
    return Product(asker(make(with_levels(data))), plain, group="level:1:fine")


@pytest.fixture(scope="module")
def level_of_annotation(make, data, subset):
    client = make(with_levels(data))
    own_annotation(client, column="fine")
    return Product(asker(client), subset.plain, "level:1:annotation:own", within=subset.within, cells=subset.cells)


@pytest.fixture(scope="module")
def prefixed(make, data, plain):
    client = make(data, base_path=PREFIX)
    own_annotation(client, PREFIX + API)
    return Product(asker(client, PREFIX + API), plain, group="annotation:own")


@pytest.fixture(scope="module")
def reader(make, data, plain):
    client = make(data, roles={"*": "read"}, **PROXY)
    refused = client.open("annotations/own", method="PUT", json={"from": "obs:mine"}, headers={"X-User": "reader"})
    assert refused.status_code == 403
    return Product(asker(client, **{"X-User": "reader"}), plain)


@pytest.fixture(scope="module")
def read_only(make, data, plain):
    return Product(asker(make(data, read_only=True)), plain)


@pytest.fixture(scope="module")
def two_users(make, data, plain):
    """Two users have annotations of one name: each sees her own."""
    client = make(data, roles={"*": "annotate"}, **PROXY)
    own_annotation(client, column="sex", **{"X-User": "other"})
    own_annotation(client, **{"X-User": "me"})
    return Product(asker(client, **{"X-User": "me"}), plain, group="annotation:own")


@pytest.fixture(scope="module")
def in_catalog(data, plain, tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalog")
    (folder / "files").mkdir()
    data.write_h5ad(folder / "files" / "study.h5ad")
    data[::2].copy().write_h5ad(folder / "files" / "other.h5ad")
    settings = Settings(
        cache_dir=str(folder / "cache"), data_dir=str(folder / "data"), rescan=3600.0, open_bytes=1 << 40
    )
    app = create_catalog_app(settings, Catalog(str(folder / "files"), settings), Access(settings))
    service = app.extensions["starcyte_catalog"]
    service.refresh()
    client = Client(app)
    keys = {entry["place"]: entry["id"] for entry in client.json("catalog")["datasets"]}
    prefix = f"/d/{keys['study.h5ad']}{API}"
    end = time.monotonic() + 60
    while client.get(f"{prefix}schema").status_code == 503:
        assert time.monotonic() < end
        time.sleep(0.05)
    own_annotation(client, prefix)
    yield Product(asker(client, prefix), plain, group="annotation:own")
    service.stop()
    service.close()
    app.extensions["starcyte_traffic"].close()


PRODUCTS = [
    *("subset", "annotation", "annotation_in_subset", "layer_alone", "raw_alone", "in_catalog", "reader", "read_only"),
    *("two_users", "prefixed", "level", "level_of_annotation", "prepared", "annotation_in_subset_of_prepared"),
]


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("product", PRODUCTS)
def test_the_answer_is_that_of_a_plain_file(request, product, name):
    tested: Product = request.getfixturevalue(product)
    path, body = question(name, tested.group, tested.matrix)
    of_each = name in OF_EACH_CELL
    limits = {"within": tested.within} if tested.within and not of_each else {}
    status, found = tested.ask(path, body if body is None else body | limits)
    assert status == 200, found
    plain_path, plain_body = question(name, "obs:mine", "X")
    status, wanted = tested.plain(plain_path, plain_body)
    assert status == 200, wanted
    if of_each:
        if name == "score of a set" and tested.within:
            # the control genes are chosen by their means over all cells
            return
        found, wanted = ([np.array(c["values"]) for c in answer["columns"]] for answer in (found, wanted))
        np.testing.assert_allclose(found[0][tested.cells], wanted[0], rtol=1e-5)
        return
    assert_same(found, wanted)
    if tested.within:
        _, everything = tested.ask(path, body)
        with pytest.raises(AssertionError):
            assert_same(everything, wanted)


@pytest.mark.parametrize("name", ["dot plot", "violin of a column", "composition"])
def test_the_plain_file_is_answered_as_pandas_does(plain, data, name):
    status, answer = plain(*question(name, "obs:mine", "X"))
    assert status == 200
    groups = data.obs.groupby("mine", observed=False)
    if name == "dot plot":
        frame = pd.DataFrame(data.X.toarray(), data.obs_names, data.var_names)
        for gene in answer["genes"]:
            means = frame[gene["gene"]].groupby(data.obs["mine"], observed=False).mean()
            assert gene["mean"] == pytest.approx(means.tolist(), rel=1e-5)
    elif name == "violin of a column":
        assert [g["mean"] for g in answer["groups"]][:2] == pytest.approx(groups["age"].mean().tolist())
    else:
        table = pd.crosstab(data.obs["type"], data.obs["mine"])
        counts = np.array(answer["counts"])
        assert counts[: table.shape[0], : table.shape[1]].tolist() == table.to_numpy().tolist()


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_file_without_a_matrix_answers_what_obs_can(make, data, plain, name):
    ask = asker(make(without_x(data)))
    path, body = question(name, "obs:mine", "X")
    status, answer = ask(path, body)
    if name in {"violin of a column", "composition", "proportions", "design"}:
        assert status == 200
        assert_same(answer, plain(path, body)[1])
    else:
        assert status == 404, answer
        assert "'X'" in answer["error"]["message"]


def test_an_annotation_of_another_user_is_not_found(make, data):
    client = make(data, roles={"*": "annotate"}, **PROXY)
    own_annotation(client, **{"X-User": "other"})
    ask = asker(client, **{"X-User": "me"})
    for name in QUESTIONS:
        path, body = question(name, "annotation:own", "X")
        if body is not None and ("own" in str(body)):
            status, answer = ask(path, body)
            assert status == 404, (name, answer)


@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_exports_hold_the_annotations_of_their_user(make, data, form):
    client = make(data, roles={"*": "annotate"}, **PROXY)
    own_annotation(client, column="sex", **{"X-User": "other"})
    own_annotation(client, **{"X-User": "me"})
    text = client.get(f"export/annotations.{form}", headers={"X-User": "me"}).text
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    table = pd.read_csv(pd.io.common.StringIO("\n".join(lines)), sep="," if form == "csv" else "\t", index_col=0)
    assert list(table.columns) == ["own"]
    assert table["own"].fillna("").tolist() == data.obs["mine"].astype(object).fillna("").tolist()


def gene_sets_of(ask: Ask, body: dict[str, Any]) -> Any:
    """Return the enrichment of two sets among the genes of a comparison."""
    status, found = ask("diffexp", body | {"limit": 1000})
    assert status == 200, found
    genes = [gene for gene in found["genes"] if gene["score"] is not None]
    scores = np.array([gene["score"] for gene in genes], "<f8")
    sets = {"gmt": "low\t\tg0\tg1\tg2\nhigh\t\tG3\tg4\n", "name": "sets"}
    asked = {"genes": [gene["gene"] for gene in genes], "scores": base64.b64encode(scores.tobytes()).decode()}
    more = {"sets": sets, "test": "ranked", "min_size": 1, "matrix": body["matrix"]}
    status, answer = ask("enrichment", asked | more)
    assert status == 200, answer
    assert len(answer["sets"]) == 2
    return answer


@pytest.mark.parametrize("product", PRODUCTS)
def test_gene_sets_of_a_comparison_are_tested_as_in_a_plain_file(request, product):
    tested: Product = request.getfixturevalue(product)
    name = f"selection against rest: {OF_CELLS[0]}"
    within = {} if tested.within is None else {"within": tested.within}
    found = gene_sets_of(tested.ask, question(name, tested.group, tested.matrix)[1] | within)
    wanted = gene_sets_of(tested.plain, question(name, "obs:mine", "X")[1])
    if product == "prepared":
        # moments that are rounded otherwise rank genes of equal scores otherwise, which random sets show
        for tested_set in (*found["sets"], *wanted["sets"]):
            for drawn in ("p_value", "p_adjusted", "effect"):
                tested_set.pop(drawn, None)
    assert_same(found, wanted)


@pytest.mark.parametrize("product", PRODUCTS)
def test_cells_are_found_as_in_a_plain_file(request, product, data):
    tested: Product = request.getfixturevalue(product)
    status, found = tested.ask("cells/search?q=1&limit=7", None)
    assert status == 200, found
    names = list(data.obs_names)
    assert [names[cell["row"]] for cell in found["cells"]] == [cell["name"] for cell in found["cells"]]
    assert {cell["name"] for cell in found["cells"]} <= {name for name in names if "1" in name}
    assert found["more"] == (sum("1" in name for name in names) > 7)
    listed = [names[5], "none of these", names[2]]
    status, match = tested.ask("cells/match", {"names": listed})
    assert status == 200, match
    assert match["rows"] == [2, 5]
    assert match["missing"] == 1


WITH_EXPORT = sorted(
    {*PRODUCTS} - {"read_only", "reader", "in_catalog", "prepared", "annotation_in_subset_of_prepared"}
)


@pytest.mark.parametrize("product", WITH_EXPORT)
def test_a_new_file_of_selected_cells_is_answered_as_a_plain_file_of_them(request, product, data, make, tmp_path):
    tested: Product = request.getfixturevalue(product)
    kept = np.arange(data.n_obs) % 3 != 1
    status, made = tested.ask("export/h5ad", {"selection": {"indices": np.flatnonzero(kept).tolist()}})
    assert status == 200, made
    (tmp_path / "new.h5ad").write_bytes(tested.read(made["download"]))
    written, wanted = anndata.read_h5ad(tmp_path / "new.h5ad"), data[kept].copy()
    pd.testing.assert_frame_equal(written.obs[wanted.obs.columns], wanted.obs, check_categorical=False)
    ask, plain = asker(make(tmp_path / "new.h5ad")), asker(make(wanted.copy()))
    for name in ("dot plot", "markers: t-test", "samples: pseudobulk"):
        status, found = ask(*question(name, "obs:mine", tested.matrix))
        assert status == 200, found
        assert_same(found, plain(*question(name, "obs:mine", "X"))[1])


FOREIGN_QUESTIONS = [
    ("summary", {"genes": "{genes}", "group_by": "cell_type"}),
    ("distribution", {"gene": "{gene}", "group_by": "cluster"}),
    ("agreement", {"a": "obs:cell_type", "b": "obs:cluster"}),
    *[("markers", {"group_by": "cell_type", "method": method, "limit": 9}) for method in OF_CELLS],
    *[("diffexp", {"a": {"column": "cell_type", "in": ["NK"]}, "method": method, "limit": 9}) for method in OF_CELLS],
]


@pytest.fixture(scope="module")
def foreign(make, tmp_path_factory):
    """A file by SeuratDisk, and its values as anndata writes them."""
    with h5py.File(FOREIGN) as file:
        genes = [name.decode() for name in file["var/" + file["var"].attrs["_index"]][:]]
        cells = [name.decode() for name in file["obs/" + file["obs"].attrs["_index"]][:]]
        obs = {}
        for name in ("cell_type", "cluster"):
            levels = [level.decode() for level in file[f"obs/__categories/{name}"][:]]
            codes = file[f"obs/{name}"][:]
            obs[name] = pd.Categorical.from_codes(np.where((codes < 0) | (codes >= len(levels)), -1, codes), levels)
        x = file["X"]
        parts = [x[part][:] for part in ("data", "indices", "indptr")]
        values = csr_matrix(tuple(parts), shape=(len(cells), len(genes)))
    written = anndata.AnnData(csr_array(values), pd.DataFrame(obs, index=cells), pd.DataFrame(index=genes))
    return asker(make(FOREIGN)), asker(make(written)), genes


@pytest.mark.parametrize(
    ("path", "body"), FOREIGN_QUESTIONS, ids=[f"{p} {b.get('method', '')}" for p, b in FOREIGN_QUESTIONS]
)
def test_a_file_of_seurat_is_answered_as_one_of_anndata(foreign, path, body):
    ask, plain, genes = foreign
    filled = {
        key: value.format(genes=",".join(genes[:3]), gene=genes[1]) if isinstance(value, str) else value
        for key, value in body.items()
    }
    status, found = ask(path, filled)
    assert status == 200, found
    assert_same(found, plain(path, filled)[1])
