"""A recipe: the small TOML file that names model, data, precisions, formats and devices."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    StrictBool,
    ValidationError,
    model_validator,
)

from zoo.contracts.exporter import PRECISIONS
from zoo.errors import UsageError, nearest

Augmentation = Literal["rotate", "shift", "crop", "flip", "erase"]
Freeze = Literal["none", "backbone", "gradual"]
Jit = Literal["auto", "on", "off"]
Method = Literal["auto", "minmax", "percentile", "entropy", "mse", "moving-average"]
# TOML has types of its own: `epochs = true` or `"15"` is a mistake, not a number.
Whole = Annotated[int, Field(strict=True)]
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Share = Annotated[Real, Field(ge=0, lt=1)]
Side = Annotated[Whole, Field(ge=1, le=8192)]
AUGMENTATIONS: tuple[str, ...] = get_args(Augmentation)
#: Howard & Ruder 2018, "Universal Language Model Fine-tuning", section 3.2.
ULMFIT_FACTOR = 2.6


class Section(BaseModel):
    """A table of a recipe: no key but the known ones, immutable once read."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def _sides(value: Any) -> Any:
    """``48`` and ``"48x64"`` mean (48, 48) and (48, 64); validation judges the rest."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value, value)
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.lower().replace("×", "x").split("x")]
    if len(parts) > 2 or not all(part.isdecimal() and len(part) < 6 for part in parts):
        raise ValueError("must be a size such as 48, or HEIGHTxWIDTH such as 48x64")
    return (int(parts[0]), int(parts[-1]))


def _one_or_three(value: int) -> int:
    if value not in (1, 3):
        raise ValueError("must be 1 (grey) or 3 (RGB)")
    return value


#: A `Literal` would take ``true`` for 1.
Channels = Annotated[Whole, AfterValidator(_one_or_three)]


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
        freeze: ``backbone`` trains the head alone; ``gradual`` thaws layers from the head down,
            one group more in each epoch (Howard & Ruder 2018).
        groups: Into how many groups ``gradual`` and `rate_factor` divide the layers, the head
            being the first; fewer where the network has fewer layers, or ``gradual`` fewer epochs.
        rate_factor: Each group learns by this factor slower than the one above it; None stands
            for 2.6 with ``gradual`` and for 1 without.
        augment: Random changes of training images.
        patience: Stop after so many epochs without a better validation metric; 0 never stops.
        from_scratch: Begin with random weights.
        input_size: Height and width in pixels when they are not to be those of the pretraining.
        channels: 1 (grey) or 3 (RGB) when they are not to be those of the pretraining.
        jit: Whether XLA compiles the training step; ``auto`` tries it out where the training is
            long enough for the trial to pay, and says in the result what came of it.
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
    groups: Annotated[Whole, Field(ge=2, le=1000)] = 4
    rate_factor: Annotated[Real, Field(ge=1, le=100)] | None = None
    input_size: Annotated[tuple[Side, Side], BeforeValidator(_sides)] | None = None
    channels: Channels | None = None
    jit: Jit = "auto"

    @property
    def factor(self) -> float:
        """By how much a group of layers learns slower than the one above it."""
        if self.rate_factor is not None:
            return self.rate_factor
        return ULMFIT_FACTOR if self.freeze == "gradual" else 1.0

    @model_validator(mode="after")
    def _that_layers_can_be_treated_apart(self) -> Self:
        if self.freeze == "gradual" and self.from_scratch:
            raise ValueError("freeze = 'gradual' protects pretrained layers; from_scratch has none")
        if self.freeze == "gradual" and self.epochs == 1:
            raise ValueError(
                "freeze = 'gradual' thaws layers epoch by epoch; it needs at least 2 epochs"
            )
        if self.factor > 1 and self.from_scratch:
            raise ValueError("rate_factor spares pretrained layers; from_scratch has none")
        if self.factor > 1 and self.freeze == "backbone":
            raise ValueError("rate_factor does nothing where freeze = 'backbone': one group learns")
        return self

    task: dict[str, bool | int | FiniteFloat | str] = {}


class Calibration(Section):
    """The real inputs that integer files are calibrated on.

    Attributes:
        samples: How many, drawn class by class in turn.
        split: Where they are drawn from.
        method: How ranges follow from what tensors held; ``auto`` takes the one with which the
            file errs least on inputs of the validation split.
    """

    samples: Annotated[Whole, Field(ge=1, le=100_000)] = 256
    split: Literal["train", "validation"] = "train"
    method: Method = "auto"


class Export(Section):
    """How files are written.

    Attributes:
        recurrent: The form of recurrent layers' loop over time: ``fused`` into one operator,
            ``unrolled`` step by step, ``while`` as a loop; ``auto`` leaves it to the exporter.
        target: The kind of processor that the files are for; ``auto`` is this machine's.
        keep: Names of layers that stay in float in integer files.
        options: Format → options that its exporter declares.
    """

    recurrent: Literal["auto", "fused", "unrolled", "while"] = "auto"
    target: str = "auto"
    keep: tuple[str, ...] = ()
    options: dict[str, dict[str, bool | int | FiniteFloat | str]] = {}


class Qat(Section):
    """Quantization-aware training, for int8 files.

    Attributes:
        enabled: Whether to train a twin that rounds as int8 files do; with a limit in ``[gate]``
            only for formats whose calibrated file loses more.
        epochs: Passes over the training split.
        learning_rate: Peak of the schedule: linear warm-up over a tenth, then a cosine to zero.
        batch_size: Examples per step.
        augment: Random changes of training images.
    """

    enabled: StrictBool = False
    epochs: Annotated[Whole, Field(ge=1, le=1000)] = 3
    learning_rate: Annotated[Real, Field(gt=0, le=1)] = 0.001
    batch_size: Annotated[Whole, Field(ge=1, le=65_536)] = 64
    augment: tuple[Augmentation, ...] = ()


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
    export: Export = Export()
    calibration: Calibration = Calibration()
    qat: Qat = Qat()
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


def declared_options(
    declared: Callable[[], type[BaseModel]] | None, given: Mapping[str, Any], owner: str
) -> dict[str, Any]:
    """Validates the options that a task or a format has of its own; fills in what was not given.

    Args:
        declared: Returns the model that the owner declares; None when it has none.
        given: From ``[training.task]`` or ``[export.options.<format>]``.
        owner: Such as ``the task image-generation``, for messages.

    Raises:
        UsageError: Lists every problem; a key that the owner does not know has the nearest beside.
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
        problems = list(dict.fromkeys(_explain(item, model) for item in error.errors()))
        raise UsageError(
            f"the options of {owner} are not usable:\n" + "\n".join(f"  - {p}" for p in problems),
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


#: Tables whose keys belong to others: networks, tasks, formats.
_FREE = (("hyperparameters",), ("training", "task"), ("export", "options"))


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
    free = next((len(table) for table in _FREE if tuple(keys[: len(table)]) == table), 0)
    free += keys[:2] == ["export", "options"]  # one table for each format
    if free and len(keys) > free + 1:
        key = ".".join(keys[: free + 1])
        return f"{key}: must be true, false, a finite number or text (got {item['input']!r})"
    if item["type"] in _PLAIN:
        return f"{key}: {_PLAIN[item['type']]} (got {item['input']!r})"
    if item["type"] == "value_error":  # one of our own sentences
        message = str(item["ctx"]["error"])
        return f"{key}: {message}" + ("" if _is_table(item) else f" (got {item['input']!r})")
    message = item["msg"][0].lower() + item["msg"][1:]
    return f"{key}: {message} (got {item['input']!r})"


def _is_table(item: Any) -> bool:
    """Whether several keys contradict each other; showing the whole table would help nobody."""
    return isinstance(item["input"], dict)


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
