"""Datasets of a catalog opened, queried and closed repeatedly; as a program it prints what that leaves behind.

``python tests/live/cycling.py FOLDER CYCLES`` prints JSON: descriptors, threads and memory at the start and the end.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from pathlib import Path

from starcyte.catalog import resource_usage
from starcyte.catalog.catalog import Catalog
from starcyte.catalog.service import CatalogService
from starcyte.settings import Settings
from starcyte.web.app import create_catalog_app
from starcyte.web.context import Context

_PATIENCE = 20.0
# the threads of an open dataset
_OF_DATASETS = {"opening", "preparing"}


def taken(service: CatalogService[Context]) -> dict[str, int]:
    """Return what the process holds, once every dataset is closed and its threads had time to end."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and (service.opened() or _OF_DATASETS & {t.name for t in threading.enumerate()}):
        time.sleep(0.05)
        service.sweep()
    gc.collect()
    resource_usage.trim_memory()
    return {
        "descriptors": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "threads": sum(1 for _ in Path("/proc/self/task").iterdir()),
        "memory": resource_usage.memory(),
    }


def cycle(folder: Path, cycles: int) -> dict[str, object]:
    """Open and close datasets, one at a time, and return what is held after the first rounds and at the end."""
    scratch = folder.with_name("scratch")
    settings = Settings(
        max_open=1, close_idle=0.01, cache_dir=str(scratch / "cache"), data_dir=str(scratch / "data"), index_least=1000
    )
    app = create_catalog_app(settings, Catalog(str(folder), settings))
    service = app.extensions["starcyte_catalog"]
    service.refresh()
    client = app.test_client()
    keys = [entry.id for entry in service.entries()]

    def visit(number: int) -> None:
        key = keys[number % len(keys)]
        while True:
            answer = client.get(f"/d/{key}/api/v1/schema", buffered=True)
            if answer.status_code != 503:
                break
            time.sleep(0.01)
        assert answer.status_code == 200, answer.text
        for path in ("annotations", "genes?q=c", f"expression?gene={answer.json['genes']['n'] and 'CD3D'}"):
            assert client.get(f"/d/{key}/api/v1/{path}", buffered=True).status_code == 200
        service.sweep()

    began = time.monotonic()
    for number in range(3 * len(keys)):
        visit(number)
    before = taken(service)
    opened = service.counts["opened"]
    for number in range(cycles):
        visit(number)
    after = taken(service)
    found = {
        "before": before,
        "after": after,
        "opened": service.counts["opened"] - opened,
        "open": len(service.opened()),
        "seconds": round(time.monotonic() - began, 1),
    }
    service.stop()
    service.close()
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(cycle(Path(sys.argv[1]), int(sys.argv[2]))))
    sys.stdout.flush()
    os._exit(0)
