"""The matrix that is shown by default, by the scales of all matrices."""

from __future__ import annotations

from collections.abc import Mapping

from starcyte.store.scale import SCALE_KINDS, Scale

_NAMES = {
    "log1p": "normalised logarithms",
    "linear": "amounts that are neither counts nor logarithms",
    "counts": "counts",
    "signed": "values of either sign",
}


def default_matrix(
    scales: Mapping[str, Scale | None], follows_schema: bool, prefix: str = ""
) -> tuple[str | None, str]:
    """Choose the matrix that is shown by default: one of normalised logarithms, or else the nearest to that.

    Parameters
    ----------
    scales
        The scale of each matrix, None if it is unknown.
    follows_schema
        Whether the file follows the CELLxGENE schema, whose raw/X has counts.
    prefix
        What precedes the names of the matrices: of a modality, ``rna/``.

    Returns
    -------
    name
        The matrix; None if there is none. Of matrices of one kind, raw/X precedes X, as in scanpy's plots, and X the
        layers; X precedes raw/X in files of the CELLxGENE schema.
    reason
        The reason for the choice, a sentence; empty if there is nothing to choose.
    """
    preferred = ("X", "raw/X") if follows_schema else ("raw/X", "X")
    preferred = (prefix + preferred[0], prefix + preferred[1])
    names = [name for name in preferred if name in scales] + [name for name in scales if name not in preferred]
    if len(names) < 2:
        return (names[0] if names else None), ""
    if any(scale is None for scale in scales.values()):
        return names[0], f"{names[0]} is shown first until the scales of all matrices are known."
    kinds = {name: scale.kind for name, scale in scales.items() if scale is not None}
    best = min(names, key=lambda name: SCALE_KINDS.index(kinds[name]))
    kind = kinds[best]
    others = [name for name in names if name != best and kinds[name] == kind]
    if others:
        return best, f"{best} is shown first: it holds {_NAMES[kind]}, as does {others[0]}."
    if kind == "log1p":
        return best, f"{best} is shown first: no other matrix holds {_NAMES[kind]}."
    return best, f"{best} is shown first: it holds {_NAMES[kind]}, and no matrix holds {_NAMES['log1p']}."
