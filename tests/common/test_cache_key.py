"""Equal keys mean equal inputs, parameters, code and tools; anything else has another key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from makers import fuzz

from zoo.common import cache_key as keys
from zoo.common.cache_key import step_key

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
PARAMETERS = st.dictionaries(st.text(max_size=4), PLAIN, max_size=5)


@fuzz
@given(PARAMETERS, st.randoms())
def test_order_of_parameters_does_not_matter(parameters, random):
    items = list(parameters.items())
    random.shuffle(items)
    assert step_key("export", parameters) == step_key("export", dict(items))


@fuzz
@given(PARAMETERS, PARAMETERS)
def test_other_parameters_have_another_key(one, two):
    assume(json.dumps(one, sort_keys=True) != json.dumps(two, sort_keys=True))
    assert step_key("export", one) != step_key("export", two)


@fuzz
@given(PARAMETERS, st.data())
def test_one_changed_value_changes_the_key(parameters, data):
    assume(parameters)
    name = data.draw(st.sampled_from(sorted(parameters)))
    changed = {**parameters, name: data.draw(PLAIN)}
    assume(json.dumps(changed[name]) != json.dumps(parameters[name]))
    assert step_key("export", parameters) != step_key("export", changed)


@fuzz
@given(st.lists(st.text(max_size=4), unique=True, min_size=1), st.randoms())
def test_needs_are_a_set(needs, random):
    shuffled = list(needs)
    random.shuffle(shuffled)
    key = step_key("gate", {}, needs=needs)
    assert key == step_key("gate", {}, needs=shuffled)
    assert key != step_key("gate", {}, needs=needs[1:])
    assert key != step_key("gate", {}, needs=[*needs[1:], needs[0] + "x"])


def test_key_is_a_digest():
    key = step_key("export", {"précision": "int8"})
    assert len(key) == 64
    assert set(key) <= set("0123456789abcdef")
    assert key == step_key("export", {"précision": "int8"})
    assert key != step_key("gate", {"précision": "int8"})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, Path("a"), b"x"])
def test_values_that_json_lacks_are_refused(value):
    with pytest.raises((ValueError, TypeError)):
        step_key("export", {"value": value})


def test_code_is_part_of_the_key():
    key = step_key("export", {}, code="a")
    assert key == step_key("export", {}, code="a")
    assert len({key, step_key("export", {}, code="b"), step_key("export", {})}) == 3


def test_versions_of_tools_are_part_of_the_key(monkeypatch):
    key = step_key("export", {}, distributions=["click"])
    assert key != step_key("export", {})
    monkeypatch.setattr(keys, "versions_of", lambda names: {"edgezoo": "1", "click": "99"})
    other = step_key("export", {}, distributions=["click"])
    assert other != key
    # A new release of edgezoo that leaves the code alone keeps what was done.
    monkeypatch.setattr(keys, "versions_of", lambda names: {"edgezoo": "2", "click": "99"})
    assert step_key("export", {}, distributions=["click"]) == other
