"""The HTTP interface, from the OpenAPI descriptions that the program itself serves."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from generate.schema import Field, alternatives, escape, rows, type_of

_METHODS = ("get", "post", "put", "patch", "delete")
_PATIENCE = 60.0
_PREFIX = "/api/v1/"

Json = Mapping[str, Any]


@cache
def of_dataset() -> Json:
    """Return the description of the interface of one dataset, as ``starcyte get`` prints it."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["get", "--demo", *_folders(folder), "api/v1/openapi.json"]
        ran = subprocess.run([sys.executable, "-m", "starcyte", *command], stdout=subprocess.PIPE, check=True)  # noqa: S603
    found: Json = json.loads(ran.stdout)
    return found


@cache
def of_catalog() -> Json:
    """Return the description of the interface of a catalog, from a server of an empty one."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        (Path(folder) / "datasets").mkdir()
        command = ["serve", f"{folder}/datasets", "--port=0", f"--ready-file={ready}", *_folders(folder)]
        process = subprocess.Popen([sys.executable, "-m", "starcyte", *command], stdout=subprocess.DEVNULL)  # noqa: S603
        try:
            end = time.monotonic() + _PATIENCE
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError("starcyte serve did not start; its message is above")
                time.sleep(0.1)
            with urlopen(f"{json.loads(ready.read_text())['url']}api/v1/openapi.json") as answer:  # noqa: S310
                found: Json = json.load(answer)
        finally:
            process.terminate()
            process.wait(_PATIENCE)
    return found


def _folders(folder: str) -> list[str]:
    return [f"--cache-dir={folder}/cache", f"--data-dir={folder}/data"]


def operations(description: Json) -> str:
    """Return a section for each request: its parameters, body and answers."""
    sections = []
    for path, methods in description["paths"].items():
        for method in filter(methods.__contains__, _METHODS):
            operation = methods[method]
            # a parameter of all methods of a path is given with the path
            parameters = [*methods.get("parameters", []), *operation.get("parameters", [])]
            sections.append(_operation(description, method, path, operation | {"parameters": parameters}))
    return "\n\n".join(sections)


def _operation(description: Json, method: str, path: str, operation: Json) -> str:
    shown = path.removeprefix(_PREFIX) if path.startswith(_PREFIX) else path
    lines = [f"## `{method.upper()} {shown}`", "", f"{escape(_sentence(operation.get('summary', '')))}"]
    if operation.get("description"):
        lines += ["", escape(operation["description"])]
    parameters = [_resolved(description, parameter) for parameter in operation["parameters"]]
    if parameters:
        lines += ["", "| parameter | in | type | meaning |", "| --- | --- | --- | --- |"]
        lines += [_parameter(parameter) for parameter in parameters]
    body = operation.get("requestBody")
    if body:
        lines += ["", f"Body: {_content(_resolved(description, body)['content'])}."]
    answers = {status: answer for status, answer in operation["responses"].items() if not _is_error(status)}
    if answers:
        lines += ["", "| status | answer |", "| --- | --- |"]
        lines += [_answer(status, _resolved(description, answer)) for status, answer in sorted(answers.items())]
    errors = sorted(filter(_is_error, operation["responses"]))
    if errors:
        lines += ["", f"Errors: {', '.join(errors)}."]
    return "\n".join(lines)


def _is_error(status: str) -> bool:
    return status[0] in "45"


def _answer(status: str, answer: Json) -> str:
    content = _content(answer["content"]) if answer.get("content") else ""
    return f"| {status} | {': '.join(filter(None, (escape(answer.get('description', '')), content)))} |"


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "?")) else f"{text}."


def _parameter(parameter: Json) -> str:
    name = f"`{parameter['name']}`" + (" (required)" if parameter.get("required") else "")
    schema = parameter.get("schema", {})
    meaning = escape(parameter.get("description") or schema.get("description") or "")
    return f"| {name} | {parameter['in']} | {type_of(schema)} | {meaning} |"


def _content(content: Json) -> str:
    return "; ".join(f"`{kind}`{_of(media.get('schema', {}))}" for kind, media in content.items())


def _of(schema: Json) -> str:
    text = "" if schema.get("format") == "binary" or schema == {"type": "string"} else type_of(schema)
    return f", {text}" if text else ""


def _resolved(description: Json, part: Json) -> Json:
    """Return a part of the description, or the component that it refers to."""
    if "$ref" not in part:
        return part
    found: Any = description
    for key in part["$ref"].removeprefix("#/").split("/"):
        found = found[key]
    resolved: Json = found
    return resolved


def schemas(description: Json, known: Json | None = None) -> str:
    """Return a section for each schema: its fields, with those of nested objects behind a dot.

    Parameters
    ----------
    description
        The description.
    known
        A description whose schemas have their sections on another page; those of the same name must be equal.
    """
    elsewhere = known["components"]["schemas"] if known else {}
    sections = []
    for name, schema in sorted(description["components"]["schemas"].items()):
        if name not in elsewhere:
            sections.append("\n".join(_schema(name, schema)))
        elif schema != elsewhere[name]:
            raise ValueError(f"the schema {name} differs between the dataset and the catalog")
    return "\n\n".join(sections)


def _schema(name: str, schema: Json) -> Iterator[str]:
    yield from (f"(schema-{name.lower()})=", f"## {name}", "")
    if schema.get("description"):
        yield from (escape(schema["description"]), "")
    forms = [list(rows(form)) for form in alternatives(schema)]
    if not all(forms):
        text = type_of(schema)
        yield f"{text[:1].upper()}{text[1:]}."
        return
    for number, fields in enumerate(forms):
        if len(forms) > 1:
            yield from ("One of:" if number == 0 else "or", "")
        yield from (*_table(fields), "")


def _table(fields: Sequence[Field]) -> Iterator[str]:
    told = any(field.meaning for field in fields)
    yield from ("| field | type |" + " meaning |" * told, "| --- | --- |" + " --- |" * told)
    for field in fields:
        mark = "" if field.required else " (optional)"
        yield f"| `{field.path}`{mark} | {field.type} |" + f" {escape(field.meaning)} |" * told
