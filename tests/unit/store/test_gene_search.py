"""Gene search: the order of results, compared with a literal implementation of its description."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starcyte.store.anndata.genes import GeneNames
from starcyte.store.dataset import Column, ColumnInfo, Kind

pytestmark = pytest.mark.slow

TEXTS = st.text("aAbB1\n", min_size=0, max_size=4)


def named(genes):
    """Return the names of genes, each a triple of name, id and aliases."""
    columns = {"gene_ids": [g[1] for g in genes], "aliases": [" ".join(g[2]) for g in genes]}
    infos = [ColumnInfo(name, Kind.STRING, "object") for name in columns]
    frame = SimpleNamespace(
        index=np.array([g[0] for g in genes], object),
        columns=infos,
        column=lambda name: Column(infos[list(columns).index(name)], np.array(columns[name], object)),
    )
    return GeneNames(frame)


def slowly(names, text):
    """Return the results as the docstring of the search describes them."""
    wanted, found = text.strip().casefold(), []
    for i, name in enumerate(names.names):
        n, ident = name.casefold(), (names.ids[i] if names.ids else "").casefold()
        aliases = [a.casefold() for a in names._aliases.get(i, ())]
        tests = [
            n == wanted,
            ident == wanted,
            wanted in aliases,
            n.startswith(wanted),
            ident.startswith(wanted),
            any(a.startswith(wanted) for a in aliases),
            wanted in n,
            wanted in ident,
        ]
        if any(tests):
            found.append((tests.index(True), len(n), i))
    return [i for _, _, i in sorted(found)] if wanted else list(range(len(names.names)))


@given(
    st.lists(st.tuples(TEXTS, st.integers(1, 99).map("ENSG{:011d}".format), st.lists(TEXTS, max_size=2)), min_size=1),
    TEXTS | st.sampled_from(["ENSG", "0000", "ensg00000000001"]),
)
def test_results_are_as_described(genes, text):
    names = named(genes)
    assert names.search(text) == slowly(names, text)
