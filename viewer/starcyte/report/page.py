"""The report: one HTML file that loads nothing, runs no script and has every plot inside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from starcyte.compute.by_category import CategoryComparison
from starcyte.report.answer import ALPHA, Answer, n_significant
from starcyte.report.markup import number, row, table, text
from starcyte.report.methods import citations, comparison, covariate_values, paragraphs, values_name
from starcyte.report.overview import overview
from starcyte.report.proportions import proportions
from starcyte.report.strip_plot import strip_plot
from starcyte.report.volcano import volcano
from starcyte.store.gene_lookup import Genes

#: Genes of each comparison that are listed and drawn
N_BEST = 10

_STYLE = """
:root { color-scheme: light dark; --back: #fff; --fore: #1c2333; --quiet: #5b6477; --line: #d5d9e2; --a: #3b56d9;
  --b: #9a5b00; --none: #b6bccb; --warn: #fff6df; }
@media (prefers-color-scheme: dark) { :root { --back: #14171f; --fore: #e6e9f0; --quiet: #a0a8ba; --line: #363c4b;
  --a: #8ea2ff; --b: #e0a044; --none: #535b6d; --warn: #33290f; } }
body { margin: 0 auto; padding: 24px 20px 60px; max-width: 920px; background: var(--back); color: var(--fore);
  font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 4px; } h2 { font-size: 18px; margin: 36px 0 8px; }
h3 { font-size: 15px; margin: 20px 0 6px; } p { margin: 6px 0; max-width: 72ch; } .quiet { color: var(--quiet); }
.warning { background: var(--warn); border-radius: 6px; padding: 8px 12px; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 3px 14px 3px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
td.n, th.n { text-align: right; white-space: nowrap; }
tr.out td { color: var(--quiet); } section.part { border-top: 1px solid var(--line); margin-top: 28px; }
.strips { display: flex; flex-wrap: wrap; gap: 6px; margin: 10px 0; } svg { max-width: 100%; height: auto; }
svg text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: var(--fore); unicode-bidi: isolate; }
svg .tick, svg .title, svg .refused { fill: var(--quiet); } svg .tick { font-size: 11px; }
svg .gene { font-weight: 600; }
svg .axis { stroke: var(--line); fill: none; } svg .a { fill: var(--a); } svg .b { fill: var(--b); }
a { color: inherit; } svg a text { text-decoration: underline; }
svg .none { fill: var(--none); } li { margin: 4px 0; }
"""
# refused by the browser, whatever a name may have smuggled in
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(answer: Answer, most_categories: int) -> Iterator[bytes]:
    """Yield the report in blocks of UTF-8.

    Parameters
    ----------
    answer
        The comparison.
    most_categories
        The number of categories with plots, at most: those with the most significant genes.
    """
    for block in _blocks(answer, most_categories):
        yield block.encode("utf-8", "replace")


def _shown(answer: Answer, most: int) -> list[int]:
    """Return the positions of the parts that are shown with plots, in their order."""
    compared = [i for i, part in enumerate(answer.parts) if not part.problem]
    return sorted(sorted(compared, key=lambda i: -n_significant(answer.parts[i]))[:most])


def _blocks(answer: Answer, most_categories: int) -> Iterator[str]:
    q = answer.question
    title = f"{q.name_a} against {q.name_b}"
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="referrer" content="no-referrer">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{_STYLE}</style></head><body>"
        f'<h1><bdi>{text(q.name_a)}</bdi> against <bdi>{text(q.name_b)}</bdi></h1><p class="quiet">'
        f"{text(q.dataset.title)}: {text(comparison(answer))}</p>"
    )
    yield _summary(answer)
    yield _samples(answer)
    if q.each is not None:
        yield _categories(answer, _shown(answer, most_categories))
    if answer.composition is not None:
        yield proportions(answer.composition, N_BEST, q.name_a, q.name_b)
    genes = q.dataset.genes(q.matrix.name)
    for position in _shown(answer, most_categories):
        yield _part(answer, position, genes)
    yield "<h2>Methods</h2>" + "".join(f"<p>{text(paragraph)}</p>" for paragraph in paragraphs(answer))
    items = "".join(f"<li>{text(about)}, doi:{text(doi)}</li>" for about, doi in citations(answer))
    yield f"<h2>References</h2><ol>{items}</ol></body></html>\n"


def _summary(answer: Answer) -> str:
    q, compared = answer.question, [part for part in answer.parts if not part.problem]
    up, down = (sum(part.n_significant(sign, ALPHA) for part in compared) for sign in (1, -1))
    if q.each is None:
        said = f"{up + down:,} of {compared[0].genes.size:,} tested genes are significant"
    else:
        said = (
            f"{len(compared)} of {len(answer.parts)} categories of {q.each.info.name} were compared."
            f" {up + down:,} differences of genes are significant"
        )
    said += f" (adjusted p-value below {ALPHA:g}): {up:,} higher in {q.name_a}, {down:,} higher in {q.name_b}."
    return f"<p><strong>{text(said)}</strong></p>"


def _samples(answer: Answer) -> str:
    """Return the table of the design of all cells."""
    q = answer.question
    design = q.samples.design(q.a, q.b)
    covariates = [covariate.name for covariate in q.samples.covariates]
    head = row("th", [q.samples.column, q.condition, "cells", *covariates, ""], numbers=(2,))
    rows = []
    for unit in design.units:
        left = f"left out: {unit.left_out}" if unit.left_out else ""
        texts = [unit.sample, q.name_b if unit.side else q.name_a, f"{unit.n_cells:,}", *covariate_values(unit), left]
        rows.append(row("td", texts, numbers=(2,), kind="out" if left else ""))
    warnings = design.warnings if q.each is None else ()
    return f"<h2>Samples</h2>{table(head, rows)}{_warnings(warnings)}"


def _categories(answer: Answer, shown: Sequence[int]) -> str:
    """Return the overview of all categories, and the reasons of those that were not compared."""
    q = answer.question
    assert q.each is not None
    refused = [part for part in answer.parts if part.problem]
    reasons = "".join(f"<li><bdi>{text(part.name)}</bdi>: {text(part.problem)}</li>" for part in refused)
    listed = f"<h3>Not compared</h3><ul>{reasons}</ul>" if refused else ""
    without = len(answer.parts) - len(refused) - len(shown)
    noun = "category" if len(shown) == 1 else "categories"
    note = f"<p>Plots of {len(shown)} {noun} with the most significant genes follow; the table has all.</p>"
    plot = overview(answer.parts, shown, q.name_a, q.name_b)
    title = f"Significant genes in each <bdi>{text(q.each.info.name)}</bdi>"
    return f'<h2>{title}</h2><div class="wide">{plot}</div>{listed}{note if without else ""}'


def _part(answer: Answer, position: int, genes: Genes) -> str:
    """Return one comparison: its volcano plot, its best genes as a table, and a dot for each sample."""
    q, part, best = answer.question, answer.parts[position], answer.best[position]
    units = part.design.used
    n = len(best)
    strips = "".join(
        strip_plot(genes.names[part.genes[i]], part.p_adjusted[i], best[i], units, q.name_a, q.name_b) for i in range(n)
    )
    title = part.name if q.each is not None else "Genes"
    about = (
        f"{part.n_samples(0)} against {part.n_samples(1)} samples, {part.n_a:,} against {part.n_b:,} cells,"
        f" {part.genes.size:,} genes tested"
    )
    heading = f"{'' if n_significant(part) else 'No gene is significant. '}The {n} strongest genes"
    return (
        f'<section class="part" id="part-{position}"><h2><bdi>{text(title)}</bdi></h2>'
        f'<p class="quiet">{text(about)}</p>{_warnings(part.design.warnings)}'
        f"{volcano(part, genes, q.name_a, q.name_b)}<h3>{heading}</h3>"
        f'<p class="quiet">A dot is a sample: {text(values_name(answer))}.</p>'
        f'<div class="strips">{strips}</div>{_table(part, n, genes, q.name_a, q.name_b)}</section>'
    )


def _table(part: CategoryComparison, n: int, genes: Genes, name_a: str, name_b: str) -> str:
    names = ["gene", "log2 fold change", "p", "p adjusted", f"mean {name_a}", f"mean {name_b}"]
    rows = []
    for i in range(n):
        values = (part.log2_fold_change, part.p_value, part.p_adjusted, part.mean_a, part.mean_b)
        texts = [genes.names[part.genes[i]], *(number(column[i]) for column in values)]
        rows.append(row("td", texts, numbers=range(1, 6)))
    return table(row("th", names, numbers=range(1, 6)), rows)


def _warnings(warnings: Iterable[str]) -> str:
    return "".join(f'<p class="warning">{text(warning)}</p>' for warning in warnings)
