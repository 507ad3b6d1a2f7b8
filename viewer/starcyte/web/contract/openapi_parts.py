"""What the OpenAPI document is put together from."""

from __future__ import annotations

from typing import Any

from starcyte.web.contract.openapi_schemas import ref
from starcyte.web.media import BINARY, CSV, JSON

READ_ERRORS = ("400", "404", "422", "503")
NOT_MODIFIED = {"304": {"description": "The client has it already (ETag)"}}


def get(
    summary: str, responses: dict[str, Any], *parameters: dict[str, Any], errors: tuple[str, ...] = READ_ERRORS
) -> dict[str, Any]:
    """Return the description of a GET request."""
    operation: dict[str, Any] = {"summary": summary, "responses": responses | failures(*errors)}
    return operation | ({"parameters": list(parameters)} if parameters else {})


def json_answer(text: str, schema: str) -> dict[str, Any]:
    """Return the description of an answer in JSON."""
    return {"description": text, "content": {JSON: {"schema": ref(schema)}}}


def columns(text: str) -> dict[str, Any]:
    """Return the description of an answer of columns."""
    return {
        "description": text,
        "content": {
            JSON: {"schema": ref("Columns")},
            BINARY: {"schema": {"type": "string", "format": "binary"}},
            CSV: {"schema": {"type": "string"}},
        },
    }


def failures(*statuses: str) -> dict[str, Any]:
    """Return the descriptions of the errors with these statuses."""
    return {status: ref(f"Error{status}", "responses") for status in statuses}


def path_name(what: str) -> dict[str, Any]:
    """Return the description of the name in a path."""
    return {
        "name": "name",
        "in": "path",
        "required": True,
        "description": f"{what}, percent-encoded",
        "schema": {"type": "string", "minLength": 1},
    }


def query(name: str, text: str, schema: dict[str, Any] | None = None, required: bool = False) -> dict[str, Any]:
    """Return the description of a parameter of a query."""
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": text,
        "schema": schema or {"type": "string"},
    }


def error_answers() -> dict[str, Any]:
    """Return the answers of errors, by name."""
    texts = {
        "400": "The request is malformed",
        "401": "Whoever asks has to sign in",
        "403": "The request comes from a page of another site, or from somebody who may not do this",
        "404": "The request names something that is not there",
        "409": "The work was cancelled, or the file is another than the page shows",
        "412": "What stands is not what the request was made for",
        "413": "The request is over a limit, which the message names",
        "422": "The file contradicts itself, or cannot be used",
        "429": "Too much is asked at once",
        "503": "The dataset is still opening, or what users make cannot be kept",
        "507": "The disk is full: nothing has changed",
    }
    shapes = {"412": "Conflict"}
    return {f"Error{status}": json_answer(text, shapes.get(status, "Error")) for status, text in texts.items()}
