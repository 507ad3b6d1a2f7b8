"""What the users of a hosted viewer do, for locust, which runs in an environment of its own.

``ROOTS`` are the paths of datasets, separated by commas; users take turns. Each has a name, in the header X-User, and
thinks between half a second and one and a half, as people do between two clicks.
"""

from __future__ import annotations

import itertools
import os
import random
import time

from locust import HttpUser, between, events, task

BINARY = {"Accept": "application/vnd.starcyte.columns"}
ROOTS = os.environ.get("ROOTS", "/").split(",")
_numbers = itertools.count()
_POLL_SECONDS, _PATIENCE = 0.25, 120.0


class Explorer(HttpUser):
    """Somebody who colours cells, compares clusters, looks at summaries and annotates cells."""

    wait_time = between(0.5, 1.5)

    def on_start(self) -> None:
        """Open the page, as the browser does."""
        number = next(_numbers)
        self.random = random.Random(number)
        self.root = ROOTS[number % len(ROOTS)].rstrip("/") + "/api/v1"
        self.client.headers.update({"X-User": f"user-{number}", "X-Starcyte-Client": f"page-{number}"})
        self.client.get(self.root.removesuffix("/api/v1") + "/", name="page")
        end = time.monotonic() + _PATIENCE
        while self.client.get(f"{self.root}/health", name="health").json()["state"] == "loading":
            if time.monotonic() > end:
                break
            time.sleep(_POLL_SECONDS)
        schema = self.client.get(f"{self.root}/schema", name="schema").json()
        self.n_obs, self.n_vars = schema["n_obs"], schema["n_vars"]
        self.clusters = next(c["categories"] for c in schema["obs"] if c["name"] == "cluster")
        embedding = schema["embeddings"][0]["name"]
        self.client.get(f"{self.root}/embeddings/{embedding}", name="embedding", headers=BINARY)
        self.client.get(f"{self.root}/obs/cluster", name="colour by column", headers=BINARY)
        body = {"labels": [{"name": "T"}, {"name": "B"}]}
        self.client.put(f"{self.root}/annotations/mine", json=body, name="annotation: make")

    def gene(self) -> str:
        """Return the name of a gene."""
        return f"GENE{self.random.randrange(self.n_vars)}"

    @task(10)
    def color_by_gene(self) -> None:
        """Look at a gene."""
        path = f"{self.root}/expression?gene={self.gene()}&matrix=X"
        self.client.get(path, name="colour by gene", headers=BINARY)

    @task(3)
    def color_by_column(self) -> None:
        """Look at a column."""
        self.client.get(f"{self.root}/obs/cluster", name="colour by column", headers=BINARY)

    @task(2)
    def search(self) -> None:
        """Look for a gene."""
        self.client.get(f"{self.root}/genes?q={self.gene()[:6]}&limit=20", name="find a gene")

    @task(3)
    def summarize(self) -> None:
        """Look at a dot plot."""
        genes = ",".join(self.gene() for _ in range(5))
        self.client.get(f"{self.root}/summary?genes={genes}&group_by=cluster&matrix=X", name="summary")

    @task(2)
    def annotate(self) -> None:
        """Annotate some cells."""
        start = self.random.randrange(self.n_obs)
        selection = {"ranges": [[start, min(start + 500, self.n_obs)]]}
        body = {"label": self.random.choice("TB"), "selection": selection}
        self.client.post(f"{self.root}/annotations/mine/assign", json=body, name="annotation: assign")

    @task(2)
    def compare_clusters(self) -> None:
        """Compare a cluster with another."""
        a, b = self.random.sample(self.clusters, 2)
        self._compare({"a": _where(a), "b": _where(b)}, "compare clusters")

    @task(1)
    def compare_selections(self) -> None:
        """Compare some cells, as drawn with a lasso, with all others."""
        start = self.random.randrange(self.n_obs)
        self._compare({"a": {"ranges": [[start, min(start + 300, self.n_obs)]]}, "b": "rest"}, "compare a selection")

    def _compare(self, body: dict[str, object], name: str) -> None:
        """Ask, and follow the job to its end, as the page does; where the queue is full, ask again when told to."""
        begin, size, problem = time.perf_counter(), 0, None
        while True:
            with self.client.post(
                f"{self.root}/diffexp", json=body | {"limit": 50}, name=f"{name}: asked", catch_response=True
            ) as answer:
                if answer.status_code == 429 and answer.json()["error"]["code"] == "too_many_jobs":
                    answer.success()
                    full = True
                else:
                    full = False
            if not full:
                break
            time.sleep(float(answer.headers.get("Retry-After", 1)))
        if answer.status_code == 202:
            job = answer.json()["job"]["id"]
            while True:
                time.sleep(_POLL_SECONDS)
                answer = self.client.get(f"{self.root}/jobs/{job}?limit=50", name=f"{name}: followed")
                if answer.status_code != 200 or answer.json()["job"]["state"] in {"done", "failed", "cancelled"}:
                    break
        size = len(answer.content)
        if answer.status_code != 200 or b'"genes"' not in answer.content:
            problem = RuntimeError(f"{answer.status_code} {answer.text[:200]}")
        events.request.fire(
            request_type="ALL",
            name=f"{name}: to its result",
            response_time=1000 * (time.perf_counter() - begin),
            response_length=size,
            exception=problem,
            context={},
        )


def _where(cluster: str) -> dict[str, object]:
    return {"where": [{"column": "cluster", "in": [cluster]}]}
