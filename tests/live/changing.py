"""A client that changes what it has made as fast as it can, and remembers every answer."""

from __future__ import annotations

import csv
import hashlib
import http.client
import json
import random
import time
from collections import deque
from pathlib import Path
from typing import Any

_REMEMBERED = 100
LABELS = ("a", "b", "=c", "d/é")


class Changing:
    """Makes one annotation, one gene set and one view of its own, by changes of every kind.

    Parameters
    ----------
    name
        Of the annotation, the set and the view; nobody else may change these.
    n
        How many cells there are.
    seed
        Of the choice of changes.

    full
        Whether the disk may be full, so that a change is refused.

    Attributes
    ----------
    now
        What must stand: annotation as a list of (label, cells) or None, genes or None, view or None.
    pending
        What stands if the change that was not answered was kept all the same.
    n_acknowledged, n_refused
        How many changes were answered, and how many were refused because the disk was full.
    lags
        Seconds by which the files of the outputs folder were behind, when they were looked at.
    """

    def __init__(self, name: str, n: int, seed: int, full: bool = False) -> None:
        self.name = name
        self.n = n
        self.full = full
        self.random = random.Random(seed)
        self.now: dict[str, Any] = {"annotation": None, "genes": None, "view": None}
        self.pending: dict[str, Any] | None = None
        self.n_acknowledged = self.n_refused = 0
        self.lags: list[float] = []
        self._revisions: dict[int, Any] = {}
        self._known: set[int] = set()
        self._remembered: deque[int] = deque()
        # what has stood at any moment, and when it was followed by something else
        self._stood: dict[str, float] = {}
        self._note(self.now)

    def run(self, port: int) -> None:
        """Change until the server is gone."""
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            while True:
                self._change(client)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            client.close()

    def found(self, viewer: Any) -> None:
        """Assert that what stands is what was acknowledged last, or that and the one change that was not answered."""
        state = {"annotation": None, "genes": None, "view": None}
        listed = [x for x in viewer.json("annotations")["annotations"] if x["name"] == self.name]
        if listed:
            values = viewer.json(f"annotations/{self.name}")["columns"][0]["values"]
            state["annotation"] = [
                (c["name"], [i for i, v in enumerate(values) if v == c["name"]]) for c in listed[0]["labels"]
            ]
            assert [c["n"] for c in listed[0]["labels"]] == [len(cells) for _, cells in state["annotation"]]
        for entry in viewer.json("genesets")["genesets"]:
            if entry["name"] == self.name:
                state["genes"] = entry["genes"]
        if any(v["name"] == self.name for v in viewer.json("views")["views"]):
            state["view"] = viewer.json(f"views/{self.name}")
        assert state in (self.now, self.pending), f"{self.name} is {state}, not {self.now}"
        if state != self.now:
            self._note(state)
        self.pending = None
        if self._known:
            history = {r["revision"] for r in viewer.json(f"annotations/{self.name}/revisions")["revisions"]}
            assert self._known <= history

    def saved(self, folder: Path, current: bool = False) -> None:
        """Assert that the files of an outputs folder can be read, and hold what has stood at some moment.

        Parameters
        ----------
        folder
            The folder.
        current
            Whether they must hold what stands now.
        """
        if self.pending is not None:
            self._keep(self.pending)
        found = _read_folder(folder)
        for file, kind, value in found.get(self.name, []):
            key = _key(kind, value)
            assert key in self._stood, f"{file} holds what {self.name} never was"
            if key != _key(kind, _as(kind, self.now)):
                assert not current, f"{file} is not what {self.name} is now"
                self.lags.append(time.monotonic() - self._stood[key])
        if current:
            kinds = {kind for _, kind, _ in found.get(self.name, [])}
            annotation = {"column", "annotation"} if self.now["annotation"] is not None else set()
            assert kinds == annotation | {k for k in ("genes", "view") if self.now[k] is not None}

    def _keep(self, state: dict[str, Any]) -> None:
        for kind in ("annotation", "column", "genes", "view"):
            self._stood.setdefault(_key(kind, _as(kind, state)), time.monotonic())

    def _note(self, state: dict[str, Any]) -> None:
        for kind in ("annotation", "column", "genes", "view"):
            self._stood[_key(kind, _as(kind, self.now))] = time.monotonic()
        self.now = state
        self._keep(state)

    def _change(self, client: http.client.HTTPConnection) -> None:
        now = self.now
        kind = self.random.choice(["annotation"] * 6 + ["genes", "view"])
        if kind == "annotation":
            method, path, body, after = self._of_annotation(now["annotation"])
        else:
            after = [f"g{number}" for number in self.random.sample(range(1000), self.random.randrange(1, 30))]
            method, path, body = "PUT", f"genesets/{self.name}", {"genes": after}
            if kind == "view":
                path, body = f"views/{self.name}", after
        pending = now | {kind: after}
        self.pending = pending
        # without If-Match a PUT makes what is not there
        match = {} if kind == "annotation" and now["annotation"] is None and method == "PUT" else {"If-Match": "*"}
        answer = self._ask(client, method, path, body, match)
        self.pending = None
        if answer is None:
            self.n_refused += 1
            time.sleep(0.01)
            return
        self.n_acknowledged += 1
        self._note(pending)
        if kind == "annotation":
            revision = answer["revision"]
            # what changes nothing has the revision that stands
            if revision not in self._known:
                self._known.add(revision)
                self._remembered.append(revision)
                self._revisions[revision] = after
            if len(self._remembered) > _REMEMBERED:
                del self._revisions[self._remembered.popleft()]

    def _of_annotation(self, now: Any) -> tuple[str, str, Any, Any]:
        """Return a change of the annotation: method, path, body, and the annotation after it."""
        path = f"annotations/{self.name}"
        action = self.random.choice(["assign"] * 6 + ["edit", "restore", "delete"])
        if now is None:
            if self._revisions and action == "restore":
                return self._restored(path)
            return "PUT", path, {"labels": [{"name": "a"}]}, [("a", [])]
        if action == "restore":
            return self._restored(path)
        if action == "delete":
            return "DELETE", path, None, None
        if action == "edit":
            names = [name for name, _ in now]
            kept = self.random.sample(names, self.random.randrange(1, len(names) + 1))
            after = [(name, dict(now)[name]) for name in kept]
            return "PUT", path, {"labels": [{"name": name} for name in kept]}, after
        start = self.random.randrange(self.n)
        cells = set(range(start, min(start + self.random.randrange(1, self.n), self.n), self.random.randrange(1, 4)))
        label = self.random.choice([*LABELS, None])
        after = [(name, sorted(set(old) | cells if name == label else set(old) - cells)) for name, old in now]
        if label is not None and label not in dict(now):
            after.append((label, sorted(cells)))
        body = {"label": label, "selection": {"indices": sorted(cells)}, "create": label is not None}
        return "POST", f"{path}/assign", body, after

    def _restored(self, path: str) -> tuple[str, str, Any, Any]:
        revision = self.random.choice(list(self._revisions))
        return "POST", f"{path}/restore", {"revision": revision}, self._revisions[revision]

    def _ask(self, client: http.client.HTTPConnection, method: str, path: str, body: Any, match: dict[str, str]) -> Any:
        headers = {"Content-Type": "application/json", "X-Starcyte-Client": "test"} | match
        client.request(method, f"/api/v1/{path}", None if body is None else json.dumps(body), headers)
        response = client.getresponse()
        text = response.read()
        if self.full and response.status == 507:
            return None
        assert response.status in {200, 201}, (method, path, body, text)
        return json.loads(text)


def _as(kind: str, state: dict[str, Any]) -> Any:
    """Return a part of a state as a file has it: a column knows no order and no empty labels."""
    if kind != "column":
        return state[kind]
    annotation = state["annotation"]
    return None if annotation is None else {name: cells for name, cells in annotation if cells}


def _key(kind: str, value: Any) -> str:
    text = json.dumps([kind, value], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _read_folder(folder: Path) -> dict[str, list[tuple[str, str, Any]]]:
    """Return what an outputs folder holds of each name: the file, what it is, and how it is."""
    found: dict[str, list[tuple[str, str, Any]]] = {}
    names = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
    assert names <= {"annotations.tabular", "gene_sets.gmt", "session.json"}, names
    if "annotations.tabular" in names:
        with (folder / "annotations.tabular").open(newline="") as stream:
            rows = list(csv.reader(stream, delimiter="\t"))
        for i, name in enumerate(rows[0][1:], 1):
            column: dict[str, list[int]] = {}
            for cell, row in enumerate(rows[1:]):
                if row[i]:
                    # what a spreadsheet would take for a formula has an apostrophe in front
                    column.setdefault(row[i].removeprefix("'"), []).append(cell)
            found.setdefault(name, []).append(("annotations.tabular", "column", column))
    if "gene_sets.gmt" in names:
        for line in (folder / "gene_sets.gmt").read_text().splitlines():
            name, _, *genes = line.split("\t")
            found.setdefault(name, []).append(("gene_sets.gmt", "genes", genes))
    if "session.json" in names:
        session = json.loads((folder / "session.json").read_text())
        for annotation in session["annotations"]:
            value = [(c["name"], _cells(c["cells"])) for c in annotation["labels"]]
            found.setdefault(annotation["name"], []).append(("session.json", "annotation", value))
        for part, kind, body in (("genesets", "genes", "genes"), ("views", "view", "body")):
            for entry in session[part]:
                found.setdefault(entry["name"], []).append(("session.json", kind, entry[body]))
    return found


def _cells(runs: list[int]) -> list[int]:
    cells: list[int] = []
    at = 0
    for i, length in enumerate(runs):
        if i % 2:
            cells += range(at, at + length)
        at += length
    return cells
