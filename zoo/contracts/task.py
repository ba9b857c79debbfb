"""Tasks: the meaning of outputs, the training objective, and the comparison of two outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zoo.common.errors import UsageError
from zoo.contracts.checks import check, check_name
from zoo.contracts.dataset import Split
from zoo.contracts.geometric_transform import GeometricTransform
from zoo.contracts.precision import Precision, check_precisions
from zoo.contracts.preprocessing import Preprocessing

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from numpy.typing import NDArray
    from pydantic import BaseModel

    from zoo.contracts.baseline import AgainstBaseline

    Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """Ground truth of a split.

    Attributes:
        labels: As the outputs have them, the examples first (see `Split.labels`).
        classes: Class names; a label is an index into them.
        examples: The real examples; as many as labels.
        held_out: Real examples of another split, for what real data is compared with itself.
        preprocessing: How the network reads them.
    """

    labels: Array
    classes: tuple[str, ...]
    examples: Split
    held_out: Split
    preprocessing: Preprocessing


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A measured quality with its interval.

    Attributes:
        name: ``accuracy``. The name of a share of examples says so, see
            `zoo.results.formatting.is_share`.
        value: The point estimate.
        low: Lower end of the 95 % interval.
        high: Upper end of the 95 % interval.
        count: Number of examples it was measured on.
        counted: What they are, in the singular: ``step`` where each step has an answer.
        higher_is_better: False for a distance.
    """

    name: str
    value: float
    low: float
    high: float
    count: int
    counted: str = "example"
    higher_is_better: bool = True

    def lost_by(self, other: Metric) -> float:
        """The loss of `other` against this: points of a share, or per cent of a distance."""
        if self.higher_is_better:
            return 100.0 * (self.value - other.value)
        return 100.0 * (other.value - self.value) / max(self.value, 1e-12)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How the outputs of a file differ from the reference's on the same inputs.

    Attributes:
        count: Number of inputs compared.
        max_abs: Largest absolute difference of any output value.
        mean_abs: Mean absolute difference.
        agreement: Share of inputs with the same decision, 0 to 1; of images, share of those that
            look the same.
        sqnr_db: Signal to quantization noise, decibels; None where outputs are no signal.
        ssim: Mean structural similarity of images (Wang 2004), at most 1; None for others.
        outputs: The same of each output by name, where there are several; see `combined`.
    """

    count: int
    max_abs: float
    mean_abs: float
    agreement: float
    sqnr_db: float | None = None
    ssim: float | None = None
    outputs: Mapping[str, Comparison] = field(default_factory=dict)

    @classmethod
    def combined(cls, outputs: Mapping[str, Comparison]) -> Comparison:
        """The comparison over several outputs: the worst figures, with those of each output."""
        return cls(
            count=min(one.count for one in outputs.values()),
            max_abs=max(one.max_abs for one in outputs.values()),
            mean_abs=max(one.mean_abs for one in outputs.values()),
            agreement=min(one.agreement for one in outputs.values()),
            outputs=dict(outputs),
        )


@dataclass(frozen=True, kw_only=True)
class Check:
    """The result of one check of the gate.

    Attributes:
        name: ``parity``, ``accuracy``, ``placement``, …
        passed: Whether the artifact may count.
        value: What was measured, in words and figures.
        limit: What is asked.
        reason: Why it failed and what to try; empty when it passed.
    """

    name: str
    passed: bool
    value: str
    limit: str
    reason: str = ""

    @classmethod
    def combined(cls, outputs: Mapping[str, Check]) -> Check:
        """The check over several outputs; passes where each output's check does."""
        return cls(
            name=next(iter(outputs.values())).name,
            passed=all(check.passed for check in outputs.values()),
            value="; ".join(f"{name}: {check.value}" for name, check in outputs.items()),
            limit="; ".join(f"{name}: {check.limit}" for name, check in outputs.items()),
            reason="; ".join(
                f"{n}: {check.reason}" for n, check in outputs.items() if check.reason
            ),
        )


@dataclass(frozen=True, kw_only=True)
class Output:
    """One of a task's named outputs.

    Attributes:
        name: What it is called in an exported file: ``probabilities``. Where there are several,
            also the key of the network's output.
        meaning: For people who use a file: ``one probability per class; the largest is the
            answer``. Empty: it follows from the shape.
    """

    name: str
    meaning: str = ""

    def __post_init__(self) -> None:
        check_name("output", self.name)


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
        if labels.dtype.name == "int64" and len(labels.shape) in (3, 4):
            return transform.apply_to_map(labels)
        raise UsageError(
            f"pictures cannot be moved at random where labels have the shape {labels.shape[1:]}",
            why=f"they may be places in the picture, and the task {self.name!r} does not say how "
            "labels follow its pixels",
            fix="leave flip, shift, crop and rotate out of --augment, or override "
            "Task.transform_labels",
        )

    def sample_image(self, network: Any, preprocessing: Preprocessing) -> Array | None:
        """An image of the network's current output, uint8, (height, width, 1 or 3), for each epoch.

        None: there is nothing to see.
        """
        return None


@dataclass(frozen=True, kw_only=True, eq=False)
class Task(TrainingObjective):
    """The meaning of outputs: the base class of tasks.

    Outputs, answers and labels are arrays whose first axis is the example. One output is a plain
    array; several are the fields of a structured array, named as in `outputs`
    (see `zoo.common.named_arrays`).

    Attributes:
        summary: One line for lists.
        outputs: What the exported files return, in this order. Of several, the network returns a
            dictionary with these names as keys.
        max_drop: Largest tolerated loss per precision, points or per cent of a distance, where it
            is not that of the precision's tolerances.
        least_classes: A dataset with fewer classes is refused.
        min_parity_inputs: At least so many real inputs are compared.
        stepwise: Whether an example has a label, and an answer, for each of its steps.
        options: The training options that only this task has (``[training.task]`` in a recipe):
            returns a pydantic model whose fields are the options, and is called when something
            is trained, so that lists do not wait for pydantic. `compile` finds them, validated
            and as a dictionary, in ``options.task``. Unknown keys are errors.
    """

    summary: str
    outputs: tuple[Output, ...]
    max_drop: Mapping[str, float] = field(default_factory=dict)
    least_classes: int = 2
    min_parity_inputs: int = 64
    stepwise: bool = False
    options: Callable[[], type[BaseModel]] | None = None

    def __post_init__(self) -> None:
        check_name("task", self.name)
        check(len(self.outputs) >= 1, self.name, "names no output")
        names = self.output_names
        check(len({*names}) == len(names), self.name, f"outputs named twice: {', '.join(names)}")
        check(self.min_parity_inputs >= 1, self.name, "min_parity_inputs must be positive")
        check_precisions(self.name, self.max_drop, field="max_drop has ")

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs in their order."""
        return tuple(output.name for output in self.outputs)

    @abstractmethod
    def activation(self, outputs: Any) -> Any:
        """Turns what the network returns into what is exported: a Keras tensor, or several by name.

        Args:
            outputs: What ``build`` returned: a tensor, or several by name.
        """

    def relevant(self, outputs: Array, labels: Array) -> Array:
        """The outputs that count in comparisons: all but those of padding."""
        return outputs

    @abstractmethod
    def compare(self, reference: Array, candidate: Array) -> Comparison:
        """How two sets of outputs differ, on the same inputs."""

    @abstractmethod
    def parity(self, comparison: Comparison, precision: Precision) -> Check:
        """Whether a file of that precision answers as the Keras model does."""

    def decode(self, outputs: Array) -> Array:
        """Decodes outputs into predictions.

        Everything that is judged by labels gets answers, everything that compares a file with its
        network gets outputs. Where both are the same, as in classification, this does nothing.
        """
        return outputs

    @abstractmethod
    def evaluate(self, answers: Array, truth: Truth) -> tuple[Metric, ...]:
        """The measured quality, the headline first."""

    @abstractmethod
    def accuracy(self, truth: Truth, reference: Array, candidate: Array, max_drop: float) -> Check:
        """A paired test of a file's answers against the reference's on the whole test split."""

    def baseline(self, answers: Array, truth: Truth) -> AgainstBaseline | None:
        """The same quality of what looks at no input; None where a task has no such baseline.

        Answers of the labels' own form are held against the commonest label and the mean of
        numbers; a task with other answers overrides this.
        """
        from zoo.contracts.baseline import against_constant

        return against_constant(lambda given: self.evaluate(given, truth), answers, truth.labels)

    def recalls(self, answers: Array, truth: Truth) -> Mapping[str, Metric]:
        """The share of each class's examples that is right; nothing where there are no classes."""
        return {}

    def unanswered(self, answers: Array, truth: Truth) -> tuple[str, ...]:
        """Classes that are never answered although there are enough examples of them to say so."""
        return ()

    def class_loss(self, truth: Truth, reference: Array, candidate: Array) -> Check | None:
        """A paired test per class of a file's answers against the reference's; None: no classes."""
        return None

    def details(self, answers: Array, truth: Truth) -> Mapping[str, Any]:
        """Plain data for the report: a confusion matrix, …"""
        return {}

    def depends(self, preprocessing: Preprocessing) -> Mapping[str, str]:
        """Further files that evaluation depends on, with their SHA-256.

        Results are kept under them, and made anew when one changes.
        """
        return {}

    def wrong(self, answers: Array, labels: Array) -> Array | None:
        """Which answers are wrong, boolean (examples,); None: single examples are not shown."""
        return None

    def describe_answer(self, answer: Any, classes: tuple[str, ...]) -> tuple[str, float | None]:
        """One prediction as text, with its confidence from 0 to 1 where there is one."""
        return str(answer), None

    def describe_label(self, label: Any, classes: tuple[str, ...]) -> str:
        """One label as text, in the form of `describe_answer`."""
        return str(label)

    def gallery(self, outputs: Array) -> Array | None:
        """The first outputs as one picture for the report, like `sample_image`, or None."""
        return None

    def allowed_loss(self, precision: Precision) -> float:
        """The greatest tolerated loss of a file: points of a share, or per cent of a distance."""
        tolerances = precision.tolerances
        usual = tolerances.points if self.higher_is_better else tolerances.percent
        return self.max_drop.get(precision.name, usual)
