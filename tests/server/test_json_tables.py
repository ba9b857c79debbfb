"""JSON of written pages: lists as tables, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from zoo.server.json_tables import as_tables, from_tables

ROWS = [{"a": 1, "b": "x", "c": {"d": n, "e": True}} for n in range(4)]


@pytest.mark.parametrize(
    "value",
    [
        *(None, 1, "x", [], {}, [1, 2, 3], [{"a": 1}, {"a": 2}], ROWS, {"in": {"side": ROWS}}),
        {"1": {"a": 1}, "2": {"a": 2}, "3": {"a": 3}},
        [{"a": [ROWS, ROWS]}, {"a": []}, {"a": ROWS}],
        [{"a": 1}, {"a": True}, {"a": 1.0}],
        [{"a": {}}, {"a": {"b": 1}}, {"a": None}],
        [{}, {}, {}],
    ],
)
def test_what_was_written_is_read(value: Any) -> None:
    # As JSON: 1, 1.0 and true differ, and the order of keys says nothing.
    told, read = (json.dumps(one, sort_keys=True) for one in (value, from_tables(as_tables(value))))
    assert read == told


def test_keys_and_common_values_are_written_once() -> None:
    rows = [[0], [1], [2], [3]]
    inner = {"shared": {"e": True}, "columns": ["d"], "rows": rows, "nested": {}}
    assert as_tables(ROWS) == {
        "shared": {"a": 1, "b": "x"},
        "columns": [],
        "rows": [[], [], [], []],
        "nested": {"c": inner},
    }


def test_what_an_object_has_not_is_null() -> None:
    read = from_tables(as_tables([{"a": 1}, {"b": 2}, {}]))
    assert read == [{"a": 1, "b": None}, {"a": None, "b": 2}, {"a": None, "b": None}]


def test_figures_keep_nine_digits() -> None:
    assert as_tables([0.1 + 0.2, 1234567.0, 1e-12]) == [0.3, 1234567.0, 1e-12]
