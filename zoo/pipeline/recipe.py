"""A recipe: the small TOML file that names model, data, precisions, formats and devices."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from zoo.common.errors import UsageError
from zoo.common.files import read_file
from zoo.common.shown_text import is_utf8, other_encoding
from zoo.contracts.declaration import Fields
from zoo.contracts.executor_fields import ExecutorFields
from zoo.contracts.options import problems
from zoo.contracts.source_fields import SourceFields
from zoo.contracts.training import Calibration, Qat, Section, Training
from zoo.pipeline.budget_fields import BudgetsFields
from zoo.pipeline.recipe_fields import (
    BenchFields,
    ExportFields,
    GateFields,
    LimitsFields,
    RecipeFields,
)

#: Of a recipe file; the longest that people write have some kilobytes.
_MOST_BYTES = 4 << 20


class RecipeSource(SourceFields, Section):
    """What is known of a network that was trained elsewhere."""


class RecipeExport(ExportFields, Section):
    """How files are written."""


class ConversionLimits(LimitsFields, Section):
    """What one conversion may use; one that needs more is ended, and the others go on."""


class Gate(GateFields, Section):
    """What a file must pass."""


class RecipeBench(BenchFields, Section):
    """How each file is timed."""


class RecipeExecutor(ExecutorFields, Section):
    """Where steps are performed; no result depends on it."""


class Tables(Fields):
    """The tables of a recipe."""

    source: RecipeSource = RecipeSource()
    training: Training = Training()
    export: RecipeExport = RecipeExport()
    calibration: Calibration = Calibration()
    limits: ConversionLimits = ConversionLimits()
    qat: Qat = Qat()
    gate: Gate = Gate()
    bench: RecipeBench = RecipeBench()
    executor: RecipeExecutor = RecipeExecutor()


class Recipe(BudgetsFields, Tables, RecipeFields, Section):
    """What ``zoo ship`` runs; its keys come from the last base to the first."""


def make_recipe(
    values: dict[str, Any], where: str = "", flags: Mapping[str, str] = MappingProxyType({})
) -> Recipe:
    """Validates `values`; every error names the key and what it may be.

    Args:
        values: As read from TOML or put together from options.
        where: The file they are from, for messages; empty where they are options alone.
        flags: How users may have typed a key: ``training.epochs`` → ``--epochs``.

    Raises:
        UsageError: Lists every problem.
    """
    for name in _texts(values):
        if not is_utf8(name):
            raise UsageError(
                f"{where or 'invalid options'}: {name} is not a name in UTF-8",
                why="recipes, cards and manifests, which name it, hold no other text",
                fix=other_encoding("rename it"),
            )
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise UsageError(
            f"{f'{where} is not a usable recipe' if where else 'invalid options'}:\n"
            f"{problems(error, Recipe, flags)}",
            fix="`zoo ship --help` describes each key"
            if where
            else "`--help` behind the command describes each option",
        ) from error


def _texts(values: Any) -> Iterator[str]:
    if isinstance(values, str):
        yield values
    elif isinstance(values, Mapping):
        for key, value in values.items():
            yield from (*_texts(key), *_texts(value))
    elif isinstance(values, Sequence):
        for value in values:
            yield from _texts(value)


def read_recipe(path: Path) -> dict[str, Any]:
    """The tables of a recipe file, not validated yet."""
    try:
        # Some editors begin a file with a byte order mark.
        return tomllib.loads(read_file(path, _MOST_BYTES).decode("utf-8-sig"))
    except FileNotFoundError as error:
        raise UsageError(f"there is no recipe {path}", fix="check the path") from error
    # Too many digits are a plain ValueError, too many brackets a RecursionError.
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not TOML", why=str(error), fix="correct that line") from error
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read", why=error.strerror, fix="name a recipe file"
        ) from error
