"""Viewers that are killed while they are written to: every change that was acknowledged is there afterwards.

A short form runs with all tests; ``CRASHES=200 pytest tests/live/test_crashes.py -s`` runs the long one, and says how
much it has done.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import statistics
import sys
import threading
import time

import numpy as np
import pytest
from changing import Changing
from h5ad_file import write_h5ad
from process import Viewer

CRASHES = int(os.environ.get("CRASHES", "8"))
N = 3000


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write_h5ad(tmp_path_factory.mktemp("file") / "cells.h5ad", np.ones((N, 4), np.float32))


def test_what_was_acknowledged_outlives_every_kill(file, tmp_path):
    data = tmp_path / "data"
    clients = [Changing(f"label {k}".replace(" ", "-"), N, seed=k) for k in range(3)]
    chance = random.Random(1)
    changed = []
    for round_ in range(CRASHES):
        folder = tmp_path / f"round{round_}"
        folder.mkdir()
        with Viewer(folder, file, f"--data-dir={data}") as viewer:
            viewer.opened()
            for client in clients:
                client.found(viewer)
            before = sum(len(c.states) for c in clients)
            threads = [threading.Thread(target=c.run, args=(viewer.ready["port"],)) for c in clients]
            for thread in threads:
                thread.start()
            time.sleep(chance.uniform(0.05, 1.0))
            viewer.process.send_signal(signal.SIGKILL)
            for thread in threads:
                thread.join()
            changed.append(sum(len(c.states) for c in clients) - before)
            assert viewer.err == ""
    folder = tmp_path / "last"
    folder.mkdir()
    with Viewer(folder, file, f"--data-dir={data}") as viewer:
        viewer.opened()
        for client in clients:
            client.found(viewer)
        assert viewer.stop() == 0
    assert sum(changed) > CRASHES
    (database,) = data.glob("*.sqlite")
    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    told = (
        f"{CRASHES} kills; {sum(changed)} changes acknowledged, {statistics.median(changed)} between two kills;"
        f" {database.stat().st_size >> 10} KB"
    )
    sys.stdout.write(told + "\n")
