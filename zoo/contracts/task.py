"""What a network's outputs mean, how it is trained, and how two outputs are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zoo.contracts.checks import check, check_name
from zoo.contracts.dataset import Split
from zoo.contracts.precision import Precision, check_precisions
from zoo.contracts.preprocessing import Preprocessing

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from numpy.typing import NDArray
    from pydantic import BaseModel

    Array = NDArray[Any]

_FUNCTIONS = ("activation", "compile", "evaluate", "compare", "parity", "accuracy", "details")


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """What outputs are judged against.

    Attributes:
        labels: As the outputs have them: int64, shape (examples,) or (examples, steps).
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
        """How much worse `other` is: points of a share of examples, per cent of a distance."""
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
    """

    count: int
    max_abs: float
    mean_abs: float
    agreement: float
    sqnr_db: float | None = None
    ssim: float | None = None


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of a gate's answer.

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


@dataclass(frozen=True, kw_only=True)
class Task:
    """The meaning of outputs.

    Attributes:
        name: ``image-classification``.
        summary: One line for lists.
        output: Name of the exported output: ``probabilities``.
        activation: Turns the network's output (a Keras tensor) into the exported output.
        trainee: ``trainee(network, preprocessing)`` makes the Keras model that is trained, from
            raw inputs and labels; None takes the network behind its normalization. A model with a
            ``train_step`` of its own is how a task brings a training step of its own. When the
            architecture brings a companion, that is the third argument.
        state: ``state(model)`` lists the variables of the trained model that the next epoch
            depends on, beside those of network and optimizer, for checkpoints.
        options: The training options that only this task has (``[training.task]`` in a recipe):
            returns a pydantic model whose fields are the options, and is called when something
            is trained, so that lists do not wait for pydantic. ``compile`` finds them, validated
            and as a dictionary, in ``options.task``. Unknown keys are errors.
        depends: ``depends(preprocessing)`` names the files outside network and data that decide
            how outputs are judged (another network's weights), each with its SHA-256: results are
            kept under them, and made anew when one changes. None: there are none.
        sketch: ``sketch(network, preprocessing)`` draws what the network makes now, uint8 of
            shape (height, width, 1 or 3): kept of each epoch. None: there is nothing to see.
        gallery: ``gallery(outputs)`` draws the first outputs in the same way, for the report.
        compile: ``compile(model, optimizer, options)`` prepares the Keras model for ``fit``: loss
            and metrics; returns the name of the metric whose validation value decides which epoch
            is kept. ``options`` are the training options.
        higher_is_better: Of that metric.
        evaluate: ``evaluate(outputs, truth)`` → the headline `Metric` first.
        compare: ``compare(reference, candidate)`` → `Comparison`.
        parity: ``parity(comparison, precision)`` → `Check`; the `Precision` holds the thresholds.
        accuracy: ``accuracy(truth, reference, candidate, max_drop)`` → `Check`, a paired test of
            the candidate against the reference on the whole test split.
        details: ``details(outputs, truth)`` → plain data for the report (a confusion matrix, …).
        chooses: Whether an output is one choice among the classes, so that single examples can be
            shown with what everybody took them for.
        least_classes: A dataset with fewer classes is refused.
        min_parity_inputs: At least so many real inputs are compared.
        max_drop: Largest tolerated loss per precision, points or per cent of a distance, where it
            is not that of the precision's tolerances.
    """

    name: str
    summary: str
    output: str
    activation: Callable[[Any], Any]
    compile: Callable[[Any, Any, Any], str]
    evaluate: Callable[[Array, Truth], tuple[Metric, ...]]
    compare: Callable[[Array, Array], Comparison]
    parity: Callable[[Comparison, Precision], Check]
    accuracy: Callable[[Truth, Array, Array, float], Check]
    details: Callable[[Array, Truth], Mapping[str, Any]]
    trainee: Callable[..., Any] | None = None
    state: Callable[[Any], list[Any]] | None = None
    options: Callable[[], type[BaseModel]] | None = None
    depends: Callable[[Preprocessing], Mapping[str, str]] | None = None
    sketch: Callable[[Any, Preprocessing], Array] | None = None
    gallery: Callable[[Array], Array] | None = None
    higher_is_better: bool = True
    chooses: bool = True
    least_classes: int = 2
    min_parity_inputs: int = 64
    max_drop: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name("task", self.name)
        check(self.min_parity_inputs >= 1, self.name, "min_parity_inputs must be positive")
        check_precisions(self.name, self.max_drop, field="max_drop has ")
        for field_name in _FUNCTIONS:
            check(callable(getattr(self, field_name)), self.name, f"{field_name} must be callable")

    def allowed_loss(self, precision: Precision) -> float:
        """What a file may lose at most: points of a share, or per cent of a distance."""
        tolerances = precision.tolerances
        usual = tolerances.points if self.higher_is_better else tolerances.percent
        return self.max_drop.get(precision.name, usual)
