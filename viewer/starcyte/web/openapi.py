"""The description of the HTTP interface, OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from starcyte import __version__
from starcyte.web.media import BINARY, CSV, JSON
from starcyte.web.openapi_schemas import COUNT, ref, schemas


def description() -> dict[str, Any]:
    """Return the OpenAPI document; paths are relative to where it is found."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "starcyte",
            "version": __version__,
            "summary": "One single-cell dataset, read in place.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "../.."}],
        "paths": {f"/api/v1{path}": operations for path, operations in _paths().items()},
        "components": {"schemas": schemas(), "responses": _responses()},
    }


def _paths() -> dict[str, Any]:
    return {
        "/health": {
            "get": _get("How far the dataset is", {"200": _json("Always, from the start", "Health")}, errors=())
        },
        "/schema": {"get": _get("What there is to see", {"200": _json("The schema", "Schema"), **_NOT_MODIFIED})},
        "/embeddings/{name}": {
            "get": _get(
                "Coordinates of the cells: columns x, y, z; NaN (null, empty) for a cell that is not drawn",
                {"200": _columns("One to three columns"), **_NOT_MODIFIED},
                _path_name("Embedding"),
                _query("dims", "Column numbers, one to three, such as 0,1; by default the first two", _DIMS),
            )
        },
        "/obs/{name}": {
            "get": _get(
                "One column of obs: codes or numbers",
                {"200": _columns("One column"), **_NOT_MODIFIED},
                _path_name("Column of obs"),
            )
        },
        "/cells": {
            "get": _get(
                "Names of some cells",
                {"200": _json("Names", "Names"), **_NOT_MODIFIED},
                _query("rows", "Numbers of the cells, from 0, such as 0,17", required=True),
                errors=(*_READ_ERRORS, "413"),
            )
        },
        "/cells/names": {
            "post": {
                "summary": "Names of the cells of a selection",
                "requestBody": {"required": True, "content": {JSON: {"schema": ref("CellsQuestion")}}},
                "responses": {
                    "200": {"description": "A column named cell", "content": {CSV: {"schema": {"type": "string"}}}},
                    **_errors(*_READ_ERRORS, "403", "413"),
                },
            },
        },
        "/genes": {
            "get": _get(
                "Genes that match a text, best first; or those of a list of names",
                {"200": _json("Genes", "Genes"), **_NOT_MODIFIED},
                _query("q", "Part of a name or id, or the start of an alias; empty: all, in the file's order"),
                _query("names", "Whole names, ids or aliases, comma-separated as in summary; q and limit do not count"),
                _query("limit", "How many at most", COUNT | {"default": 20}),
                _query("matrix", "The genes of this matrix; by default those of var"),
                errors=(*_READ_ERRORS, "413"),
            )
        },
        "/expression": {
            "get": _get(
                "One gene over all cells",
                {"200": _columns("One column"), **_NOT_MODIFIED},
                _query("gene", "Name or id", required=True),
                _query("matrix", "Matrix", {"type": "string", "default": "X"}),
            )
        },
        "/summary": {
            "get": _get(
                "Mean and fraction expressing, per gene and category",
                {"200": _json("Summary", "Summary"), **_NOT_MODIFIED},
                _query("genes", "Names, comma-separated (a name that holds a comma in double quotes)", required=True),
                _query("group_by", "A column of obs that has categories", required=True),
                _query("matrix", "Matrix", {"type": "string", "default": "X"}),
                errors=(*_READ_ERRORS, "413"),
            )
        },
        "/distribution": {
            "get": _get(
                "Quantiles and density of a gene or a column of obs, in each category of another",
                {"200": _json("Distribution", "Distribution"), **_NOT_MODIFIED},
                *_gene_or_column("gene", "column"),
                _query("group_by", "A column of obs that has categories; by default all cells are one group"),
                _query("split_by", "Another such column, by whose categories those of group_by are split"),
                errors=(*_READ_ERRORS, "413"),
            )
        },
        "/histogram": {
            "get": _get(
                "Histogram of a gene or a column of obs",
                {"200": _json("Histogram", "Histogram"), **_NOT_MODIFIED},
                *_gene_or_column("gene", "column"),
                _query("bins", "How many bins", COUNT | {"default": 50}),
            )
        },
        "/correlation": {
            "get": _get(
                "How two genes, or columns of obs, go together",
                {"200": _json("Correlation", "Correlation"), **_NOT_MODIFIED},
                *_gene_or_column("x", "x_column"),
                *_gene_or_column("y", "y_column")[:2],
            )
        },
        "/score": {
            "get": _get(
                "Mean, or score against control genes, of a set of genes, over all cells",
                {"200": _columns("One column; binary and JSON name the genes that are not there"), **_NOT_MODIFIED},
                _query("genes", "Names, comma-separated (a name that holds a comma in double quotes)", required=True),
                _query("method", "mean, or scanpy's score_genes", {"enum": ["mean", "score"], "default": "mean"}),
                _query("matrix", "Matrix", {"type": "string", "default": "X"}),
                errors=(*_READ_ERRORS, "413"),
            )
        },
        "/diffexp": {
            "post": {
                "summary": "Compare two groups of cells, gene by gene",
                "requestBody": {
                    "required": True,
                    "content": {JSON: {"schema": ref("Comparison")}},
                },
                "parameters": _paging(),
                "responses": {
                    "200": _json("The result, best genes first", "Result"),
                    "202": _json("Still computed: ask for the job", "JobAnswer"),
                    **_errors(*_READ_ERRORS, "403", "409", "413", "429"),
                },
            }
        },
        "/markers": {
            "post": {
                "summary": "Compare every category of a column with all other cells",
                "requestBody": {"required": True, "content": {JSON: {"schema": ref("MarkerQuestion")}}},
                "responses": {
                    "200": _json("The best genes of every category", "Markers"),
                    "202": _json("Still computed: ask for the job", "JobAnswer"),
                    **_errors(*_READ_ERRORS, "403", "409", "413", "429"),
                },
            }
        },
        "/jobs/{id}": {
            "get": {
                "summary": "How far a job is, with its result where it is done; as CSV, the whole table",
                "parameters": [_job_id(), *_paging()],
                "responses": {
                    "200": {
                        "description": "The job",
                        "content": {JSON: {"schema": ref("JobAnswer")}, CSV: {"schema": {"type": "string"}}},
                    },
                    **_errors("400", "404", "503"),
                },
            },
            "delete": {
                "summary": "Cancel a job",
                "parameters": [_job_id()],
                "responses": {"200": _json("The job", "JobAnswer"), **_errors("403", "404")},
            },
        },
        "/openapi.json": {
            "get": {
                "summary": "This description",
                "responses": {"200": {"description": "OpenAPI 3.1", "content": {JSON: {"schema": {"type": "object"}}}}},
            }
        },
    }


_DIMS = {"type": "string", "pattern": r"^[0-9]{1,15}(,[0-9]{1,15}){0,2}$"}
_READ_ERRORS = ("400", "404", "422", "503")
_NOT_MODIFIED = {"304": {"description": "The client has it already (ETag)"}}


def _get(
    summary: str, responses: dict[str, Any], *parameters: dict[str, Any], errors: tuple[str, ...] = _READ_ERRORS
) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": summary, "responses": responses | _errors(*errors)}
    return operation | ({"parameters": list(parameters)} if parameters else {})


def _json(text: str, schema: str) -> dict[str, Any]:
    return {"description": text, "content": {JSON: {"schema": ref(schema)}}}


def _columns(text: str) -> dict[str, Any]:
    return {
        "description": text,
        "content": {
            JSON: {"schema": ref("Columns")},
            BINARY: {"schema": {"type": "string", "format": "binary"}},
            CSV: {"schema": {"type": "string"}},
        },
    }


def _errors(*statuses: str) -> dict[str, Any]:
    return {status: ref(f"Error{status}", "responses") for status in statuses}


def _path_name(what: str) -> dict[str, Any]:
    return {
        "name": "name",
        "in": "path",
        "required": True,
        "description": f"{what}, percent-encoded",
        "schema": {"type": "string", "minLength": 1},
    }


def _query(name: str, text: str, schema: dict[str, Any] | None = None, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": text,
        "schema": schema or {"type": "string"},
    }


def _gene_or_column(gene: str, column: str) -> list[dict[str, Any]]:
    return [
        _query(gene, f"Name or id of a gene; this or {column} is needed"),
        _query(column, f"A column of obs that holds numbers; this or {gene} is needed"),
        _query("matrix", "Matrix of the gene", {"type": "string", "default": "X"}),
    ]


def _job_id() -> dict[str, Any]:
    return {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{16}$"}}


def _paging() -> list[dict[str, Any]]:
    return [
        _query("limit", "How many genes at most; by default all", COUNT),
        _query("offset", "How many of the best to leave out", COUNT),
    ]


def _responses() -> dict[str, Any]:
    texts = {
        "400": "The request is malformed",
        "403": "The request comes from a page of another site",
        "404": "The request names something that is not there",
        "409": "The work was cancelled",
        "413": "The request is over a limit, which the message names",
        "422": "The file contradicts itself, or cannot be used",
        "429": "Too much is asked at once",
        "503": "The dataset is still opening",
    }
    return {f"Error{status}": _json(text, "Error") for status, text in texts.items()}
