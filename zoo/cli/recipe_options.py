"""The options of commands that follow a recipe, made from the fields that recipes declare."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from zoo.cli.options import Function, complete, complete_values, split_commas
from zoo.common.errors import UsageError
from zoo.contracts.declaration import RecipeField
from zoo.pipeline.recipe_fields import by_keyword, select


def recipe_options(*paths: str, **defaults: str) -> Callable[[Function], Function]:
    """Options for fields of a recipe; those that are not given leave the recipe's value.

    Args:
        paths: Tables (``training``) or single fields (``seed``), in the order of help.
        defaults: Keyword → the default in words, where the command has another than a recipe.
    """

    def add(function: Function) -> Function:
        for field in reversed(select(paths)):
            shown = defaults.get(str(field.keyword), field.format_default)
            function = _option_of(field, shown)(function)
        return function

    return add


def _option_of(field: RecipeField, default: str) -> Callable[[Function], Function]:
    help = field.helped({keyword: str(f.flag) for keyword, f in by_keyword().items()})
    if field.several:
        help += "; may be repeated or comma-separated"
    kinds: dict[str, Any] = {"default": None, "metavar": field.option.metavar}
    if field.several or field.is_table:
        kinds |= {"multiple": True}
    elif field.option.value is not None:
        kinds |= {"flag_value": field.option.value}
    elif field.type is bool:
        kinds |= {"is_flag": True}
    elif field.type in (int, float):
        kinds |= {"type": field.type}
    if field.option.completes is not None:
        kinds |= {"shell_complete": complete(field.option.completes)}
    elif field.choices:
        kinds |= {"shell_complete": complete_values(*field.choices)}
    help += f" [{default}]." if default else "."
    return click.option(str(field.flag), str(field.keyword), help=help, **kinds)


def recipe_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Command-line values as `zoo.pipeline.options.recipe_from` takes them."""
    values = dict(given)
    for keyword, field in by_keyword().items():
        typed = given.get(keyword)
        if isinstance(typed, str):  # of a command that takes one of what recipes list
            continue
        if typed and field.several:
            values[keyword] = split_commas(typed) or None
            # An empty name must not mean all of them.
            if values[keyword] is None and not field.table:
                raise UsageError(f"{field.flag} names nothing", fix="name one, or leave it out")
        elif typed and field.is_table:
            parse = parse_grouped_pairs if field.is_table_of_tables else parse_pairs
            values[keyword] = parse(typed, str(field.flag), field.option.typed)
        elif typed == ():
            values[keyword] = None
    return values


def recipe_option(function: Function) -> Function:
    """``--recipe FILE``."""
    return click.option(
        "--recipe", type=click.Path(), help="TOML file; options on the command line win."
    )(function)


def parse_pairs(pairs: Sequence[str], option: str, example: str) -> dict[str, Any]:
    """``("activation=relu", "blocks=3")`` → values with TOML's types, else text.

    Args:
        pairs: As typed.
        option: The option that they were given to, for messages.
        example: A right one.

    Raises:
        UsageError: A pair without ``=``.
    """
    parsed: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(
                f"{option} {pair!r} is not KEY=VALUE", fix=f"for example: {option} {example}"
            )
        try:
            read = tomllib.loads(f"value = {text}")
        # Too many digits are a plain ValueError, too many brackets a RecursionError.
        except (ValueError, RecursionError):
            read = {}
        parsed[key.strip()] = read["value"] if set(read) == {"value"} else text
    return parsed


def parse_grouped_pairs(
    pairs: Sequence[str], option: str, example: str
) -> dict[str, dict[str, Any]]:
    """``("onnx.opset=18",)`` → ``{"onnx": {"opset": 18}}``.

    Raises:
        UsageError: Not ``FORMAT.KEY=VALUE``.
    """
    parsed: dict[str, dict[str, Any]] = {}
    for key, value in parse_pairs(pairs, option, example).items():
        owner, dot, name = key.partition(".")
        if not (dot and owner and name):
            raise UsageError(
                f"{option} {key!r} does not say whose option it is",
                fix=f"write FORMAT.KEY=VALUE, for example: {option} {example}",
            )
        parsed.setdefault(owner, {})[name] = value
    return parsed
