"""Many users who write at once to one dataset, through the real server.

``WRITES=100 pytest tests/live/test_users.py -s`` writes more, and says how long a write took.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import sys
import threading
import time

import numpy as np
from h5ad_file import write_h5ad

USERS = 50
WRITES = int(os.environ.get("WRITES", "6"))
N = 2000


def test_fifty_users_write_at_once_and_none_sees_anothers(launched, tmp_path):
    file = write_h5ad(tmp_path / "cells.h5ad", np.ones((N, 4), np.float32))
    viewer = launched(file, f"--data-dir={tmp_path / 'data'}", "--user-header=X-User").opened()
    times: list[float] = []
    failures: list[object] = []
    begin = threading.Barrier(USERS)

    def ask(client, user, method, path, body=None):
        client.request(
            method,
            f"/api/v1/{path}",
            None if body is None else json.dumps(body),
            {"Content-Type": "application/json", "X-Starcyte-Client": "test", "X-User": user},
        )
        response = client.getresponse()
        text = response.read()
        if response.status not in {200, 201}:
            raise AssertionError((method, path, response.status, text))
        return json.loads(text)

    def work(number):
        user = f"user {number}"
        client = http.client.HTTPConnection("127.0.0.1", viewer.ready["port"], timeout=240)
        try:
            ask(client, user, "PUT", "annotations/shared%20name", {"labels": [{"name": user}]})
            begin.wait(240)
            for i in range(WRITES):
                started = time.perf_counter()
                selection = {"ranges": [[i * 10, i * 10 + 1 + number % 10]]}
                done = ask(
                    client, user, "POST", "annotations/shared%20name/assign", {"label": user, "selection": selection}
                )
                times.append(time.perf_counter() - started)
                assert done["n"] == 1 + number % 10
        except BaseException as error:
            failures.append(error)
            begin.abort()
        finally:
            client.close()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(USERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(times) == USERS * WRITES
    client = viewer.client()
    for number in range(USERS):
        user = f"user {number}"
        (annotation,) = ask(client, user, "GET", "annotations")["annotations"]
        assert [(c["name"], c["n"]) for c in annotation["labels"]] == [(user, WRITES * (1 + number % 10))]
        changes = ask(client, user, "GET", "changes")["changes"]
        assert [c["action"] for c in changes] == ["create"] + ["assign"] * WRITES
        assert {c["name"] for c in changes} == {"shared name"}
        history = ask(client, user, "GET", "annotations/shared%20name/revisions")["revisions"]
        assert {r["author"] for r in history} == {user}
    assert ask(client, "", "GET", "annotations")["annotations"] == []
    client.close()
    assert viewer.stop() == 0
    assert viewer.err == ""
    p95 = statistics.quantiles(times, n=20)[-1]
    told = f"{len(times)} writes by {USERS} users: median {statistics.median(times):.3f} s, p95 {p95:.3f} s"
    sys.stdout.write(told + "\n")
