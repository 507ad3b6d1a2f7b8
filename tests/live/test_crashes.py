"""Viewers that are killed while they are written to: every change that was acknowledged is there afterwards.

A short form runs with all tests; ``CRASHES=200 pytest tests/live/test_crashes.py -s`` runs the long one, and says how
much it has done.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import statistics
import sys
import threading
import time
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import numpy as np
import pytest
from changing import Changing
from h5ad_file import write_h5ad
from process import Viewer

CRASHES = int(os.environ.get("CRASHES", "6"))
N = 3000
CLOCK_BACK = str(Path(__file__).parent / "clock_back.py")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write_h5ad(tmp_path_factory.mktemp("file") / "cells.h5ad", np.ones((N, 4), np.float32))


@contextmanager
def filling(folder, chance):
    """Fill the disk at random moments, and make room again."""
    ended = threading.Event()
    ballast = folder / "ballast"

    def fill():
        while not ended.wait(chance.uniform(0.02, 0.15)):
            with suppress(OSError), ballast.open("wb", buffering=0) as stream:
                while stream.write(bytes(16384)) and not ended.is_set():
                    pass
            ended.wait(chance.uniform(0.02, 0.15))
            ballast.unlink(missing_ok=True)

    thread = threading.Thread(target=fill)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        ballast.unlink(missing_ok=True)


@pytest.mark.parametrize("how", ["as it is", "with a disk that is full at times", "with a clock that is set back"])
def test_what_was_acknowledged_outlives_every_kill(file, tmp_path, mounted, how):
    full = "disk" in how
    base = mounted("size=48m") if full else tmp_path
    data, saved = base / "data", base / "saved"
    program = (CLOCK_BACK,) if "clock" in how else ("-m", "starcyte")
    arguments = (file, f"--data-dir={data}", f"--outputs-dir={saved}", "--allow-finish")
    clients = [Changing(f"annotation-{k}", N, seed=k, full=full) for k in range(3)]
    chance = random.Random(1)
    changed = []
    for round_ in range(CRASHES):
        folder = tmp_path / f"round{round_}"
        folder.mkdir()
        with Viewer(folder, *arguments, program=program) as viewer:
            viewer.opened()
            for client in clients:
                client.found(viewer)
            before = sum(c.n_acknowledged for c in clients)
            threads = [threading.Thread(target=c.run, args=(viewer.ready["port"],)) for c in clients]
            with filling(base, chance) if full else nullcontext():
                for thread in threads:
                    thread.start()
                time.sleep(chance.uniform(0.05, 1.0))
                viewer.process.send_signal(signal.SIGKILL)
                for thread in threads:
                    thread.join()
            for client in clients:
                client.saved(saved)
            changed.append(sum(c.n_acknowledged for c in clients) - before)
            assert viewer.err == ""
    folder = tmp_path / "last"
    folder.mkdir()
    with Viewer(folder, *arguments, program=program) as viewer:
        viewer.opened()
        for client in clients:
            client.found(viewer)
        assert (
            viewer.get(
                "finish",
                "POST",
                json.dumps({"key": viewer.json("schema")["finish_key"]}),
                **{"Content-Type": "application/json"},
            )[0]
            == 200
        )
        assert viewer.process.wait(60) == 0
    for client in clients:
        client.saved(saved, current=True)
    assert sum(changed) > CRASHES
    (database,) = data.glob("*.sqlite")
    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    lags = sorted(lag for c in clients for lag in c.lags) or [0.0]
    told = (
        f"{how}: {CRASHES} kills; {sum(changed)} changes acknowledged, {statistics.median(changed)} between two kills,"
        f" {sum(c.n_refused for c in clients)} refused; {database.stat().st_size >> 10} KB;"
        f" files behind at most {lags[-1]:.2f} s when looked at ({len(lags)} times)"
    )
    sys.stdout.write(told + "\n")
