"""The description of the HTTP interface, OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from starcyte import __version__
from starcyte.compute import CORRECTIONS, METHODS, RESULT_COLUMNS
from starcyte.web.media import BINARY, CSV, JSON


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
        "components": {"schemas": _schemas(), "responses": _responses()},
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
        "/genes": {
            "get": _get(
                "Genes that match a text, best first",
                {"200": _json("Genes", "Genes"), **_NOT_MODIFIED},
                _query("q", "Part of a name or id; empty: all, in the file's order"),
                _query("limit", "How many at most", _COUNT | {"default": 20}),
                _query("matrix", "The genes of this matrix; by default those of var"),
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
        "/diffexp": {
            "post": {
                "summary": "Compare two groups of cells, gene by gene",
                "requestBody": {
                    "required": True,
                    "content": {JSON: {"schema": _ref("Comparison")}},
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
                "requestBody": {"required": True, "content": {JSON: {"schema": _ref("MarkerQuestion")}}},
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
                        "content": {JSON: {"schema": _ref("JobAnswer")}, CSV: {"schema": {"type": "string"}}},
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


_COUNT = {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}
_DIMS = {"type": "string", "pattern": r"^[0-9]{1,15}(,[0-9]{1,15}){0,2}$"}
_READ_ERRORS = ("400", "404", "422", "503")
_NOT_MODIFIED = {"304": {"description": "The client has it already (ETag)"}}


def _get(
    summary: str, responses: dict[str, Any], *parameters: dict[str, Any], errors: tuple[str, ...] = _READ_ERRORS
) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": summary, "responses": responses | _errors(*errors)}
    return operation | ({"parameters": list(parameters)} if parameters else {})


def _ref(name: str, part: str = "schemas") -> dict[str, str]:
    return {"$ref": f"#/components/{part}/{name}"}


def _json(text: str, schema: str) -> dict[str, Any]:
    return {"description": text, "content": {JSON: {"schema": _ref(schema)}}}


def _columns(text: str) -> dict[str, Any]:
    return {
        "description": text,
        "content": {
            JSON: {"schema": _ref("Columns")},
            BINARY: {"schema": {"type": "string", "format": "binary"}},
            CSV: {"schema": {"type": "string"}},
        },
    }


def _errors(*statuses: str) -> dict[str, Any]:
    return {status: _ref(f"Error{status}", "responses") for status in statuses}


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


def _job_id() -> dict[str, Any]:
    return {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{16}$"}}


def _paging() -> list[dict[str, Any]]:
    return [
        _query("limit", "How many genes at most; by default all", _COUNT),
        _query("offset", "How many of the best to leave out", _COUNT),
    ]


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _schemas() -> dict[str, Any]:
    text, number, whole, flag = {"type": "string"}, {"type": "number"}, {"type": "integer"}, {"type": "boolean"}
    maybe_number = {"type": ["number", "null"]}
    cell = {"type": "integer", "minimum": 0}
    failure = _object(("code", "message", "hint"), code=text, message=text, hint=text)
    column = _object(
        ("name", "kind", "dtype"),
        name=text,
        kind={"enum": ["categorical", "continuous", "boolean", "string", "datetime"]},
        dtype=text,
        n_categories=whole,
        ordered=flag,
        categories={"type": ["array", "null"], "items": text},
        colors={"type": ["array", "null"], "items": text},
    )
    gene = _object(RESULT_COLUMNS, **(dict.fromkeys(RESULT_COLUMNS, maybe_number) | {"gene": text}))
    result = _object(
        ("method", "matrix", "correction", "n_a", "n_b", "fingerprint", "genes"),
        method=text,
        matrix=text,
        correction=text,
        scale={"enum": ["log1p", "linear", "signed"]},
        n_a=whole,
        n_b=whole,
        fingerprint=text,
        n_genes=whole,
        job_id=text,
        genes=_list(gene),
    )
    marker_table = _object(
        ("method", "matrix", "correction", "group_by", "fingerprint", "groups"),
        method=text,
        matrix=text,
        correction=text,
        scale={"enum": ["log1p", "linear", "signed"]},
        group_by=text,
        fingerprint=text,
        n_genes=whole,
        job_id=text,
        groups=_list(_object(("name", "n", "n_rest", "genes"), name=text, n=whole, n_rest=whole, genes=_list(gene))),
    )
    job = _object(
        ("id", "state", "progress"),
        id=text,
        state={"enum": ["queued", "running", "done", "failed", "cancelled"]},
        progress=number,
        error=failure,
    )
    return {
        "Error": _object(("error",), error=failure),
        "Health": _object(
            ("app", "version", "state", "progress", "message"),
            app={"const": "starcyte"},
            version=text,
            state={"enum": ["loading", "ready", "error"]},
            progress=maybe_number,
            message=text,
            title=text,
            error=failure,
            indexing=_object(("matrix", "progress"), matrix=text, progress=number),
            problems=_list(text),
        ),
        "Schema": _object(
            ("title", "fingerprint", "n_obs", "n_vars", "obs", "embeddings", "matrices", "genes", "warnings"),
            title=text,
            fingerprint=text,
            n_obs=whole,
            n_vars=whole,
            obs=_list(column),
            embeddings=_list(_object(("name", "dims"), name=text, dims=whole)),
            matrices=_list(
                _object(
                    ("name", "n_vars", "dtype", "layout"),
                    name=text,
                    n_vars=whole,
                    dtype=text,
                    layout={"enum": ["csr", "csc", "dense"]},
                    nnz={"type": ["integer", "null"]},
                )
            ),
            default_matrix={"type": ["string", "null"]},
            genes={"type": "object"},
            cells={"type": "object"},
            features={"type": "object"},
            warnings=_list(text),
            version=text,
        ),
        "Columns": _object(
            ("n", "columns"), n=whole, columns=_list(_object(("name", "values"), name=text, values={"type": "array"}))
        ),
        "Genes": _object(
            ("n", "total", "genes"),
            n=whole,
            total=whole,
            genes=_list(_object(("name", "id", "index"), name=text, id={"type": ["string", "null"]}, index=whole)),
        ),
        "Summary": _object(
            ("matrix", "group_by", "groups", "n", "genes"),
            matrix=text,
            group_by=text,
            groups=_list(text),
            n=_list(whole),
            genes=_list(
                _object(("gene", "mean", "fraction"), gene=text, mean=_list(maybe_number), fraction=_list(maybe_number))
            ),
        ),
        "Selection": {
            "oneOf": [
                _closed(("indices",), indices=_list(cell)),
                _closed(("ranges",), ranges=_list({"type": "array", "items": cell, "minItems": 2, "maxItems": 2})),
                _closed(
                    ("where",),
                    where=_list(
                        _closed(
                            ("column", "in"),
                            **{"column": text, "in": _list({"type": ["string", "number", "boolean"]})},
                        )
                    )
                    | {"minItems": 1},
                ),
            ]
        },
        "Comparison": _closed(
            ("a",),
            a=_ref("Selection"),
            b={"oneOf": [_ref("Selection"), {"const": "rest"}], "default": "rest"},
            method={"enum": list(METHODS), "default": METHODS[0]},
            correction={"enum": list(CORRECTIONS), "default": CORRECTIONS[0]},
            matrix={"type": "string", "default": "X"},
            limit=_COUNT,
            offset=_COUNT,
        ),
        "Result": result,
        "MarkerQuestion": _closed(
            ("group_by",),
            group_by=text,
            method={"enum": list(METHODS), "default": METHODS[0]},
            correction={"enum": list(CORRECTIONS), "default": CORRECTIONS[0]},
            matrix={"type": "string", "default": "X"},
            limit=_COUNT | {"default": 50},
        ),
        "Markers": marker_table,
        "Job": job,
        "JobAnswer": _object(("job",), job=job, result={"anyOf": [result, marker_table]}),
    }


def _closed(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return _object(required, **properties) | {"additionalProperties": False}


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
