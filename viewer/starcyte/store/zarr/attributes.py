"""The attributes of groups and arrays of Zarr."""

from __future__ import annotations

import json
from typing import Any

import numpy as np


class Attributes:
    """The attributes of a group or an array, as numpy arrays and text."""

    def __init__(self, given: Any) -> None:
        self._given = given if isinstance(given, dict) else {}

    def first(self, *names: str) -> Any:
        """Return the first of these attributes that exists; None if none does."""
        for name in names:
            if name in self._given:
                return _plain(self._given[name])
        return None


def _plain(value: Any) -> Any:
    """Return a value of JSON as HDF5 would have it: a list as an array, null as an empty one, an object as its text."""
    if value is None:
        return np.empty(0)
    if isinstance(value, dict):
        return json.dumps(value)
    if not isinstance(value, list):
        return value
    if value and all(isinstance(v, int | float) for v in value):
        return np.asarray(value)
    out = np.empty(len(value), object)
    out[:] = [v if isinstance(v, str) else json.dumps(v) for v in value]
    return out
