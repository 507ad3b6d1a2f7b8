"""The description of files that leave and come, and of the end of a viewer."""

from __future__ import annotations

from typing import Any

from starcyte.web.contract.openapi_parts import failures, get, json_answer, query
from starcyte.web.contract.openapi_schemas import closed, list_, object_, ref
from starcyte.web.media import CSV, JSON

_TSV = "text/tab-separated-values"
_READ = ("400", "403", "404", "422", "503")
_WRITE = (*_READ, "413", "507")
_NAMES = query(
    "name", "An annotation; may be repeated; by default all annotations", {"type": "array", "items": {"type": "string"}}
)


def paths() -> dict[str, Any]:
    """Return the paths with their operations."""
    tables = {"csv": CSV, "tsv": _TSV, "tabular": _TSV}
    return {
        **{
            f"/export/annotations.{ending}": {
                "get": get("Annotations, a row for each cell", {"200": _file(media)}, _NAMES, errors=_READ)
            }
            for ending, media in tables.items()
        },
        "/export/genesets.gmt": {"get": get("All gene sets as GMT", {"200": _file(_TSV)}, errors=_READ)},
        "/export/genesets.csv": {
            "get": get("All gene sets in cellxgene's form, a row for each gene", {"200": _file(CSV)}, errors=_READ)
        },
        "/export/session.json": {
            "get": get("All that was made but figures, to go on from elsewhere", {"200": _file(JSON)}, errors=_READ)
        },
        "/export/h5ad": {
            "post": {
                "summary": "Make a new h5ad with all annotations as columns of obs",
                "requestBody": {"required": True, "content": {JSON: {"schema": ref("Nothing")}}},
                "responses": {
                    "200": json_answer("The file is made", "NewFile"),
                    "202": json_answer("It is being made: ask for the job", "JobAnswer"),
                    **failures(*_WRITE, "409", "429"),
                },
            }
        },
        "/export/files/{id}": {
            "get": {
                "summary": "A file that was made",
                "parameters": [
                    {
                        "name": "id",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
                    }
                ],
                "responses": {"200": _file("application/x-hdf5"), **failures(*_READ)},
            }
        },
        "/import/annotations": {
            "post": _upload(
                "Import annotations by the names of the cells: CSV, TSV, cellxgene's annotations, or a session. A name"
                " that is taken gets a number",
                {CSV: _TEXT, _TSV: _TEXT, JSON: {}},
                "AnnotationsTaken",
            )
        },
        "/import/genesets": {
            "post": _upload(
                "Take in gene sets: GMT, CSV (also cellxgene's), or a plain list",
                {_TSV: _TEXT, CSV: _TEXT, "text/plain": _TEXT},
                "GeneSetsTaken",
                query("name", "What to call a plain list"),
            )
        },
        "/import/session": {"post": _upload("Take in a saved session", {JSON: {}}, "SessionTaken")},
        "/finish": {
            "post": {
                "summary": "Save all that was made, answer, and end the server, where its operator allows that",
                "requestBody": {"required": True, "content": {JSON: {"schema": ref("Nothing")}}},
                "responses": {"200": json_answer("It ends now", "Finished"), **failures("400", "403", "503")},
            }
        },
        "/keep": {
            "post": {
                "summary": "Say that the page is used: a server that ends when nobody uses it stays",
                "requestBody": {"required": True, "content": {JSON: {"schema": ref("Nothing")}}},
                "responses": {"200": json_answer("The time that is left", "Kept"), **failures("400", "403")},
            }
        },
    }


def schemas() -> dict[str, Any]:
    """Return the schemas by name."""
    text, whole, number = {"type": "string"}, {"type": "integer"}, {"type": "number"}
    idle = object_(("timeout", "left"), timeout=number, left=number)
    missed = {"unmatched": whole, "duplicated": whole, "examples": list_(text)}
    annotations = list_(ref("Annotation"))
    gene_sets = list_(ref("GeneSet"))
    return {
        "Nothing": closed(()),
        "NewFile": object_(
            ("file", "bytes", "download", "notes"),
            file=text,
            bytes=whole,
            download=text,
            notes=list_(text),
            job_id=text,
        ),
        "AnnotationsTaken": object_(
            ("annotations", "matched", *missed), annotations=annotations, matched=whole, **missed
        ),
        "GeneSetsTaken": object_(
            ("genesets", "missing"),
            genesets=gene_sets,
            missing={"type": "object", "additionalProperties": list_(text)},
        ),
        "SessionTaken": object_(
            ("annotations", "genesets", "views", "results", *missed),
            annotations=annotations,
            genesets=gene_sets,
            views=list_(text),
            results=list_(text),
            **missed,
        ),
        "Idle": idle,
        "Finished": object_(("state",), state=text),
        "Kept": object_(("idle",), idle={"anyOf": [ref("Idle"), {"type": "null"}]}),
    }


_TEXT: dict[str, Any] = {"schema": {"type": "string"}}


def _file(media_type: str) -> dict[str, Any]:
    return {"description": "The file", "content": {media_type: {"schema": {}}}}


def _upload(summary: str, content: dict[str, Any], answer: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    operation = {
        "summary": summary,
        "requestBody": {"required": True, "content": content},
        "responses": {"200": json_answer("What was taken in", answer), **failures(*_WRITE)},
    }
    return operation | ({"parameters": list(parameters)} if parameters else {})
