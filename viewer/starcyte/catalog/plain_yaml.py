"""YAML without aliases, of a limited number of values, whose numbers are short: files of users are read with it."""

from __future__ import annotations

from typing import Any

import yaml

_MAX_NODES = 100_000
# a number of many parts (1:59:59:...) is computed in quadratic time
_MAX_NUMBER = 40


class PlainLoader(yaml.SafeLoader):
    """A loader of plain values."""

    def __init__(self, stream: bytes) -> None:
        super().__init__(stream)
        self._n = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a value; refuse an alias, which a file of a few lines can repeat without an end."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not supported")
        self._n += 1
        if self._n > _MAX_NODES:
            raise yaml.YAMLError(f"it has more than {_MAX_NODES:,} values")
        return super().compose_node(parent, index)

    def _construct_number(self, node: Any) -> Any:
        if len(node.value) > _MAX_NUMBER:
            raise yaml.YAMLError("it has a number of many digits; quote it if it is a text")
        construct = self.construct_yaml_int if node.tag.endswith(":int") else self.construct_yaml_float
        return construct(node)


for _kind in ("int", "float"):
    PlainLoader.add_constructor(f"tag:yaml.org,2002:{_kind}", PlainLoader._construct_number)


def load_yaml(content: bytes) -> Any:
    """Return the value of a document.

    Raises
    ------
    yaml.YAMLError
        If it is not YAML, or has aliases, too many values or a long number.
    """
    loader = PlainLoader(content)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
