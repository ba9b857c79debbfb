"""JSON of written pages: lists of alike objects as tables, each key and each common value once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.server.page import RecordPath

#: Shorter lists stay as they are.
_LEAST = 3
#: Of a figure; the file of all records has the rest.
_DIGITS = 9
_KEYS = frozenset(("shared", "columns", "rows", "nested"))


def as_tables(value: Any) -> Any:
    """The same with each list of three or more objects as one object.

    ``shared`` holds what all have in common, ``columns`` the other keys, ``rows`` their values, and
    ``nested`` keys whose values are objects again: lists of these, in the same order, as tables.
    Null stands for what an object has not. An object of three or more objects becomes ``keys`` and,
    ``of`` these, such a table. Figures keep nine digits, and a record is
    named by its number.
    """
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, RecordPath):
        return value.number
    if isinstance(value, Mapping):
        return _mapping(value)
    if not isinstance(value, list | tuple):
        return value
    if len(value) >= _LEAST and all(isinstance(one, Mapping) for one in value):
        return _table(value)
    return [as_tables(one) for one in value]


def _mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    if len(value) >= _LEAST and all(isinstance(one, Mapping) for one in value.values()):
        return {"keys": [str(key) for key in value], "of": _table(list(value.values()))}
    return {str(key): as_tables(one) for key, one in value.items()}


def _table(objects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    keys = dict.fromkeys(key for one in objects for key in one)
    columns = {str(key): [one.get(key) for one in objects] for key in keys}
    shared = {
        key: as_tables(values[0])
        for key, values in columns.items()
        if all(_same(one, values[0]) for one in values[1:])
    }
    nested = {
        key: as_tables(values)
        for key, values in columns.items()
        if key not in shared and all(isinstance(one, Mapping) for one in values)
    }
    rest = [key for key in columns if key not in shared and key not in nested]
    rows = [[as_tables(columns[key][number]) for key in rest] for number in range(len(objects))]
    return {"shared": shared, "columns": rest, "rows": rows, "nested": nested}


def _same(one: Any, other: Any) -> bool:
    """Equal and of one type: in JSON ``1`` and ``true`` are not the same."""
    return type(one) is type(other) and repr(one) == repr(other)


def from_tables(value: Any) -> Any:
    """What `as_tables` was given, with null for what an object had not."""
    if isinstance(value, list):
        return [from_tables(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"keys", "of"}:
        return dict(zip(value["keys"], from_tables(value["of"]), strict=True))
    if value.keys() != _KEYS:
        return {key: from_tables(one) for key, one in value.items()}
    rows = [
        from_tables({**value["shared"], **dict(zip(value["columns"], row, strict=True))})
        for row in value["rows"]
    ]
    for key, table in value["nested"].items():
        for row, one in zip(rows, from_tables(table), strict=True):
            row[key] = one
    return rows
