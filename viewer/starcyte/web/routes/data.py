"""The contents of the file: schema, embeddings, obs, genes, expression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from flask import g
from msgspec import UNSET

from starcyte import __version__
from starcyte.compute.fold_change import FOLD_CHANGES
from starcyte.compute.methods import METHODS
from starcyte.compute.options import DEFAULT_MIN_FRACTION
from starcyte.errors import BadRequest, LimitExceeded, NotFound
from starcyte.web.context import context
from starcyte.web.contract.base import Name, given
from starcyte.web.contract.columns import Columns, EmbeddingQuery, ExpressionQuery, ObspQuery
from starcyte.web.contract.names import Gene, GeneMatches, GenesQuery
from starcyte.web.contract.schema import Schema
from starcyte.web.encoding.decode import decode_names
from starcyte.web.encoding.media import BINARY, COLUMNS, PNG
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.responses import accepted_form, answer_cached, answer_columns, answer_json
from starcyte.web.routing.blueprint import Routes
from starcyte.web.routing.route import READ
from starcyte.web.security.access import Role

if TYPE_CHECKING:
    from starcyte.store.dataset import Dataset
    from starcyte.store.gene_lookup import FoundGene, GeneLookup
    from starcyte.web.encoding.wire import WireColumn

routes = Routes("data")

# memory of a value as a Python object and as text
_BYTES_AS_TEXT = 40


@routes.get("/schema", errors=READ, cached=True)
def schema() -> ResponseOf[Schema]:
    """Return the contents of the dataset and the features of the server."""
    ctx, dataset = context(), context().dataset()
    settings = ctx.settings
    can_write = not settings.read_only and ctx.has_curation and g.role >= Role.ANNOTATE
    features = {
        "diffexp": bool(dataset.matrices) and not settings.disable_diffexp,
        # omitted if disabled: the page then has no annotations at all
        **({} if settings.disable_annotations else {"annotations": can_write}),
        "genesets": can_write and not settings.disable_gene_sets_save,
        "finish": settings.allow_finish,
        "terms": bool(settings.terms_file),
        "outputs": bool(settings.outputs_dir),
    }
    key = ctx.finish_key if settings.allow_finish else ""

    content = dataset.describe()

    def make() -> ResponseOf[Schema]:
        described: dict[str, Any] = content | {
            "revision": dataset.revision,
            "version": __version__,
            "features": features,
            "max_saved_item_bytes": settings.max_saved_item_bytes,
            "finish_key": key,
            "defaults": {
                "color_by": _first_color(dataset, settings.color_by),
                "embedding": settings.first_embedding,
                "min_fraction": DEFAULT_MIN_FRACTION,
            },
            "about": settings.about,
            "methods": [method.as_dict() for method in METHODS.values() if method.is_available],
            "fold_changes": [formula.as_dict() for formula in FOLD_CHANGES.values()],
        }
        return answer_json(msgspec.convert(described, Schema))

    # whether annotations can be saved depends on the disk; the scales on whether the file is downloaded and indexed
    scales = [matrix["scale"] for matrix in content["matrices"]]
    return answer_cached(make, f"{can_write} {key} {scales} {content['default_matrix']}")


def _first_color(dataset: Dataset, wanted: str) -> str:
    """Return the wanted field, or nothing if the dataset lacks it: of a catalog, some datasets may have it."""
    if not wanted or any(column.name == wanted for column in dataset.obs):
        return wanted
    if dataset.default_matrix is None:
        return ""
    try:
        dataset.gene_lookup(dataset.default_matrix).find(wanted)
    except NotFound:
        return ""
    return wanted


@routes.get("/embeddings/<name:name>", media=COLUMNS, errors=READ, cached=True)
def embedding(name: Name, query: EmbeddingQuery) -> ResponseOf[Columns]:
    """Return the coordinates of the cells in an embedding.

    The columns are x, y, z; NaN (null in JSON, empty in CSV) for a cell that is not drawn.
    """
    from starcyte.web.encoding.coarse import coarse
    from starcyte.web.encoding.wire import WireColumn

    dataset = context().dataset()
    if query.dims is UNSET:
        known = next((e.dims for e in dataset.embeddings if e.name == name), 2)
        dims = [0] if known == 1 else [0, 1]
    else:
        dims = [int(number) for number in query.dims.split(",")]

    def read() -> tuple[int, list[WireColumn]]:
        axes = dataset.embedding(name, dims)
        if query.precision == "coarse":
            axes = coarse(axes)
        return dataset.n_obs, [WireColumn(axis, values) for axis, values in zip("xyz", axes, strict=False)]

    return answer_columns(read)


@routes.get("/obs/<name:name>", media=COLUMNS, errors=READ, cached=True)
def obs(name: Name) -> ResponseOf[Columns]:
    """Return a column of obs: codes or numbers."""
    from starcyte.web.encoding.wire import from_column

    dataset = context().dataset()
    return answer_columns(lambda: (dataset.n_obs, [from_column(dataset.obs_column(name))]))


@routes.get("/obsp/<name:name>", media=COLUMNS, errors=READ, cached=True)
def obsp(name: Name, query: ObspQuery) -> ResponseOf[Columns]:
    """Return a cell's row of a matrix of obsp."""
    from starcyte.web.encoding.wire import from_values

    dataset = context().dataset()

    def read() -> tuple[int, list[WireColumn]]:
        return dataset.n_obs, [from_values(name, dataset.obsp_row(name, query.cell))]

    return answer_columns(read)


@routes.get("/images/<name:name>", media=(PNG,), errors=READ, cached=True)
def image(name: Name) -> ResponseOf[bytes]:
    """Return the image under the cells of a spatial embedding."""
    from starcyte.compute.png import png

    dataset = context().dataset()
    return answer_cached(lambda: ResponseOf[bytes](png(dataset.image(name)), mimetype=PNG))


@routes.get("/thumbnail", media=(PNG,), errors=READ, cached=True)
def picture() -> ResponseOf[bytes]:
    """Return a thumbnail: the cells as the page shows them when it opens."""
    from starcyte.catalog.thumbnail import thumbnail
    from starcyte.compute.png import png

    ctx, dataset = context(), context().dataset()

    def make() -> ResponseOf[bytes]:
        pixels = thumbnail(dataset, ctx.settings)
        if pixels is None:
            raise NotFound("The dataset has no embedding to draw.", "Its schema lists its contents.")
        return ResponseOf(png(pixels), mimetype=PNG)

    return answer_cached(make)


@routes.get("/genes", errors=(*READ, 413), cached=True)
def genes(query: GenesQuery) -> ResponseOf[GeneMatches]:
    """Return the genes that match a text, best first, or those of a list of names, in its order."""
    settings, dataset = context().settings, context().dataset()
    names = None if query.names is UNSET else decode_names(query.names, settings, "max_genes_listed", needed=False)

    def make() -> ResponseOf[GeneMatches]:
        matrix = given(query.matrix)
        known = dataset.gene_lookup(matrix)
        if names is not None:
            return answer_json(_genes_named(known, matrix, names))
        found = known.search(query.q)
        listed = found[: min(query.limit, settings.max_genes_listed)]
        return answer_json(
            GeneMatches(
                n=known.n,
                total=len(found),
                genes=[_gene(known, matrix, one, known.alias(one, query.q)) for one in listed],
            )
        )

    return answer_cached(make)


def _genes_named(known: GeneLookup, matrix: str | None, names: list[str]) -> GeneMatches:
    found = {name: known.match(name) for name in names}
    # of several names of one gene, the first
    named = {one: name for name, one in reversed(found.items()) if one is not None}
    genes = list(dict.fromkeys(one for one in found.values() if one is not None))
    return GeneMatches(
        n=known.n,
        total=len(genes),
        genes=[_gene(known, matrix, one, known.alias(one, named[one])) for one in genes],
        missing=[name for name, one in found.items() if one is None],
    )


def _gene(known: GeneLookup, matrix: str | None, found: FoundGene, alias: str | None) -> Gene:
    ids = known.genes_of(found).ids
    return Gene(
        name=known.name(found),
        id=ids[found.position] if ids else None,
        index=found.position,
        matrix=None if found.matrix == (matrix or "") else found.matrix,
        alias=alias,
    )


@routes.get("/expression", media=COLUMNS, errors=(*READ, 413), cached=True)
def expression(query: ExpressionQuery) -> ResponseOf[Columns]:
    """Return one gene or several over all cells, in the order of the query."""
    dataset = context().dataset()
    if query.genes is UNSET and query.gene is not UNSET:
        names = [query.gene]
    elif query.genes is not UNSET and query.gene is UNSET:
        names = list(dict.fromkeys(decode_names(query.genes, context().settings, "max_summary_genes")))
    else:
        raise BadRequest("One of gene and genes is needed.", "Add ?gene=<name>.")

    def read() -> tuple[int, list[WireColumn]]:
        known = dataset.gene_lookup(query.matrix)
        return dataset.n_obs, _columns_of({name: known.find(name) for name in names})

    return answer_columns(read)


def _columns_of(genes: dict[str, FoundGene]) -> list[WireColumn]:
    """Read genes, as many as may be in one answer."""
    from starcyte.store.cell_rows import to_cells
    from starcyte.store.dataset import Values
    from starcyte.web.encoding.wire import from_values

    ctx, size = context(), 0
    found: list[WireColumn] = []
    for i, (name, gene) in enumerate(genes.items()):
        matrix = ctx.matrix(gene.matrix)
        rows = matrix.column(gene.position, lambda done, i=i: ctx.tick((i + done) / len(genes)))  # type: ignore[misc]
        # of a modality: dense, as cells that it lacks are no zeros
        read = rows if matrix.cells is None else Values(matrix.cells.n_obs, to_cells(matrix, rows.dense()))
        found.append(column := from_values(name, read))
        size += column.nbytes if accepted_form() == BINARY else _BYTES_AS_TEXT * read.n
        if size > ctx.settings.max_expression_bytes and len(genes) > 1:
            raise LimitExceeded(
                f"{len(genes)} genes are more than {ctx.settings.max_expression_bytes} bytes of memory"
                " (max_expression_bytes).",
                "Request fewer at a time, or binary columns.",
            )
    return found
