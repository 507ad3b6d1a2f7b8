"""Levels of categories, as pandas groups by the first parts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from asking import Client
from scipy.sparse import csr_array
from starcyte.settings import Settings
from starcyte.store.loader import DatasetLoader
from starcyte.web.app import create_app
from starcyte.web.security.access import Access

NAMES = ["T / CD8 / Effector", "B", "T / CD4", "T", "NK/T", "T / CD8 / Naive"]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    obs = pd.DataFrame(
        {
            "type": pd.Categorical.from_codes(rng.integers(-1, len(NAMES), 90), NAMES),
            "level:1:odd": pd.Categorical(rng.choice(["p / q", "r / s"], 90)),
            "age": rng.random(90),
        },
        index=[f"c{i}" for i in range(90)],
    )
    return AnnData(csr_array(rng.poisson(2, (90, 4)).astype(np.float32)), obs, pd.DataFrame(index=list("wxyz")))


@pytest.fixture(scope="module")
def page(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("levels")
    data.write_h5ad(folder / "file.h5ad")
    settings = Settings(data_dir=str(folder / "data"), cache_dir=str(folder / "cache"))
    loader = DatasetLoader(folder / "file.h5ad", settings)
    loader.run()
    app = create_app(settings, loader, Access(settings))
    yield Client(app)
    app.extensions["starcyte"].stop()
    app.extensions["starcyte"].close()
    loader.close()


def at_level(column: pd.Series, level: int) -> pd.Series:
    """Return the first parts of categories, in the order of their first ones."""
    parts = column.astype(object).map(lambda text: " / ".join(text.split(" / ")[:level]), na_action="ignore")
    order = dict.fromkeys(" / ".join(text.split(" / ")[:level]) for text in column.cat.categories)
    return pd.Series(pd.Categorical(parts, list(order)), column.index)


@pytest.mark.parametrize("level", [1, 2, 3, 9])
def test_a_level_groups_cells_by_the_first_parts_of_their_categories(page, data, level):
    answer = page.json(f"summary?genes=x&group_by=level:{level}:type&matrix=X")
    groups = at_level(data.obs["type"], level)
    frame = data.to_df()["x"].groupby(groups, observed=False)
    assert answer["groups"][: len(groups.cat.categories)] == list(groups.cat.categories)
    n = len(groups.cat.categories)
    assert answer["n"][:n] == frame.size().tolist()
    assert answer["genes"][0]["mean"][:n] == pytest.approx(frame.mean().tolist(), rel=1e-6)


def test_a_level_is_compared_with_a_column_and_starts_an_annotation(page, data):
    groups = at_level(data.obs["type"], 1)
    found = page.json("agreement?a=level:1:obs:type&b=obs:type")
    assert found["a"]["categories"] == list(groups.cat.categories)
    assert found["n"] == int(groups.notna().sum())
    made = page.open("annotations/Broad", method="PUT", json={"from": "level:1:obs:type"})
    assert made.status_code == 201, made.text
    labels = {label["name"]: label["n"] for label in made.json["annotation"]["labels"]}
    assert labels == groups.value_counts().to_dict()
    page.open("annotations/Fine", method="PUT", json={"from": "obs:type"})
    of_own = page.json("agreement?a=level:2:annotation:Fine&b=obs:type")
    assert of_own["a"] == {
        "name": "level:2:annotation:Fine",
        "categories": list(at_level(data.obs["type"], 2).cat.categories),
    }
    copied = page.open("annotations/Copied", method="PUT", json={"from": "level:1:annotation:Fine"})
    assert {label["name"]: label["n"] for label in copied.json["annotation"]["labels"]} == labels


def test_a_column_of_the_name_of_a_level_is_that_column(page):
    answer = page.json("summary?genes=x&group_by=level:1:odd&matrix=X")
    assert answer["groups"][:2] == ["p / q", "r / s"]
    own = page.json("summary?genes=x&group_by=level:1:obs:level:1:odd&matrix=X")
    assert own["groups"][:2] == ["p", "r"]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("level:1:none", 404),
        ("level:0:type", 404),
        ("level:1:level:1:type", 404),
        ("level:1:age", 400),
        ("level:1:", 404),
    ],
)
def test_what_has_no_levels_is_refused(page, name, status):
    response = page.get(f"summary?genes=x&group_by={name}&matrix=X")
    assert response.status_code == status
    assert response.json["error"]["message"]


def test_many_levels_of_levels_are_no_recursion(page):
    assert page.get(f"summary?genes=x&group_by={'level:1:' * 400}type&matrix=X").status_code in {404, 414}
