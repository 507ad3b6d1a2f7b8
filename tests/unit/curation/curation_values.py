"""Annotations and cells to write and read, and hypothesis strategies for them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st
from pyroaring import BitMap
from starcyte.curation.cell_names import CellNames
from starcyte.curation.models import Annotation, GeneSet, Label, SavedItem, Snapshot


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


def annotation(name, codes, labels, colors=(), notes=(), revision=0):
    """An annotation with a code for each cell, -1 for none."""
    codes = np.asarray(codes)
    made = tuple(
        Label(
            text,
            colors[i] if colors else "",
            notes[i] if notes else "",
            BitMap(np.flatnonzero(codes == i).astype(np.uint32)),
        )
        for i, text in enumerate(labels)
    )
    return Annotation(name, revision, made)


def values(made, n):
    """The label of each cell by name, None for none."""
    names = [*(c.name for c in made.labels), None]
    return [names[code] for code in made.codes(n).tolist()]


def snapshot(annotations=(), gene_sets=(), saved_items=(), user="", revision=1):
    return Snapshot(user, revision, annotations, gene_sets, saved_items)


def cells(names):
    return CellNames(Cells(list(names)))


# what no name of a label may hold is what curation.names refuses
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
    """Names of cells, all different, and annotations of them."""
    names = draw(st.lists(texts, min_size=1, max_size=most, unique=True))
    titles = draw(st.lists(texts, min_size=1, max_size=4, unique=True))
    annotations = []
    for title in titles:
        labels = draw(st.lists(texts, max_size=5, unique=True))
        codes = draw(st.lists(st.integers(-1, len(labels) - 1), min_size=len(names), max_size=len(names)))
        annotations.append(annotation(title, codes, labels))
    return names, annotations


GENE_SETS = st.lists(
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
