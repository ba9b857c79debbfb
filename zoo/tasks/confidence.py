"""Whether a file's probabilities can be relied on as its network's can.

The expected calibration error (Naeini 2015; Guo 2017, "On Calibration of Modern Neural Networks")
is the mean distance of the confidence of answers from the share of them that is right, over bins
of equally many answers (Nixon 2019: bins of equal width leave most bins nearly empty).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.contracts import Check, Precision
from zoo.contracts.dataset import IGNORED
from zoo.contracts.precision import BASELINE, PRECISIONS
from zoo.results.formatting import plus_minus, plus_minus_range

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Two classes whose reference probabilities differ by less are tied: float rounding picks one.
TIE = 2 * BASELINE.tolerances.max_abs
_MOST_BINS = 15
#: Answers that a bin must have.
_LEAST_IN_BIN = 20
_RESAMPLINGS = 1000
_CONFIDENCE = 0.95
#: Numbers that are drawn at once.
_DRAWN = 4_000_000
#: A grid of values counts as one of integers up to this step: wider gaps are between the few
#: values that a network gives which is always sure.
_COARSEST = 1 / 64
#: Outputs that are looked at to find the step.
_STEP_VALUES = 1_000_000
#: A largest probability of fewer steps than this is hardly told from the others.
_FEW_STEPS = 4
#: Share of inputs that may be answered by a tie, or by so few steps.
_TIED_SHARE = 0.05


def calibration_error(probabilities: Array, labels: Array) -> float:
    """The expected calibration error, 0 to 1.

    Args:
        probabilities: (sequences, steps, classes).
        labels: True classes, int64, (sequences, steps); `IGNORED` ones do not count.
    """
    gaps = _gaps(probabilities, labels)
    return float(abs(gaps.sum(axis=0)).sum() / max(1, (labels != IGNORED).sum()))


def _gaps(probabilities: Array, labels: Array) -> Array:
    """Confidence less right answers, summed up: float64 (sequences, bins)."""
    import numpy as np

    real = labels != IGNORED
    sequence = np.nonzero(real)[0]
    confidence = probabilities[real].max(axis=-1).astype(np.float64)
    right = probabilities[real].argmax(axis=-1) == labels[real]
    bins = min(_MOST_BINS, max(1, len(confidence) // _LEAST_IN_BIN))
    # Equal confidences, which integers give often, are in one bin whatever their order.
    firsts = np.arange(1, bins) * len(confidence) // bins
    bin_of = np.searchsorted(np.sort(confidence)[firsts], confidence, side="right")
    gaps = np.zeros((len(labels), bins))
    np.add.at(gaps, (sequence, bin_of), confidence - right)
    return gaps


def confidence_loss(labels: Array, before: Array, after: Array, points: float) -> Check:
    """Whether a file is worse calibrated than its network, on the same labelled examples.

    A paired bootstrap: each resampling draws the same sequences for both. A file fails when its
    error is more than `points` above the network's *and* the 95 % interval of the rise does not
    reach down to zero. What the rise is by lost answers alone is left out: the paired test of
    accuracy judges it.

    Args:
        labels: True classes, int64, (sequences, steps).
        before: The network's probabilities, (sequences, steps, classes).
        after: The file's.
        points: What the error may rise by, percentage points.
    """
    import numpy as np

    real = labels != IGNORED
    counts = real.sum(axis=1).astype(np.float64)
    limit = f"no significant rise above {points:g} points"
    total = int(counts.sum())
    told = ""
    if total < _LEAST_IN_BIN:
        told = f"{total} labelled answers are too few to measure a calibration error"
    elif not np.isfinite(after).all():
        told = "not measured: outputs are NaN or infinite"
    if told:
        return Check(name="confidence", passed=True, value=told, limit=limit)
    gaps = [_gaps(each, labels) for each in (before, after)]
    own, found = (100.0 * float(np.abs(each.sum(axis=0)).sum() / total) for each in gaps)
    right = [(each.argmax(axis=-1) == labels) & real for each in (before, after)]
    lost = 100.0 * max(0, int(right[0].sum()) - int(right[1].sum())) / total
    value = f"calibration error {found:.2f} % beside {own:.2f} %, on {total:,} answers"
    passed, reason = found - own - lost <= points, ""
    if not passed:
        low, high = (end - lost for end in _interval(gaps[0], gaps[1], counts))
        rise, ends = plus_minus(found - own - lost), plus_minus_range(low, high)
        value += f"; rise {rise} points ({ends}, 95 %)"
        passed = low <= 0.0
        if passed:
            value += ": too few answers to tell"
        else:
            reason = (
                f"its probabilities are off by {found:.1f} points from how often it is right, "
                f"those of its network by {own:.1f}"
            )
    return Check(name="confidence", passed=passed, value=value, limit=limit, reason=reason)


def _interval(before: Array, after: Array, counts: Array) -> tuple[float, float]:
    """Of the rise of the error, percentage points."""
    import numpy as np

    random = np.random.default_rng(0)
    each = max(1, min(_RESAMPLINGS, _DRAWN // len(counts)))
    rises: list[float] = []
    while len(rises) < _RESAMPLINGS:
        # Weights of a Poisson distribution: the bootstrap where sequences come independently.
        drawn = random.poisson(1.0, (each, len(counts))).astype(np.float64)
        sizes = np.maximum(drawn @ counts, 1.0)
        errors = [np.abs(drawn @ gaps).sum(axis=1) / sizes for gaps in (before, after)]
        rises += (100.0 * (errors[1] - errors[0])).tolist()
    tail = 50.0 * (1.0 - _CONFIDENCE)
    low, high = np.percentile(rises, [tail, 100.0 - tail])
    return float(low), float(high)


def finer_than(precision: Precision, last: str = "head,probabilities") -> str:
    """What helps where the rounding of a precision picks another class, as measured (gate.md).

    Args:
        precision: Whose rounding it is.
        last: Names of the last layers.
    """
    finer = [
        other.name
        for other in PRECISIONS
        if "float" in other.activations and BASELINE.order < other.order < precision.order
    ]
    choose = f"choose {' or '.join(finer or [BASELINE.name])}"
    if precision.activations.endswith("int8"):
        return f"keep the last layers in float (--keep-float {last}), or {choose}"
    return choose


def resolution(before: Array, after: Array, precision: Precision) -> Check:
    """Whether the steps of a file's probabilities are fine enough for its network's answers.

    Of many classes a network that is not sure gives each less than a step of 8 bits, 1/256: the
    file's answers are ties, of which the first class wins.

    Args:
        before: The network's probabilities, (answers, classes).
        after: The file's.
        precision: Of the file.
    """
    import numpy as np

    step = _step(after)
    two = np.partition(before, -2, axis=-1)[:, -2:]
    tied = (after == after.max(axis=-1, keepdims=True)).sum(axis=-1) > 1
    tied &= two[:, 1] - two[:, 0] > TIE
    few = before.max(axis=-1) < _FEW_STEPS * step
    ties, coarse = float(tied.mean()), float(few.mean())
    steps = f"come in steps of {step:.2g}" if step else "are hardly separated"
    passed = ties <= _TIED_SHARE
    value = f"first choice tied on {ties:.2%} of {len(after):,} answers"
    if coarse:
        value += f"; largest probability below {_FEW_STEPS} steps of {step:.2g} on {coarse:.2%}"
    return Check(
        name="resolution",
        passed=passed,
        value=value,
        limit=f"ties on at most {_TIED_SHARE:.0%}",
        reason=""
        if passed
        else f"its probabilities {steps}, too coarse for a network whose largest one is below "
        f"{float(np.median(two[:, 1])):.2g} on half of its inputs: {finer_than(precision)}",
    )


def _step(probabilities: Array) -> float:
    """The step of the grid that values lie on; 0.0 where they lie on none."""
    import numpy as np

    rows = max(2, _STEP_VALUES // probabilities.shape[-1])
    found = np.unique(probabilities[:rows])
    if len(found) < 2:
        return 0.0
    step = float(np.diff(found).min())
    return step if step <= _COARSEST else 0.0
