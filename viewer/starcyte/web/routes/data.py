"""What is in the file: schema, embeddings, obs, genes, expression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from flask import Blueprint, Response, g, request

from starcyte import __version__
from starcyte.compute.methods import METHODS
from starcyte.errors import BadRequest, LimitExceeded, NotFound
from starcyte.web.access import Role
from starcyte.web.context import context
from starcyte.web.media import BINARY, CSV, PNG
from starcyte.web.responses import (
    accepted_form,
    answer_columns,
    answer_json,
    answer_once,
    body_json,
    names_listed,
    whole_number,
)

if TYPE_CHECKING:
    from starcyte.store.dataset import Dataset, Matrix
    from starcyte.web.wire import WireColumn

blueprint = Blueprint("data", __name__)

_NAMES_AT_ONCE = 50_000
# of memory, for each value that becomes a number of Python's and then text
_BYTES_AS_TEXT = 40


@blueprint.get("/schema")
def schema() -> Response:
    """Return what there is to see."""
    ctx, dataset = context(), context().dataset()
    settings = ctx.settings
    can_make = not settings.read_only and ctx.keeps and g.role >= Role.ANNOTATE
    features = {
        "diffexp": bool(dataset.matrices) and not settings.disable_diffexp,
        # without them the page shows nothing of what is kept
        **({} if settings.disable_annotations else {"annotations": can_make}),
        "genesets": can_make and not settings.disable_gene_sets_save,
        "finish": settings.allow_finish,
        "terms": bool(settings.terms_file),
        "outputs": bool(settings.outputs_dir),
    }

    def make() -> Response:
        defaults = {"color_by": _first_color(dataset, settings.color_by), "embedding": settings.first_embedding}
        more = {
            "version": __version__,
            "features": features,
            "defaults": defaults,
            "about": settings.about,
            "methods": [method.as_dict() for method in METHODS.values()],
        }
        return answer_json(dataset.describe() | more | {"revision": dataset.revision})

    # whether annotations can be kept depends on the disk
    return answer_once(make, str(can_make))


def _first_color(dataset: Dataset, wanted: str) -> str:
    """Return what is wanted if the dataset has it: of a catalog, some may and others may not."""
    if not wanted or any(column.name == wanted for column in dataset.obs):
        return wanted
    if dataset.default_matrix is None:
        return ""
    try:
        dataset.genes(dataset.default_matrix).index(wanted)
    except NotFound:
        return ""
    return wanted


@blueprint.get("/embeddings/<name:name>")
def embedding(name: str) -> Response:
    """Return the coordinates of the cells."""
    from starcyte.web.wire import WireColumn

    dataset = context().dataset()
    dims = _dims(name)

    def read() -> tuple[int, list[WireColumn]]:
        axes = dataset.embedding(name, dims)
        return dataset.n_obs, [WireColumn(axis, values) for axis, values in zip("xyz", axes, strict=False)]

    return answer_columns(read)


def _dims(name: str) -> list[int]:
    text = request.args.get("dims")
    if text is None:
        found = next((e.dims for e in context().dataset().embeddings if e.name == name), 2)
        return [0] if found == 1 else [0, 1]
    parts = text.split(",")
    if not 1 <= len(parts) <= 3:
        raise BadRequest(f"dims is {text!r}.", "Give one to three column numbers, such as 0,1.")
    return [whole_number(p, "dims", None) or 0 for p in parts]


@blueprint.get("/obs/<name:name>")
def obs(name: str) -> Response:
    """Return one column of obs."""
    from starcyte.web.wire import from_column

    dataset = context().dataset()
    return answer_columns(lambda: (dataset.n_obs, [from_column(dataset.obs_column(name))]))


@blueprint.get("/obsp/<name:name>")
def obsp(name: str) -> Response:
    """Return what one cell is to all others."""
    from starcyte.web.wire import from_values

    dataset = context().dataset()
    cell = whole_number(request.args.get("cell"), "cell", None)
    if cell is None:
        raise BadRequest("No cell is named.", "Add ?cell=<number>, counted from 0.")

    def read() -> tuple[int, list[WireColumn]]:
        return dataset.n_obs, [from_values(name, dataset.obsp_row(name, cell))]

    return answer_columns(read)


@blueprint.get("/images/<name:name>")
def image(name: str) -> Response:
    """Return a picture under the cells."""
    from starcyte.compute.png import png

    dataset = context().dataset()
    return answer_once(lambda: Response(png(dataset.image(name)), mimetype=PNG))


@blueprint.get("/thumbnail")
def picture() -> Response:
    """Return a small picture of the cells, as the page shows them when it opens."""
    from starcyte.catalog.thumbnail import thumbnail
    from starcyte.compute.png import png

    ctx, dataset = context(), context().dataset()

    def make() -> Response:
        pixels = thumbnail(dataset, ctx.settings)
        if pixels is None:
            raise NotFound("The dataset has no embedding to draw.", "Its schema says what it has.")
        return Response(png(pixels), mimetype=PNG)

    return answer_once(make)


@blueprint.get("/cells")
def cells() -> Response:
    """Return the names of some cells."""
    settings, dataset = context().settings, context().dataset()
    parts = request.args.get("rows", "").split(",")
    if len(parts) > settings.max_cells_listed:
        raise LimitExceeded(
            f"{len(parts)} cells are more than {settings.max_cells_listed} (setting max_cells_listed).",
            "Ask for fewer.",
        )
    rows = [whole_number(part, "rows", None) or 0 for part in parts]
    if max(rows) >= dataset.n_obs:
        raise NotFound(f"There is no cell {max(rows)}.", f"Cells are numbered from 0 to {dataset.n_obs - 1}.")
    return answer_once(lambda: answer_json({"names": dataset.cell_names(rows)}))


@blueprint.post("/cells/names")
def cell_names() -> Response:
    """Return the names of the cells of a selection, as a table of one column."""
    from starcyte.web.grouping import selected
    from starcyte.web.wire import csv_bytes

    dataset, body = context().dataset(), body_json()
    unknown = set(body) - {"selection"}
    if unknown:
        raise BadRequest(f"{min(unknown)!r} is no part of the question.", "It has selection.")
    chosen = selected(body.get("selection"))

    def lines() -> Iterator[bytes]:
        yield csv_bytes(["cell"], [])
        for start in range(0, dataset.n_obs, _NAMES_AT_ONCE):
            rows = range(start, min(start + _NAMES_AT_ONCE, dataset.n_obs))
            mine = np.flatnonzero(chosen[rows.start : rows.stop])
            if mine.size:
                names = dataset.cell_names(rows)
                yield csv_bytes(None, [[names[i]] for i in mine.tolist()])

    return Response(lines(), mimetype=CSV, headers={"Cache-Control": "no-store"})


@blueprint.get("/genes")
def genes() -> Response:
    """Return the genes that match a text, best first; or those of a list of names, in its order."""
    settings, dataset = context().settings, context().dataset()
    matrix, text = request.args.get("matrix"), request.args.get("q", "")
    limit = whole_number(request.args.get("limit"), "limit", 20, settings.max_genes_listed)
    if "names" in request.args:
        return _genes_named(names_listed("names", "max_genes_listed", needed=False), matrix)

    def make() -> Response:
        known = dataset.genes(None if matrix is None else dataset.matrix(matrix).name)
        found = known.search(text)
        listed = [
            {
                "name": known.names[i],
                "id": known.ids[i] if known.ids else None,
                "index": i,
                "alias": known.alias(i, text),
            }
            for i in found[:limit]
        ]
        return answer_json({"n": len(known.names), "total": len(found), "genes": listed})

    return answer_once(make)


def _genes_named(names: list[str], matrix: str | None) -> Response:
    dataset = context().dataset()

    def make() -> Response:
        known = dataset.genes(None if matrix is None else dataset.matrix(matrix).name)
        found = {name: known.match(name) for name in names}
        positions = list(dict.fromkeys(i for i in found.values() if i is not None))
        listed = [
            {"name": known.names[i], "id": known.ids[i] if known.ids else None, "index": i, "alias": None}
            for i in positions
        ]
        missing = [name for name, i in found.items() if i is None]
        return answer_json({"n": len(known.names), "total": len(positions), "genes": listed, "missing": missing})

    return answer_once(make)


@blueprint.get("/expression")
def expression() -> Response:
    """Return one gene, or several, over all cells."""
    ctx, dataset = context(), context().dataset()
    gene, matrix_name = request.args.get("gene"), request.args.get("matrix", "X")
    if gene is not None and "genes" in request.args:
        raise BadRequest("Both gene and genes are given.", "Give one of them.")
    names = [gene] if gene is not None else list(dict.fromkeys(names_listed("genes", "max_summary_genes")))

    def read() -> tuple[int, list[WireColumn]]:
        matrix, known = ctx.matrix(matrix_name), dataset.genes(matrix_name)
        positions = [known.index(name) for name in names]
        return dataset.n_obs, _columns_of(matrix, dict(zip(names, positions, strict=True)))

    return answer_columns(read)


def _columns_of(matrix: Matrix, positions: dict[str, int]) -> list[WireColumn]:
    """Read genes, as many as may be in one answer."""
    from starcyte.web.wire import from_values

    ctx, size = context(), 0
    found: list[WireColumn] = []
    for i, (name, position) in enumerate(positions.items()):
        read = matrix.column(position, lambda done, i=i: ctx.tick((i + done) / len(positions)))  # type: ignore[misc]
        found.append(column := from_values(name, read))
        size += column.nbytes if accepted_form() == BINARY else _BYTES_AS_TEXT * read.n
        if size > ctx.settings.max_expression_bytes and len(positions) > 1:
            raise LimitExceeded(
                f"{len(positions)} genes are more than {ctx.settings.max_expression_bytes} bytes of memory"
                " (setting max_expression_bytes).",
                "Ask for fewer at a time, or for binary columns.",
            )
    return found
