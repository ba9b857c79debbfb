"""How networks are trained: the loss, and what labels mean to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.common.errors import UsageError
from zoo.contracts.dataset import CLASS_DTYPES
from zoo.contracts.geometric_transform import GeometricTransform
from zoo.contracts.preprocessing import Preprocessing

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from numpy.typing import NDArray

    Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class TargetUnits:
    """Where the targets of a training split lie, in the units of the data.

    Attributes:
        offset: Of each target, float64 (targets,).
        spread: Likewise, above 0.
    """

    offset: Array
    spread: Array

    def standardized(self, targets: Array) -> Array:
        """Targets, (examples, targets), as float32 around 0 with a spread of 1."""
        values: Array = ((targets - self.offset) / self.spread).astype("float32")
        return values


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingObjective(ABC):
    """A training objective: loss, monitored metric and trained model.

    Attributes:
        name: Of the task.
        higher_is_better: Of the metric that `compile` names.
        trainee: ``trainee(network, preprocessing)`` makes the Keras model that is trained, from
            raw inputs and labels; None takes the network behind its normalization. A model with a
            ``train_step`` of its own is how a task brings a training step of its own. When the
            architecture brings a companion, that is the third argument.
        state: ``state(model)`` lists the variables of the trained model that the next epoch
            depends on, beside those of network and optimizer, for checkpoints.
    """

    name: str
    higher_is_better: bool = True
    trainee: Callable[..., Any] | None = None
    state: Callable[[Any], list[Any]] | None = None

    @abstractmethod
    def compile(self, model: Any, optimizer: Any, options: Any) -> str:
        """Prepares a Keras model for ``fit``: the loss and metrics of each output.

        Returns:
            Name of the metric whose validation value decides which epoch is kept.
        """

    def units(self, labels: Array) -> TargetUnits | None:
        """Where targets are real numbers: their place and spread in the training split.

        The network is trained on standardized targets, and answers in the units of the data: see
        `zoo.training.target_units`. None: labels are learnt as they are.

        Args:
            labels: Of the training split, as outputs have them.
        """
        return None

    def class_labels(self, labels: Array) -> Array | None:
        """Of each example, or of each of its places, the class that ``balanced`` weighs it by.

        Args:
            labels: As outputs have them.

        Returns:
            Class indices, int64, of the shape that the loss has without the mean; `IGNORED` where
            there is no class. None: labels are no single classes.
        """
        return labels if str(labels.dtype) == "int64" and labels.ndim == 1 else None

    def transform_labels(self, labels: Any, transform: GeometricTransform) -> Any:
        """Labels of pictures that were mirrored, turned or shifted at random in a training.

        One label per picture stays, a class of every place moves along. A task whose labels are
        other places (boxes, key points, depths) overrides this; one whose labels are about the
        whole picture, whatever their shape, returns them.

        Args:
            labels: TensorFlow tensor of a batch; of several labels a dictionary.
            transform: How each picture was moved.

        Raises:
            UsageError: Nobody said how such labels follow.
        """
        if isinstance(labels, dict):
            return {
                name: self.transform_labels(values, transform) for name, values in labels.items()
            }
        if len(labels.shape) == 1:
            return labels
        if labels.dtype.name in CLASS_DTYPES and len(labels.shape) in (3, 4):
            return transform.apply_to_map(labels)
        raise UsageError(
            f"pictures cannot be moved at random where labels have the shape {labels.shape[1:]}",
            why=f"they may be places in the picture, and the task {self.name!r} does not say how "
            "labels follow its pixels",
            fix="leave flip, shift, crop, zoom and rotate out of --augment, or override "
            "Task.transform_labels",
        )

    def training_notes(self, options: Any) -> tuple[str, ...]:
        """What whoever chose these options should know of them, in words.

        Args:
            options: As for `compile`.
        """
        return ()

    def sample_image(self, network: Any, preprocessing: Preprocessing) -> Array | None:
        """An image of the network's current output, uint8, (height, width, 1 or 3), for each epoch.

        None: there is nothing to see.
        """
        return None
