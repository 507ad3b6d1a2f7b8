"""Libraries: many sets of genes from one file, with each gene's name once in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.enrichment.test import SetsOfGenes


@dataclass(frozen=True, eq=False)
class Library:
    """Sets of genes by the names that their file uses.

    Parameters
    ----------
    name
        Of the library.
    names, descriptions
        Of each set.
    genes
        Every gene of any set, once.
    starts
        The first place of each set in ``codes``, int64, shape (sets + 1,).
    codes
        The places in ``genes`` of the genes of each set, int32.
    """

    name: str
    names: Sequence[str]
    descriptions: Sequence[str]
    genes: Sequence[str]
    starts: NDArray[np.int64]
    codes: NDArray[np.int32]

    @classmethod
    def of(cls, name: str, sets: Iterable[tuple[str, str, Iterable[str]]]) -> Library:
        """Return a library of sets, each a name, a description, and genes."""
        places: dict[str, int] = {}
        names, descriptions, starts, codes = list[str](), list[str](), [0], list[NDArray[np.int32]]()
        for title, description, genes in sets:
            some = np.array([places.setdefault(gene, len(places)) for gene in genes], np.int32)
            names.append(title)
            descriptions.append(description)
            codes.append(some)
            starts.append(starts[-1] + some.size)
        every = np.concatenate(codes) if codes else np.empty(0, np.int32)
        return cls(name, names, descriptions, list(places), np.array(starts, np.int64), every)

    def among(self, ranks: NDArray[np.int64], match: Callable[[str], int | None]) -> SetsOfGenes:
        """Return the sets as ranks of genes; genes that have none are left out.

        Parameters
        ----------
        ranks
            The rank of each gene of a matrix, shape (genes,); -1 for one that was not tested.
        match
            Returns the position of a gene of the matrix by its name, id or alias, or None.
        """
        positions = [match(gene) for gene in self.genes]
        of_genes = np.array([-1 if p is None else ranks[p] for p in positions], np.int64)
        starts, found = [0], list[NDArray[np.int64]]()
        for k in range(len(self.names)):
            some = of_genes[self.codes[self.starts[k] : self.starts[k + 1]]]
            # two names may be of one gene
            found.append(np.unique(some[some >= 0]))
            starts.append(starts[-1] + found[-1].size)
        every = np.concatenate(found) if found else np.empty(0, np.int64)
        return SetsOfGenes(self.names, self.descriptions, np.array(starts, np.int64), every)
