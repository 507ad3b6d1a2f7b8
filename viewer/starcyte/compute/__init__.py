"""Answers computed from datasets: numpy and scipy, nothing of files or HTTP."""

from typing import Literal, get_args

Method = Literal["t-test", "wilcoxon"]
METHODS: tuple[Method, ...] = get_args(Method)
Correction = Literal["benjamini-hochberg", "bonferroni"]
CORRECTIONS: tuple[Correction, ...] = get_args(Correction)
RESULT_COLUMNS = (
    "gene",
    "log2_fold_change",
    "score",
    "p_value",
    "p_adjusted",
    "mean_a",
    "mean_b",
    "fraction_a",
    "fraction_b",
    "auc",
)
