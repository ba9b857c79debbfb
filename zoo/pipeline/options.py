"""From keyword arguments and recipe files to one validated recipe."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_origin

from zoo.common.errors import UsageError
from zoo.contracts.declaration import RecipeField
from zoo.pipeline.recipe import Recipe, make_recipe, read_recipe
from zoo.pipeline.recipe_fields import by_keyword, select

Function = TypeVar("Function", bound=Callable[..., Any])


def recipe_from(*, recipe: Path | None = None, **given: Any) -> Recipe:
    """Puts a recipe together: the file first, arguments over it, defaults under it.

    Args:
        recipe: TOML file.
        **given: Values by the keywords of `recipe_fields`; None leaves the recipe's value.

    Raises:
        UsageError: Names each wrong key, and what it may be.
    """
    values: dict[str, Any] = read_recipe(recipe) if recipe is not None else {}
    fields = by_keyword()
    unknown = sorted(set(given) - set(fields))
    if unknown:
        raise TypeError(f"unexpected keyword argument {unknown[0]!r}")
    for keyword, value in given.items():
        if value is not None:
            _put(values, fields[keyword], value)
    if given.get("qat_epochs") is not None and not _table(values, "qat").get("enabled"):
        raise UsageError(
            "--qat-epochs was given, but no quantization-aware training was asked for",
            fix="add --qat",
        )
    if recipe is not None:
        return make_recipe(values, str(recipe))
    return make_recipe(values, flags={f.path: f.flag for f in fields.values() if f.flag})


def _put(values: dict[str, Any], field: RecipeField, value: Any) -> None:
    value = listed(value) if field.several else value
    if field.option.unset_if_empty and not value:
        return
    if field.option.value is not None and isinstance(value, bool):
        if value:
            return
        value = field.option.value
    table = _table(values, field.table) if field.table else values
    if field.option.merged:
        _merge(_table(table, field.name), value)
    else:
        table[field.name] = value


def listed(value: Any) -> Any:
    """One name as a list of one; everything else as it is."""
    return (value,) if isinstance(value, str) else value


def _merge(table: dict[str, Any], given: Mapping[str, Any]) -> None:
    for key, value in given.items():
        if isinstance(value, Mapping):
            _merge(_table(table, key), value)
        elif value is not None:
            table[key] = value


def _table(values: dict[str, Any], name: str) -> dict[str, Any]:
    table = values.setdefault(name, {})
    # A wrong type is reported by validation, with the key's name.
    return table if isinstance(table, dict) else {}


def takes_recipe_keywords(*paths: str) -> Callable[[Function], Function]:
    """Writes the keywords of a recipe into the signature and documentation of a function.

    Args:
        paths: Tables or single fields of the recipe, which the function takes as ``**options``.
    """

    def write(function: Function) -> Function:
        signature = inspect.signature(function)
        *own, options = signature.parameters.values()
        fields = [f for f in select(paths) if f.keyword not in signature.parameters]
        given = [
            inspect.Parameter(
                str(field.keyword),
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=f"{_format_type(field)} | None",
            )
            for field in fields
        ]
        function.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[*own, *given, options]
        )
        if function.__doc__ is not None:  # python -OO has none
            place = f"        **{options.name}:"
            described = "".join(_described(field) for field in fields)
            function.__doc__ = function.__doc__.replace(place, described + place)
        return function

    return write


def _format_type(field: RecipeField) -> str:
    """``int``, ``Sequence[str]``: what Python's users may give."""
    if field.several:
        return "str | Sequence[str]"
    if field.is_table:
        return "Mapping[str, Any]"
    if field.option.value is not None:
        return "bool"
    if field.choices:
        return "str"
    return "int | str | Sequence[int]" if get_origin(field.type) else str(field.type.__name__)


def _described(field: RecipeField) -> str:
    names = {keyword: f"`{keyword}`" for keyword in by_keyword()}
    text = f"{field.keyword}: {field.described(names, off='False')}."
    return textwrap.indent(
        textwrap.fill(text, 88, subsequent_indent="    ", break_on_hyphens=False) + "\n", " " * 8
    )
