"""Multi-label classification: any number of labels may be true of one example, each by itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zoo.common.optional_imports import require
from zoo.common.proportions import wilson_interval
from zoo.contracts import Check, Comparison, Metric, Output, Precision, Task, Truth
from zoo.contracts.baseline import AgainstBaseline
from zoo.contracts.geometric_transform import GeometricTransform
from zoo.contracts.outputs import CLASS_SCORES
from zoo.contracts.prediction import DecodedOutput, likeliest
from zoo.data.preprocessing.augment import unmoved_note
from zoo.hookspecs import hookimpl
from zoo.results.formatting import plus_minus, plus_minus_range
from zoo.tasks import classes as by_class
from zoo.tasks.classification import check_shapes
from zoo.tasks.confidence import TIE, calibration_error, confidence_loss
from zoo.tasks.ranking import Resampled, average_precisions, f1_scores

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: From this probability on a label is answered.
THRESHOLD = 0.5
SIGNIFICANCE = 0.05
#: Of more labels the figures of each are in the details alone.
_MOST_SHOWN = 12


def pairs_of(probabilities: Array) -> Array:
    """Each label's probability of being false and true, (examples, labels, 2)."""
    import numpy as np

    pairs: Array = np.stack([1.0 - probabilities, probabilities], axis=-1)
    return pairs


class MultiLabel(Task):
    """Several labels for each example: macro average precision, with each label's beside it."""

    def activation(self, outputs: Any) -> Any:
        """A probability of each label, by itself."""
        layers = require("keras.layers")
        return layers.Activation("sigmoid", name="probabilities")(outputs)

    def compile(self, model: Any, optimizer: Any, options: Any) -> str:
        """Cross-entropy of each label on logits; monitors the macro average precision."""
        keras = require("keras")
        ops, smoothing = keras.ops, float(options.label_smoothing)

        def cross_entropy(marks: Any, logits: Any) -> Any:
            marks = ops.cast(marks, logits.dtype) * (1.0 - smoothing) + smoothing / 2.0
            # One loss for each label, so that labels can be weighted.
            return ops.maximum(logits, 0.0) - logits * marks + ops.softplus(-ops.abs(logits))

        precision = keras.metrics.AUC(
            curve="PR",
            multi_label=True,
            num_labels=model.output.shape[-1],
            from_logits=True,
            name="average precision",
        )
        model.compile(
            optimizer=optimizer, loss=cross_entropy, metrics=[precision], jit_compile=False
        )
        return "average precision"

    def class_labels(self, labels: Array) -> Array | None:
        """Of each label its presence and its absence: ``balanced`` weighs the two alike."""
        import numpy as np

        each: Array = 2 * np.arange(labels.shape[1]) + labels.astype(np.int64)
        return each

    def training_notes(self, options: Any) -> tuple[str, ...]:
        """That labels do not follow pictures that are moved."""
        return unmoved_note(options.augment, "labels")

    def transform_labels(self, labels: Any, transform: GeometricTransform) -> Any:
        """Labels are about the whole picture: they stay."""
        return labels

    def choices(self, output: Array) -> Sequence[Array]:
        """Each label by itself: true or not."""
        return [pairs_of(output[:, place])[..., ::-1] for place in range(output.shape[1])]

    def compare(self, reference: Array, candidate: Array) -> Comparison:
        """Differences of probabilities, and the share of labels with the same answer, ties aside.

        Raises:
            ZooError: The shapes differ.
        """
        import numpy as np

        check_shapes(reference, candidate)
        difference = np.abs(reference.astype(np.float64) - candidate.astype(np.float64))
        same = (reference >= THRESHOLD) == (candidate >= THRESHOLD)
        same |= np.abs(reference - THRESHOLD) <= TIE
        same &= np.isfinite(candidate)
        return Comparison(
            count=len(reference),
            max_abs=float(difference.max()),
            mean_abs=float(difference.mean()),
            agreement=float(same.mean()),
        )

    def parity(self, comparison: Comparison, precision: Precision) -> Check:
        """The same labels answered, and probabilities that are close."""
        agreed, most = comparison.agreed(precision), precision.tolerances.max_abs
        # Written so that a NaN, which compares false to everything, fails.
        close = most == math.inf or comparison.max_abs <= most
        limit = f"the same answer on at least {100.0 * agreed.least:g}% of labels"
        if most < math.inf:
            limit += f", max |Δ| <= {most:g}"
        reason = ""
        if not agreed.passed:
            reason = (
                f"{1 - comparison.agreement:.1%} of the labels of {comparison.count} real inputs "
                "are answered otherwise"
            )
        elif not close:
            reason = f"probabilities differ by up to {comparison.max_abs:.2g}"
        return Check(
            name="parity",
            passed=agreed.passed and close,
            value=f"{comparison.agreement:.2%} of the labels of {comparison.count} agree, "
            f"max |Δ| {comparison.max_abs:.2g}",
            limit=limit,
            reason=reason,
            unsure=agreed.unsure("inputs"),
        )

    def evaluate(self, answers: Array, truth: Truth) -> tuple[Metric, ...]:
        """Macro average precision and F1, then those of each label that has examples."""
        drawn = Resampled(len(answers), truth.labels.shape[1])
        precision = drawn.interval(lambda w: average_precisions(answers, truth.labels, w))
        f1 = drawn.interval(lambda w: f1_scores(answers >= THRESHOLD, truth.labels, w))
        found = [precision.mean("mean average precision"), f1.mean("mean F1")]
        for place, name in enumerate(truth.classes[:_MOST_SHOWN]):
            if truth.labels[:, place].any():
                found.append(precision.of(place, f"average precision of {name}"))
                found.append(f1.of(place, f"F1 of {name}"))
        return tuple(found)

    def accuracy(self, truth: Truth, reference: Array, candidate: Array, max_drop: float) -> Check:
        """A paired bootstrap of the macro average precision, the same examples drawn for both.

        A file fails when it loses more than `max_drop` points *and* the 95 % interval of the loss
        lies above zero.
        """
        drawn = Resampled(len(reference), truth.labels.shape[1])

        def lost(weights: Array | None) -> Array:
            before, after = (
                average_precisions(outputs, truth.labels, weights)
                for outputs in (reference, candidate)
            )
            difference: Array = 100.0 * (before - after)
            return difference

        loss = drawn.interval(lost).mean("loss")
        # Written so that a NaN fails.
        passed = loss.value <= max_drop or loss.low <= 0.0
        ends = f"{plus_minus_range(-loss.high, -loss.low)}"
        return Check(
            name="accuracy",
            passed=passed,
            value=f"{plus_minus(-loss.value)} points of mean average precision "
            f"({ends}, 95 %, paired)",
            limit=f"no significant loss above {max_drop:g} points",
            reason=""
            if passed
            else f"loses {loss.value:.2f} points of mean average precision, and chance does not "
            f"explain it ({ends}, 95 %)",
        )

    def class_loss(self, truth: Truth, reference: Array, candidate: Array) -> Check | None:
        """Whether a label is lost: each by itself, by the paired test of a class."""
        import numpy as np

        names, other = truth.classes, len(truth.classes)
        found = []
        for place in range(other):
            labels, before, after = (
                np.where(marks[:, place] >= THRESHOLD, place, other)[:, None]
                for marks in (truth.labels, reference, candidate)
            )
            found.append(by_class.class_loss(labels, before, after, names, "examples"))
        lost = [check for check in found if not check.passed]
        if not lost:
            return replace(found[0], value=f"none of {other} labels is lost")
        told = "; ".join(check.value for check in lost[:3])
        return replace(
            lost[0],
            value=told,
            reason=f"a label is lost against the network it was made from: {told}",
        )

    def baseline(self, answers: Array, truth: Truth) -> AgainstBaseline | None:
        """Always the share of training examples that each label is true of."""
        import numpy as np

        learnt = truth.labels if truth.training is None else truth.training.labels
        rates = np.broadcast_to(learnt.mean(axis=0), truth.labels.shape).astype(np.float32)
        own, trivial = (self.evaluate(given, truth)[0] for given in (answers, rates))
        drawn = Resampled(len(answers), truth.labels.shape[1])

        def gained(weights: Array | None) -> Array:
            mine, base = (average_precisions(o, truth.labels, weights) for o in (answers, rates))
            difference: Array = 100.0 * (mine - base)
            return difference

        gain = drawn.interval(gained).mean("gain")
        return AgainstBaseline(
            answer="always the share of training examples with each label",
            metric=trivial,
            gain=100.0 * (own.value - trivial.value),
            low=gain.low,
            high=gain.high,
            better=gain.low > 0.0,
        )

    def unanswered(self, answers: Array, truth: Truth) -> tuple[str, ...]:
        """Labels that are never answered, where chance does not explain it.

        A label as easy as the others would be missed throughout with the probability of as many
        mistakes as it has examples, by the lower end of the interval of the others' recall;
        corrected for the number of labels.
        """
        answered, true = answers >= THRESHOLD, truth.labels > 0
        found = []
        for place, name in enumerate(truth.classes):
            count = int(true[:, place].sum())
            if not count or answered[:, place].any():
                continue
            others = [n for n in range(true.shape[1]) if n != place]
            total = int(true[:, others].sum())
            right = int((true & answered)[:, others].sum())
            low = wilson_interval(right, total)[0] if total else THRESHOLD
            if (1.0 - low) ** count * true.shape[1] < SIGNIFICANCE:
                found.append(name)
        return tuple(found)

    def probability_checks(
        self, truth: Truth, reference: Array, candidate: Array, precision: Precision
    ) -> tuple[Check, ...]:
        """How far the probabilities of all labels can be relied on."""
        marks, most = truth.labels.astype("int64"), precision.tolerances.confidence
        return (confidence_loss(marks, pairs_of(reference), pairs_of(candidate), most),)

    def calibration_error(self, outputs: Array, truth: Truth) -> float | None:
        """Of all labels together."""
        return calibration_error(pairs_of(outputs), truth.labels.astype("int64"))

    def details(self, answers: Array, truth: Truth) -> Mapping[str, Any]:
        """Of each label its examples and figures; none of one that has no example."""
        precision = average_precisions(answers, truth.labels, None)[0]
        f1 = f1_scores(answers >= THRESHOLD, truth.labels, None)[0]
        return {
            "labels": {
                name: {
                    "examples": int(truth.labels[:, place].sum()),
                    "average precision": float(precision[place]),
                    "F1": float(f1[place]),
                }
                for place, name in enumerate(truth.classes)
                if truth.labels[:, place].any()
            }
        }

    def wrong(self, answers: Array, labels: Array) -> Array | None:
        """Where any label is answered wrongly."""
        wrong: Array = ((answers >= THRESHOLD) != (labels > 0)).any(axis=1)
        return wrong

    def describe_answer(self, answer: Any, classes: tuple[str, ...]) -> tuple[str, float | None]:
        """The labels that are answered."""
        return self.describe_label(answer >= THRESHOLD, classes), None

    def describe_label(self, label: Any, classes: tuple[str, ...]) -> str:
        """The labels that are true."""
        names = [name for name, true in zip(classes, label, strict=True) if true]
        return ", ".join(names) or "no label"

    def decoded(
        self, output: Any, classes: tuple[str, ...], most: int, steps: Sequence[str] = ()
    ) -> DecodedOutput:
        """The labels that are answered, and the likeliest ones with their probabilities."""
        chosen = [n for n, p in zip(classes, output, strict=True) if p >= THRESHOLD]
        return DecodedOutput(
            answer=self.describe_answer(output, classes)[0],
            scores=likeliest(output, classes, max(most, len(chosen))),
            probabilities=True,
            chosen=tuple(chosen),
        )


@hookimpl
def zoo_tasks() -> Iterable[Task]:
    """Yields the task."""
    yield MultiLabel(
        name="multi-label",
        summary="Any number of labels for each example",
        outputs=(
            Output(
                name="probabilities",
                meaning="one probability per label, of which any number may be true",
                reading="labels",
                content=CLASS_SCORES,
            ),
        ),
        least_classes=1,
        networks_of=("image-classification", "sequence-classification"),
        one_choice=False,
    )
