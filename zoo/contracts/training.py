"""The options of training, calibration and quantization-aware training."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    StrictBool,
    model_validator,
)

from zoo.common.errors import UsageError
from zoo.contracts.architecture import Variant
from zoo.contracts.options import declared_options
from zoo.contracts.task import Task

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


#: A `Literal` would take ``true`` for 1.
Channels = Annotated[Whole, AfterValidator(_one_or_three)]


def check_training(training: Training, variant: Variant, task: Task) -> dict[str, Any]:
    """The options of the network's task, complete.

    Raises:
        UsageError: Options that the task or this network does not have.
    """
    if training.freeze != "none" and not variant.has_head:
        raise UsageError(
            f"{variant.name!r} cannot be trained with freeze = {training.freeze!r}",
            why="it has no head: nothing would be left to train",
            fix="leave --freeze out",
        )
    return declared_options(task.options, training.task, f"the task {task.name}")
