"""Starcyte and its peers: how each is installed, started and asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from benchmarks.gene_ranges import GeneRanges
from benchmarks.process import Watch
from benchmarks.questions import Cells, Comparison, GeneMean, Genes, Group, Markers, Nothing, Question, Unable
from benchmarks.server import PATIENT_SECONDS, Request, Server

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "starcyte-bench"
REQUIREMENTS = {
    "cellxgene": "cellxgene==1.3.0",
    "annzarro": "annzarro==0.7.5",
    "cellucid": "cellucid==0.9.5",
    "scanpy": "scanpy",
    "locust": "locust",
    "deseq2": "pydeseq2",
    "decoupler": "decoupler",
}
_LISTED = 50
_POLL_SECONDS = 0.005


def install(name: str) -> Path:
    """Return the folder of programs of a peer's own environment, made if it is not there."""
    folder = CACHE / name
    done = folder / "installed"
    if not done.exists():
        venv.create(folder, with_pip=True)
        command = [folder / "bin/python", "-m", "pip", "install", "--quiet", REQUIREMENTS[name]]
        subprocess.run(command, check=True)
        done.write_text(REQUIREMENTS[name])
    return folder / "bin"


class Starcyte(Server):
    """The viewer itself, as installed where this runs."""

    name = "starcyte"
    health = "/api/v1/health"

    def __init__(self, watch: Watch, cache: Path, seconds: float = PATIENT_SECONDS) -> None:
        super().__init__(watch, seconds)
        self.cache = cache

    def command(self, file: Path, scratch: Path, port: int) -> Sequence[str]:
        return [*self.program("launch", file), "--port", str(port), "--access=none"]

    def program(self, command: str, file: Path) -> list[str]:
        """Return the start of one of its commands."""
        return [str(Path(sys.executable).with_name("starcyte")), command, str(file), "--cache-dir", str(self.cache)]

    def requests(self, question: Question) -> Sequence[Request]:
        binary = {"Accept": "application/vnd.starcyte.columns"}
        match question:
            case Nothing():
                return [Request(self.health)]
            case Cells():
                return [Request("/api/v1/embeddings/X_umap", binary), Request("/api/v1/obs/cluster", binary)]
            case Genes(positions):
                names = ",".join(f"GENE{i}" for i in positions)
                return [Request(f"/api/v1/expression?genes={names}&matrix=X", binary)]
            case GeneMean(positions):
                names = ",".join(f"GENE{i}" for i in positions)
                return [Request(f"/api/v1/score?genes={names}&method=mean&matrix=X", binary)]
            case Comparison(method, a, b):
                body = {"a": _selection(a), "b": _selection(b), "method": method, "matrix": "X", "limit": _LISTED}
                return [Request("/api/v1/diffexp", body=body)]
            case Markers(method, limit):
                body = {"group_by": "cluster", "method": method, "matrix": "X", "limit": limit}
                return [Request("/api/v1/markers", body=body)]

    def answer(self, request: Request) -> bytes:
        """Return the body of an answer; of a job, once it is done."""
        body = super().answer(request)
        if request.body is None:
            return body
        said = json.loads(body)
        while "job" in said and said["job"]["state"] in {"queued", "running"}:
            time.sleep(_POLL_SECONDS)
            body = super().answer(Request(f"/api/v1/jobs/{said['job']['id']}?limit={_LISTED}"))
            said = json.loads(body)
        if said.get("job", {}).get("state", "done") != "done":
            raise Unable(str(said["job"].get("error", said["job"]["state"])))
        return body

    def indexing(self) -> bool:
        """Say whether it still makes an index."""
        return "indexing" in json.loads(self.answer(Request(self.health)))


def _selection(group: Group | None) -> object:
    if group is None:
        return "rest"
    if group.clusters:
        return {"where": [{"column": "cluster", "in": [f"cluster {c}" for c in group.clusters]}]}
    return {"indices": group.cells.tolist()}


class Cellxgene(Server):
    """cellxgene, with the file in memory as it does by default.

    Parameters
    ----------
    watch
        What samples its memory.
    layout
        Of the file: csr as most are, csc as it recommends.
    """

    health = "/health"

    def __init__(self, watch: Watch, layout: str, seconds: float = PATIENT_SECONDS) -> None:
        super().__init__(watch, seconds)
        self.layout, self.name = layout, f"cellxgene {layout.upper()}"
        # a matrix by rows is copied once while it starts
        self.appetite = 2.1 if layout == "csr" else 1.2

    def command(self, file: Path, scratch: Path, port: int) -> Sequence[str]:
        program = str(install("cellxgene") / "cellxgene")
        quiet = ["--disable-annotations", "--disable-gene-sets-save"]
        # it asks a host of its makers for updates otherwise
        return [program, "--no-upgrade-check", "launch", str(file), "--host", "127.0.0.1", "--port", str(port), *quiet]

    def requests(self, question: Question) -> Sequence[Request]:
        # uncompressed bodies are refused by the release of Werkzeug that it installs
        headers = {"Accept": "application/octet-stream", "Accept-Encoding": "gzip, deflate, br, zstd"}
        match question:
            case Nothing():
                return [Request(self.health)]
            case Cells():
                paths = ["layout/obs?layout-name=umap", "annotations/obs?annotation-name=cluster"]
            case Genes(positions):
                paths = [f"data/var?var:name_0=GENE{i}" for i in positions]
            case GeneMean(positions):
                names = "&".join(f"var:name_0=GENE{i}" for i in positions)
                paths = [f"summarize/var?method=mean&{names}"]
            case Comparison("t-test", a, b):
                of_b = self._filter(b) if b is not None else self._others(a)
                sets = {f"set{k}": {"filter": {"obs": f}} for k, f in ((1, self._filter(a)), (2, of_b))}
                body = {"mode": "topN", "count": _LISTED, **sets}
                return [Request("/api/v0.2/diffexp/obs", headers | {"Accept": "application/json"}, body)]
            case _:
                raise Unable("has none")
        return [Request(f"/api/v0.2/{path}", headers) for path in paths]

    @staticmethod
    def _filter(group: Group) -> object:
        if group.clusters:
            return {"annotation_value": [{"name": "cluster", "values": [f"cluster {c}" for c in group.clusters]}]}
        return {"index": group.cells.tolist()}

    @staticmethod
    def _others(group: Group) -> object:
        """Return the cells before and behind a group, which is one run; what is beyond the last it leaves out."""
        first, last = int(group.cells[0]), int(group.cells[-1])
        assert last - first == group.cells.size - 1
        return {"index": [[0, first], [last + 1, 1 << 31]]}


class Annzarro(Server):
    """annzarro, which reads the file as it is."""

    name = "annzarro"
    health = "/api/v1/health"
    _dataset = ""

    def command(self, file: Path, scratch: Path, port: int) -> Sequence[str]:
        data = scratch / "annzarro-data"
        data.mkdir(exist_ok=True)
        self._dataset = f"bench{file.suffix}"
        link = data / self._dataset
        link.unlink(missing_ok=True)
        link.symlink_to(file.resolve())
        program = str(install("annzarro") / "annzarro")
        folders = ["--data-dir", str(data), "--state-dir", str(scratch / "annzarro-state")]
        quiet = ["--auth-disabled", "--no-browser"]
        return [program, "start", "--host", "127.0.0.1", "--port", str(port), *folders, *quiet]

    def requests(self, question: Question) -> Sequence[Request]:
        match question:
            case Nothing():
                return [Request(self.health)]
            case Cells():
                paths = ["obsm/X_umap?", "obs?columns=cluster&categorical=codes&"]
            case Genes(positions):
                paths = [f"X?cols={quote(','.join(str(i) for i in positions))}&"]
            case _:
                raise Unable("has none")
        # its own page asks for f32, the cheapest of its forms
        return [Request(f"/api/v1/data/{path}dataset_path={self._dataset}&format=f32") for path in paths]


class Cellucid(Server):
    """Cellucid's server of a store, without its page: it sends ranges of files, which a page has to unpack."""

    name = "Cellucid"
    health = "/_cellucid/health"
    _store: GeneRanges | None = None

    def command(self, file: Path, scratch: Path, port: int) -> Sequence[str]:
        self._store = GeneRanges(file)
        program = str(install("cellucid") / "cellucid")
        names = ["--dataset-name", "bench", "--dataset-id", "bench", "--latent-key", "X_umap"]
        return [program, "serve", str(file), "--no-web-ui", "--no-browser", "--quiet", "--port", str(port), *names]

    def requests(self, question: Question) -> Sequence[Request]:
        match question:
            case Nothing():
                return [Request(self.health)]
            case Cells():
                paths = [("obsm/X_umap/c/0/0", ""), ("obs/cluster/codes/c/0", "")]
            case Genes(positions):
                assert self._store is not None
                paths = [part for position in positions for part in self._store.of(position)]
            case _:
                raise Unable("has none")
        root = "/_cellucid/anndata/bench.zarr"
        return [Request(f"{root}/{path}", {"Range": part} if part else {}) for path, part in paths]
