"""Previous and alias symbols of genes, from tables that the operator names: HGNC's, MGI's, NCBI's, or a simple one.

A table is tab-separated text. Its header names the column of symbols and those of other names, of which a field has
several, separated by ``|`` or commas. A table without such a header has two columns: a symbol, and its other names.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from starcyte.errors import LimitExceeded, SettingInvalid

_SYMBOLS = ("symbol", "approved symbol", "marker symbol", "gene symbol", "gene_symbol")
# previous symbols before aliases: HGNC gives a symbol to one gene at a time, and an alias to several
_PREVIOUS = ("prev_symbol", "previous symbol", "previous symbols", "prev_symbols")
_ALIASES = (
    "alias_symbol",
    "alias symbol",
    "alias symbols",
    "alias",
    "aliases",
    "synonym",
    "synonyms",
    "marker synonyms (pipe-separated)",
    "ensembl_gene_id",
    "ensembl id",
    "ensembl gene id",
)
_SEPARATOR = re.compile(r"[|,;]")
_NONE = {"", "-", "na", "nan", "none", "null"}
# a field and a line of more are no names of a gene
_LONGEST, _LONGEST_LINE = 20_000, 1 << 20

APPROVED, PREVIOUS, ALIAS = 0, 1, 2


class GeneSynonyms:
    """The names of genes by each other.

    Parameters
    ----------
    records
        The names of each gene: its symbol, its previous symbols and its aliases.
    """

    def __init__(self, records: Iterable[tuple[str, Sequence[str], Sequence[str]]]) -> None:
        self._records: list[tuple[str, ...]] = []
        # of a name, the genes that have it, and as what; nearly all have one
        self._found: dict[str, tuple[int, ...]] = {}
        for symbol, previous, aliases in records:
            number = len(self._records) * 3
            names = dict.fromkeys([symbol, *previous, *aliases])
            self._records.append(tuple(names))
            for kind, texts in ((APPROVED, (symbol,)), (PREVIOUS, previous), (ALIAS, aliases)):
                for text in texts:
                    folded = text.casefold()
                    known = self._found.get(folded, ())
                    if not any(one // 3 == number // 3 for one in known):
                        self._found[folded] = (*known, number + kind)
        self._sorted: list[str] | None = None

    def __len__(self) -> int:
        return len(self._records)

    def others(self, text: str) -> list[list[list[str]]]:
        """Return the other names of the genes that have a name, ignoring case.

        Returns
        -------
        list of list of list of str
            First those of the gene whose symbol it is; if there is none, those of genes that had it as a previous
            symbol, then those that have it as an alias. Of each gene its symbol is the first; names that are the
            symbols of other genes are left out.
        """
        found = self._found.get(text.strip().casefold(), ())
        kinds: list[list[list[str]]] = [[], [], []]
        for one in found:
            kinds[one % 3].append(self._names(one // 3))
        return [kinds[APPROVED]] if kinds[APPROVED] else [genes for genes in kinds[PREVIOUS:] if genes]

    def starting(self, text: str, most: int) -> Iterator[str]:
        """Yield the names that start with a text in lower case, in alphabetical order, at most so many."""
        if self._sorted is None:
            self._sorted = sorted(self._found)
        start = bisect_left(self._sorted, text)
        for name in self._sorted[start : start + most]:
            if not name.startswith(text):
                return
            yield name

    def spelled(self, symbol: str, text: str) -> str | None:
        """Return the name of a gene that is a text, or starts with it, ignoring case, as the table writes it."""
        wanted = text.casefold()
        names = [name for one in self._found.get(symbol.casefold(), ()) for name in self._records[one // 3]]
        exact = next((name for name in names if name.casefold() == wanted), None)
        return exact or next((name for name in names if name.casefold().startswith(wanted)), None)

    def _names(self, record: int) -> list[str]:
        symbol, *others = self._records[record]
        return [symbol, *(name for name in others if not self._is_symbol(name))]

    def _is_symbol(self, name: str) -> bool:
        return any(one % 3 == APPROVED for one in self._found.get(name.casefold(), ()))


def open_synonyms(paths: Sequence[str], most: int) -> GeneSynonyms | None:
    """Return the synonyms of the tables, which are read once; None if there are none.

    Parameters
    ----------
    paths
        The tables; a gene is looked up in all.
    most
        The largest number of names.

    Raises
    ------
    SettingInvalid
        If a file cannot be read, or has no synonyms.
    LimitExceeded
        If there are more names.
    """
    if not paths:
        return None
    states = []
    for path in paths:
        try:
            state = Path(path).stat()
        except (OSError, ValueError) as error:
            raise _unreadable(path, error) from None
        states.append((path, state.st_mtime_ns, state.st_size))
    return _read(tuple(states), most)


@lru_cache(maxsize=2)
def _read(states: tuple[tuple[str, int, int], ...], most: int) -> GeneSynonyms:
    records: list[tuple[str, Sequence[str], Sequence[str]]] = []
    n = 0
    for path, _, _ in states:
        before = len(records)
        try:
            with Path(path).open(encoding="utf-8-sig", errors="strict", newline="") as stream:
                for symbol, previous, aliases in _rows(iter(lambda: stream.readline(_LONGEST_LINE), "")):
                    n += 1 + len(previous) + len(aliases)
                    if n > most:
                        raise LimitExceeded(
                            f"The gene synonyms have more than {most:,} names (max_synonyms).",
                            "Leave out the genes of other organisms, or raise the limit.",
                        )
                    records.append((symbol, previous, aliases))
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise _unreadable(path, error) from None
        if len(records) == before:
            raise SettingInvalid(
                f"The gene synonyms {path!r} have no symbol with other names.",
                "Use HGNC's complete set, MGI's MRK_List2.rpt, or two columns with a tab between them.",
            )
    return GeneSynonyms(records)


def _unreadable(path: str, error: Exception) -> SettingInvalid:
    reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
    return SettingInvalid(f"The gene synonyms {path!r} cannot be read: {reason}.", "Correct gene_synonyms.")


def _rows(lines: Iterable[str]) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield symbol, previous symbols and aliases of each line that has some of the latter."""
    symbol_at, previous_at, aliases_at = 0, list[int](), [1]
    for number, line in enumerate(lines):
        fields = line.rstrip("\r\n").split("\t")
        if number == 0:
            header = [field.strip().strip('"').lstrip("#").casefold() for field in fields]
            symbol = next((name for name in _SYMBOLS if name in header), None)
            if symbol is not None:
                symbol_at = header.index(symbol)
                previous_at = [header.index(name) for name in _PREVIOUS if name in header]
                aliases_at = [header.index(name) for name in _ALIASES if name in header]
                continue
        if line.startswith("#") or symbol_at >= len(fields):
            continue
        symbol = fields[symbol_at].strip().strip('"')
        previous, aliases = (_names(fields, places, symbol) for places in (previous_at, aliases_at))
        if symbol.casefold() not in _NONE and (previous or aliases):
            yield symbol, previous, aliases


def _names(fields: Sequence[str], places: Sequence[int], symbol: str) -> list[str]:
    texts = (fields[place][:_LONGEST].strip().strip('"') for place in places if place < len(fields))
    names = (name.strip() for text in texts for name in _SEPARATOR.split(text))
    return [name for name in dict.fromkeys(names) if name.casefold() not in _NONE and name != symbol]
