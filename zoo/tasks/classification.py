"""Classification tasks: one class per example; outputs are compared by their first choice."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.common.errors import ZooError
from zoo.common.optional_imports import require
from zoo.common.proportions import mcnemar_p, wilson_interval
from zoo.contracts import Check, Comparison, Metric, Output, Precision, Task, Truth
from zoo.contracts.outputs import CLASS_SCORES
from zoo.contracts.prediction import DecodedOutput, likeliest
from zoo.hookspecs import hookimpl
from zoo.results.formatting import metric_decimals, plus_minus
from zoo.tasks import classes
from zoo.tasks.confidence import (
    TIE,
    calibration_error,
    confidence_loss,
    finer_than,
    resolution,
)

if TYPE_CHECKING:
    from zoo.contracts.baseline import AgainstBaseline
    from zoo.contracts.task import Array

SIGNIFICANCE = 0.05
CONFIDENCE = 0.95
#: Where a network's first choice is no more than this ahead, rounding may pick another; files that
#: are wrong pick others where it is a tenth ahead or more.
_NEARLY_ALIKE = 0.05


def softmax(outputs: Any) -> Any:
    """Probabilities of logits, float32, (batch, classes)."""
    layers = require("keras.layers")
    return layers.Softmax(name="probabilities")(outputs)


def compile_model(model: Any, optimizer: Any, options: Any) -> str:
    """Cross-entropy on logits, with optional label smoothing; monitors accuracy."""
    keras = require("keras")
    smoothing = float(options.label_smoothing)

    def cross_entropy(labels: Any, logits: Any) -> Any:
        classes = logits.shape[-1]
        targets = keras.ops.one_hot(keras.ops.cast(labels, "int32"), classes)
        return keras.losses.categorical_crossentropy(
            targets, logits, from_logits=True, label_smoothing=smoothing
        )

    model.compile(
        optimizer=optimizer,
        loss=cross_entropy,
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=False,
    )
    return "accuracy"


def evaluate(answers: Array, truth: Truth) -> tuple[Metric, ...]:
    """Top-1 accuracy with its Wilson interval (Wilson 1927)."""
    import numpy as np

    count = len(truth.labels)
    correct = int(np.count_nonzero(answers.argmax(axis=-1) == truth.labels))
    low, high = wilson_interval(correct, count, CONFIDENCE)
    return (Metric(name="accuracy", value=correct / count, low=low, high=high, count=count),)


def compare(reference: Array, candidate: Array) -> Comparison:
    """Differences of probabilities, and how often the first choice is the same, ties aside.

    Raises:
        ZooError: The shapes differ.
    """
    import numpy as np

    check_shapes(reference, candidate)
    reference = reference.astype(np.float64)
    difference = np.abs(reference - candidate.astype(np.float64))
    chosen = np.take_along_axis(reference, candidate.argmax(axis=-1)[:, None], axis=-1)[:, 0]
    margins = reference.max(axis=-1) - chosen
    same = margins <= TIE
    return Comparison(
        count=len(reference),
        max_abs=float(difference.max()),
        mean_abs=float(difference.mean()),
        agreement=float(same.mean()),
        margin=None if same.all() else float(np.median(margins[~same])),
    )


def check_shapes(reference: Array, candidate: Array) -> None:
    """Refuses outputs of another shape: numpy would stretch a single column over all classes."""
    if reference.shape != candidate.shape:
        raise ZooError(
            f"the file's outputs have shape {candidate.shape}, the network's {reference.shape}",
            why="the converter changed the output, or the file belongs to another network",
        )


def parity(comparison: Comparison, precision: Precision, what: str = "inputs") -> Check:
    """Parity of a file with the Keras model.

    Args:
        comparison: Of the two.
        precision: Of the file.
        what: What each choice belongs to, in the plural.
    """
    agreed, most = comparison.agreed(precision), precision.tolerances.max_abs
    # Written so that a NaN, which compares false to everything, fails.
    close = most == math.inf or comparison.max_abs <= most
    limit = f"same first choice on at least {100.0 * agreed.least:g}%"
    if most < math.inf:
        limit += f", max |Δ| <= {most:g}"
    parts = "" if what == "inputs" else f"{what} of "
    counted = f"{parts}{comparison.count}" + (" inputs" if parts else "")
    reason, decimals = "", max(2, metric_decimals(comparison.count))
    if not agreed.passed:
        reason = f"the file chooses another class on {_differing(comparison, parts)}"
        if comparison.margin is not None and comparison.margin <= _NEARLY_ALIKE:
            reason += (
                ", where its network holds both for about as likely "
                f"({comparison.margin:.2g} apart in the median): rounding picks one; "
                f"{finer_than(precision)}"
            )
    elif not close:
        reason = f"probabilities differ by up to {comparison.max_abs:.2g}"
    return Check(
        name="parity",
        passed=agreed.passed and close,
        value=f"{comparison.agreement:.{decimals}%} of {counted} agree, "
        f"max |Δ| {comparison.max_abs:.2g}",
        limit=limit,
        reason=reason,
        unsure=agreed.unsure("inputs"),
    )


def _differing(comparison: Comparison, parts: str) -> str:
    """How many inputs, where these are what is counted; else the share of their parts."""
    differing = (1.0 - comparison.agreement) * comparison.count
    if not parts and math.isfinite(differing) and abs(differing - round(differing)) < 1e-3:
        return f"{round(differing)} of {comparison.count} real inputs"
    return f"{1 - comparison.agreement:.1%} of {parts}{comparison.count} real inputs"


def accuracy(truth: Truth, reference: Array, candidate: Array, max_drop: float) -> Check:
    """A paired test of the file against its reference on the same examples.

    McNemar's exact test (McNemar 1947; exact form after Edwards 1948) on the examples that only
    one of the two gets right. A file fails when it loses more than `max_drop` points *and* the
    loss is larger than chance explains.
    """
    import numpy as np

    labels = truth.labels
    right_before = reference.argmax(axis=-1) == labels
    right_after = candidate.argmax(axis=-1) == labels
    lost = int(np.count_nonzero(right_before & ~right_after))
    gained = int(np.count_nonzero(~right_before & right_after))
    change = 100.0 * (gained - lost) / len(labels)
    p_value = mcnemar_p(lost, gained)
    worse = -change > max_drop and p_value < SIGNIFICANCE
    return Check(
        name="accuracy",
        passed=not worse,
        value=f"{plus_minus(change)} points ({lost} lost, {gained} gained, "
        f"McNemar p = {p_value:.2g})",
        limit=f"no significant loss above {max_drop:g} points",
        reason=f"loses {-change:.2f} points, and chance does not explain it (p = {p_value:.2g})"
        if worse
        else "",
    )


def details(answers: Array, truth: Truth) -> Mapping[str, Any]:
    """The confusion matrix: rows are true classes, columns predicted ones."""
    matrix = confusion(truth.labels, answers.argmax(axis=-1), len(truth.classes))
    return {"confusion": matrix, "classes": list(truth.classes)}


def confusion(labels: Array, chosen: Array, classes: int) -> list[list[int]]:
    """Counts; rows are true classes, columns predicted ones."""
    import numpy as np

    matrix = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(matrix, (labels, chosen), 1)
    plain: list[list[int]] = matrix.tolist()
    return plain


def _first_choices(answers: Array) -> Array:
    """The likeliest class of each example, int64 (examples, 1)."""
    chosen: Array = answers.argmax(axis=-1)[:, None]
    return chosen


class Classification(Task):
    """One class per example, the likeliest of the probabilities."""

    activation = staticmethod(softmax)
    compile = staticmethod(compile_model)
    evaluate = staticmethod(evaluate)
    compare = staticmethod(compare)
    accuracy = staticmethod(accuracy)
    details = staticmethod(details)

    def parity(self, comparison: Comparison, precision: Precision) -> Check:
        """As `parity` of this module, of whole inputs."""
        return parity(comparison, precision)

    def baseline(self, answers: Array, truth: Truth) -> AgainstBaseline | None:
        """Always the commonest class."""
        own = self.evaluate(answers, truth)[0]
        return classes.against_commonest(
            _first_choices(answers), truth.labels[:, None], truth.classes, own
        )

    def recalls(self, answers: Array, truth: Truth) -> Mapping[str, Metric]:
        """Of each class that the split has."""
        labels = truth.labels[:, None]
        return classes.recalls(_first_choices(answers), labels, truth.classes, "example")

    def unanswered(self, answers: Array, truth: Truth) -> tuple[str, ...]:
        """Classes that are no example's first choice."""
        return classes.unanswered(_first_choices(answers), truth.labels[:, None], truth.classes)

    def class_loss(self, truth: Truth, reference: Array, candidate: Array) -> Check | None:
        """First choices of each class, the file's against the reference's."""
        before, after = _first_choices(reference), _first_choices(candidate)
        return classes.class_loss(truth.labels[:, None], before, after, truth.classes, "examples")

    def probability_checks(
        self, truth: Truth, reference: Array, candidate: Array, precision: Precision
    ) -> tuple[Check, ...]:
        """How far they can be relied on, and whether their steps are fine enough."""
        most, labels = precision.tolerances.confidence, truth.labels[:, None]
        return (
            confidence_loss(labels, reference[:, None], candidate[:, None], most),
            resolution(reference, candidate, precision),
        )

    def calibration_error(self, outputs: Array, truth: Truth) -> float | None:
        """Of the likeliest class."""
        return calibration_error(outputs[:, None], truth.labels[:, None])

    def wrong(self, answers: Array, labels: Array) -> Array | None:
        """Where another class is likelier than the true one."""
        wrong: Array = answers.argmax(axis=-1) != labels
        return wrong

    def describe_answer(self, answer: Any, classes: tuple[str, ...]) -> tuple[str, float | None]:
        """The likeliest class and its probability."""
        best = int(answer.argmax())
        return classes[best], float(answer[best])

    def describe_label(self, label: Any, classes: tuple[str, ...]) -> str:
        """The class."""
        return classes[int(label)]

    def decoded(
        self, output: Any, classes: tuple[str, ...], most: int, steps: Sequence[str] = ()
    ) -> DecodedOutput:
        """The likeliest classes with their probabilities."""
        best, confidence = self.describe_answer(output, classes)
        return DecodedOutput(
            answer=best,
            confidence=confidence,
            scores=likeliest(output, classes, most),
            probabilities=True,
            chosen=(best,),
        )


@hookimpl
def zoo_tasks() -> Iterable[Task]:
    """Yields the classification of images, of sequences and of sounds."""
    kinds = {"image": "image", "sequence": "sequence", "audio": "sound"}
    for name, kind in kinds.items():
        yield Classification(
            name=f"{name}-classification",
            summary=f"One class per {kind}",
            # Hubs have no word for sequences, which are texts or series.
            pipeline_tag="" if name == "sequence" else f"{name}-classification",
            outputs=(Output(name="probabilities", content=CLASS_SCORES),),
        )
