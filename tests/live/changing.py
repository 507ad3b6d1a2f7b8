"""A client that changes what it has made as fast as it can, and remembers every answer."""

from __future__ import annotations

import http.client
import json
import random
from typing import Any

CATEGORIES = ("a", "b", "=c", "d/é")


class Changing:
    """Makes one label, one gene set and one view of its own, by changes of every kind.

    Parameters
    ----------
    name
        Of the label, the set and the view; nobody else may change these.
    n
        How many cells there are.
    seed
        Of the choice of changes.

    Attributes
    ----------
    states
        What stood after each change that was acknowledged, oldest first: label as a list of (category, cells) or
        None, genes or None, view or None. The last one is what must stand.
    pending
        What stands if the change that was not answered was kept all the same.
    revisions
        The revision of each change of the label that was acknowledged, with the label after it.
    """

    def __init__(self, name: str, n: int, seed: int) -> None:
        self.name = name
        self.n = n
        self.random = random.Random(seed)
        self.states: list[dict[str, Any]] = [{"label": None, "genes": None, "view": None}]
        self.pending: dict[str, Any] | None = None
        self.revisions: dict[int, Any] = {}

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
        state = {"label": None, "genes": None, "view": None}
        listed = [x for x in viewer.json("labels")["labels"] if x["name"] == self.name]
        if listed:
            values = viewer.json(f"labels/{self.name}")["columns"][0]["values"]
            state["label"] = [
                (c["name"], [i for i, v in enumerate(values) if v == c["name"]]) for c in listed[0]["categories"]
            ]
            assert [c["n"] for c in listed[0]["categories"]] == [len(cells) for _, cells in state["label"]]
        for entry in viewer.json("genesets")["genesets"]:
            if entry["name"] == self.name:
                state["genes"] = entry["genes"]
        if any(v["name"] == self.name for v in viewer.json("views")["views"]):
            state["view"] = viewer.json(f"views/{self.name}")
        assert state in (self.states[-1], self.pending), f"{self.name} is {state}, not {self.states[-1]}"
        if state != self.states[-1]:
            self.states.append(state)
        self.pending = None
        if self.revisions:
            history = {r["revision"] for r in viewer.json(f"labels/{self.name}/revisions")["revisions"]}
            assert set(self.revisions) <= history

    def _change(self, client: http.client.HTTPConnection) -> None:
        now = self.states[-1]
        kind = self.random.choice(["label"] * 6 + ["genes", "view"])
        if kind == "label":
            method, path, body, after = self._of_label(now["label"])
        else:
            after = [f"g{number}" for number in self.random.sample(range(1000), self.random.randrange(1, 30))]
            method, path, body = "PUT", f"genesets/{self.name}", {"genes": after}
            if kind == "view":
                path, body = f"views/{self.name}", after
        self.pending = now | {kind: after}
        # without If-Match a PUT makes what is not there
        match = {} if kind == "label" and now["label"] is None and method == "PUT" else {"If-Match": "*"}
        answer = self._ask(client, method, path, body, match)
        self.states.append(self.pending)
        self.pending = None
        if kind == "label":
            self.revisions[answer["revision"]] = after

    def _of_label(self, now: Any) -> tuple[str, str, Any, Any]:
        """Return a change of the label: method, path, body, and the label after it."""
        path = f"labels/{self.name}"
        action = self.random.choice(["assign"] * 6 + ["edit", "restore", "delete"])
        if now is None:
            if self.revisions and action == "restore":
                return self._restored(path)
            return "PUT", path, {"categories": [{"name": "a"}]}, [("a", [])]
        if action == "restore":
            return self._restored(path)
        if action == "delete":
            return "DELETE", path, None, None
        if action == "edit":
            names = [name for name, _ in now]
            kept = self.random.sample(names, self.random.randrange(1, len(names) + 1))
            after = [(name, dict(now)[name]) for name in kept]
            return "PUT", path, {"categories": [{"name": name} for name in kept]}, after
        start = self.random.randrange(self.n)
        cells = set(range(start, min(start + self.random.randrange(1, self.n), self.n), self.random.randrange(1, 4)))
        category = self.random.choice([*CATEGORIES, None])
        after = [(name, sorted(set(old) | cells if name == category else set(old) - cells)) for name, old in now]
        if category is not None and category not in dict(now):
            after.append((category, sorted(cells)))
        body = {"category": category, "selection": {"indices": sorted(cells)}, "create": category is not None}
        return "POST", f"{path}/assign", body, after

    def _restored(self, path: str) -> tuple[str, str, Any, Any]:
        revision = self.random.choice(list(self.revisions))
        return "POST", f"{path}/restore", {"revision": revision}, self.revisions[revision]

    @staticmethod
    def _ask(client: http.client.HTTPConnection, method: str, path: str, body: Any, match: dict[str, str]) -> Any:
        headers = {"Content-Type": "application/json"} | match
        client.request(method, f"/api/v1/{path}", None if body is None else json.dumps(body), headers)
        response = client.getresponse()
        text = response.read()
        assert response.status in {200, 201}, (method, path, body, text)
        return json.loads(text)
