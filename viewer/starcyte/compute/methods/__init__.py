"""Methods of comparison, and METHODS, their registry.

A new method is a module with a ``METHOD`` and its name in the list below. It imports scipy in its functions: the
registry is imported when the server starts.
"""

from __future__ import annotations

from collections.abc import Mapping

from starcyte.compute.methods import deseq2, pseudobulk, t_test, wilcoxon
from starcyte.compute.methods.method import Method

#: The methods by id, in the order in which the page shows them; the first is the default
METHODS: Mapping[str, Method] = {module.METHOD.id: module.METHOD for module in (t_test, wilcoxon, pseudobulk, deseq2)}
DEFAULT_METHOD = next(iter(METHODS))
