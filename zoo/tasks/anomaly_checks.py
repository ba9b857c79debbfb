"""How a file's reconstructions, scores and verdicts are held against its network's."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from zoo.common.proportions import LeastShare
from zoo.contracts import Check, Comparison, Precision, Preprocessing
from zoo.results.formatting import number
from zoo.tasks import target_checks
from zoo.tasks.classification import check_shapes
from zoo.tasks.regression import spreads

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Reconstructions whose root mean square difference is above this share of the spread of all, or of
#: their own size where that is larger, are others.
_NEAR = 0.25
#: Scores so near the threshold, as a share of it, are on either side by rounding.
_ON_THRESHOLD = 1e-4
#: Values of reconstructions that scale and place are fitted to.
_FITTED = 200_000
_LEAST = 2.0**-126
_RECONSTRUCTION = "reconstruction"


def compare(reference: Array, candidate: Array) -> Comparison:
    """Differences, and how many reconstructions are near the network's.

    Raises:
        ZooError: The shapes differ.
    """
    import numpy as np

    check_shapes(reference, candidate)
    count = len(reference)
    difference = candidate.reshape(count, -1).astype(np.float64) - reference.reshape(count, -1)
    spread = max(float(reference.std(dtype=np.float64)), _LEAST)
    # What lies far from all others is reproduced with as large values, and rounded as such.
    own = reference.reshape(count, -1) - reference.mean(dtype=np.float64)
    sizes = np.maximum(np.sqrt(np.square(own).mean(axis=1)), spread)
    apart = np.sqrt(np.square(difference).mean(axis=1)) / sizes
    largest = float(np.abs(difference).max())
    return Comparison(
        count=count,
        max_abs=largest,
        mean_abs=float(np.abs(difference).mean()),
        # Written so that a NaN is not near.
        agreement=float((apart <= _NEAR).mean()),
        farthest=largest / spread,
    )


def parity(comparison: Comparison, precision: Precision) -> Check:
    """Reconstructions that stay near the network's, as shares of their spread."""
    agreed, most = comparison.agreed(precision), precision.tolerances.max_abs
    farthest = math.nan if comparison.farthest is None else comparison.farthest
    # Written so that a NaN, which compares false to everything, fails.
    close = most == math.inf or farthest <= most
    limit = f"within {_NEAR:g} of the spread on at least {100.0 * agreed.least:g}%"
    if most < math.inf:
        limit += f", max |Δ| <= {most:g} of the spread"
    reason = ""
    if not agreed.passed:
        reason = (
            f"{1 - comparison.agreement:.1%} of {comparison.count} reconstructions differ from the "
            f"network's by more than {_NEAR:g} of the spread"
        )
    elif not close:
        reason = f"reconstructions differ by up to {farthest:.2g} of their spread"
    return Check(
        name="parity",
        passed=agreed.passed and close,
        value=f"{comparison.agreement:.2%} of {comparison.count} within {_NEAR:g} of the "
        f"spread, max |Δ| {comparison.max_abs:.2g}",
        limit=limit,
        reason=reason,
        unsure=agreed.unsure("inputs"),
    )


def alignment_of(reference: Array, candidate: Array, precision: Precision) -> Check:
    """Whether reconstructions are the network's on another scale, or moved all one way."""
    import numpy as np

    count = max(1, _FITTED * len(reference) // max(reference.size, 1))
    some = np.linspace(0, len(reference) - 1, min(count, len(reference))).round().astype(int)
    before, after = (outputs[some].reshape(-1, 1) for outputs in (reference, candidate))
    return target_checks.alignment(before, after, spreads(before), (_RECONSTRUCTION,), precision)


def scores(before: Array, after: Array, threshold: float | None, precision: Precision) -> Check:
    """Whether a file's scores and verdicts are its network's on the whole test split.

    Args:
        before: The network's scores, (examples,).
        after: The file's.
        threshold: Above which an example is an anomaly; None: verdicts are not compared.
        precision: Of the file.
    """
    import numpy as np

    allowed = precision.tolerances
    spread = max(float(before.std()), _LEAST)
    noise = float(np.sqrt(np.square(after - before).mean())) / spread
    # Written so that a NaN fails.
    quiet = noise <= allowed.noise
    value, limit = f"noise {noise:.2g} of their spread", f"noise {allowed.noise:g}"
    reasons = [] if quiet else [f"scores differ by {noise:.2g} of their spread"]
    unsure = ""
    if threshold is not None:
        alike = (before > threshold) == ~(after <= threshold)
        alike |= np.abs(before - threshold) <= _ON_THRESHOLD * threshold
        agreed = LeastShare(share=float(alike.mean()), count=len(alike), least=allowed.agreement)
        value += f", {agreed.share:.2%} of {len(alike):,} verdicts the same"
        limit += f", at least {100.0 * agreed.least:g}% of verdicts"
        unsure = agreed.unsure("examples")
        if not agreed.passed:
            reasons.append(
                f"{1 - agreed.share:.1%} of {len(alike):,} verdicts at the threshold "
                f"{number(threshold)} differ from the network's"
            )
    found = Check(name="scores", passed=not reasons, value=value, limit=limit)
    return replace(found, reason="; ".join(reasons), unsure="" if reasons else unsure)


def raw_units(output: Array, preprocessing: Preprocessing) -> Array | None:
    """A reconstruction in the units, type and shape of a raw input; None where none was normalized.

    Args:
        output: Of one example, normalized.
        preprocessing: Of the network.
    """
    import numpy as np

    own = preprocessing.in_layout("nhwc")
    if own.normalization is None or not isinstance(own.dtype, str):
        return None
    scale, mean, std = own.normalization
    raw = (output.astype(np.float64) * np.asarray(std) + np.asarray(mean)) / scale
    if raw.shape[-1] != own.input_shape[-1]:  # one grey channel that became three
        raw = raw.mean(axis=-1, keepdims=True)
    if own.whole_bytes:
        raw = np.clip(np.rint(np.nan_to_num(raw)), 0, 255)
    made: Array = raw.astype(own.dtype)
    return made
