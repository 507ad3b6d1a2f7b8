"""GeneLimits: the genes of sets, counted while a file is read."""

from __future__ import annotations

from collections.abc import Iterable

from starcyte.errors import LimitExceeded
from starcyte.settings import Settings


class GeneLimits:
    """The genes of the sets of one file, without duplicates.

    Parameters
    ----------
    settings
        ``max_gene_sets``, ``max_gene_set_genes`` and ``max_import_genes`` are used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sets: dict[str, dict[str, None]] = {}
        self._n = self._n_sets = 0

    def add(self, name: str, genes: Iterable[str]) -> None:
        """Add genes to a set.

        Raises
        ------
        LimitExceeded
            If there are too many sets, or genes.
        """
        if name not in self._sets:
            self._sets[name] = {}
            self._n_sets += 1
        known = self._sets[name]
        if self._n_sets > self._settings.max_gene_sets:
            raise LimitExceeded(
                f"The file has more than {self._settings.max_gene_sets} gene sets (max_gene_sets).",
                "Import fewer at a time.",
            )
        before = len(known)
        for gene in genes:
            known[gene] = None
            if len(known) > self._settings.max_gene_set_genes:
                raise LimitExceeded(
                    f"Gene set {name!r} has more than {self._settings.max_gene_set_genes} genes (max_gene_set_genes).",
                    "Import a smaller set.",
                )
        self._n += len(known) - before
        if self._n > self._settings.max_import_genes:
            raise LimitExceeded(
                f"The sets of the file have more than {self._settings.max_import_genes} genes (max_import_genes).",
                "Import fewer sets at a time.",
            )

    def take(self, name: str) -> tuple[str, ...]:
        """Return the genes of a set in their order, and forget them."""
        return tuple(self._sets.pop(name, ()))
