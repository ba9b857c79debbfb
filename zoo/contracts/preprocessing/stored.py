"""Preprocessing records in files; ``kind`` selects the class."""

from __future__ import annotations

from functools import lru_cache
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
        made: Preprocessing = _adapter(record).validate_python({**record.lacking, **value})
        return made
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{where}: {first['msg']}" if where else first["msg"]) from error


def _written(record: Preprocessing) -> Any:
    return _adapter(type(record)).dump_python(record, mode="json")


@lru_cache
def _adapter(record: type[Preprocessing]) -> TypeAdapter[Any]:
    """Making one takes longer than all that it reads of a manifest."""
    return TypeAdapter(record)


#: The type of a field of a stored record that holds a preprocessing of any kind.
StoredPreprocessing = Annotated[Preprocessing, PlainValidator(_read), PlainSerializer(_written)]
