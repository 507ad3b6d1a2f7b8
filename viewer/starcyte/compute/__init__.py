"""Answers computed from datasets: numpy and scipy, nothing of files or HTTP."""

from typing import Literal, get_args

Method = Literal["t-test"]
METHODS: tuple[Method, ...] = get_args(Method)
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
)
