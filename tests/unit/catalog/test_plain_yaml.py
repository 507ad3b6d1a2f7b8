"""Configuration files that take a server's time or memory, and what is left of YAML."""

from __future__ import annotations

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from starcyte.catalog.config import read_config
from starcyte.catalog.plain_yaml import load_yaml
from starcyte.errors import InputError

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.slow
@given(PLAIN)
def test_plain_values_are_those_of_yaml(value):
    text = yaml.safe_dump(value, allow_unicode=True)
    if "&id" not in text:
        assert load_yaml(text.encode()) == yaml.safe_load(text)


NESTED = "\n".join(["x0: &x0 [a, a]", *(f"x{i}: &x{i} [*x{i - 1}, *x{i - 1}, *x{i - 1}]" for i in range(1, 30))])
ATTACKS = {
    "roles": f"{NESTED}\nroles: {{alice: *x29}}",
    "settings": f"{NESTED}\nsettings: {{title: *x29}}",
    "one alias": "a: &b [c]\nroles: *b",
    "merge": "a: &b {c: d}\nroles: {<<: *b}",
    "sexagesimal": "title: " + "1" + ":59" * 200_000,
    "digits": "title: " + "9" * 900_000,
    "values": "roles: [" + "a," * 300_000 + "a]",
    "size": "title: " + "a" * (2 << 20),
    "depth": "roles: " + "[" * 5000,
    "roles of lists": "roles: {alice: [[a], [b]]}",
    "settings of lists": "settings: {title: [[a], {b: c}]}",
    "a name of a list": "{[a, b]: c}",
    "users of lists": "roles: {[alice, bob]: read}",
}


@pytest.mark.slow
@pytest.mark.parametrize("text", [pytest.param(v, id=k) for k, v in ATTACKS.items()])
def test_a_hostile_configuration_is_refused_at_once(tmp_path, text):
    path = tmp_path / "catalog.yml"
    path.write_text(text)
    began = time.process_time()
    with pytest.raises(InputError) as raised:
        read_config(path)
    assert time.process_time() - began < 30
    assert len(str(raised.value)) < 800
