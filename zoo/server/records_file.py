"""All records of a store as one file of a written site: JSON, a record a line, compressed."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Mapping
from typing import Any

from zoo.results.layer_errors import EXPLAIN
from zoo.results.queries import texts_later_than
from zoo.results.store import Store

#: Its name; pandas and DuckDB read it as it is.
RECORDS_FILE = "records.jsonl.gz"
_CHUNK = 500
#: What only the cache of the machine that ran a step has a use for.
_LEFT_OUT = ("key", "cached", "needless")


def records_file(store: Store) -> bytes:
    """The file: of equal records equal bytes.

    Of environments the conditions of each process of a measurement are left out, two thirds of all;
    what they say about how quiet it was is in the record's ``noise``.

    Raises:
        ZooError: The store cannot be read.
    """
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        number = 0
        while rows := texts_later_than(store, number, _CHUNK):
            for number, run, body in rows:
                if (record := _record(body)) is not None:
                    told = {"number": number, "run": run, **record}
                    line = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
                    file.write(line.encode("utf-8", "backslashreplace") + b"\n")
    return packed.getvalue()


def published_result(kind: object, status: object, result: Mapping[str, Any]) -> dict[str, Any]:
    """A result for others: without what names paths of the machine that ran the step.

    That is what to type after an explanation, and the traceback of a failure.
    """
    left_out = {"command"} if kind == EXPLAIN else set()
    left_out |= {"details"} if status == "failed" else set()
    return {name: value for name, value in result.items() if name not in left_out}


def _record(body: str) -> dict[str, Any] | None:
    """A record without what is left out; None for a row that something else wrote."""
    try:
        record = json.loads(body)
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    for name in _LEFT_OUT:
        record.pop(name, None)
    result = record.get("result")
    if isinstance(result, dict):
        result = published_result(record.get("kind"), record.get("status"), result)
        record["result"] = result
        if isinstance(environment := result.get("environment"), dict):
            environment.pop("processes", None)
    return record
