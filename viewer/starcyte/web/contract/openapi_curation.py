"""The description of what users make: annotations, gene sets, saved items."""

from __future__ import annotations

from typing import Any

from starcyte.web.contract.openapi_parts import columns, failures, get, json_answer, path_name, query
from starcyte.web.contract.openapi_schemas import COUNT, closed, list_, object_, ref
from starcyte.web.media import JSON, PNG, SVG

_READ = ("400", "403", "404", "422", "503")
_WRITE = (*_READ, "412", "413", "507")


def paths() -> dict[str, Any]:
    """Return the paths with their operations."""
    return {
        "/annotations": {
            "get": get("All annotations", {"200": json_answer("Annotations", "Annotations")}, errors=_READ)
        },
        "/annotations/{name}": {
            "get": get(
                "The label of every cell; as CSV, with the names of the cells before it",
                {"200": columns("One column")},
                path_name("Annotation"),
                errors=_READ,
            ),
            "put": _write(
                "Make an annotation, or (with If-Match) give it other labels or another name. Labels that are not"
                " mentioned are deleted",
                "AnnotationEdit",
                {
                    "200": json_answer("The annotation", "AnnotationDone"),
                    "201": json_answer("The annotation is made", "AnnotationDone"),
                },
                "Annotation",
            ),
            "delete": _delete("Delete an annotation", "Annotation"),
        },
        "/annotations/{name}/assign": {
            "post": _write(
                "Put cells into a label, or into none. With If-Match of an older revision it is done where none of"
                " the cells has been given something else since",
                "Assignment",
                {"200": json_answer("The annotation, and how many cells have changed", "AnnotationDone")},
                "Annotation",
            )
        },
        "/annotations/{name}/restore": {"post": _restore("an annotation", "Annotation", "AnnotationDone")},
        "/annotations/{name}/revisions": {
            "get": get(
                "The history of an annotation, the newest change first",
                {"200": json_answer("Changes", "AnnotationHistory")},
                path_name("Annotation"),
                errors=_READ,
            )
        },
        "/genesets": {"get": get("All gene sets", {"200": json_answer("Gene sets", "GeneSets")}, errors=_READ)},
        "/genesets/{name}": {
            "get": get("One gene set", {"200": json_answer("The set", "GeneSet")}, path_name("Gene set"), errors=_READ),
            "put": _write(
                "Make a gene set, or (with If-Match) change it",
                "GeneSetEdit",
                {"200": json_answer("The set", "GeneSetDone"), "201": json_answer("The set is made", "GeneSetDone")},
                "Gene set",
            ),
            "delete": _delete("Delete a gene set", "Gene set"),
        },
        "/genesets/{name}/restore": {"post": _restore("a gene set", "Gene set", "GeneSetDone")},
        **_saved("views", "view", {JSON: {"schema": {}}}),
        **_saved("results", "result", {JSON: {"schema": {}}}),
        **_saved(
            "figures", "figure", {media: {"schema": {"type": "string", "format": "binary"}} for media in (SVG, PNG)}
        ),
        "/changes": {
            "get": get(
                "What has changed since a revision, oldest first; where it is much, ask again from the revision told",
                {"200": json_answer("Changes", "Changes")},
                query("since", "A revision; by default 0", COUNT),
                errors=_READ,
            )
        },
        "/agreement": {
            "get": get(
                "Two annotations, or columns of obs, against each other",
                {"200": json_answer("Counts, adjusted Rand index, Cohen's kappa", "Agreement")},
                query("a", "annotation:NAME or obs:NAME", required=True),
                query("b", "annotation:NAME or obs:NAME", required=True),
                errors=(*_READ, "413"),
            )
        },
        "/terms": {
            "get": get(
                "Terms that match a text, best first, to complete names with",
                {"200": json_answer("Terms", "Terms")},
                query("q", "Part of a name, a synonym or an id"),
                query("limit", "How many at most", COUNT | {"default": 20}),
                errors=("400", "404"),
            )
        },
    }


def schemas() -> dict[str, Any]:
    """Return the schemas by name."""
    text, whole, flag = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
    maybe_number = {"type": ["number", "null"]}
    named = {"name": text, "revision": whole, "author": text, "time": text}
    label = object_(("name", "color", "note", "n"), name=text, color=text, note=text, n=whole)
    annotation = object_((*named, "labels", "n_unlabelled"), **named, labels=list_(label), n_unlabelled=whole)
    gene_set = object_(
        (*named, "genes", "description", "missing"), **named, genes=list_(text), description=text, missing=list_(text)
    )
    saved_item = object_((*named, "bytes", "media_type"), **named, bytes=whole, media_type=text, thumbnail=text)
    was = {"anyOf": [text, list_(text), {"type": "null"}]}
    edited = closed(
        ("name",),
        name=_NAME,
        color={"type": "string", "pattern": "^(#[0-9a-fA-F]{6})?$"},
        note=text,
        was=was,
        n=whole,
    )
    change = object_(
        ("revision", "kind", "name", "action", "time"), revision=whole, kind=text, name=text, action=text, time=text
    )
    past = object_(
        ("revision", "author", "time", "action", "n_labelled"),
        revision=whole,
        author=text,
        time=text,
        action=text,
        n_labelled=whole,
    )
    grouped = object_(("name", "categories"), name=text, categories=list_(text))
    lists = {
        plural.capitalize(): object_((plural, "revision"), **{plural: list_(saved_item), "revision": whole})
        for plural in ("views", "results", "figures")
    }
    return lists | {
        "Conflict": object_(
            ("error", "current", "yours"),
            error=object_(("code", "message", "hint"), code=text, message=text, hint=text),
            current={"anyOf": [annotation, gene_set, saved_item, {"type": "null"}]},
            yours={},
        ),
        "Annotation": annotation,
        "Annotations": object_(("annotations", "revision"), annotations=list_(annotation), revision=whole),
        "AnnotationDone": object_(
            ("revision", "annotation"), revision=whole, n=whole, annotation={"anyOf": [annotation, {"type": "null"}]}
        ),
        "AnnotationEdit": closed((), **{"labels": list_(edited), "from": text, "name": _NAME}),
        "Assignment": closed(
            ("label", "selection"),
            label={"anyOf": [_NAME, {"type": "null"}]},
            selection=ref("Selection"),
            create=flag,
        ),
        "Restoration": closed(("revision",), revision=COUNT),
        "AnnotationHistory": object_(("revisions",), revisions=list_(past)),
        "GeneSet": gene_set,
        "GeneSets": object_(("genesets", "revision"), genesets=list_(gene_set), revision=whole),
        "GeneSetDone": object_(
            ("revision", "geneset"), revision=whole, geneset={"anyOf": [gene_set, {"type": "null"}]}
        ),
        "GeneSetEdit": closed((), genes=list_(text), description=text, name=_NAME),
        "SavedItemDone": object_(("revision",), revision=whole, view=saved_item, result=saved_item, figure=saved_item),
        "Deleted": object_(("revision",), revision=whole),
        "Changes": object_(("revision", "changes"), revision=whole, changes=list_(change)),
        "Agreement": object_(
            ("a", "b", "counts", "n", "ari", "kappa"),
            a=grouped,
            b=grouped,
            counts=list_(list_(whole)),
            n=whole,
            ari=maybe_number,
            kappa=maybe_number,
        ),
        "Terms": object_(
            ("terms",), terms=list_(object_(("id", "name", "synonyms"), id=text, name=text, synonyms=list_(text)))
        ),
    }


_NAME = {"type": "string", "minLength": 1}


def _saved(plural: str, singular: str, content: dict[str, Any]) -> dict[str, Any]:
    what = singular.capitalize()
    return {
        f"/{plural}": {
            "get": get(f"All {plural}", {"200": json_answer("The list", plural.capitalize())}, errors=_READ)
        },
        f"/{plural}/{{name}}": {
            "get": get(
                f"One {singular}, as it was sent",
                {"200": {"description": what, "content": content}},
                path_name(what),
                errors=_READ,
            ),
            "put": {
                "summary": f"Keep a {singular}; with If-Match, in place of what stands",
                "parameters": [path_name(what), _if_match()],
                "requestBody": {"required": True, "content": content},
                "responses": {
                    "200": json_answer(f"The {singular} is replaced", "SavedItemDone"),
                    "201": json_answer(f"The {singular} is kept", "SavedItemDone"),
                    **failures(*_WRITE),
                },
            },
            "delete": _delete(f"Delete a {singular} for good", what),
        },
    }


def _write(summary: str, body: str, answers: dict[str, Any], what: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "parameters": [path_name(what), _if_match()],
        "requestBody": {"required": True, "content": {JSON: {"schema": ref(body)}}},
        "responses": answers | failures(*_WRITE),
    }


def _restore(thing: str, what: str, answer: str) -> dict[str, Any]:
    return _write(
        f"Make {thing} what it was at a revision, as a new revision; also one that was deleted",
        "Restoration",
        {"200": json_answer("What stands now; null where it was deleted then", answer)},
        what,
    )


def _delete(summary: str, what: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "parameters": [path_name(what), _if_match()],
        "responses": {"200": json_answer("The revision of this", "Deleted"), **failures(*_WRITE)},
    }


def _if_match() -> dict[str, Any]:
    return {
        "name": "If-Match",
        "in": "header",
        "description": 'The revision that the change is made for, such as "17"; * for whatever stands',
        "schema": {"type": "string", "pattern": r'^((W/)?"?[0-9]{1,15}"?|\*)$'},
    }
