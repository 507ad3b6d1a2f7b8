"""The options of `cellxgene launch`: each is supported, or refused with a reason."""

from __future__ import annotations

import pytest
from starcyte import cli
from starcyte.options import UNSUPPORTED
from starcyte.settings import SETTINGS

#: Of cellxgene 1.3.0, with a value where one is needed
OPTIONS = {
    ("--about",): "https://example.org/",
    ("--annotations-file",): "annotations.csv",
    ("-b", "--backed"): None,
    ("-c", "--config-file"): "config.yaml",
    ("-d", "--debug"): None,
    ("-de", "--diffexp-lfc-cutoff"): "0.01",
    ("--disable-annotations",): None,
    ("--disable-custom-colors",): None,
    ("--disable-diffexp",): None,
    ("--disable-gene-sets-save",): None,
    ("--dump-default-config",): None,
    ("-e", "--embedding"): "umap",
    ("--gene-sets-file",): "sets.csv",
    ("--host",): "127.0.0.1",
    ("--max-category-items",): "100",
    ("-obs", "--obs-names"): "name",
    ("-o", "--open"): None,
    ("-p", "--port"): "5005",
    ("-s", "--scripts"): "x.js",
    ("-t", "--title"): "Title",
    ("--user-generated-data-dir", "--annotations-dir"): "made",
    ("-var", "--var-names"): "name",
    ("-v", "--verbose"): None,
    ("--X-approximate-distribution",): "auto",
}
REFUSED = {name for names in UNSUPPORTED for name in names}
ROWS = [(name, value) for names, value in OPTIONS.items() for name in names]


@pytest.mark.parametrize(("name", "value"), [row for row in ROWS if row[0] not in REFUSED])
def test_an_option_is_supported(name, value):
    words = [name] if value is None else [name, value]
    args = cli._parser().parse_args(["launch", "cells.h5ad", *words])
    changed = [s.name for s in SETTINGS if getattr(args, s.name) is not None]
    assert len(changed) == 1
    assert args.dataset == "cells.h5ad"


@pytest.mark.parametrize(("name", "value"), [row for row in ROWS if row[0] in REFUSED])
def test_an_unsupported_option_is_refused_with_its_reason(name, value, capsys):
    words = [name] if value is None else [name, value]
    assert cli.main(["launch", "cells.h5ad", *words]) == 2
    reason = next(reason for names, reason in UNSUPPORTED.items() if name in names)
    said = capsys.readouterr().err
    assert said == f"starcyte: Option {name} is not supported. {reason}\n"


def test_only_options_of_cellxgene_are_refused():
    assert set(OPTIONS) >= set(UNSUPPORTED)


def test_embeddings_may_be_repeated():
    args = cli._parser().parse_args(["launch", "x", "-e", "umap", "--embedding", "tsne"])
    assert args.embedding == ["umap", "tsne"]
