"""Preprocessing records in files; ``kind`` selects the class."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, TypeAdapter, ValidationError

from zoo.contracts.preprocessing.base import Preprocessing


def _read(value: Any) -> Preprocessing:
    if isinstance(value, Preprocessing):
        return value
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind not in Preprocessing.kinds:
        known = ", ".join(sorted(Preprocessing.kinds))
        raise ValueError(f"there is no kind of input {kind!r} here; known: {known}")
    record = Preprocessing.kinds[kind]
    try:
        return TypeAdapter(record).validate_python({**record.lacking, **value})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{where}: {first['msg']}" if where else first["msg"]) from error


def _written(record: Preprocessing) -> Any:
    return TypeAdapter(type(record)).dump_python(record, mode="json")


#: The type of a field of a stored record that holds a preprocessing of any kind.
StoredPreprocessing = Annotated[Preprocessing, PlainValidator(_read), PlainSerializer(_written)]
