"""Results of an analysis that the file has: ranked genes, dendrograms, PAGA, velocities."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from starcyte.errors import NotFound
from starcyte.store.stored_results import finite
from starcyte.web.context import context
from starcyte.web.contract.base import Name
from starcyte.web.contract.stored import (
    PagaEdge,
    PagaGraph,
    RankedGene,
    RankedGenesQuery,
    RankedGenesTable,
    StoredContents,
    VelocityGrid,
    VelocityQuery,
)
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.responses import answer_cached, answer_json
from starcyte.web.routing.blueprint import Routes
from starcyte.web.routing.route import READ

if TYPE_CHECKING:
    from starcyte.store.dataset import Dataset
    from starcyte.store.gene_lookup import Genes
    from starcyte.store.stored_results import RankedGenes

routes = Routes("stored")

_VELOCITY = "velocity_"


@routes.get("/stored", errors=READ, cached=True)
def stored() -> ResponseOf[StoredContents]:
    """Return the results that the file has, as scanpy and scVelo write them."""
    dataset = context().dataset()

    def make() -> ResponseOf[StoredContents]:
        results = dataset.stored_results()
        paga = results.paga
        return answer_json(
            msgspec.convert(
                {
                    "ranked_genes": [asdict(info) for info in results.ranked_genes],
                    "dendrograms": [asdict(dendrogram) for dendrogram in results.dendrograms],
                    "paga": paga and {"group_by": paga.group_by, "n": len(paga.categories)},
                    "velocity": list(_velocities(dataset)),
                    "warnings": list(results.warnings),
                },
                StoredContents,
            )
        )

    return answer_cached(make)


@routes.get("/stored/genes/<name:key>", errors=READ, cached=True)
def ranked_genes(key: Name, query: RankedGenesQuery) -> ResponseOf[RankedGenesTable]:
    """Return the genes of a group in a ranking that the file has, best first."""
    dataset, settings = context().dataset(), context().settings

    def make() -> ResponseOf[RankedGenesTable]:
        results = dataset.stored_results()
        found = results.genes(key, query.group)
        info = next(info for info in results.ranked_genes if info.key == key)
        known = dataset.genes(info.matrix)
        stop = query.offset + min(query.limit, settings.max_genes_listed)
        rows = range(query.offset, min(stop, len(found.names)))
        genes = [_ranked_gene(found, known, row) for row in rows]
        return answer_json(RankedGenesTable(key=key, group=query.group, total=len(found.names), genes=genes))

    return answer_cached(make)


def _ranked_gene(found: RankedGenes, known: Genes, row: int) -> RankedGene:
    def statistic(name: str) -> float | None:
        values = found.statistics.get(name)
        return None if values is None else finite(values[row])

    position = known.position(found.names[row])
    return RankedGene(
        name=found.names[row],
        gene=None if position is None else known.names[position],
        score=statistic("scores"),
        log2_fold_change=statistic("logfoldchanges"),
        p=statistic("pvals"),
        p_adjusted=statistic("pvals_adj"),
        fraction=statistic("pts"),
        fraction_rest=statistic("pts_rest"),
    )


@routes.get("/stored/paga", errors=READ, cached=True)
def paga() -> ResponseOf[PagaGraph]:
    """Return the graph of categories by PAGA that the file has."""
    dataset = context().dataset()

    def make() -> ResponseOf[PagaGraph]:
        found = dataset.stored_results().paga
        if found is None:
            raise NotFound("The file has no PAGA graph.", "GET stored says what it has.")
        a, b = np.nonzero(np.triu(found.connectivities, 1))
        weights = found.connectivities[a, b]
        order = np.argsort(-weights, kind="stable")
        edges = [
            PagaEdge(a=int(a[k]), b=int(b[k]), weight=float(weights[k]), is_tree=bool(found.tree[a[k], b[k]] > 0))
            for k in order
        ]
        positions = None if found.positions is None else found.positions.tolist()
        graph = PagaGraph(group_by=found.group_by, categories=list(found.categories), edges=edges, positions=positions)
        return answer_json(graph)

    return answer_cached(make)


@routes.get("/velocity/<name:name>", errors=READ, cached=True)
def velocity(name: Name, query: VelocityQuery) -> ResponseOf[VelocityGrid]:
    """Return the velocities of the cells in an embedding, averaged on a grid as scVelo does."""
    from starcyte.compute.velocity_grid import velocity_grid

    ctx, dataset = context(), context().dataset()

    def make() -> ResponseOf[VelocityGrid]:
        of = _velocities(dataset).get(name)
        if of is None:
            raise NotFound(f"Embedding {name!r} has no velocities.", "GET stored lists the embeddings that have.")
        places, arrows = (dataset.embedding(embedding, [0, 1]).T for embedding in (name, of))
        grid = velocity_grid(places, arrows, query.points, query.min_mass, ctx.tick)
        x, y = grid.points.T.tolist()
        dx, dy = grid.velocities.T.tolist()
        return answer_json(
            VelocityGrid(embedding=name, x=x, y=y, dx=dx, dy=dy, spacing=grid.spacing, n_cells=grid.n_cells)
        )

    return answer_cached(make)


def _velocities(dataset: Dataset) -> dict[str, str]:
    """Return the embedding of velocities of each embedding that has them: velocity_umap of X_umap."""
    wide = [e.name for e in dataset.embeddings if e.dims >= 2 and e.library is None]
    bases = {name.removeprefix("X_"): name for name in reversed(wide)}
    found = {}
    for name in wide:
        basis = bases.get(name.removeprefix(_VELOCITY)) if name.startswith(_VELOCITY) else None
        if basis is not None:
            found[basis] = name
    return found
