"""The schemas of the OpenAPI document: what requests and answers are made of."""

from __future__ import annotations

from typing import Any

from starcyte.compute import CORRECTIONS, METHODS, RESULT_COLUMNS

COUNT = {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}


def ref(name: str, part: str = "schemas") -> dict[str, str]:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{part}/{name}"}


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def schemas() -> dict[str, Any]:
    """Return the schemas by name."""
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
            genes=_list(
                _object(
                    ("name", "id", "index", "alias"),
                    name=text,
                    id={"type": ["string", "null"]},
                    index=whole,
                    alias={"type": ["string", "null"]},
                )
            ),
            missing=_list(text),
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
        "Names": _object(("names",), names=_list(text)),
        "Distribution": _object(
            ("group_by", "split_by", "levels", "grid", "groups"),
            group_by={"type": ["string", "null"]},
            split_by={"type": ["string", "null"]},
            levels=_list(number),
            grid=_list(number),
            groups=_list(
                _object(
                    ("name", "part", "n", "mean", "quantiles", "density"),
                    name=text,
                    part={"type": ["string", "null"]},
                    n=whole,
                    mean=maybe_number,
                    quantiles=_list(maybe_number),
                    density={"type": ["array", "null"], "items": number},
                )
            ),
        ),
        "Histogram": _object(("counts", "edges"), counts=_list(whole), edges=_list(number)),
        "Correlation": _object(("n", "pearson", "spearman"), n=whole, pearson=maybe_number, spearman=maybe_number),
        "CellsQuestion": _closed(("selection",), selection=ref("Selection")),
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
            a=ref("Selection"),
            b={"oneOf": [ref("Selection"), {"const": "rest"}], "default": "rest"},
            method={"enum": list(METHODS), "default": METHODS[0]},
            correction={"enum": list(CORRECTIONS), "default": CORRECTIONS[0]},
            matrix={"type": "string", "default": "X"},
            limit=COUNT,
            offset=COUNT,
        ),
        "Result": result,
        "MarkerQuestion": _closed(
            ("group_by",),
            group_by=text,
            method={"enum": list(METHODS), "default": METHODS[0]},
            correction={"enum": list(CORRECTIONS), "default": CORRECTIONS[0]},
            matrix={"type": "string", "default": "X"},
            limit=COUNT | {"default": 50},
        ),
        "Markers": marker_table,
        "Job": job,
        "JobAnswer": _object(("job",), job=job, result={"anyOf": [result, marker_table]}),
    }


def _closed(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return _object(required, **properties) | {"additionalProperties": False}
