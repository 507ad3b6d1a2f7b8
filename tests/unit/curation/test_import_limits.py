"""Files that take far more memory than they have bytes if they are read as a whole, and the limits that they meet."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from curation_values import Cells, cells
from starcyte.curation.files.read_tables import read_annotations, read_gene_sets, session_annotations
from starcyte.curation.files.session import read_session
from starcyte.curation.files.table_columns import preview_table
from starcyte.errors import LimitExceeded, StarcyteError
from starcyte.settings import Settings

MB = 1 << 20
NAMES = [f"cell-{i}" for i in range(1000)]
SESSION = b'{"format":"starcyte session","version":1,"dataset":{"n_obs":4294967295},'


def annotations(data):
    return read_annotations(data, Cells(NAMES), cells(NAMES))


def preview(data):
    return preview_table(data, cells(NAMES), Settings())


def gene_sets(data):
    return read_gene_sets(data, "mine")


def session(data):
    found = read_session(data)
    session_annotations(found, Cells(NAMES), cells(NAMES))
    return found


def long(start, unit, end=b"", size=MB):
    return start + unit * (size // len(unit)) + end


FILES = {
    "a header of commas": (annotations, long(b"cell", b",", b"\na\n")),
    "a header of lines": (annotations, long(b'cell,"', b'\n",a,"', b'"\na\n')),
    "a preview of many columns": (preview, b"cell" + b",a" * 1900 + (b"\nx" + b",y" * 1900) * 250),
    "a preview of values that differ": (
        preview,
        b"cell,a,b\n" + b"".join(b"%d,%d,%d\n" % (i, -i, 2 * i) for i in range(60_000)),
    ),
    "a preview of other barcodes": (
        preview,
        b"cell,a\n" + b"".join(b"%dACGTACGTAC-1,x\n" % i for i in range(60_000)),
    ),
    "rows of other cells": (annotations, b"cell,a\n" + b"".join(b"%d,x\n" % i for i in range(100_000))),
    "rows that differ": (annotations, b"cell,a\n" + b"".join(b"%d,%d\n" % (i, i) for i in range(60_000))),
    "the same cell": (annotations, long(b"cell,a\n", b"cell-1,x\n")),
    "empty rows": (annotations, long(b"cell,a\n", b",\n")),
    "comments": (annotations, long(b"", b"# a\n")),
    "blank lines": (annotations, long(b"cell,a\n", b"\n", b"cell-1,x\n")),
    "one line": (annotations, long(b"", b"x", size=5 * MB)),
    "UTF-16": (annotations, long("cell,a\n".encode("utf-16"), "ab,c\n".encode("utf-16-le"))),
    "a session of lists": (annotations, long(SESSION + b'"x":[', b"[],", b"[]]}")),
    "labels of lists": (session, long(SESSION + b'"annotations":[', b"[],", b"[]]}")),
    "annotations": (session, long(SESSION + b'"annotations":[', b'{"name":"a"},', b'{"name":"a"}]}')),
    "views": (session, long(SESSION + b'"views":[{"name":"a","body":[', b"[],", b"[]]}]}")),
    "names of cells": (session, long(SESSION + b'"cells":{"rows":[0,4294967295],"names":[', b'"",', b'""]}}')),
    "runs": (session, long(SESSION + b'"cells":{"rows":[', b"1,1,", b'0],"names":[]}}')),
    "genes of a session": (session, long(SESSION + b'"genesets":[{"name":"a","genes":[', b'"ab",', b'"a"]}]}')),
    "genes of one letter": (gene_sets, long(b"", b"a\n")),
    "genes that differ": (gene_sets, b"".join(b"%d\n" % i for i in range(150_000))),
    "genes in one line": (gene_sets, long(b"", b"a,")),
    "sets": (gene_sets, b"".join(b"%d\t\ta\n" % i for i in range(100_000))),
    "genes of a set": (gene_sets, b"s\t\t" + b"".join(b"%d\t" % i for i in range(150_000))),
    "a table of sets": (gene_sets, b"set,gene\n" + b"".join(b"%d,%d\n" % (i % 900, i) for i in range(50_000))),
}


@pytest.mark.slow
@pytest.mark.parametrize(("read", "data"), [pytest.param(*v, id=k) for k, v in FILES.items()])
def test_reading_takes_little_more_than_the_bytes(read, data):
    tracemalloc.start()
    try:
        read(data)
    except StarcyteError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    # beside the file itself
    assert peak < 2 * len(data) + 5 * MB


SMALL = Settings(
    max_import_lines=100,
    max_annotations=2,
    max_annotation_labels=3,
    max_gene_sets=2,
    max_gene_set_genes=3,
    max_import_genes=5,
)


@pytest.mark.parametrize(
    ("data", "limit"),
    [
        ("cell" + ",a" * 40 + "\n", "more than 30 fields"),
        ("cell,a\n" + "".join(f"cell-{i},{i}\n" for i in range(5)), "max_annotation_labels"),
        ("cell,a\n" + "x,x\n" * 100, "max_import_lines"),
        ("# a comment\n" * 200, "max_import_lines"),
    ],
    ids=["columns", "values", "lines", "comments"],
)
def test_annotations_are_counted_while_they_are_read(data, limit):
    with pytest.raises(LimitExceeded, match=limit):
        read_annotations(data.encode(), Cells(NAMES), cells(NAMES), SMALL)


@pytest.mark.parametrize("form", ["gmt", "table", "list", "session"])
@pytest.mark.parametrize(
    ("sets", "limit"),
    [
        ({"a": 1, "b": 1, "c": 1}, "max_gene_sets"),
        ({"a": 4}, "max_gene_set_genes"),
        ({"a": 3, "b": 3}, "max_import_genes"),
    ],
    ids=["sets", "genes of a set", "genes"],
)
def test_gene_sets_are_counted_while_they_are_read(form, sets, limit):
    genes = {name: [f"{name}{i}" for i in range(n)] for name, n in sets.items()}
    if form == "list" and limit != "max_gene_set_genes":
        return
    text = {
        "gmt": "".join("\t".join([name, "", *listed]) + "\n" for name, listed in genes.items()),
        "table": "set,gene\n" + "".join(f"{name},{gene}\n" for name, listed in genes.items() for gene in listed),
        "list": "\n".join(genes["a"]),
        "session": SESSION.decode()
        + '"genesets":'
        + json.dumps([{"name": name, "genes": listed} for name, listed in genes.items()])
        + "}",
    }[form]
    with pytest.raises(LimitExceeded, match=limit):
        if form == "session":
            read_session(text.encode(), SMALL)
        else:
            read_gene_sets(text.encode(), "a", SMALL)


def test_more_values_than_a_byte_holds():
    values = {name: f"label {i % 700}" for i, name in enumerate(NAMES)}
    found = annotations("".join(["cell,a\n", *(f"{n},{v}\n" for n, v in values.items())]).encode()).annotations[0]
    assert {NAMES[i]: label.name for label in found.labels for i in label.cells} == values
