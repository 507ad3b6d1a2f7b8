"""Terms: ontology terms to complete the names of labels, from an OBO or CSV file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from starcyte.errors import SettingInvalid

_SYNONYM = re.compile(r'"((?:[^"\\]|\\.)*)"')
_LIST = re.compile(r"[|;]")


@dataclass(frozen=True)
class Term:
    """An ontology term.

    Parameters
    ----------
    id
        Such as ``CL:0000236``; may be empty.
    name
        Its name.
    synonyms
        Its other names.
    """

    id: str
    name: str
    synonyms: tuple[str, ...] = ()


class Terms:
    """The terms of a file.

    Parameters
    ----------
    path
        An OBO file (format 1.2 or 1.4), or a CSV or TSV file with a header: a column ``name``, ``label`` or ``term``,
        or a single column; optional columns ``id`` and ``synonyms`` (separated by ``|`` or ``;``).

    Raises
    ------
    SettingInvalid
        If the file cannot be read or has no terms.
    """

    def __init__(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8-sig")
            found = list(_read_obo(text) if _is_obo(text) else _read_table(text))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise SettingInvalid(
                f"The terms file {str(path)!r} cannot be read: {reason}.", "--terms-file must be OBO or CSV."
            ) from None
        by_name: dict[str, Term] = {}
        for term in found:
            by_name.setdefault(term.name, term)
        self.terms = list(by_name.values())
        if not self.terms:
            raise SettingInvalid(
                f"The terms file {str(path)!r} contains no terms.", "Use OBO, or CSV with a column called name."
            )
        self._texts = [[text.casefold() for text in (t.name, t.id, *t.synonyms)] for t in self.terms]

    def search(self, text: str, limit: int) -> list[Term]:
        """Return the terms that match a text, best first: equal, with this start, with a word of this start, others.

        Parameters
        ----------
        text
            Part of a name, an id or a synonym; if empty, all terms match, in the order of the file.
        limit
            The largest number of terms.
        """
        query = text.casefold().strip()
        if not query:
            return self.terms[:limit]
        ranked = []
        for index, texts in enumerate(self._texts):
            if query in texts[0] or any(query in other for other in texts[1:]):
                best = min(_rank(other, query, place > 0) for place, other in enumerate(texts) if query in other)
                ranked.append((best, len(texts[0]), index))
        return [self.terms[index] for _, _, index in sorted(ranked)[:limit]]


def _rank(text: str, query: str, is_other: bool) -> tuple[int, bool]:
    if text == query:
        return 0, is_other
    if text.startswith(query):
        return 1, is_other
    return (2 if f" {query}" in text else 3), is_other


def _is_obo(text: str) -> bool:
    return text.startswith("format-version:") or "\n[Term]" in text or text.startswith("[Term]")


def _read_obo(text: str) -> Iterator[Term]:
    for stanza in re.split(r"^\[", text, flags=re.MULTILINE)[1:]:
        kind, _, body = stanza.partition("]")
        if kind != "Term":
            continue
        term_id = name = ""
        synonyms: list[str] = []
        obsolete = False
        for line in body.splitlines():
            tag, _, value = line.partition(":")
            value = value.strip()
            if tag == "id":
                term_id = value.partition(" ! ")[0]
            elif tag == "name":
                name = _unescaped(value)
            elif tag == "synonym":
                quoted = _SYNONYM.match(value)
                synonyms += [_unescaped(quoted[1])] if quoted else []
            elif tag == "is_obsolete":
                obsolete = value.startswith("true")
        if name and not obsolete:
            yield Term(term_id, name, tuple(dict.fromkeys(synonyms)))


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _read_table(text: str) -> Iterator[Term]:
    first = text.partition("\n")[0]
    rows = csv.reader(text.splitlines(), delimiter="\t" if "\t" in first else ",")
    header = [h.strip().casefold() for h in next(rows, [])]
    if not header:
        return
    at = {h: i for i, h in enumerate(header)}
    name_at = next((at[h] for h in ("name", "label", "term") if h in at), 0 if len(header) == 1 else None)
    if name_at is None:
        return

    def of(row: list[str], column: int | None) -> str:
        return row[column].strip() if column is not None and column < len(row) else ""

    for row in rows:
        name = of(row, name_at)
        if name:
            synonyms = (s.strip() for s in _LIST.split(of(row, at.get("synonyms", at.get("synonym")))))
            yield Term(of(row, at.get("id")), name, tuple(s for s in synonyms if s))
