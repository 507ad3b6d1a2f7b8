"""Applications without a server, over small files and the real dataset."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import werkzeug

sys.path.append(str(Path(__file__).parent))

import contract
import werkzeug.test
from asking import Client
from h5ad_file import Categorical, Nullable, write_h5ad
from scipy.sparse import csr_array
from starcyte.settings import Settings
from starcyte.store.loader import DatasetLoader
from starcyte.web.app import create_app

N = 40
TYPES = ["B cell", "T, naïve", "<b>markup</b>", "none of them"]


@pytest.fixture(scope="session", autouse=True)
def _contract():
    """Check every answer of a test client against the contract."""
    real_open = werkzeug.test.Client.open

    def open_(self, *args, **kwargs):
        # the header that every change needs; tests of its absence set it to an empty text
        if args and isinstance(args[0], werkzeug.Request):
            args[0].environ.setdefault("HTTP_X_STARCYTE_CLIENT", "test")
        response = real_open(self, *args, **kwargs)
        contract.check(self.application, response)
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(werkzeug.test.Client, "open", open_)
        yield


def application(path, run=True, **settings):
    chosen = Settings(**settings)
    loader = DatasetLoader(path, chosen)
    if run:
        loader.run()
    app = create_app(chosen, loader)
    app.testing = False
    return app


def leave(app):
    app.extensions["starcyte"].stop()
    app.extensions["starcyte"].close()
    app.extensions["starcyte"].loader.close()


def refused(response, status, code=None):
    """Assert that an answer has the one shape of errors, and return the error."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/json"
    answer = json.loads(response.get_data(), parse_constant=lambda c: pytest.fail(f"{c} is no JSON"))
    assert set(answer) == {"error"}
    error = answer["error"]
    assert set(error) == {"code", "message", "hint"}
    assert all(isinstance(text, str) for text in error.values())
    assert error["message"]
    assert "\n" not in error["message"] + error["hint"]
    assert len(error["message"]) <= 500
    assert "Traceback" not in response.text
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    if code is not None:
        assert error["code"] == code
    return error


@pytest.fixture(name="refused")
def _refused():
    return refused


@pytest.fixture
def serve():
    """Return a function that makes a client of an application over a file; all are stopped at the end."""
    apps = []

    def serve_(path: Path | None, address="203.0.113.9", run=True, **settings):
        apps.append(application(path, run, **settings))
        return Client(apps[-1], address)

    yield serve_
    for app in apps:
        leave(app)


@pytest.fixture(scope="session")
def small_file(tmp_path_factory):
    """A file with every kind of column, layer and embedding."""
    rng = np.random.default_rng(11)
    x = np.log1p(rng.poisson(0.8, (N, 6)).astype(np.float32))
    genes = ["CD3D", "MS4A1", "a,b", "x/y", 'quo"te', "<img src=x onerror=alert(1)>"]
    places = rng.normal(size=(N, 5)).astype(np.float32)
    places[7, 0], places[8, 1] = np.nan, np.inf
    return write_h5ad(
        tmp_path_factory.mktemp("small") / "small.h5ad",
        csr_array(x),
        obs={
            "type": Categorical(np.array([i % 5 - 1 for i in range(N)], np.int8), TYPES),
            "age": rng.normal(size=N),
            "count": rng.integers(0, 2**40, N),
            "maybe": Nullable(np.arange(N, dtype=np.int32), np.arange(N) % 9 == 0),
            "doublet": np.arange(N) % 6 == 0,
            "barcode": np.array([f"AAAC-{i}" for i in range(N)], dtype=object),
            "constant": np.full(N, np.nan),
        },
        genes=genes,
        obsm={"X_umap": places[:, :2], "X_pca": places, "one": places[:, :1]},
        layers={"counts": np.expm1(x).round().astype(np.int32)},
        raw=csr_array(np.hstack([x, x])),
        raw_genes=[*genes, *(f"only in raw {i}" for i in range(6))],
    )


@pytest.fixture(scope="session")
def small_app(small_file):
    app = application(small_file)
    yield app
    leave(app)


@pytest.fixture
def small(small_app):
    return Client(small_app)


@pytest.fixture(scope="session")
def pbmc_app(pbmc, tmp_path_factory):
    """An application over a copy: HDF5 opens a file with a lock only where it is not open without one."""
    app = application(Path(shutil.copy(pbmc, tmp_path_factory.mktemp("pbmc"))))
    yield app
    leave(app)


@pytest.fixture
def real(pbmc_app):
    return Client(pbmc_app)


@pytest.fixture(scope="session")
def study():
    """Counts of eight donors, four of each condition; gene 0 differs by condition, gene 1 in one donor only."""
    import anndata
    import pandas as pd

    donors, genes = 8, 60
    rng = np.random.default_rng(1)
    donor = np.repeat(np.arange(donors), 30)
    mean = np.exp(rng.normal(1.5, 0.7, genes)) * np.exp(rng.normal(0, 0.2, (donors, genes)))
    mean[::2, 0] *= 6
    mean[0, 1] *= 30
    obs = pd.DataFrame(
        {
            "donor": pd.Categorical.from_codes(donor, [f"d{k}" for k in range(donors)]),
            "condition": pd.Categorical.from_codes(donor % 2, ["sick", "well"]),
            "sex": pd.Categorical.from_codes(donor // 2 % 2, ["f", "m"]),
            "age": 30.0 + 5 * donor + donor % 3,
            "type": pd.Categorical.from_codes(rng.integers(0, 2, donor.size), ["B", "T"]),
        },
        index=[f"c{k}" for k in range(donor.size)],
    )
    counts = rng.poisson(mean[donor]).astype(np.float32)
    return anndata.AnnData(csr_array(counts), obs, pd.DataFrame(index=[f"g{k}" for k in range(genes)]))


@pytest.fixture
def study_client(serve, study, tmp_path):
    path = tmp_path / "study.h5ad"
    study.write_h5ad(path)
    return serve(path, data_dir=str(tmp_path / "data"))
