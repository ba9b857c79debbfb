"""How a file's outputs and detections are held against its network's."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from zoo.contracts import Check, Comparison, Precision
from zoo.tasks.classification import check_shapes
from zoo.tasks.object_detection.decoding import above, objects, pairs

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Boxes are the same from this intersection over union on, where their class is the same
#: and their probabilities are no farther apart than this.
SAME_OVERLAP, SAME_SCORE = 0.5, 0.1


def kept_share(reference: Array, candidate: Array, threshold: float) -> tuple[int, int]:
    """How many boxes of two answers to the same pictures have a partner in the other, of how many.

    A box counts where its probability is above the threshold in one of them; its partner's may be
    below by `SAME_SCORE`.

    Args:
        reference: Detections, (examples, most, 6).
        candidate: Likewise.
        threshold: Least probability of what is shown.
    """
    same = total = 0
    for own, other in zip(reference, candidate, strict=True):
        for one, all_others in ((own, objects(other)), (other, objects(own))):
            told = above(one, threshold)
            partners = pairs(told, all_others, SAME_OVERLAP)
            near = [abs(told[a, 1] - all_others[b, 1]) <= SAME_SCORE for a, b in partners]
            same += sum(near)
            total += len(told)
    return same, total


def compare(
    reference: Array, candidate: Array, decode: Callable[[Array], Array], threshold: float
) -> Comparison:
    """Differences of the outputs, and the share of boxes that are the same.

    Args:
        reference: Outputs of the network.
        candidate: Of the file, for the same pictures.
        decode: From outputs to detections.
        threshold: Least probability of what is shown.

    Raises:
        ZooError: The shapes differ.
    """
    import numpy as np

    check_shapes(reference, candidate)
    difference = np.abs(reference.astype(np.float64) - candidate.astype(np.float64))
    same, total = kept_share(decode(reference), decode(candidate), threshold)
    finite = bool(np.isfinite(candidate).all())
    return Comparison(
        count=len(reference),
        max_abs=float(difference.max()),
        mean_abs=float(difference.mean()),
        agreement=(same / total if total else 1.0) if finite else 0.0,
    )


def compare_rows(reference: Array, candidate: Array, threshold: float) -> Comparison:
    """The share of boxes that are the same, and how far apart these are.

    Boxes that are out of order are none of the network's: programs take the first as the most
    probable.

    Args:
        reference: Detections of the network, (examples, most, 6).
        candidate: Of the file.
        threshold: Least probability of what is shown.

    Raises:
        ZooError: The shapes differ.
    """
    import numpy as np

    check_shapes(reference, candidate)
    same, total = kept_share(reference, candidate, threshold)
    apart: list[float] = []
    ordered = True
    for one, other in zip(reference, candidate, strict=True):
        own, found = objects(one), objects(other)
        for a, b in pairs(own, found, SAME_OVERLAP):
            apart.append(float(np.abs(own[a] - found[b]).max()))
        ordered &= bool((np.diff(found[:, 1]) <= 0).all())
    usable = ordered and bool(np.isfinite(candidate).all())
    return Comparison(
        count=len(reference),
        max_abs=max(apart, default=0.0),
        mean_abs=float(np.mean(apart)) if apart else 0.0,
        agreement=(same / total if total else 1.0) if usable else 0.0,
    )


def parity(
    comparison: Comparison, precision: Precision, compared: str = "values of the grid"
) -> Check:
    """The same boxes, and what was compared is close."""
    agreed, most = comparison.agreed(precision), precision.tolerances.max_abs
    # Written so that a NaN, which compares false to everything, fails.
    close = most == math.inf or comparison.max_abs <= most
    limit = f"the same box (overlap {SAME_OVERLAP:g}, probability within {SAME_SCORE:g}) for at "
    limit += f"least {100.0 * agreed.least:g}%"
    if most < math.inf:
        limit += f", max |Δ| <= {most:g}"
    reason = ""
    if not agreed.passed:
        reason = (
            f"{1 - comparison.agreement:.1%} of the boxes in {comparison.count} real inputs are "
            "others"
        )
    elif not close:
        reason = f"{compared} differ by up to {comparison.max_abs:.2g}"
    return Check(
        name="parity",
        passed=agreed.passed and close,
        value=f"{comparison.agreement:.2%} of the boxes in {comparison.count} inputs are the "
        f"same, max |Δ| {comparison.max_abs:.2g}",
        limit=limit,
        reason=reason,
        unsure=agreed.unsure("inputs"),
    )
