"""Count what reading Zarr at a URL takes: ``python -m benchmarks.in_place STORE``.

Serves a store with some latency before each answer, and starts ``starcyte launch`` with its URL and an empty cache. Of
each step: seconds, requests to the store, and bytes from it. ``--cells`` and ``--genes`` make a store of random values
first, if there is none: CSC as anndata has it, in shards.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

_SHARD, _CHUNK = 1 << 22, 1 << 16
_GENES = 20


class _Store(ThreadingHTTPServer):
    """The files of a folder, with ranges, latency and counters."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder: Path, latency: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.latency, self.lock = folder, latency, threading.Lock()
        self.requests = self.sent = 0

    def counted(self) -> tuple[int, int]:
        with self.lock:
            found, self.requests, self.sent = (self.requests, self.sent), 0, 0
        return found


class _Handler(BaseHTTPRequestHandler):
    server: _Store
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        time.sleep(self.server.latency)
        file = self.server.folder / unquote(urlsplit(self.path).path).lstrip("/")
        if not file.is_file():
            body, status, extra = b"", 404, {}
        else:
            state = file.stat()
            start, stop, status = 0, state.st_size, 200
            extra = {"ETag": f'"{state.st_mtime_ns:x}-{state.st_size:x}"'}
            wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range") or "")
            if wanted:
                status = 206
                start = int(wanted[1]) if wanted[1] else max(stop - int(wanted[2]), 0)
                stop = min(int(wanted[2]) + 1, stop) if wanted[1] and wanted[2] else stop
                extra["Content-Range"] = f"bytes {start}-{stop - 1}/{state.st_size}"
            with file.open("rb") as stream:
                body = os.pread(stream.fileno(), stop - start, start)
        self.send_response(status)
        for name, value in (extra | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        with self.server.lock:
            self.server.requests += 1
            self.server.sent += len(body)


def make(path: Path, n_obs: int, n_vars: int) -> None:
    """Write a store of random values: few genes of most cells, most genes of few."""
    import anndata as ad
    import pandas as pd
    import zarr
    from zarr.codecs import BloscCodec

    rng = np.random.default_rng(1)
    types = rng.integers(0, 40, n_obs)
    obs = pd.DataFrame(
        {
            "cell_type": pd.Categorical.from_codes(types, [f"type {i}" for i in range(40)]),
            "donor": pd.Categorical.from_codes(rng.integers(0, 60, n_obs), [f"D{i:02}" for i in range(60)]),
            "n_counts": rng.lognormal(8, 0.5, n_obs).astype(np.float32),
            "n_genes": rng.integers(500, 6000, n_obs).astype(np.int32),
        },
        index=[f"{i:07d}-AAACCTG" for i in range(n_obs)],
    )
    umap = (rng.normal(size=(40, 2)) * 8)[types] + rng.normal(size=(n_obs, 2))
    with ad.settings.override(zarr_write_format=3):
        ad.AnnData(
            obs=obs, var=pd.DataFrame(index=[f"GENE{i}" for i in range(n_vars)]), obsm={"X_umap": umap.astype("f4")}
        ).write_zarr(path)
    counts = rng.binomial(n_obs, np.clip(rng.lognormal(-6.2, 1.6, n_vars), 1e-5, 0.6))
    indptr = np.r_[0, np.cumsum(counts)]
    root = zarr.open_group(path, mode="a", use_consolidated=False)
    group = root.create_group(
        "X", attributes={"encoding-type": "csc_matrix", "encoding-version": "0.1.0", "shape": [n_obs, n_vars]}
    )
    mark = {"encoding-type": "array", "encoding-version": "0.2.0"}
    packing: dict[str, Any] = {
        "compressors": [BloscCodec(cname="zstd", clevel=3, shuffle="shuffle")],
        "attributes": mark,
    }
    size = (int(indptr[-1]),)
    data = group.create_array("data", shape=size, dtype="f4", chunks=(_CHUNK,), shards=(_SHARD,), **packing)
    indices = group.create_array("indices", shape=size, dtype="i4", chunks=(_CHUNK,), shards=(_SHARD,), **packing)
    group.create_array("indptr", data=indptr, chunks=indptr.shape, attributes=mark)
    rows, values, done = np.empty(0, "i4"), np.empty(0, "f4"), 0
    for gene, n in enumerate(counts.tolist()):
        rows = np.r_[rows, np.sort(rng.choice(n_obs, n, replace=False, shuffle=False)).astype("i4")]
        values = np.r_[values, np.log1p(rng.poisson(1.5, n) + 1).astype("f4")]
        while rows.size >= _SHARD or (gene == n_vars - 1 and rows.size):
            part = slice(done, done + min(_SHARD, rows.size))
            indices[part], data[part] = rows[:_SHARD], values[:_SHARD]
            rows, values, done = rows[_SHARD:], values[_SHARD:], part.stop
    zarr.consolidate_metadata(path)


def measure(store: _Store, name: str, cache: Path) -> list[tuple[str, float, int, int]]:
    """Return the steps with their seconds, requests and bytes; those of a gene are medians."""
    url = f"http://127.0.0.1:{store.server_address[1]}/{name}"
    command = ["launch", url, "--remote-private", "--access=none", "--port=0", f"--cache-dir={cache}"]
    store.counted()
    began = time.monotonic()
    viewer = subprocess.Popen(
        [sys.executable, "-m", "starcyte", *command, f"--data-dir={cache}"], stdout=subprocess.PIPE, text=True
    )
    steps: list[tuple[str, float, int, int]] = []
    try:
        assert viewer.stdout is not None
        found = re.search(r"http://\S+", viewer.stdout.readline())
        assert found is not None
        home = found[0].rstrip("/")

        def ask(path: str) -> bytes:
            while True:
                try:
                    with urllib.request.urlopen(f"{home}/api/v1/{path}") as answer:
                        return bytes(answer.read())
                except urllib.error.HTTPError as error:
                    if error.code != 503:
                        raise
                    time.sleep(0.01)

        def step(title: str, work: Callable[[], object], since: float | None = None) -> None:
            start = time.monotonic() if since is None else since
            work()
            steps.append((title, time.monotonic() - start, *store.counted()))

        with urllib.request.urlopen(home) as answer:
            answer.read()
        steps.append(("start to the page, without cells", time.monotonic() - began, *store.counted()))
        opening = time.monotonic()
        schema: dict[str, Any] = {}
        step("open", lambda: schema.update(json.loads(ask("schema"))))
        embedding, column = schema["embeddings"][0]["name"], schema["obs"][0]["name"]
        step("embedding", lambda: ask(f"embeddings/{embedding}"))
        step("column", lambda: ask(f"obs/{column}"))
        steps.append(("page to cells: these three", time.monotonic() - opening, 0, 0))
        steps.append(("start to cells", time.monotonic() - began, 0, 0))
        time.sleep(3)
        steps.append(("in the background", 3.0, *store.counted()))
        genes = [g["name"] for g in json.loads(ask("genes?limit=1000000"))["genes"]]
        chosen = np.random.default_rng(3).choice(len(genes), _GENES, replace=False)
        times, counts = [], []
        for number in chosen.tolist():
            store.counted()
            start = time.monotonic()
            ask(f"expression?gene={genes[number]}")
            times.append(time.monotonic() - start)
            counts.append(store.counted())
        asked, sent = (statistics.median(one[i] for one in counts) for i in (0, 1))
        steps.append((f"a gene, median of {_GENES}", statistics.median(times), int(asked), int(sent)))
        most = max(counts)
        steps.append((f"a gene, most of {_GENES}", max(times), *most))
        status = Path(f"/proc/{viewer.pid}/status").read_text()
        peak = re.search(r"VmHWM:\s+(\d+)", status)
        steps.append((f"highest memory: {int(peak[1]) >> 10 if peak else 0} MiB", 0.0, 0, 0))
    finally:
        viewer.terminate()
        viewer.wait()
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path, help="A folder of Zarr.")
    parser.add_argument("--latency", type=float, default=40.0, help="Milliseconds before each answer.")
    parser.add_argument("--cells", type=int, default=1_000_000)
    parser.add_argument("--genes", type=int, default=30_000)
    args = parser.parse_args()
    if not args.store.exists():
        make(args.store, args.cells, args.genes)
    store = _Store(args.store.resolve().parent, args.latency / 1000)
    threading.Thread(target=store.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as scratch:
        for title in ("empty cache", "second start"):
            print(f"\n{title}")
            for name, seconds, requests, sent in measure(store, args.store.name, Path(scratch)):
                print(f"{name:40} {seconds:8.3f} s {requests:6} requests {sent / 1e6:8.2f} MB")
        shutil.rmtree(scratch, ignore_errors=True)
    store.shutdown()


if __name__ == "__main__":
    main()
