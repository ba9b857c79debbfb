"""Checks of real outputs beside the network's: the same scale and place, and fine enough steps.

Rounding errs in both directions; a wrong unit, a lost bias or a cut range errs in one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from zoo.contracts import Check, Precision
from zoo.results.formatting import number, plus_minus
from zoo.tasks.confidence import finer_than
from zoo.tasks.means import half_width

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: In mean absolute errors of the network: a step so wide is most of what the file errs.
WIDEST_STEP = 2.0
#: What sums in float32 may be off by, as a share of their size: a few of its last places.
_ROUNDING = 8 * 2.0**-23
#: What eight bits hold.
MOST_LEVELS = 256
#: Outputs that are looked at to find the step.
_STEP_VALUES = 100_000


def rounding(reference: Array) -> Array:
    """What float32 alone may change of each target, in its own units, float64 (targets,).

    Targets far from zero are rounded to a share of where they lie, not of how far they spread.
    """
    import numpy as np

    largest: Array = _ROUNDING * np.abs(reference).max(axis=0).astype(np.float64)
    return largest


def explained(reference: Array, spread: Array, precision: Precision) -> Array:
    """Which share of its spread rounding alone may shift each target by, float64 (targets,).

    Args:
        reference: The network's outputs, (examples, targets).
        spread: Of each target, in its own units.
        precision: Of the file.
    """
    import numpy as np

    # Where targets lie is a constant of the file, and rounded as such.
    lying = precision.rounding * np.abs(reference.mean(axis=0, dtype=np.float64))
    share: Array = (rounding(reference) + lying) / spread
    return share


def alignment(
    reference: Array,
    candidate: Array,
    spread: Array,
    names: tuple[str, ...],
    precision: Precision,
) -> Check:
    """Whether a file's outputs are its network's on another scale, or moved all one way.

    Both are fitted by least squares, with the 95 % interval of robust standard errors; only what is
    sure counts (`sure_changes`).

    Args:
        reference: The network's outputs, (examples, targets).
        candidate: The file's.
        spread: Of each target, in its own units.
        names: Of the targets.
        precision: Of the file.
    """
    least = precision.tolerances.aligned
    limits = least + explained(reference, spread, precision)
    found: list[tuple[bool, float, str]] = []
    for place, (shift, scale) in enumerate(sure_changes(reference, candidate, spread).tolist()):
        of = f"{names[place]}: " if len(names) > 1 else ""
        for size, told in (
            (shift, f"{of}shifted by {plus_minus(shift, '.2g')} of the spread"),
            (scale, f"{of}scaled by {1 + scale:.3g}"),
        ):
            # Written so that a NaN fails.
            found.append((not abs(size) <= limits[place], abs(size), told))
    wrong = [told for failed, _, told in found if failed]
    worst = max(found)[2]
    return Check(
        name="scale",
        passed=not wrong,
        value="; ".join(wrong) or f"at most {worst}",
        limit=f"scale and place within {least:.2g} of the spread",
        reason=f"outputs are not the network's: {'; '.join(wrong)}" if wrong else "",
    )


def sure_changes(reference: Array, candidate: Array, spread: Array) -> Array:
    """By how much each target is surely shifted and scaled: float64 (targets, 2).

    Both as shares, the shift of the spread; 0 where the interval holds it.

    Args:
        reference: The network's outputs, (examples, targets).
        candidate: The file's.
        spread: Of each target, in its own units.
    """
    import numpy as np

    own = (reference.astype(np.float64) - reference.mean(axis=0, dtype=np.float64)) / spread
    change = (candidate.astype(np.float64) - reference) / spread
    found = []
    for centred, moved in zip(own.T, change.T, strict=True):
        information = max(float((centred**2).mean()), 1e-12)
        slope = float((centred * moved).mean()) / information
        residual = centred * (moved - moved.mean() - slope * centred)
        shift = _surely(float(moved.mean()), half_width(moved))
        found.append((shift, _surely(slope, half_width(residual / information))))
    sure: Array = np.array(found)
    return sure


def _surely(value: float, wide: float) -> float:
    """The end of an interval that is nearer to zero; 0 where the interval holds it."""
    return math.copysign(max(abs(value) - wide, 0.0), value) if value == value else value


def resolution(
    reference: Array,
    candidate: Array,
    errors: Array,
    names: tuple[str, ...],
    precision: Precision,
) -> Check:
    """Whether the steps of a file's outputs are fine beside what its network errs.

    Of several targets in one integer output all share its steps, which are as wide as the largest
    target asks.

    Args:
        reference: The network's outputs, (examples, targets).
        candidate: The file's.
        errors: The network's mean absolute error of each target.
        names: Of the targets.
        precision: Of the file.
    """
    import numpy as np

    told, wrong = [], []
    for place, name in enumerate(names):
        of = f"{name}: " if len(names) > 1 else ""
        levels = np.unique(candidate[:_STEP_VALUES, place])
        if len(levels) == 1 and np.ptp(reference[:_STEP_VALUES, place]) > 0.0:
            wrong.append(f"{of}one value for all examples")
        # As many levels as answers are no grid.
        if not 1 < len(levels) <= MOST_LEVELS:
            continue
        step = float(np.diff(levels).min())
        beside = f"{of}steps of {number(step)} beside a mean error of {number(errors[place])}"
        told.append(beside)
        if not step <= WIDEST_STEP * float(errors[place]):
            wrong.append(beside)
    return Check(
        name="resolution",
        passed=not wrong,
        value="; ".join(wrong or told) or "no steps to be seen",
        limit=f"steps of at most {WIDEST_STEP:g} mean errors of the network",
        reason=""
        if not wrong
        else f"what it rounds is as large as what its network errs ({'; '.join(wrong)}): "
        f"{finer_than(precision, 'head')}",
    )
