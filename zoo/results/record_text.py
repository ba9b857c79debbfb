"""Records as JSON: how the store, the cache and the outbox keep them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from zoo.results.records import StepRecord
from zoo.results.tables import RECORDS

_RECORD = TypeAdapter(StepRecord)


def read_record(text: str) -> StepRecord:
    """A record from its JSON; keys of later versions are left out.

    Raises:
        ValueError: It is not the JSON of a record.
    """
    return _RECORD.validate_python(json.loads(text))


def is_whole(row: Mapping[str, Any]) -> bool:
    """Whether all columns are there, and the body is a record: what is appended stays for ever."""
    try:
        read_record(row["body"])
    except (KeyError, ValueError):
        return False
    return row.keys() == {column.name for column in RECORDS.columns} - {"id"}
