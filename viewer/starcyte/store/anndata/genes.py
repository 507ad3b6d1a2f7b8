"""Gene names: the column with symbols, unique names, search."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set

from starcyte.errors import NotFound
from starcyte.store.anndata.frame import Frame
from starcyte.store.dataset import ColumnInfo, Kind
from starcyte.store.gene_synonyms import GeneSynonyms

# usual names of the column of symbols, the most specific first
_SYMBOL_COLUMNS = (
    "feature_name",
    "gene_symbols",
    "gene_symbol",
    "gene_names",
    "gene_name",
    "symbols",
    "symbol",
    "genesymbol",
    "hgnc_symbol",
    "gene_short_name",
    "features",
    "genes",
    "gene",
    "name",
)
_ID_COLUMNS = (
    "gene_ids",
    "gene_id",
    "ensembl_ids",
    "ensembl_id",
    "ensembl",
    "ensembl_gene_id",
    "accession",
    "feature_id",
    "feature_ids",
    "ids",
    "id",
)
_ALIAS_COLUMNS = (
    "aliases",
    "alias",
    "alias_symbols",
    "alias_symbol",
    "synonyms",
    "synonym",
    "prev_symbols",
    "prev_symbol",
    "previous_symbols",
    "previous_symbol",
)
# separators of the aliases of one gene
_SEPARATORS = re.compile(r"[|;,\s]+")
# ids of genes, which some files have as index in place of symbols: of Ensembl, NCBI (numbers), FlyBase, WormBase and
# SGD, and of any other organism: a few letters and at least five digits, or a locus tag (AT1G01010, PF3D7_0100100)
_ID = re.compile(
    # the genome, as Cell Ranger writes it with several genomes: GRCh38_ENSG..., mm10___ENSMUSG...
    r"(?:[A-Za-z0-9.-]+?_{1,3})?"
    r"(?:ENS[A-Z]*[GT]\d{6,}|FBgn\d+|WBGene\d+|Y[A-P][LR]\d{3}[WC](?:-[A-Z])?"
    r"|AT[1-5CM]G\d{5}|[A-Za-z][A-Za-z0-9]*_?\d{5,}[a-z]?|[A-Z]{1,3}[A-Z0-9]*_[A-Z]?\d{4,}|[A-Z][A-Za-z]{2,7}\.\d+[A-Z]\d{5,}|Tb\d+\.\d+\.\d+|ZDB-GENE-\d+-\d+|SP[ABCMR][A-Z0-9]+\.\d+c?"
    r"|(?:MGI|HGNC|RGD|Xenbase|DDB_G):?\d+)(?:\.\d+)?"
    r"|\d+"
)
# the expression takes quadratic time
_LONGEST_ID = 64
_VERSION = re.compile(r"\.\d+$")
# missing symbols that were written as text
_NO_SYMBOL = {"nan", "NaN", "NA", "N/A", "<NA>", "None", "none", "null", "-"}
# the number of synonyms that are examined for one search
_MOST_SYNONYMS = 100
# the number of names that are examined for ids
_EXAMINED = 2000


class GeneNames:
    """The names of the genes of one matrix.

    Parameters
    ----------
    frame
        var, or raw/var.
    chosen
        The column of names; empty: the index, or a column of symbols if the index holds ids.
    lender
        The names of the genes of var, of which raw/var without symbols has those with the same ids.
    synonyms
        Returns the previous and alias symbols that are looked up where the file knows no such name; called for a
        search only.
    modality
        The modality, whose name may precede those of its genes: ``prot:CD4``.

    Raises
    ------
    NotFound
        If the chosen column does not exist.
    """

    def __init__(
        self,
        frame: Frame,
        chosen: str = "",
        lender: GeneNames | None = None,
        synonyms: Callable[[], GeneSynonyms | None] = lambda: None,
        modality: str = "",
    ) -> None:
        self._synonyms = synonyms
        self._prefix = f"{modality}:" if modality else ""
        index = frame.index.tolist()
        self.columns = ("index", *(c.name for c in frame.columns if _is_text(c)))
        self.names_from = chosen or _symbol_column(frame, index) or "index"
        given = index if self.names_from == "index" else _symbols(frame, self.names_from)
        borrowed = None if chosen or lender is None or self.names_from != "index" else _borrowed(index, lender)
        self.ids: Sequence[str] | None
        if borrowed is not None:
            given, self.names_from, self.ids = borrowed, "var", index
        elif self.names_from == "index":
            id_column = _id_column(frame)
            self.ids = _texts(frame, id_column) if id_column else None
        else:
            self.ids = index
        self.names: Sequence[str]
        self.names, self.n_duplicated = unique([n or i for n, i in zip(given, index, strict=True)])
        self._positions = {name: i for i, name in reversed(list(enumerate(self.names)))}
        self._id_positions = {name: i for i, name in reversed(list(enumerate(self.ids or ())))}
        self._plain_positions: dict[str, int] = {}
        self._folded = [n.removeprefix(self._prefix).casefold() for n in self.names]
        self._folded_ids = [n.casefold() for n in self.ids] if self.ids is not None else None
        self._aliases = _aliases(frame, len(self.names))
        self._exact: dict[str, int] | None = None
        self._texts = [
            "\n".join((name, ident, *(a.casefold() for a in self._aliases.get(i, ()))))
            for i, (name, ident) in enumerate(zip(self._folded, self._folded_ids or self._folded, strict=True))
        ]

    def tell_apart(self, shared: Set[str]) -> None:
        """Put the modality before the names that other modalities have as well, as mudata does: ``prot:CD4``.

        Parameters
        ----------
        shared
            The names that several modalities have.
        """
        if shared.isdisjoint(self._positions):
            return
        self._plain_positions = {name: self._positions[name] for name in shared if name in self._positions}
        self.names = [self._prefix + name if name in shared else name for name in self.names]
        self._positions = {name: i for i, name in reversed(list(enumerate(self.names)))}
        self._exact = None

    def index(self, name: str) -> int:
        """Return the position of the gene with this name or else this id; raise NotFound if there is none."""
        position = self.position(name)
        if position is not None:
            return position
        near = [self.names[i] for i in self.search(name)[:3]]
        hint = f"Did you mean {', '.join(near)}?" if near else "Search for the gene by a part of its name."
        raise NotFound(f"No such gene: {name!r}.", hint)

    def position(self, name: str) -> int | None:
        """Return the position of the gene with this name or else this id; None if there is none."""
        for positions in (self._positions, self._plain_positions, self._id_positions):
            if name in positions:
                return positions[name]
        return None

    def match(self, text: str) -> int | None:
        """Return the position of the gene whose name, id or alias is a text, ignoring case; None if there is none.

        A name precedes an id, an id an alias, and an alias of the file one of the synonyms. Ids are the same with and
        without a version. A synonym of several genes of the dataset is none.
        """
        known = self.position(text) if text in self._positions or text in self._plain_positions else None
        if known is not None:
            return known
        wanted = text.strip().casefold()
        exact = self._known()
        position = exact.get(wanted)
        if position is None and (plain := _unversioned(wanted)) is not None:
            position = exact.get(plain)
        return self._by_synonym(wanted) if position is None else position

    def _known(self) -> dict[str, int]:
        """Return the positions by names, ids, ids without versions and aliases, in lower case."""
        if self._exact is None:
            exact: dict[str, int] = {}
            plain = [_unversioned(ident) or ident for ident in self._folded_ids or self._folded]
            for texts in (self._folded, self._folded_ids or (), plain):
                for i, folded in enumerate(texts):
                    exact.setdefault(folded, i)
            for i, aliases in self._aliases.items():
                for alias in aliases:
                    exact.setdefault(alias.casefold(), i)
            self._exact = exact
        return self._exact

    def _by_synonym(self, wanted: str) -> int | None:
        """Return the position of the one gene that has a text in lower case among its synonyms; None if none has."""
        synonyms = self._synonyms()
        if synonyms is None or not wanted:
            return None
        for genes in synonyms.others(_unversioned(wanted) or wanted):
            found = {self._of_names(names) for names in genes} - {None}
            if found:
                return found.pop() if len(found) == 1 else None
        return None

    def _of_names(self, names: Sequence[str]) -> int | None:
        """Return the position of the first of several names of one gene that the dataset knows."""
        exact = self._known()
        return next((exact[folded] for folded in map(str.casefold, names) if folded in exact), None)

    def alias(self, position: int, text: str) -> str | None:
        """Return the alias by which a text finds a gene; None if its name or id matches."""
        wanted = text.strip().casefold()
        ident = self._folded_ids[position] if self._folded_ids else ""
        plain = _unversioned(wanted) or wanted
        if not wanted or wanted in self._folded[position] or plain in ident:
            return None
        own = next((a for a in self._aliases.get(position, ()) if a.casefold().startswith(wanted)), None)
        if own is not None:
            return own
        synonyms = self._synonyms()
        return None if synonyms is None else synonyms.spelled(self.names[position], plain)

    def search(self, text: str) -> list[int]:
        """Return the positions of the genes that match a text, best first.

        The order is: full name, full id, full alias, prefix of the name, of the id, of an alias, substring of the
        name, of the id; within each, shorter names first. An empty text matches all genes, in the file's order.
        Synonyms count as aliases.
        """
        return [position for _, position in self.ranked(text)]

    def ranked(self, text: str) -> list[tuple[tuple[int, int], int]]:
        """Return the genes that match a text as :meth:`search` does, with the rank and the length of each name."""
        wanted = text.strip().casefold()
        if not wanted:
            return [((0, 0), i) for i in range(len(self.names))]
        wanted = _unversioned(wanted) or wanted
        found: list[tuple[int, int, int]] = []
        for i in [i for i, texts in enumerate(self._texts) if wanted in texts]:
            name, ident = self._folded[i], self._folded_ids[i] if self._folded_ids else ""
            rank = _rank(wanted, name, ident, self._aliases.get(i, ()))
            if rank is not None:
                found.append((rank, len(name), i))
        found += self._with_synonyms(wanted)
        best = dict[int, tuple[int, int]]()
        for rank, length, i in sorted(found):
            best.setdefault(i, (rank, length))
        return [(rank, i) for i, rank in best.items()]

    def _with_synonyms(self, wanted: str) -> list[tuple[int, int, int]]:
        """Return rank, length of the name and position of the genes that a text finds by their synonyms."""
        synonyms = self._synonyms()
        if synonyms is None:
            return []
        found = []
        for name in (wanted, *synonyms.starting(wanted, _MOST_SYNONYMS)):
            rank = _rank(wanted, "", "", [name])
            positions = {self._of_names(names) for genes in synonyms.others(name) for names in genes}
            found += [(rank or 0, len(self.names[i]), i) for i in positions if i is not None]
        return found


def _rank(wanted: str, name: str, ident: str, aliases: Sequence[str]) -> int | None:
    folded = [a.casefold() for a in aliases]
    of_name, of_ident = name.find(wanted), ident.find(wanted)
    if of_name == 0 and len(name) == len(wanted):
        return 0
    if of_ident == 0 and len(ident) == len(wanted):
        return 1
    if wanted in folded:
        return 2
    if of_name == 0:
        return 3
    if of_ident == 0:
        return 4
    if any(a.startswith(wanted) for a in folded):
        return 5
    if of_name > 0:
        return 6
    return 7 if of_ident > 0 else None


def unique(names: Sequence[str]) -> tuple[list[str], int]:
    """Make names unique: repeated ones get `` (2)``, `` (3)`` and so on.

    Parameters
    ----------
    names
        Any names.

    Returns
    -------
    names
        As many names, all different.
    n_duplicated
        The number of changed names.
    """
    taken, seen, out, changed = set(names), set[str](), [], 0
    counts: dict[str, int] = {}
    for name in names:
        new = name
        if new in seen:
            changed += 1
            number = counts.get(name, 1)
            while new in seen or new in taken:
                number += 1
                new = f"{name} ({number})"
            counts[name] = number
        seen.add(new)
        out.append(new)
    return out, changed


def _unversioned(ident: str) -> str | None:
    """Return an id of Ensembl in lower case without its version; None for other texts."""
    plain = _VERSION.sub("", ident)
    return plain if plain != ident and plain.startswith("ens") and _share_of_ids([plain.upper()]) else None


def _is_text(info: ColumnInfo) -> bool:
    return info.kind in {Kind.STRING, Kind.CATEGORICAL}


def _texts(frame: Frame, name: str) -> list[str]:
    column = frame.column(name)
    if column.info.kind not in {Kind.STRING, Kind.CATEGORICAL}:
        return [str(v) for v in column.values.tolist()]
    codes, categories = column.as_codes()
    return [categories[c] if c >= 0 else "" for c in codes.tolist()]


def _share_of_ids(names: Sequence[str]) -> float:
    examined = [n for n in names[:_EXAMINED] if n]
    return sum(len(n) <= _LONGEST_ID and _ID.fullmatch(n) is not None for n in examined) / max(len(examined), 1)


def _named_like(frame: Frame, likely: Sequence[str]) -> list[str]:
    folded = {c.name.casefold(): c.name for c in frame.columns if _is_text(c)}
    return [folded[n] for n in likely if n in folded]


def _symbols(frame: Frame, name: str) -> list[str]:
    """Return the names of a column, empty where it has none."""
    return ["" if text in _NO_SYMBOL else text for text in _texts(frame, name)]


def _borrowed(index: Sequence[str], lender: GeneNames) -> list[str] | None:
    """Return the names that other genes with these ids have, empty for none; None if these are no ids, or unknown."""
    if lender.ids is None or _share_of_ids(index) <= 0.5:
        return None
    known = {_VERSION.sub("", ident): name for ident, name in zip(lender.ids, lender.names, strict=True) if ident}
    found = [known.get(_VERSION.sub("", ident), "") for ident in index]
    return found if any(found) else None


def _symbol_column(frame: Frame, index: Sequence[str]) -> str | None:
    if _share_of_ids(index) <= 0.5:
        return None
    for name in _named_like(frame, _SYMBOL_COLUMNS):
        texts = _symbols(frame, name)
        filled = [t for t in texts if t]
        if len(filled) * 2 > len(texts) and _share_of_ids(filled) < 0.5 and len(set(filled)) * 2 > len(filled):
            return name
    return None


def _id_column(frame: Frame) -> str | None:
    for name in _named_like(frame, _ID_COLUMNS):
        if _share_of_ids(_texts(frame, name)) > 0.5:
            return name
    return None


def _aliases(frame: Frame, n: int) -> dict[int, list[str]]:
    """Return the aliases of each gene that has some, from all columns with the usual names of alias columns."""
    found: dict[int, list[str]] = {}
    for column in _named_like(frame, _ALIAS_COLUMNS):
        for i, text in enumerate(_texts(frame, column)[:n]):
            names = [name for name in _SEPARATORS.split(text) if name and name.casefold() not in {"nan", "na", "-"}]
            if names:
                found.setdefault(i, []).extend(names)
    return found
