"""Regression: one real number for each target, in the units of the data.

Errors of several targets, which may be of different units, are put together as shares of each
target's standard deviation on the examples that the network is judged on: the scaled error.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.common.errors import UsageError
from zoo.common.optional_imports import require
from zoo.contracts import Check, Comparison, Metric, Output, Precision, Task, Truth
from zoo.contracts.baseline import AgainstBaseline
from zoo.contracts.geometric_transform import GeometricTransform
from zoo.contracts.prediction import DecodedOutput, NamedScore
from zoo.contracts.training_objective import TargetUnits
from zoo.data.preprocessing.augment import unmoved_note
from zoo.hookspecs import hookimpl
from zoo.results.formatting import number, plus_minus, plus_minus_range
from zoo.tasks.classification import check_shapes
from zoo.tasks.means import half_width
from zoo.tasks.target_checks import alignment, resolution, rounding

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Outputs that moved by more than this share of their spread are other answers.
NEAR = 0.25
#: Of fewer outputs the spread says little: their size counts.
_LEAST_SPREAD = 16
#: A rise of the error below this share of the targets' spread is nothing that anyone sees.
_MATERIAL = 1e-3
#: Of examples that are shown, those count as wrong that are off by so many mean errors.
_WRONG = 2.0
#: Divides what would else be divided by zero: the least normal number of float32.
_LEAST = 2.0**-126
#: A deviation below this share of a target's size is rounding.
_CONSTANT = 1e-9


def spreads(targets: Array) -> Array:
    """The standard deviation of each target, float64 (targets,); the size of one without any."""
    import numpy as np

    values = targets.astype(np.float64)
    spread, size = values.std(axis=0), np.abs(values).mean(axis=0)
    constant = spread <= _CONSTANT * size
    spread[constant] = np.where(size[constant] > 0.0, size[constant], 1.0)
    known: Array = np.maximum(spread, _LEAST)
    return known


def scaled_errors(answers: Array, targets: Array) -> Array:
    """Of each example the mean over targets of |error| / spread, float64 (examples,)."""
    import numpy as np

    errors = np.abs(answers.astype(np.float64) - targets) / spreads(targets)
    mean: Array = errors.mean(axis=1)
    return mean


class Regression(Task):
    """Real targets: mean absolute error, with root mean square error and R² beside it."""

    def activation(self, outputs: Any) -> Any:
        """What the network gives, which is in the units of the data already."""
        return outputs

    def compile(self, model: Any, optimizer: Any, options: Any) -> str:
        """Huber's loss (Huber 1964) on standardized targets; monitors their absolute error.

        Raises:
            UsageError: Labels are to be smoothed.
        """
        if options.label_smoothing:
            raise UsageError(
                "real targets cannot be smoothed",
                why="--label-smoothing spreads a share of a label over all classes, and there are "
                "none",
                fix="leave out --label-smoothing",
            )
        keras = require("keras")
        model.compile(
            optimizer=optimizer,
            loss=keras.losses.Huber(delta=1.0),
            metrics=[keras.metrics.MeanAbsoluteError(name="scaled error")],
            jit_compile=False,
        )
        return "scaled error"

    def units(self, labels: Array) -> TargetUnits | None:
        """Mean and standard deviation of each target."""
        import numpy as np

        return TargetUnits(offset=labels.mean(axis=0, dtype=np.float64), spread=spreads(labels))

    def training_notes(self, options: Any) -> tuple[str, ...]:
        """That targets do not follow pictures that are moved."""
        return unmoved_note(options.augment, "targets")

    def transform_labels(self, labels: Any, transform: GeometricTransform) -> Any:
        """Targets are about the whole picture: they stay."""
        return labels

    def compare(self, reference: Array, candidate: Array) -> Comparison:
        """Differences in the units of the data, and how many outputs moved by little.

        Raises:
            ZooError: The shapes differ.
        """
        import numpy as np

        check_shapes(reference, candidate)
        difference = np.abs(reference.astype(np.float64) - candidate.astype(np.float64))
        spread = self._beside(reference)
        moved = np.maximum(difference - rounding(reference), 0.0)
        near = (moved <= NEAR * spread).all(axis=1)
        return Comparison(
            count=len(reference),
            max_abs=float(difference.max()),
            mean_abs=float(difference.mean()),
            agreement=float(near.mean()),
            farthest=float((moved / spread).max()),
        )

    @staticmethod
    def _beside(reference: Array) -> Array:
        import numpy as np

        if len(reference) >= _LEAST_SPREAD:
            return spreads(reference)
        size = np.abs(reference).max(axis=0).astype(np.float64)
        known: Array = np.maximum(size, _LEAST)
        return known

    def parity(self, comparison: Comparison, precision: Precision) -> Check:
        """Outputs that stay near the network's, as shares of their spread."""
        agreed, most = comparison.agreed(precision), precision.tolerances.max_abs
        farthest = math.nan if comparison.farthest is None else comparison.farthest
        # Written so that a NaN, which compares false to everything, fails.
        close = most == math.inf or farthest <= most
        limit = f"within {NEAR:g} of the spread on at least {100.0 * agreed.least:g}%"
        if most < math.inf:
            limit += f", max |Δ| <= {most:g} of the spread"
        reason = ""
        if not agreed.passed:
            reason = (
                f"{1 - comparison.agreement:.1%} of {comparison.count} real inputs are answered "
                f"otherwise: farther from the network than {NEAR:g} of the outputs' spread"
            )
        elif not close:
            reason = f"outputs differ by up to {farthest:.2g} of their spread"
        return Check(
            name="parity",
            passed=agreed.passed and close,
            value=f"{comparison.agreement:.2%} of {comparison.count} within {NEAR:g} of the "
            f"spread, max |Δ| {comparison.max_abs:.2g}",
            limit=limit,
            reason=reason,
            unsure=agreed.unsure("inputs"),
        )

    def evaluate(self, answers: Array, truth: Truth) -> tuple[Metric, ...]:
        """Of one target its errors in its own unit; of several the scaled ones, then each one's."""
        import numpy as np

        errors = answers.astype(np.float64) - truth.labels
        if errors.shape[1] == 1:
            one = errors[:, 0]
            return (
                _mean_error("mean absolute error", np.abs(one)),
                _root_mean_square(one),
                _explained(errors, truth.labels),
            )
        return (
            _mean_error("scaled error", scaled_errors(answers, truth.labels)),
            *(
                _mean_error(f"error of {name}", np.abs(errors[:, place]))
                for place, name in enumerate(truth.classes)
            ),
            _explained(errors, truth.labels),
        )

    def accuracy(self, truth: Truth, reference: Array, candidate: Array, max_drop: float) -> Check:
        """A paired t-interval of what the file errs more than the reference on each example.

        A file fails when its error is more than `max_drop` per cent larger *and* the interval lies
        above zero; what is below a thousandth of the targets' spread does not count.
        """
        before, after = (scaled_errors(o, truth.labels) for o in (reference, candidate))
        rise, wide = float((after - before).mean()), half_width(after - before)
        base = max(float(before.mean()), _LEAST)
        percent, low, high = (100.0 * end / base for end in (rise, rise - wide, rise + wide))
        # Written so that a NaN fails.
        passed = percent <= max_drop or rise <= _MATERIAL or low <= 0.0
        return Check(
            name="accuracy",
            passed=passed,
            value=f"error {plus_minus(percent)} % ({plus_minus_range(low, high)}, 95 %, paired)",
            limit=f"no significant rise above {max_drop:g} %",
            reason=""
            if passed
            else f"its error is {percent:.1f} % above its network's, and chance does not explain "
            f"it ({plus_minus_range(low, high, '.1f')} %, 95 %)",
        )

    def baseline(self, answers: Array, truth: Truth) -> AgainstBaseline | None:
        """Always the median of the training split."""
        import numpy as np

        learnt = truth.labels if truth.training is None else truth.training.labels
        median = np.median(learnt, axis=0).astype(np.float32)
        constant = np.broadcast_to(median, truth.labels.shape)
        own, trivial = (self.evaluate(given, truth)[0] for given in (answers, constant))
        base = scaled_errors(constant, truth.labels)
        less = base - scaled_errors(answers, truth.labels)
        mean, wide = float(less.mean()), half_width(less)
        scale = 100.0 / max(float(base.mean()), _LEAST)
        shown = self.describe_label(median[:3], truth.classes[:3])
        return AgainstBaseline(
            answer=f"always the training median: {shown}" + (", …" if len(median) > 3 else ""),
            metric=trivial,
            gain=-trivial.lost_by(own),
            low=scale * (mean - wide),
            high=scale * (mean + wide),
            better=mean - wide > 0.0,
            tellable=float(base.mean()) > half_width(base),
        )

    def probability_checks(
        self, truth: Truth, reference: Array, candidate: Array, precision: Precision
    ) -> tuple[Check, ...]:
        """Whether outputs are scaled or shifted, and whether their steps are fine enough."""
        names = truth.classes
        errors = abs(reference.astype("float64") - truth.labels).mean(axis=0)
        return (
            alignment(reference, candidate, spreads(reference), names, precision),
            resolution(reference, candidate, errors, names, precision),
        )

    def wrong(self, answers: Array, labels: Array) -> Array | None:
        """Those that are off by more than twice the mean error."""
        errors = scaled_errors(answers, labels)
        wrong: Array = errors > _WRONG * errors.mean()
        return wrong

    def describe_answer(self, answer: Any, classes: tuple[str, ...]) -> tuple[str, float | None]:
        """Each target's name and value."""
        return self.describe_label(answer, classes), None

    def describe_label(self, label: Any, classes: tuple[str, ...]) -> str:
        """Each target's name and value."""
        return ", ".join(f"{n} {number(float(v), 4)}" for n, v in zip(classes, label, strict=True))

    def decoded(
        self, output: Any, classes: tuple[str, ...], most: int, steps: Sequence[str] = ()
    ) -> DecodedOutput:
        """Every target with its value."""
        values = zip(classes, output.tolist(), strict=True)
        return DecodedOutput(
            answer=self.describe_answer(output, classes)[0],
            scores=tuple(NamedScore(name=name, value=value) for name, value in values),
        )

    def details(self, answers: Array, truth: Truth) -> Mapping[str, Any]:
        """Spread of each target, which scaled errors are shares of."""
        return {"spreads": dict(zip(truth.classes, spreads(truth.labels).tolist(), strict=True))}


def _mean_error(name: str, errors: Array) -> Metric:
    mean, wide = float(errors.mean()), half_width(errors)
    return Metric(
        name=name,
        value=mean,
        low=max(mean - wide, 0.0),
        high=mean + wide,
        count=len(errors),
        higher_is_better=False,
    )


def _root_mean_square(errors: Array) -> Metric:
    """The root mean square error; the ends are the roots of those of the mean square."""
    squares = errors**2
    mean, wide = float(squares.mean()), half_width(squares)
    return Metric(
        name="RMSE",
        value=math.sqrt(mean),
        low=math.sqrt(max(mean - wide, 0.0)),
        high=math.sqrt(mean + wide),
        count=len(errors),
        higher_is_better=False,
    )


def _explained(errors: Array, targets: Array) -> Metric:
    """R², the mean over targets, with the interval that linearization gives a ratio of means."""
    import numpy as np

    around = np.square(targets.astype(np.float64) - targets.mean(axis=0, dtype=np.float64))
    whole = np.maximum(around.mean(axis=0), _LEAST)
    share = np.square(errors).mean(axis=0) / whole
    each = ((np.square(errors) - share * around) / whole).mean(axis=1)
    value, wide = 1.0 - float(share.mean()), half_width(each)
    return Metric(
        name="R²", value=value, low=value - wide, high=min(value + wide, 1.0), count=len(errors)
    )


@hookimpl
def zoo_tasks() -> Iterable[Task]:
    """Yields the task."""
    yield Regression(
        name="regression",
        summary="Real numbers, one for each target, in the units of the data",
        outputs=(
            Output(
                name="targets",
                meaning="one number for each target, in the units of the data",
                reading="targets",
            ),
        ),
        higher_is_better=False,
        least_classes=1,
        max_drop={"int8": 10.0},
        networks_of=("image-classification", "sequence-classification"),
        one_choice=False,
    )
