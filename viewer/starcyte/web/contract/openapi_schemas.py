"""The schemas of the OpenAPI document: what requests and answers are made of."""

from __future__ import annotations

from typing import Any

from starcyte.compute.corrections import CORRECTIONS, DEFAULT_CORRECTION
from starcyte.compute.methods import DEFAULT_METHOD, METHODS
from starcyte.compute.methods.method import RESULT_COLUMNS

COUNT = {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}


def ref(name: str, part: str = "schemas") -> dict[str, str]:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{part}/{name}"}


def object_(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """Return the schema of an object that may have more properties."""
    return {"type": "object", "properties": properties, "required": list(required)}


def list_(items: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def schemas() -> dict[str, Any]:
    """Return the schemas by name."""
    text, number, whole, flag = {"type": "string"}, {"type": "number"}, {"type": "integer"}, {"type": "boolean"}
    maybe_number = {"type": ["number", "null"]}
    cell = {"type": "integer", "minimum": 0}
    scalar = {"type": ["string", "number", "boolean"]}
    failure = object_(("code", "message", "hint"), code=text, message=text, hint=text)
    column = object_(
        ("name", "kind", "dtype"),
        name=text,
        kind={"enum": ["categorical", "continuous", "boolean", "string", "datetime"]},
        dtype=text,
        n_categories=whole,
        ordered=flag,
        categories={"type": ["array", "null"], "items": text},
        colors={"type": ["array", "null"], "items": text},
    )
    gene = object_(RESULT_COLUMNS, **(dict.fromkeys(RESULT_COLUMNS, maybe_number) | {"gene": text}))
    result = object_(
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
        genes=list_(gene),
    )
    marker_table = object_(
        ("method", "matrix", "correction", "group_by", "fingerprint", "groups"),
        method=text,
        matrix=text,
        correction=text,
        scale={"enum": ["log1p", "linear", "signed"]},
        group_by=text,
        fingerprint=text,
        n_genes=whole,
        job_id=text,
        groups=list_(object_(("name", "n", "n_rest", "genes"), name=text, n=whole, n_rest=whole, genes=list_(gene))),
    )
    job = object_(
        ("id", "state", "progress"),
        id=text,
        state={"enum": ["queued", "running", "done", "failed", "cancelled"]},
        progress=number,
        error=failure,
    )
    return {
        "Error": object_(("error",), error=failure),
        "Health": object_(
            ("app", "version", "state", "message"),
            app={"const": "starcyte"},
            version=text,
            state={"enum": ["loading", "ready", "error"]},
            progress=maybe_number,
            message=text,
            title=text,
            error=failure,
            downloaded=number | {"description": "Fraction of the file that is downloaded, until all of it is"},
            indexing=object_(("matrix", "progress"), matrix=text, progress=number),
            problems=list_(text),
            idle=ref("Idle"),
        ),
        "Schema": object_(
            (
                "title",
                "fingerprint",
                "n_obs",
                "n_vars",
                "obs",
                "embeddings",
                "matrices",
                "genes",
                "methods",
                "warnings",
            ),
            title=text,
            fingerprint=text,
            revision=text | {"description": "Of this very state of the file; send it back as X-Starcyte-Revision"},
            n_obs=whole,
            n_vars=whole,
            obs=list_(column),
            embeddings=list_(object_(("name", "dims"), name=text, dims=whole)),
            obsp=list_(text),
            images=list_(
                object_(("name", "width", "height", "scale"), name=text, width=whole, height=whole, scale=number)
            ),
            matrices=list_(
                object_(
                    ("name", "n_vars", "dtype", "layout"),
                    name=text,
                    n_vars=whole,
                    dtype=text,
                    layout={"enum": ["csr", "csc", "dense"]},
                    nnz={"type": ["integer", "null"]},
                )
            ),
            default_matrix={"type": ["string", "null"]},
            methods=list_(
                object_(
                    (
                        "id",
                        "label",
                        "name",
                        "description",
                        "fewest_cells",
                        "needs_index",
                        "has_auc",
                        "has_fold_change",
                        "columns",
                    ),
                    id=text,
                    label=text,
                    name=text | {"description": "As in a sentence: by Welch’s t-test"},
                    description=text,
                    fewest_cells=whole | {"description": "Of each group"},
                    needs_index=flag,
                    has_auc=flag,
                    has_fold_change=flag,
                    columns=list_({"enum": list(RESULT_COLUMNS)}),
                )
            )
            | {"description": "The methods of comparison; the first is the default"},
            genes={"type": "object"},
            cells={"type": "object"},
            features={"type": "object"},
            warnings=list_(text),
            version=text,
        ),
        "Columns": object_(
            ("n", "columns"), n=whole, columns=list_(object_(("name", "values"), name=text, values={"type": "array"}))
        ),
        "Genes": object_(
            ("n", "total", "genes"),
            n=whole,
            total=whole,
            genes=list_(
                object_(
                    ("name", "id", "index", "alias"),
                    name=text,
                    id={"type": ["string", "null"]},
                    index=whole,
                    alias={"type": ["string", "null"]},
                )
            ),
            missing=list_(text),
        ),
        "Summary": object_(
            ("matrix", "group_by", "groups", "n", "genes"),
            matrix=text,
            group_by=text,
            groups=list_(text),
            n=list_(whole),
            genes=list_(
                object_(("gene", "mean", "fraction"), gene=text, mean=list_(maybe_number), fraction=list_(maybe_number))
            ),
        ),
        "Names": object_(("names",), names=list_(text)),
        "Distribution": object_(
            ("group_by", "split_by", "levels", "grid", "groups"),
            group_by={"type": ["string", "null"]},
            split_by={"type": ["string", "null"]},
            levels=list_(number),
            grid=list_(number),
            groups=list_(
                object_(
                    ("name", "part", "n", "mean", "quantiles", "density"),
                    name=text,
                    part={"type": ["string", "null"]},
                    n=whole,
                    mean=maybe_number,
                    quantiles=list_(maybe_number),
                    density={"type": ["array", "null"], "items": number},
                )
            ),
        ),
        "Histogram": object_(("counts", "edges"), counts=list_(whole), edges=list_(number)),
        "Correlation": object_(("n", "pearson", "spearman"), n=whole, pearson=maybe_number, spearman=maybe_number),
        "CellsQuestion": closed(("selection",), selection=ref("Selection")),
        "Selection": {
            "oneOf": [
                closed(("indices",), indices=list_(cell)),
                closed(("ranges",), ranges=list_({"type": "array", "items": cell, "minItems": 2, "maxItems": 2})),
                closed(
                    ("where",),
                    where=list_(
                        {
                            "oneOf": [
                                closed((key, "in"), **{key: text, "in": list_(scalar)})
                                for key in ("column", "annotation")
                            ]
                        }
                    )
                    | {"minItems": 1},
                ),
            ]
        },
        "Comparison": closed(
            ("a",),
            a=ref("Selection"),
            b={"oneOf": [ref("Selection"), {"const": "rest"}], "default": "rest"},
            method={"enum": list(METHODS), "default": DEFAULT_METHOD},
            correction={"enum": list(CORRECTIONS), "default": DEFAULT_CORRECTION},
            matrix={"type": "string", "default": "X"},
            limit=COUNT,
            offset=COUNT,
        ),
        "Result": result,
        "MarkerQuestion": closed(
            ("group_by",),
            group_by=text,
            method={"enum": list(METHODS), "default": DEFAULT_METHOD},
            correction={"enum": list(CORRECTIONS), "default": DEFAULT_CORRECTION},
            matrix={"type": "string", "default": "X"},
            limit=COUNT | {"default": 50},
        ),
        "Markers": marker_table,
        "Job": job,
        "JobAnswer": object_(("job",), job=job, result={"anyOf": [result, marker_table, ref("NewFile")]}),
    }


def closed(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    """Return the schema of an object that has no other properties."""
    return object_(required, **properties) | {"additionalProperties": False}
