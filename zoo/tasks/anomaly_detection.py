"""Anomaly detection: a network learns to reproduce normal examples, and fails at others.

An example's score is how far it is from its reconstruction; above a threshold, which is chosen on
the validation split, it is called an anomaly. The headline is the area under the ROC curve, which
no threshold decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.common.errors import UsageError
from zoo.common.optional_imports import require
from zoo.common.proportions import wilson_interval
from zoo.contracts import Check, Comparison, Metric, Output, Precision, Preprocessing, Task, Truth
from zoo.contracts.baseline import AgainstBaseline
from zoo.contracts.geometric_transform import GeometricTransform
from zoo.contracts.outputs import RECONSTRUCTION
from zoo.contracts.prediction import DecodedOutput, NamedScore
from zoo.contracts.weakness import Weakness
from zoo.hookspecs import hookimpl
from zoo.results.formatting import number, plus_minus, plus_minus_range
from zoo.tasks import anomaly_checks
from zoo.tasks.anomaly_scores import SCALE, distances_from_mean, scores_of, squared_error
from zoo.tasks.auc import (
    Placements,
    area_interval,
    curve,
    paired_difference,
    youden_threshold,
)

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Labels, and what they are called.
NORMAL, ANOMALY = 0, 1
CLASSES = ("normal", "anomaly")
AREA = "AUC"
THRESHOLD, RULE = "threshold", "rule"
#: How thresholds are chosen: with anomalies in validation, and without.
_YOUDEN = "largest true less false positive rate on the validation split (Youden's J)"
_QUANTILE = "95 % of the validation split's examples, which are all normal, lie below"
_SHARE = 0.95
#: Loss and metric in training.
_ERROR = "reconstruction error"


class AnomalyDetection(Task):
    """Normal or not: the area under the ROC curve, and a verdict by a threshold."""

    def activation(self, outputs: Any) -> Any:
        """What the network gives: the normalized input as it reproduces it."""
        return outputs

    def compile(self, model: Any, optimizer: Any, options: Any) -> str:
        """The reconstruction error of training examples; monitors that of normal ones.

        Raises:
            UsageError: Labels are to be smoothed.
        """
        if options.label_smoothing:
            raise UsageError(
                "anomaly detection has no labels to smooth",
                why="the network learns to reproduce normal examples",
                fix="leave out --label-smoothing",
            )
        keras = require("keras")

        def loss(labels: Any, errors: Any) -> Any:
            return keras.ops.mean(errors)

        class NormalError(keras.metrics.Mean):  # type: ignore[misc, name-defined, unused-ignore]
            """The mean over normal examples."""

            def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
                normal = keras.ops.equal(keras.ops.reshape(y_true, (-1,)), NORMAL)
                weights = keras.ops.cast(normal, "float32")
                super().update_state(keras.ops.reshape(y_pred, (-1,)), weights)

        model.compile(
            optimizer=optimizer, loss=loss, metrics=[NormalError(name=_ERROR)], jit_compile=False
        )
        return _ERROR

    def class_labels(self, labels: Array) -> Array | None:
        """None: all training examples are normal."""
        return None

    def transform_labels(self, labels: Any, transform: GeometricTransform) -> Any:
        """An example stays normal however it is moved."""
        return labels

    def choose_decoding(self, outputs: Array, truth: Truth) -> Mapping[str, float | str]:
        """The threshold, by Youden's J, or by a quantile where no anomaly is there to choose by."""
        import numpy as np

        scores, anomalous = scores_of(outputs, truth), truth.labels == ANOMALY
        if anomalous.any():
            return {THRESHOLD: youden_threshold(scores, anomalous), RULE: _YOUDEN}
        return {THRESHOLD: float(np.quantile(scores, _SHARE)), RULE: _QUANTILE}

    @property
    def threshold(self) -> float | None:
        """The score above which an example is an anomaly; None before one was chosen."""
        value = self.decoding.get(THRESHOLD)
        return None if value is None else float(value)

    def verdicts(self, scores: Any) -> Array:
        """`ANOMALY` where a score is above the threshold, or no number; else `NORMAL`: int64."""
        import numpy as np

        threshold = np.inf if self.threshold is None else self.threshold
        verdicts: Array = np.where(scores <= threshold, NORMAL, ANOMALY)
        return verdicts

    def answers(self, outputs: Array, truth: Truth) -> Array:
        """Scores, float64 (examples,)."""
        return scores_of(outputs, truth)

    def compare(self, reference: Array, candidate: Array) -> Comparison:
        """Differences of reconstructions, beside their spread; see `anomaly_checks`."""
        return anomaly_checks.compare(reference, candidate)

    def parity(self, comparison: Comparison, precision: Precision) -> Check:
        """Reconstructions that stay near the network's."""
        return anomaly_checks.parity(comparison, precision)

    def evaluate(self, answers: Array, truth: Truth) -> tuple[Metric, ...]:
        """The area under the curve; precision and recall at the threshold.

        Nothing of examples that are all normal, or all anomalies.
        """
        import numpy as np

        anomalous = truth.labels == ANOMALY
        if anomalous.all() or not anomalous.any():
            return ()
        # What is no number is no score: it counts as the highest there is.
        found = Placements.of(np.nan_to_num(answers, nan=np.inf), anomalous)
        low, high = area_interval(found)
        count = len(anomalous)
        metrics = [Metric(name=AREA, value=found.area, low=low, high=high, count=count)]
        if self.threshold is not None:
            flagged = self.verdicts(answers) == ANOMALY
            hits = int((flagged & anomalous).sum())
            for name, whole in (("precision", flagged), ("recall", anomalous)):
                if of := int(whole.sum()):
                    ends = wilson_interval(hits, of)
                    metrics.append(_rate(f"{name} at the threshold", hits / of, ends, count))
        return tuple(metrics)

    def accuracy(
        self, truth: Truth, reference: Array, candidate: Array, max_drop: float
    ) -> Check | None:
        """DeLong's paired test of the two areas under the curve.

        A file fails when its area is more than `max_drop` points below the reference's *and* the
        95 % interval of the difference lies below zero.
        """
        anomalous = truth.labels == ANOMALY
        if anomalous.all() or not anomalous.any():
            return None
        before, after = (Placements.of(scores, anomalous) for scores in (reference, candidate))
        change, low, high = (100.0 * end for end in paired_difference(before, after))
        # Written so that a NaN fails.
        passed = change >= -max_drop or high >= 0.0
        return Check(
            name="AUC",
            passed=passed,
            value=f"{plus_minus(change, '.3g')} points ({plus_minus_range(low, high, '.3g')}, "
            "95 %, paired)",
            limit=f"no significant loss above {max_drop:g} points",
            reason=""
            if passed
            else f"its area under the ROC curve is {-change:.2f} points below its network's, and "
            f"chance does not explain it ({plus_minus_range(low, high, '.2f')}, 95 %)",
        )

    def baseline(self, answers: Array, truth: Truth) -> AgainstBaseline | None:
        """The distance from the mean of the training, or one score for all, whichever is better."""
        import numpy as np

        anomalous = truth.labels == ANOMALY
        told, scores = "the same score for all", np.zeros(len(anomalous))
        distances = distances_from_mean(truth)
        if distances is not None and Placements.of(distances, anomalous).area > 0.5:
            told, scores = "the distance from the mean of the training examples", distances
        own, trivial = (Placements.of(given, anomalous) for given in (answers, scores))
        gain, low, high = paired_difference(trivial, own)
        ends = area_interval(trivial)
        perfect, most, _ = paired_difference(
            trivial, Placements.of(anomalous.astype(np.float64), anomalous)
        )
        return AgainstBaseline(
            answer=told,
            metric=_rate(AREA, trivial.area, ends, len(anomalous)),
            gain=100.0 * gain,
            low=100.0 * low,
            high=100.0 * high,
            better=low > 0.0,
            tellable=perfect > 0.0 and most > 0.0,
            chance=scores is not distances,
        )

    def weaknesses(self, answers: Array, truth: Truth) -> tuple[Weakness, ...]:
        """A threshold that calls every example an anomaly, or none."""
        if self.threshold is None:
            return ()
        flagged = self.verdicts(answers) == ANOMALY
        if 0 < flagged.sum() < len(flagged):
            return ()
        what = "every one" if flagged.any() else "none"
        return (
            Weakness(
                code="one-verdict",
                text=f"the threshold {number(self.threshold)} calls {what} of {len(flagged):,} "
                "examples an anomaly",
                fix="look at validation and test (`zoo data`): the threshold was chosen on the "
                "validation split, which must be like what the network is judged on",
            ),
        )

    def probability_checks(
        self, truth: Truth, reference: Array, candidate: Array, precision: Precision
    ) -> tuple[Check, ...]:
        """Whether reconstructions are scaled or shifted, and scores and verdicts the network's."""
        before, after = (scores_of(outputs, truth) for outputs in (reference, candidate))
        return (
            anomaly_checks.alignment_of(reference, candidate, precision),
            anomaly_checks.scores(before, after, self.threshold, precision),
        )

    def wrong(self, answers: Array, labels: Array) -> Array | None:
        """Those whose verdict is another than their label."""
        wrong: Array = self.verdicts(answers) != labels
        return wrong

    def severity(self, answers: Array, labels: Array) -> Array | None:
        """How far a score is on the wrong side of the threshold, in thresholds."""
        import numpy as np

        threshold = self.threshold or 1.0
        beyond = (answers - threshold) / threshold
        severity: Array = np.where(labels == ANOMALY, -beyond, beyond)
        return severity

    def describe_answer(self, answer: Any, classes: tuple[str, ...]) -> tuple[str, float | None]:
        """The verdict with its score."""
        score = f"score {number(float(answer))}"
        if self.threshold is None:
            return score, None
        return f"{classes[int(self.verdicts(answer))]}, {score}", None

    def describe_label(self, label: Any, classes: tuple[str, ...]) -> str:
        """``normal`` or ``anomaly``."""
        return classes[int(label)]

    def decoded_beside(
        self,
        output: Any,
        given: Callable[[], Array],
        preprocessing: Preprocessing,
        classes: tuple[str, ...],
        most: int,
        steps: Sequence[str] = (),
    ) -> DecodedOutput:
        """The verdict, the score, and the threshold between them."""
        score = float(squared_error(output[None], given()[None], preprocessing)[0])
        if self.threshold is None:
            return DecodedOutput(
                answer=f"score {number(score)}", scores=(NamedScore(name="score", value=score),)
            )
        verdict = classes[int(self.verdicts(score))]
        return DecodedOutput(
            answer=f"{verdict}, score {number(score)} (threshold {number(self.threshold)})",
            scores=(
                NamedScore(name="score", value=score),
                NamedScore(name=THRESHOLD, value=self.threshold),
            ),
            chosen=(verdict,),
        )

    def picture_of(self, output: Array, preprocessing: Preprocessing) -> Array | None:
        """The reconstruction in the units of raw inputs."""
        return anomaly_checks.raw_units(output, preprocessing)

    def details(self, answers: Array, truth: Truth) -> Mapping[str, Any]:
        """The ROC curve, the threshold, its rule and where on the curve it is."""
        import numpy as np

        anomalous = truth.labels == ANOMALY
        told: dict[str, Any] = {"score": SCALE, "anomalies": int(anomalous.sum()), **self.decoding}
        if not anomalous.any() or anomalous.all():
            return told
        known = np.nan_to_num(answers, nan=np.inf)
        told["roc"] = [list(point) for point in curve(known, anomalous)]
        if self.threshold is not None:
            flagged = self.verdicts(answers) == ANOMALY
            rates = (flagged[~anomalous].mean(), flagged[anomalous].mean())
            told["at_threshold"] = [round(float(rate), 5) for rate in rates]
        return told


def _rate(name: str, value: float, ends: tuple[float, float], count: int) -> Metric:
    return Metric(name=name, value=value, low=ends[0], high=ends[1], count=count)


def trainee(network: Any, preprocessing: Preprocessing) -> Any:
    """What is trained: raw inputs to the reconstruction error of each, (batch, 1)."""
    from zoo.networks.building import normalization, raw_input

    keras = require("keras")
    raw = raw_input(preprocessing, None)
    given = normalization(preprocessing)(raw)
    apart = keras.ops.square(network(given) - given)
    errors = keras.ops.mean(keras.ops.reshape(apart, (-1, _size(network))), axis=1, keepdims=True)
    return keras.Model(raw, errors)


def _size(network: Any) -> int:
    import math

    return math.prod(network.output_shape[1:])


@hookimpl
def zoo_tasks() -> Iterable[Task]:
    """Yields the task."""
    yield AnomalyDetection(
        name="anomaly-detection",
        summary="Normal or not, by networks that reproduce what is normal",
        outputs=(
            Output(
                name="reconstruction",
                meaning="the normalized input as the network reproduces it; the mean squared "
                "difference from the input is the anomaly score",
                reading=RECONSTRUCTION,
            ),
        ),
        higher_is_better=False,
        quality_rises=True,
        own_decoding=(THRESHOLD, RULE),
        trainee=trainee,
        max_drop={"int8": 1.0},
        one_choice=False,
        one_class=True,
    )
