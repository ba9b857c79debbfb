"""A recipe: the small TOML file that names model, data, precisions, formats and devices."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StrictBool, ValidationError

from zoo.contracts.exporter import PRECISIONS
from zoo.errors import UsageError, nearest

Augmentation = Literal["rotate", "shift", "crop", "flip", "erase"]
Freeze = Literal["none", "backbone"]
# TOML has types of its own: `epochs = true` or `"15"` is a mistake, not a number.
Whole = Annotated[int, Field(strict=True)]
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Share = Annotated[Real, Field(ge=0, lt=1)]
AUGMENTATIONS: tuple[str, ...] = get_args(Augmentation)


class Section(BaseModel):
    """A table of a recipe: no key but the known ones, immutable once read."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Training(Section):
    """How a network is fine-tuned.

    Attributes:
        epochs: Most passes over the training split; 0 keeps the weights as they are.
        batch_size: Examples per step.
        learning_rate: Peak of the schedule: linear warm-up over a tenth, then a cosine to zero.
        weight_decay: Decoupled, as in AdamW (Loshchilov & Hutter 2019).
        label_smoothing: Share of the target spread over all classes; of a discriminator, what is
            real counts for so much less.
        dropout: Passed to the network's ``dropout``; None keeps the network's own.
        freeze: ``backbone`` trains the head alone.
        augment: Random changes of training images.
        patience: Stop after so many epochs without a better validation metric; 0 never stops.
        from_scratch: Begin with random weights.
        task: Options that the network's task declares, such as the loss of a generator.
    """

    epochs: Annotated[Whole, Field(ge=0, le=100_000)] = 15
    batch_size: Annotated[Whole, Field(ge=1, le=65_536)] = 32
    learning_rate: Annotated[Real, Field(gt=0, le=10)] = 0.001
    weight_decay: Annotated[Real, Field(ge=0, le=10)] = 0.01
    label_smoothing: Share = 0.0
    dropout: Share | None = None
    freeze: Freeze = "none"
    augment: tuple[Augmentation, ...] = ()
    patience: Annotated[Whole, Field(ge=0)] = 5
    from_scratch: StrictBool = False
    task: dict[str, bool | int | FiniteFloat | str] = {}


class Calibration(Section):
    """The real inputs that integer files are calibrated on, drawn from the training split."""

    samples: Annotated[Whole, Field(ge=1, le=100_000)] = 256


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
    """How each file is timed."""

    tier: str = "brief"
    threads: Annotated[Whole, Field(ge=1, le=1024)] = 1


class Recipe(Section):
    """What ``zoo ship`` runs.

    Attributes:
        model: Variant or model id.
        data: Dataset, ``name`` or ``name:argument``.
        formats: Exporters to use; none named means all.
        precisions: For each format.
        devices: Where files are timed; none named means this machine.
        seed: Of everything random.
        hyperparameters: Override those of the variant.
    """

    model: str
    data: str
    formats: tuple[str, ...] = ()
    precisions: Annotated[tuple[str, ...], Field(min_length=1)] = ("float32", "int8")
    devices: tuple[str, ...] = ()
    seed: Annotated[Whole, Field(ge=0, lt=2**31)] = 0
    hyperparameters: dict[str, bool | int | FiniteFloat | str] = {}
    training: Training = Training()
    calibration: Calibration = Calibration()
    gate: Gate = Gate()
    bench: Bench = Bench()


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
        # A key that may have one of several types has an error for each.
        problems = list(dict.fromkeys(_explain(item) for item in error.errors()))
        raise UsageError(
            f"{where} is not a usable recipe:\n" + "\n".join(f"  - {p}" for p in problems),
            fix="correct the keys above; `zoo ship --help` describes each of them",
        ) from error


def task_options(
    model: type[BaseModel] | None, given: Mapping[str, Any], task: str
) -> dict[str, Any]:
    """Validates the options of a task, and fills in what was not given.

    Args:
        model: As the task declares them; None when it has none.
        given: From ``[training.task]``.
        task: Its name, for messages.

    Raises:
        UsageError: Lists every problem; a key that the task does not know has the nearest beside.
    """
    if model is None:
        if given:
            raise UsageError(
                f"the task {task} has no options of its own, but got {', '.join(sorted(given))}",
                fix="leave them out: the other training options are for every task",
            )
        return {}
    try:
        return model.model_validate(dict(given)).model_dump(mode="json")
    except ValidationError as error:
        problems = list(dict.fromkeys(_explain(item, model) for item in error.errors()))
        raise UsageError(
            f"the options of {task} are not usable:\n" + "\n".join(f"  - {p}" for p in problems),
            fix=f"it has: {', '.join(model.model_fields)}",
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


#: How to give what is required.
_HOW = {
    "model": ", such as `lenet5`; `zoo list` shows them",
    "data": ", such as `--data digits` or `--data folder:PATH`",
}
#: What pydantic says in Python's words, in those of TOML.
_PLAIN = {
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "tuple_type": "must be a list",
    "too_short": "must name at least one",
}


def _explain(item: Any, root: type[BaseModel] | None = None) -> str:
    keys = [str(part) for part in item["loc"]]
    key = ".".join(keys)
    if item["type"] == "extra_forbidden":
        valid = _valid_keys(keys[:-1], root)
        close = nearest(keys[-1], valid)
        hint = f"did you mean {close[0]!r}?" if close else f"allowed keys: {', '.join(valid)}"
        return f"{key}: there is no such key; {hint}"
    if item["type"] == "missing":
        return f"{key}: is required{_HOW.get(key, '')}"
    free = 1 if keys[0] == "hyperparameters" else 2 if keys[:2] == ["training", "task"] else 0
    if free and len(keys) > free + 1:
        key = ".".join(keys[: free + 1])
        return f"{key}: must be true, false, a finite number or text (got {item['input']!r})"
    if item["type"] in _PLAIN:
        return f"{key}: {_PLAIN[item['type']]} (got {item['input']!r})"
    message = item["msg"][0].lower() + item["msg"][1:]
    return f"{key}: {message} (got {item['input']!r})"


def _valid_keys(path: list[str], root: type[BaseModel] | None = None) -> list[str]:
    section: type[BaseModel] = root or Recipe
    for name in path:
        annotation = section.model_fields[name].annotation if name in section.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        section = annotation
    return list(section.model_fields)


def precision_order(precision: str) -> int:
    """Position from the most precise down, for sorting tables."""
    return PRECISIONS.index(precision)
