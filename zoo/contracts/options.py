"""Validation errors of recipes and of plugins' options, one line per key, in TOML's terms."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError

from zoo.common.errors import UsageError, nearest
from zoo.contracts.declaration import Option

#: How to give what is required.
_HOW = {
    "model": ", such as `lenet5`; `zoo list` shows them",
    "data": ", such as `--data digits` or `--data folder:PATH`",
}
#: Pydantic's messages in TOML's terms.
_PLAIN = {
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "too_short": "must have at least {min_length}",
    "too_long": "must have at most {max_length}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be {ge} or more",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be {le} or less",
    "less_than": "must be less than {lt}",
}


#: Tables whose keys belong to others: networks, tasks, formats.
_FREE = (("hyperparameters",), ("training", "task"), ("export", "options"))


def problems(
    error: ValidationError, root: type[BaseModel], flags: Mapping[str, str] = MappingProxyType({})
) -> str:
    """A line for each problem.

    Args:
        error: What pydantic found.
        root: The model that refused; offers the nearest of its keys.
        flags: How users may have typed a key: ``training.epochs`` → ``--epochs``.
    """
    # A key that may have one of several types has an error for each.
    found = dict.fromkeys(_explain(item, root, flags) for item in error.errors())
    return "\n".join(f"  - {problem}" for problem in found)


def declared_options(
    declared: Callable[[], type[BaseModel]] | None, given: Mapping[str, Any], owner: str
) -> dict[str, Any]:
    """Validates the options that a task or a format has of its own; fills in what was not given.

    Args:
        declared: Returns the model that the owner declares; None when it has none.
        given: From ``[training.task]`` or ``[export.options.<format>]``.
        owner: Such as ``the task image-generation``, for messages.

    Raises:
        UsageError: Lists every problem; an unknown key is shown with the nearest valid one.
    """
    if declared is None:
        if given:
            raise UsageError(
                f"{owner} has no options of its own, but got {', '.join(sorted(given))}",
                fix="leave them out: all other options are for everyone",
            )
        return {}
    model = declared()
    try:
        return model.model_validate(dict(given)).model_dump(mode="json")
    except ValidationError as error:
        raise UsageError(
            f"the options of {owner} are not usable:\n{problems(error, model)}",
            fix=f"it has: {', '.join(model.model_fields)}",
        ) from error


def deciding_values(record: BaseModel) -> dict[str, Any]:
    """The values of a validated table that decide results, as plain data for their keys."""
    values = record.model_dump(mode="json")
    for name, field in type(record).model_fields.items():
        inner = getattr(record, name)
        if any(isinstance(part, Option) and not part.decides for part in field.metadata):
            del values[name]
        elif isinstance(inner, BaseModel):
            values[name] = deciding_values(inner)
    return values


def _explain(item: Any, root: type[BaseModel], flags: Mapping[str, str]) -> str:
    keys = [str(part) for part in item["loc"]]
    key = ".".join(keys)
    if flag := flags.get(key):
        key = flag if flag == f"--{key}" else f"{flag} ({key})"
    if item["type"] == "extra_forbidden":
        valid = _valid_keys(keys[:-1], root)
        close = nearest(keys[-1], valid)
        hint = f"did you mean {close[0]!r}?" if close else f"allowed keys: {', '.join(valid)}"
        return f"{key}: there is no such key; {hint}"
    if item["type"] == "missing":
        return f"{key}: is required{_HOW.get(keys[-1], '')}"
    free = next((len(table) for table in _FREE if tuple(keys[: len(table)]) == table), 0)
    free += keys[:2] == ["export", "options"]  # one table for each format
    if free and len(keys) > free + 1:
        key = ".".join(keys[: free + 1])
        lists = ", text or a list of numbers" if keys[0] == "hyperparameters" else " or text"
        return f"{key}: must be true, false, a finite number{lists} (got {item['input']!r})"
    if item["type"] in _PLAIN:
        bounds = {
            name: f"{bound:g}" if isinstance(bound, float) else bound
            for name, bound in item.get("ctx", {}).items()
        }
        plain = _PLAIN[item["type"]].format(**bounds)
        if bounds.get("min_length") == 1:
            plain = "must name at least one"
        meant = nearest(str(item["input"]), re.findall("'([^']+)'", bounds.get("expected", "")), 1)
        hint = f"; did you mean {meant[0]!r}?" if meant else ""
        return f"{key}: {plain} (got {item['input']!r}){hint}"
    if item["type"] == "value_error":  # one of our own sentences
        message = str(item["ctx"]["error"])
        # A whole table is not repeated.
        given = "" if isinstance(item["input"], dict) else f" (got {item['input']!r})"
        return f"{key}: {message}{given}"
    message = re.sub("^input should ", "must ", item["msg"][0].lower() + item["msg"][1:])
    return f"{key}: {message} (got {item['input']!r})"


def _valid_keys(path: list[str], root: type[BaseModel]) -> list[str]:
    section = root
    for name in path:
        annotation = section.model_fields[name].annotation if name in section.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        section = annotation
    return list(section.model_fields)
