"""The lookup of genes in a matrix and in those of the other modalities, such as proteins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from starcyte.errors import NotFound


class Genes(Protocol):
    """The names of the genes of one matrix, made unique, and their search."""

    names: Sequence[str]
    ids: Sequence[str] | None
    names_from: str
    n_duplicated: int

    def index(self, name: str) -> int:
        """Return the position of the gene with this name or else this id; raise NotFound if there is none."""
        ...

    def position(self, name: str) -> int | None:
        """Return the position of the gene with this name or else this id; None if there is none."""
        ...

    def match(self, text: str) -> int | None:
        """Return the position of the gene whose name, id or alias is a text, ignoring case; None if there is none."""
        ...

    def alias(self, position: int, text: str) -> str | None:
        """Return the alias by which a text finds a gene; None if its name or id matches."""
        ...

    def search(self, text: str) -> list[int]:
        """Return the positions of the genes that match, best first."""
        ...

    def ranked(self, text: str) -> list[tuple[tuple[int, int], int]]:
        """Return the genes that match, best first: how well (the less the better), and the position of each."""
        ...


@dataclass(frozen=True)
class FoundGene:
    """A gene of one of several matrices.

    Parameters
    ----------
    matrix
        The name of the matrix.
    position
        Its position in the matrix.
    """

    matrix: str
    position: int


class GeneLookup:
    """The genes of a matrix and, where it has none of a name, those of the other modalities.

    Parameters
    ----------
    matrix
        The matrix.
    genes
        The genes of the matrix and of one matrix of each other modality, by the names of the matrices.
    modalities
        The modality of each of these matrices; empty for a dataset of one. ``prot:CD4`` is searched in ``prot`` alone.
    """

    def __init__(self, matrix: str, genes: Mapping[str, Genes], modalities: Mapping[str, str]) -> None:
        self._genes = {matrix: genes[matrix], **genes}
        self._matrix_of = {modality: name for name, modality in modalities.items()}

    @property
    def n(self) -> int:
        """The number of genes."""
        return sum(len(genes.names) for genes in self._genes.values())

    def genes_of(self, found: FoundGene) -> Genes:
        """Return the genes of the matrix that has a gene."""
        return self._genes[found.matrix]

    def name(self, found: FoundGene) -> str:
        """Return the name of a gene."""
        return self._genes[found.matrix].names[found.position]

    def position(self, name: str) -> FoundGene | None:
        """Return the gene with this name or else this id; None if there is none."""
        for matrix, text in self._places(name):
            position = self._genes[matrix].position(text)
            if position is not None:
                return FoundGene(matrix, position)
        return None

    def find(self, name: str) -> FoundGene:
        """Return the gene with this name or else this id; raise NotFound if there is none."""
        found = self.position(name)
        if found is not None:
            return found
        near = [self.name(one) for one in self.search(name)[:3]]
        hint = f"Did you mean {', '.join(near)}?" if near else "Search for the gene by a part of its name."
        raise NotFound(f"No such gene: {name!r}.", hint)

    def match(self, text: str) -> FoundGene | None:
        """Return the gene whose name, id or alias is a text, ignoring case; None if there is none."""
        for matrix, part in self._places(text):
            position = self._genes[matrix].match(part)
            if position is not None:
                return FoundGene(matrix, position)
        return None

    def alias(self, found: FoundGene, text: str) -> str | None:
        """Return the alias by which a text finds a gene; None if its name or id matches."""
        part = next((part for matrix, part in self._places(text) if matrix == found.matrix), text)
        return self._genes[found.matrix].alias(found.position, part)

    def search(self, text: str) -> list[FoundGene]:
        """Return the genes that match, best first, and of equal ones those of the matrix first."""
        ranked = [
            (*rank, number, FoundGene(matrix, position))
            for number, (matrix, part) in enumerate(self._places(text))
            for rank, position in self._genes[matrix].ranked(part)
        ]
        return [found for *_, found in sorted(ranked, key=lambda row: (*row[:3], row[3].position))]

    def _places(self, text: str) -> list[tuple[str, str]]:
        """Return the matrices to look in, in their order, and the text to look for in each."""
        modality, colon, rest = text.partition(":")
        matrix = self._matrix_of.get(modality.strip()) if colon else None
        if matrix is None:
            return [(name, text) for name in self._genes]
        # a gene of this whole name, as mudata writes, is found by either
        return [(matrix, text if self._genes[matrix].position(text) is not None else rest)]
