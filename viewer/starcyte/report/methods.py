"""The methods of a comparison in sentences, with citations: for a paper, and for the head of the table."""

from __future__ import annotations

from starcyte import __version__
from starcyte.compute.pseudobulk.design import Unit
from starcyte.report.answer import ALPHA, Answer

LIMMA = "Ritchie ME et al. (2015) Nucleic Acids Research 43:e47", "10.1093/nar/gkv007"
VOOM = "Law CW et al. (2014) Genome Biology 15:R29", "10.1186/gb-2014-15-2-r29"
TMM = "Robinson MD, Oshlack A (2010) Genome Biology 11:R25", "10.1186/gb-2010-11-3-r25"
EDGER = "Robinson MD et al. (2010) Bioinformatics 26:139-140", "10.1093/bioinformatics/btp616"
FILTER = "Chen Y, Lun ATL, Smyth GK (2016) F1000Research 5:1438", "10.12688/f1000research.8987.2"
PROPELLER = "Phipson B et al. (2022) Bioinformatics 38:4720-4726", "10.1093/bioinformatics/btac582"
REPLICATES = "Squair JW et al. (2021) Nature Communications 12:5692", "10.1038/s41467-021-25960-2"
FDR = "Benjamini Y, Hochberg Y (1995) J R Stat Soc B 57:289-300", "10.1111/j.2517-6161.1995.tb02031.x"

_SUMS = (
    "The counts of each gene were summed over the cells of each sample on each side. Genes with enough counts were kept"
    " (edgeR's filterByExpr), library sizes were normalised by the trimmed mean of M values (TMM), and log2 counts per"
    " million were modelled by limma-voom: a linear model for each gene, with precision weights from the trend of the"
    " variance with the mean, and moderated t-statistics."
)
_MEANS = (
    "No matrix of counts was used. The mean of each gene over the cells of each sample on each side was modelled by"
    " limma-trend: a linear model for each gene, and moderated t-statistics with a prior variance that follows the"
    " mean."
)


def design_formula(answer: Answer) -> str:
    """Return the terms of the linear model, the side first."""
    samples, condition = answer.question.samples, answer.question.condition
    paired = [samples.column] if any(part.design.is_paired for part in answer.parts) else []
    return "~ " + " + ".join([condition, *paired, *(covariate.name for covariate in samples.covariates)])


def comparison(answer: Answer) -> str:
    """Return what was compared, in a sentence without its full stop."""
    q = answer.question
    within = "" if q.each is None else f", within each category of {q.each.info.name}"
    return f"{q.name_a} (A) against {q.name_b} (B) in {q.condition}, over samples ({q.samples.column}){within}"


def paragraphs(answer: Answer) -> list[str]:
    """Return the methods in sentences."""
    proportions = (
        "The proportions of the categories in each sample were compared by moderated t-tests of their logits, with the"
        " same model (propeller)."
    )
    q = answer.question
    counts = q.scale.kind == "counts"
    paired = any(part.design.is_paired for part in answer.parts)
    within = "" if q.each is None else " Each category had its own filter, normalisation, model and adjustment."
    fewest = f" Samples with fewer than {q.samples.min_cells} cells on a side were left out."
    pairs = f" The same samples are on both sides: the model has a coefficient for each {q.samples.column}." * paired
    return [
        f"{comparison(answer)}, in the matrix {q.matrix.name} ({q.scale.kind}). {_SUMS if counts else _MEANS}{within}",
        f"Model: {design_formula(answer)}.{pairs}{fewest}",
        f"The log2 fold change is the coefficient of the side: positive if the gene is higher in {q.name_a}. P-values"
        f" were adjusted by the method of Benjamini and Hochberg for the genes that were tested; those below {ALPHA:g}"
        " are called significant.",
        *([proportions] if answer.composition is not None else []),
        f"Computed by starcyte {__version__}, whose numbers agree with R's limma and edgeR.",
    ]


def citations(answer: Answer) -> list[tuple[str, str]]:
    """Return the references of the methods: text and DOI."""
    of_genes = [VOOM, LIMMA, TMM, EDGER, FILTER] if answer.question.scale.kind == "counts" else [LIMMA]
    return [*of_genes, *([PROPELLER] if answer.composition is not None else []), FDR, REPLICATES]


def covariate_values(unit: Unit) -> list[str]:
    """Return the covariates of a sample as texts."""
    return ["missing" if v is None else v if isinstance(v, str) else f"{v:g}" for v in unit.covariates]


def values_name(answer: Answer) -> str:
    """Return the name of the values of samples."""
    return "log2 counts per million" if answer.question.scale.kind == "counts" else "mean log2 expression"
