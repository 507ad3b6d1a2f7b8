"""Labels and cells to write and read, and hypothesis strategies for them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st
from pyroaring import BitMap
from starcyte.curation.cell_names import CellNames
from starcyte.curation.models import Category, GeneSet, Label, SavedItem, Snapshot


@dataclass
class Cells:
    """As much of a dataset as names of cells need."""

    names: list[str]
    title: str = "Some data"
    fingerprint: str = "f00d"
    n_vars: int = 3
    reads: list[int] = field(default_factory=list)

    @property
    def n_obs(self):
        return len(self.names)

    def index_names(self, start, stop):
        self.reads.append(start)
        return self.names[start:stop]


def label(name, codes, categories, colors=(), notes=(), revision=0):
    """A label with a code for each cell, -1 for none."""
    codes = np.asarray(codes)
    made = tuple(
        Category(
            text,
            colors[i] if colors else "",
            notes[i] if notes else "",
            BitMap(np.flatnonzero(codes == i).astype(np.uint32)),
        )
        for i, text in enumerate(categories)
    )
    return Label(name, revision, made)


def values(made, n):
    """The category of each cell by name, None for none."""
    names = [*(c.name for c in made.categories), None]
    return [names[code] for code in made.codes(n).tolist()]


def snapshot(labels=(), genesets=(), keepsakes=(), user="", revision=1):
    return Snapshot(user, revision, labels, genesets, keepsakes)


def cells(names):
    return CellNames(Cells(list(names)))


# what no name of a category may hold is what curation.names refuses
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=12)
ODD = st.sampled_from(
    [
        "=1+1",
        "'=1",
        "''+x",
        "@SUM(A1)",
        "-1",
        "+",
        "'",
        "''",
        '"',
        '"a", b',
        "a,b",
        "#x",
        "NA",
        "0",
        " x ",
        "\uff1d1",
        ";",
    ]
)
TEXTS = (NAMES | ODD).filter(str.strip)


@st.composite
def labelled(draw, texts=TEXTS, most=12):
    """Names of cells, all different, and labels of them."""
    names = draw(st.lists(texts, min_size=1, max_size=most, unique=True))
    titles = draw(st.lists(texts, min_size=1, max_size=4, unique=True))
    labels = []
    for title in titles:
        categories = draw(st.lists(texts, max_size=5, unique=True))
        codes = draw(st.lists(st.integers(-1, len(categories) - 1), min_size=len(names), max_size=len(names)))
        labels.append(label(title, codes, categories))
    return names, labels


GENESETS = st.lists(
    st.builds(
        lambda name, genes, description: GeneSet(name, 0, tuple(genes), description),
        NAMES.filter(str.strip),
        st.lists(NAMES.filter(lambda t: t == t.strip() != ""), max_size=6, unique=True),
        NAMES | st.just(""),
    ),
    max_size=5,
    unique_by=lambda g: g.name,
)

RESULT = SavedItem(
    "result",
    "B against T",
    7,
    "application/json",
    b'{"method": "t-test", "genes": [{"gene": "=CD3D", "score": -1.5, "p_value": 1e-300},'
    b' {"gene": "MS4A1", "score": null, "p_value": 0.25}]}',
)
