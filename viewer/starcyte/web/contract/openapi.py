"""The description of the HTTP interface, OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from starcyte import __version__
from starcyte.web.contract import openapi_curation, openapi_files, openapi_session
from starcyte.web.contract.openapi_parts import (
    NOT_MODIFIED,
    READ_ERRORS,
    columns,
    error_answers,
    failures,
    get,
    json_answer,
    path_name,
    query,
)
from starcyte.web.contract.openapi_schemas import COUNT, ref, schemas
from starcyte.web.media import CSV, JSON, PNG


def description() -> dict[str, Any]:
    """Return the OpenAPI document; paths are relative to where it is found."""
    parts = (openapi_curation, openapi_files, openapi_session)
    paths = _paths()
    named = schemas()
    for part in parts:
        paths |= part.paths()
        named |= part.schemas()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "starcyte",
            "version": __version__,
            "summary": "One single-cell dataset, read in place.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "../.."}],
        "paths": {f"/api/v1{path}": operations for path, operations in paths.items()},
        "components": {"schemas": named, "responses": error_answers()},
    }


def _paths() -> dict[str, Any]:
    return {
        "/health": {
            "get": get("How far the dataset is", {"200": json_answer("Always, from the start", "Health")}, errors=())
        },
        "/schema": {"get": get("What there is to see", {"200": json_answer("The schema", "Schema"), **NOT_MODIFIED})},
        "/embeddings/{name}": {
            "get": get(
                "Coordinates of the cells: columns x, y, z; NaN (null, empty) for a cell that is not drawn",
                {"200": columns("One to three columns"), **NOT_MODIFIED},
                path_name("Embedding"),
                query("dims", "Column numbers, one to three, such as 0,1; by default the first two", _DIMS),
            )
        },
        "/obs/{name}": {
            "get": get(
                "One column of obs: codes or numbers",
                {"200": columns("One column"), **NOT_MODIFIED},
                path_name("Column of obs"),
            )
        },
        "/obsp/{name}": {
            "get": get(
                "What one cell is to all others: its row of a matrix of cells by cells",
                {"200": columns("One column"), **NOT_MODIFIED},
                path_name("Matrix of obsp"),
                query("cell", "Number of the cell, from 0", COUNT, required=True),
            )
        },
        "/images/{name}": {
            "get": get(
                "A picture under the cells of a spatial embedding",
                {
                    "200": {
                        "description": "The picture",
                        "content": {PNG: {"schema": {"type": "string", "format": "binary"}}},
                    },
                    **NOT_MODIFIED,
                },
                path_name("Picture"),
            )
        },
        "/thumbnail": {
            "get": get(
                "A small picture of the cells, as the page shows them when it opens",
                {
                    "200": {
                        "description": "The picture",
                        "content": {PNG: {"schema": {"type": "string", "format": "binary"}}},
                    },
                    **NOT_MODIFIED,
                },
            )
        },
        "/cells": {
            "get": get(
                "Names of some cells",
                {"200": json_answer("Names", "Names"), **NOT_MODIFIED},
                query("rows", "Numbers of the cells, from 0, such as 0,17", required=True),
                errors=(*READ_ERRORS, "413"),
            )
        },
        "/cells/names": {
            "post": {
                "summary": "Names of the cells of a selection",
                "requestBody": {"required": True, "content": {JSON: {"schema": ref("CellsQuestion")}}},
                "responses": {
                    "200": {"description": "A column named cell", "content": {CSV: {"schema": {"type": "string"}}}},
                    **failures(*READ_ERRORS, "403", "413"),
                },
            },
        },
        "/genes": {
            "get": get(
                "Genes that match a text, best first; or those of a list of names",
                {"200": json_answer("Genes", "Genes"), **NOT_MODIFIED},
                query("q", "Part of a name or id, or the start of an alias; empty: all, in the file's order"),
                query("names", "Whole names, ids or aliases, comma-separated as in summary; q and limit do not count"),
                query("limit", "How many at most", COUNT | {"default": 20}),
                query("matrix", "The genes of this matrix; by default those of var"),
                errors=(*READ_ERRORS, "413"),
            )
        },
        "/expression": {
            "get": get(
                "One gene, or several, over all cells",
                {"200": columns("A column for each gene, in the order asked for"), **NOT_MODIFIED},
                query("gene", "Name or id; this or genes is needed"),
                query("genes", "Names, comma-separated (a comma within one in double quotes); this or gene"),
                query("matrix", "Matrix", {"type": "string", "default": "X"}),
                errors=(*READ_ERRORS, "413"),
            )
        },
        "/summary": {
            "get": get(
                "Mean and fraction expressing, per gene and category",
                {"200": json_answer("Summary", "Summary"), **NOT_MODIFIED},
                query("genes", "Names, comma-separated (a name that holds a comma in double quotes)", required=True),
                query("group_by", "A column of obs that has categories", required=True),
                query("matrix", "Matrix", {"type": "string", "default": "X"}),
                errors=(*READ_ERRORS, "413"),
            )
        },
        "/distribution": {
            "get": get(
                "Quantiles and density of a gene or a column of obs, in each category of another",
                {"200": json_answer("Distribution", "Distribution"), **NOT_MODIFIED},
                *_gene_or_column("gene", "column"),
                query("group_by", "A column of obs that has categories; by default all cells are one group"),
                query("split_by", "Another such column, by whose categories those of group_by are split"),
                errors=(*READ_ERRORS, "413"),
            )
        },
        "/histogram": {
            "get": get(
                "Histogram of a gene or a column of obs",
                {"200": json_answer("Histogram", "Histogram"), **NOT_MODIFIED},
                *_gene_or_column("gene", "column"),
                query("bins", "How many bins", COUNT | {"default": 50}),
            )
        },
        "/correlation": {
            "get": get(
                "How two genes, or columns of obs, go together",
                {"200": json_answer("Correlation", "Correlation"), **NOT_MODIFIED},
                *_gene_or_column("x", "x_column"),
                *_gene_or_column("y", "y_column")[:2],
            )
        },
        "/score": {
            "get": get(
                "Mean, or score against control genes, of a set of genes, over all cells",
                {"200": columns("One column; binary and JSON name the genes that are not there"), **NOT_MODIFIED},
                query("genes", "Names, comma-separated (a name that holds a comma in double quotes)", required=True),
                query("method", "mean, or scanpy's score_genes", {"enum": ["mean", "score"], "default": "mean"}),
                query("matrix", "Matrix", {"type": "string", "default": "X"}),
                errors=(*READ_ERRORS, "413"),
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
                    "200": json_answer("The result, best genes first", "Result"),
                    "202": json_answer("Still computed: ask for the job", "JobAnswer"),
                    **failures(*READ_ERRORS, "403", "409", "413", "429"),
                },
            }
        },
        "/markers": {
            "post": {
                "summary": "Compare every category of a column with all other cells",
                "requestBody": {"required": True, "content": {JSON: {"schema": ref("MarkerQuestion")}}},
                "responses": {
                    "200": json_answer("The best genes of every category", "Markers"),
                    "202": json_answer("Still computed: ask for the job", "JobAnswer"),
                    **failures(*READ_ERRORS, "403", "409", "413", "429"),
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
                    **failures("400", "404", "503"),
                },
            },
            "delete": {
                "summary": "Cancel a job",
                "parameters": [_job_id()],
                "responses": {"200": json_answer("The job", "JobAnswer"), **failures("403", "404")},
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


def _gene_or_column(gene: str, column: str) -> list[dict[str, Any]]:
    return [
        query(gene, f"Name or id of a gene; this or {column} is needed"),
        query(column, f"A column of obs that holds numbers; this or {gene} is needed"),
        query("matrix", "Matrix of the gene", {"type": "string", "default": "X"}),
    ]


def _job_id() -> dict[str, Any]:
    return {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{16}$"}}


def _paging() -> list[dict[str, Any]]:
    return [
        query("limit", "How many genes at most; by default all", COUNT),
        query("offset", "How many of the best to leave out", COUNT),
    ]
