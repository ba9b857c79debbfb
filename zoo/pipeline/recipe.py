"""A recipe: the small TOML file that names model, data, precisions, formats and devices."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    FiniteFloat,
    ValidationError,
)

from zoo.benchmark.compare.budgets import budget_for
from zoo.common.errors import UsageError
from zoo.contracts.options import problems
from zoo.contracts.precision import PRECISIONS
from zoo.contracts.training import Calibration, Qat, Real, Section, Training, Whole


class Export(Section):
    """How files are written.

    Attributes:
        recurrent: The form of recurrent layers' loop over time: ``fused`` into one operator,
            ``unrolled`` step by step, ``while`` as a loop; ``auto`` leaves it to the exporter.
        target: The kind of processor that the files are for; ``auto`` is this machine's.
        keep: Names of layers that stay in float in integer files.
        repair: ``auto`` keeps the layers that lose the most in float in an integer file that
            loses more than `Gate.max_drop`, as few as needed; ``none`` leaves it as it is.
        options: Format → options that its exporter declares.
    """

    recurrent: Literal["auto", "fused", "unrolled", "while"] = "auto"
    target: str = "auto"
    keep: tuple[str, ...] = ()
    repair: Literal["auto", "none"] = "auto"
    options: dict[str, dict[str, bool | int | FiniteFloat | str]] = Field(default_factory=dict)


class ConversionLimits(Section):
    """What one conversion may use; one that needs more is ended, and the others go on.

    Attributes:
        seconds: Wall-clock time.
        memory_gb: Memory, in 10^9 bytes; None stands for three quarters of this machine's.
    """

    seconds: Annotated[Real, Field(gt=0, le=604_800)] = 1800.0
    memory_gb: Annotated[Real, Field(gt=0, le=100_000)] | None = None


class Gate(Section):
    """What a file must pass.

    Attributes:
        max_drop: Points of the headline metric that a file may lose; None takes the task's own
            limit for each precision.
        parity_inputs: Real inputs compared with the Keras model; None compares the whole test
            split.
    """

    max_drop: Annotated[Real, Field(ge=0, le=100)] | None = None
    parity_inputs: Annotated[Whole, Field(ge=1)] | None = None


class Bench(Section):
    """How each file is timed.

    Attributes:
        tier: How thoroughly.
        threads: For one inference.
        profile: Whether to find out what each operator takes.
    """

    tier: str = "brief"
    threads: Annotated[Whole, Field(ge=1, le=1024)] = 1
    profile: bool = False


def _limits(table: Any) -> Any:
    """Budgets of one device: every limit must be one; what is no table, validation refuses."""
    if not isinstance(table, dict):
        return table
    for name, limit in table.items():
        if not isinstance(limit, str):
            raise ValueError(f'{name} must be text with a unit, such as {name} = "20ms"')
        try:
            budget_for(name, limit)
        except UsageError as error:
            raise ValueError(f"{error.what}; {error.fix}") from error
    return table


#: Quantity → limit: ``p90 = "20ms"``.
Limits = Annotated[dict[str, str], BeforeValidator(_limits)]


class Recipe(Section):
    """What ``zoo ship`` runs.

    Attributes:
        model: Variant or model id.
        data: Dataset, ``name`` or ``name:argument``.
        formats: Exporters to use; none named means all.
        precisions: For each format.
        devices: Where files are timed; none named means this machine.
        seed: Of everything random.
        hyperparameters: Override those of the variant; a list stands for one value per stage.
        budgets: Device → what each file may take there at most: ``[budgets.pi4] p90 = "20ms"``.
    """

    model: str
    data: str
    formats: tuple[str, ...] = ()
    precisions: Annotated[tuple[str, ...], Field(min_length=1)] = ("float32", "int8")
    devices: tuple[str, ...] = ()
    seed: Annotated[Whole, Field(ge=0, lt=2**31)] = 0
    hyperparameters: dict[str, bool | int | FiniteFloat | str | tuple[Whole | Real, ...]] = Field(
        default_factory=dict
    )
    training: Training = Training()
    export: Export = Export()
    calibration: Calibration = Calibration()
    limits: ConversionLimits = ConversionLimits()
    qat: Qat = Qat()
    gate: Gate = Gate()
    bench: Bench = Bench()
    budgets: dict[str, Limits] = Field(default_factory=dict)


def make_recipe(values: dict[str, Any], where: str) -> Recipe:
    """Validates `values`; every error names the key and what it may be.

    Args:
        values: As read from TOML or put together from options.
        where: Names the origin in messages: a file name, or ``the command line``.

    Raises:
        UsageError: Lists every problem.
    """
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise UsageError(
            f"{where} is not a usable recipe:\n{problems(error, Recipe)}",
            fix="correct the keys above; `zoo ship --help` describes each of them",
        ) from error


def read_recipe(path: Path) -> dict[str, Any]:
    """The tables of a recipe file, not validated yet."""
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError as error:
        raise UsageError(f"there is no recipe {path}", fix="check the path") from error
    # Too many digits are a plain ValueError, too many brackets a RecursionError.
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not TOML", why=str(error), fix="correct that line") from error
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read", why=error.strerror, fix="name a recipe file"
        ) from error


def precision_order(precision: str) -> int:
    """Position from the most precise down, for sorting tables."""
    return PRECISIONS.index(precision)
