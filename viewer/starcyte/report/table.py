"""The table of a comparison, every tested gene, and the notes on it: the design and the methods."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from starcyte.compute.by_category import CategoryComparison
from starcyte.curation.files.write_tables import TABLE_FORMATS, encode
from starcyte.report.answer import Answer
from starcyte.report.methods import citations, comparison, covariate_values, paragraphs, values_name
from starcyte.report.proportions import proportion_lines
from starcyte.store.gene_lookup import Genes

_FORM = TABLE_FORMATS["tabular"]
_NUMBERS = (
    "log2_fold_change",
    "score",
    "p_value",
    "p_adjusted",
    "mean_a",
    "mean_b",
    "fraction_a",
    "fraction_b",
)


def table(answer: Answer, with_notes: bool) -> Iterator[bytes]:
    """Yield the table in blocks.

    Parameters
    ----------
    answer
        The comparison.
    with_notes
        Whether lines of ``#`` above the header say how it was made.
    """
    q = answer.question
    if with_notes:
        yield encode("".join(f"# {line}\n" for line in _lines(answer)))
    header = [*([q.each.info.name] if q.each is not None else []), "gene", "gene_id", *_NUMBERS]
    if answer.of_samples is not None:
        used = answer.parts[0].design.used
        header += [f"{unit.sample} ({q.name_b if unit.side else q.name_a})" for unit in used]
    yield encode(_FORM.row(header))
    genes = q.dataset.genes(q.matrix.name)
    for part in answer.parts:
        yield encode("".join(_rows(part, answer, genes)))


def notes(answer: Answer) -> Iterator[bytes]:
    """Yield how a table was made, as lines of text: the comparison, its samples, what was refused, the methods."""
    yield encode("".join(f"{line}\n" for line in _lines(answer)))


def _lines(answer: Answer) -> Iterator[str]:
    # names of the file may have line ends
    return (" ".join(line.split()) for line in _notes(answer))


def _rows(part: CategoryComparison, answer: Answer, genes: Genes) -> Iterator[str]:
    first = [] if answer.question.each is None else [_FORM.field(part.name)]
    columns = [getattr(part, name).tolist() for name in _NUMBERS]
    if answer.of_samples is not None:
        columns += answer.of_samples.T.tolist()
    for i, gene in enumerate(part.genes.tolist()):
        texts = [*first, _FORM.field(genes.names[gene]), _FORM.field(genes.ids[gene] if genes.ids else "")]
        # nine digits: more are noise, and hide the rest of the table
        numbers = [f"{column[i]:.9g}" if np.isfinite(column[i]) else "" for column in columns]
        yield "\t".join([*texts, *numbers]) + "\n"


def _notes(answer: Answer) -> Iterator[str]:
    q = answer.question
    yield comparison(answer)
    yield f"dataset: {q.dataset.title}"
    yield f"matrix: {q.matrix.name} ({q.scale.kind}); values of samples: {values_name(answer)}"
    yield from paragraphs(answer)
    for text, doi in citations(answer):
        yield f"{text}, doi:{doi}"
    names = ", ".join(covariate.name for covariate in q.samples.covariates)
    yield f"samples: {q.samples.column}, side, cells{', ' if names else ''}{names}"
    for unit in q.samples.design(q.a, q.b).units:
        left = f" - left out: {unit.left_out}" if unit.left_out else ""
        yield (
            ", ".join([unit.sample, q.name_b if unit.side else q.name_a, f"{unit.n_cells}", *covariate_values(unit)])
            + left
        )
    for part in answer.parts:
        about = f"{part.name}: " if q.each is not None else ""
        if part.problem:
            yield f"{about}not compared. {part.problem}"
            continue
        sizes = f"{part.n_samples(0)} against {part.n_samples(1)} samples, {part.genes.size} genes tested"
        yield f"{about}{sizes}; coefficients: {', '.join(part.design.coefficients)}"
        yield from (f"{about}{warning}" for warning in part.design.warnings)
    if answer.composition is not None:
        yield from proportion_lines(answer.composition, q.name_a, q.name_b)
