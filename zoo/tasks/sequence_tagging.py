"""Sequence tagging: one class per step; what is padding is neither learnt nor measured.

Steps of one sequence are no independent examples: a network that is lost in the middle stays lost.
Intervals and tests therefore take sequences as what was drawn at random.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zoo.common.optional_imports import require
from zoo.contracts import Check, Comparison, Metric, Output, Precision, Task, Truth
from zoo.contracts.dataset import IGNORED
from zoo.contracts.prediction import DecodedOutput, DecodedStep
from zoo.contracts.whole_batch import whole_batch_sum
from zoo.hookspecs import hookimpl
from zoo.results.formatting import plus_minus
from zoo.tasks import classes, classification
from zoo.tasks.clusters import clustered_interval, sign_flip_p
from zoo.tasks.confidence import calibration_error, confidence_loss, resolution

if TYPE_CHECKING:
    from zoo.contracts.baseline import AgainstBaseline
    from zoo.contracts.task import Array


def compile_model(model: Any, optimizer: Any, options: Any) -> str:
    """Cross-entropy on the logits of real steps, each counting the same; monitors accuracy."""
    keras = require("keras")
    ops = keras.ops
    smoothing = float(options.label_smoothing)

    def cross_entropy(labels: Any, logits: Any) -> Any:
        real = ops.cast(ops.not_equal(labels, IGNORED), logits.dtype)
        # Padding has no class: one-hot makes zeros of it, which `real` leaves out.
        targets = ops.one_hot(ops.cast(labels, "int32"), logits.shape[-1])
        losses = keras.losses.categorical_crossentropy(
            targets, logits, from_logits=True, label_smoothing=smoothing
        )
        # One loss per step, so that steps can be weighted; its mean over all is that of real ones.
        count = whole_batch_sum(ops.cast(ops.size(real), logits.dtype))
        return losses * real * count / ops.maximum(whole_batch_sum(ops.sum(real)), 1.0)

    class StepAccuracy(keras.metrics.Mean):  # type: ignore[misc, name-defined]
        """Share of real steps whose class is chosen."""

        def update_state(self, labels: Any, logits: Any, sample_weight: Any = None) -> None:
            right = ops.equal(ops.cast(labels, "int64"), ops.cast(ops.argmax(logits, -1), "int64"))
            super().update_state(
                ops.cast(right, "float32"), ops.cast(ops.not_equal(labels, IGNORED), "float32")
            )

    model.compile(
        optimizer=optimizer,
        loss=cross_entropy,
        metrics=[StepAccuracy(name="accuracy")],
        jit_compile=False,
    )
    return "accuracy"


def evaluate(answers: Array, truth: Truth) -> tuple[Metric, ...]:
    """Share of real steps that are right, with an interval that takes sequences as the sample.

    The interval is Wilson's for the effective number of steps: those that there are, divided by
    the design effect of sequences (see `zoo.tasks.clusters.clustered_interval`).
    """
    right, steps = _per_sequence(answers, truth)
    low, high = clustered_interval(right, steps, classification.CONFIDENCE)
    return (
        Metric(
            name="step accuracy",
            value=float(right.sum() / steps.sum()),
            low=low,
            high=high,
            count=int(steps.sum()),
            counted="step",
        ),
    )


def compare(reference: Array, candidate: Array) -> Comparison:
    """As classifications are compared, step by step; the agreement is a share of steps.

    Args:
        reference: Probabilities, (sequences, steps, classes), or of chosen steps (steps, classes).
        candidate: Of the same shape.

    Raises:
        ZooError: The shapes differ.
    """
    classification.check_shapes(reference, candidate)
    classes = reference.shape[-1]
    steps = classification.compare(reference.reshape(-1, classes), candidate.reshape(-1, classes))
    return replace(steps, count=len(reference))


def parity(comparison: Comparison, precision: Precision) -> Check:
    """Parity of a file with the Keras model."""
    return classification.parity(comparison, precision, what="steps")


def accuracy(truth: Truth, reference: Array, candidate: Array, max_drop: float) -> Check:
    """A paired test of the file against its reference on the same sequences.

    Each sequence brings one difference: the steps that the file gets right beyond those that the
    reference does. Were the two equally good, each difference could as well have the other sign
    (Fisher 1935, "The Design of Experiments", sec. 21). A file fails when it loses more than
    `max_drop` points of step accuracy *and* the loss is larger than chance explains.
    """
    before, steps = _per_sequence(reference, truth)
    after, _ = _per_sequence(candidate, truth)
    differences = after - before
    change = 100.0 * float(differences.sum() / steps.sum())
    p_value = sign_flip_p(differences)
    worse = -change > max_drop and p_value < classification.SIGNIFICANCE
    lost, gained = int((differences < 0).sum()), int((differences > 0).sum())
    return Check(
        name="accuracy",
        passed=not worse,
        value=f"{plus_minus(change)} points ({lost} sequences worse, {gained} better, "
        f"sign-flip p = {p_value:.2g})",
        limit=f"no significant loss above {max_drop:g} points",
        reason=f"loses {-change:.2f} points, and chance does not explain it (p = {p_value:.2g})"
        if worse
        else "",
    )


def details(answers: Array, truth: Truth) -> Mapping[str, Any]:
    """The confusion matrix over real steps: rows are true classes, columns predicted ones."""
    real = truth.labels != IGNORED
    chosen = answers.argmax(axis=-1)
    matrix = classification.confusion(truth.labels[real], chosen[real], len(truth.classes))
    return {
        "confusion": matrix,
        "classes": list(truth.classes),
        "sequences": len(truth.labels),
    }


def _per_sequence(outputs: Array, truth: Truth) -> tuple[Array, Array]:
    """Right steps and real steps of each sequence, int64 (sequences,)."""
    real = truth.labels != IGNORED
    right = (outputs.argmax(axis=-1) == truth.labels) & real
    return right.sum(axis=-1), real.sum(axis=-1)


class SequenceTagging(Task):
    """One class per step, the likeliest of its probabilities."""

    activation = staticmethod(classification.softmax)
    compile = staticmethod(compile_model)
    evaluate = staticmethod(evaluate)
    compare = staticmethod(compare)
    parity = staticmethod(parity)
    accuracy = staticmethod(accuracy)
    details = staticmethod(details)

    def class_labels(self, labels: Array) -> Array | None:
        """The class of each step."""
        return labels

    def baseline(self, answers: Array, truth: Truth) -> AgainstBaseline | None:
        """Always the commonest tag."""
        own = self.evaluate(answers, truth)[0]
        return classes.against_commonest(answers.argmax(-1), truth.labels, truth.classes, own)

    def recalls(self, answers: Array, truth: Truth) -> Mapping[str, Metric]:
        """Of each tag that the split has."""
        return classes.recalls(answers.argmax(-1), truth.labels, truth.classes, "step")

    def unanswered(self, answers: Array, truth: Truth) -> tuple[str, ...]:
        """Tags that are no step's first choice."""
        return classes.unanswered(answers.argmax(-1), truth.labels, truth.classes)

    def class_loss(self, truth: Truth, reference: Array, candidate: Array) -> Check | None:
        """First choices of each tag, the file's against the reference's."""
        before, after = reference.argmax(-1), candidate.argmax(-1)
        return classes.class_loss(truth.labels, before, after, truth.classes, "steps")

    def probability_checks(
        self, truth: Truth, reference: Array, candidate: Array, precision: Precision
    ) -> tuple[Check, ...]:
        """Those of a classification, of each real step."""
        most, labels = precision.tolerances.confidence, truth.labels
        steps = [self.relevant(outputs, labels) for outputs in (reference, candidate)]
        return (
            confidence_loss(labels, reference, candidate, most),
            resolution(steps[0], steps[1], precision),
        )

    def calibration_error(self, outputs: Array, truth: Truth) -> float | None:
        """Of the likeliest class of each real step."""
        return calibration_error(outputs, truth.labels)

    def decoded(
        self, output: Any, classes: tuple[str, ...], most: int, steps: Sequence[str] = ()
    ) -> DecodedOutput:
        """The likeliest class of each real step."""
        found = tuple(
            DecodedStep(text=text, answer=classes[int(own.argmax())], confidence=float(own.max()))
            for text, own in zip(steps, output, strict=False)
        )
        return DecodedOutput(
            answer=" ".join(f"{step.text}/{step.answer}" for step in found),
            chosen=tuple(step.answer for step in found),
            steps=found,
        )

    def relevant(self, outputs: Array, labels: Array) -> Array:
        """The real steps of all sequences, one behind the other: padding has no class."""
        real: Array = outputs[labels != IGNORED]
        return real


@hookimpl
def zoo_tasks() -> Any:
    """Yields the task."""
    yield SequenceTagging(
        name="sequence-tagging",
        summary="One class per step of a sequence",
        outputs=(Output(name="probabilities"),),
        stepwise=True,
    )
