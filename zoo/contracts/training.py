"""The options of training, calibration and quantization-aware training."""

from __future__ import annotations

import math
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from zoo.common.errors import UsageError
from zoo.contracts.accelerators import check_accelerators
from zoo.contracts.architecture import Variant
from zoo.contracts.options import declared_options
from zoo.contracts.task import Task
from zoo.contracts.training_fields import CalibrationFields, QatFields, TrainingFields

#: Howard & Ruder 2018, "Universal Language Model Fine-tuning", section 3.2.
ULMFIT_FACTOR = 2.6
#: An epoch of fewer steps changes too little for validation to say anything.
LEAST_STEPS_PER_EPOCH = 10
_USUAL_BATCH, _USUAL_QAT_BATCH = 32, 64
#: One example has no variance, which a batch normalization divides by.
LEAST_BATCH = 2


class Section(BaseModel):
    """A table of a recipe: no key but the known ones, immutable once read."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def batch_for(wanted: int | None, usual: int, examples: int) -> int:
    """Examples per step: what is wanted, else as many as usual if that makes ten steps an epoch.

    Args:
        wanted: None where nobody asked for a number.
        usual: Most examples per step.
        examples: Of the training split.
    """
    if wanted is not None:
        return wanted
    # One less than ten steps are full, and there is a tenth.
    most = (examples - 1) // (LEAST_STEPS_PER_EPOCH - 1)
    return max(min(usual, most), LEAST_BATCH)


class Training(TrainingFields, Section):
    """How a network is fine-tuned."""

    def with_batch_size_for(self, examples: int) -> Self:
        """The same with the examples per step of a training split so large."""
        batch = batch_for(self.batch_size, _USUAL_BATCH, examples)
        return self.model_copy(update={"batch_size": batch})

    def steps_per_epoch(self, examples: int) -> int:
        """Steps of one epoch over so many examples."""
        return math.ceil(examples / batch_for(self.batch_size, _USUAL_BATCH, examples))

    @property
    def factor(self) -> float:
        """Ratio of the learning rates of a group of layers and the next one toward the input."""
        if self.rate_factor is not None:
            return self.rate_factor
        return ULMFIT_FACTOR if self.freeze == "gradual" else 1.0

    @model_validator(mode="after")
    def _check_layer_options(self) -> Self:
        if self.backbone is not None and self.from_scratch:
            raise ValueError(
                "backbone names weights to begin with, and from_scratch begins with none"
            )
        if self.freeze == "gradual" and self.from_scratch:
            raise ValueError("freeze = 'gradual' protects pretrained layers; from_scratch has none")
        if self.freeze == "gradual" and self.epochs == 1:
            raise ValueError(
                "freeze = 'gradual' thaws layers epoch by epoch; it needs at least 2 epochs"
            )
        if self.factor > 1 and self.from_scratch:
            raise ValueError("rate_factor spares pretrained layers; from_scratch has none")
        if self.optimizer != "adamw" and (self.factor > 1 or self.freeze == "gradual"):
            raise ValueError(
                "freeze = 'gradual' and rate_factor give layers rates of their own, which "
                "optimizer = 'adamw' alone has"
            )
        if self.factor > 1 and self.freeze == "backbone":
            raise ValueError("rate_factor does nothing where freeze = 'backbone': one group learns")
        return self

    @field_validator("accelerators")
    @classmethod
    def _check_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        check_accelerators(names)
        return names

    @model_validator(mode="after")
    def _check_accelerators(self) -> Self:
        count = len(self.accelerators)
        if count > 1 and self.jit == "on":
            raise ValueError(
                "jit = 'on' compiles a step for one accelerator: give one, or leave jit out"
            )
        if self.batch_size is not None and self.batch_size < count:
            raise ValueError(
                f"batch_size = {self.batch_size} is too few examples for {count} accelerators: "
                "each needs one of every batch"
            )
        return self


class Calibration(CalibrationFields, Section):
    """The real inputs that integer files are calibrated on."""


class Qat(QatFields, Section):
    """Quantization-aware training, for int8 files."""

    def with_batch_size_for(self, examples: int) -> Self:
        """The same with the examples per step of a training split so large."""
        batch = batch_for(self.batch_size, _USUAL_QAT_BATCH, examples)
        return self.model_copy(update={"batch_size": batch})


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
