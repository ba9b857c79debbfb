"""How a file's pictures are held against its network's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from zoo.contracts import Check, Comparison, Precision
from zoo.tasks import target_checks
from zoo.tasks.classification import check_shapes
from zoo.tasks.image_similarity import sqnr_db, ssim
from zoo.tasks.regression import spreads

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Two pictures look the same from this structural similarity on.
SAME_SSIM = 0.95
#: Values that brightness and contrast are fitted to.
_FITTED = 200_000


def compare(reference: Array, candidate: Array) -> Comparison:
    """Noise and structural similarity of pictures made of the same inputs.

    Raises:
        ZooError: The shapes differ.
    """
    import numpy as np

    check_shapes(reference, candidate)
    difference = np.abs(reference.astype(np.float64) - candidate)
    similar = ssim(reference, candidate)
    return Comparison(
        count=len(reference),
        max_abs=float(difference.max()),
        mean_abs=float(difference.mean()),
        # Written so that a NaN does not look the same.
        agreement=float((similar >= SAME_SSIM).mean()),
        sqnr_db=sqnr_db(reference, candidate),
        ssim=float(similar.mean()),
    )


def parity(comparison: Comparison, precision: Precision, counted: str = "pictures") -> Check:
    """Whether a file makes the pictures that the Keras network makes.

    Args:
        comparison: What `compare` found.
        precision: Has the limits.
        counted: What the pictures were made of, in the plural.
    """
    least_db, least_ssim = precision.tolerances.sqnr_db, precision.tolerances.ssim
    noise, similar = (
        math.nan if one is None else one for one in (comparison.sqnr_db, comparison.ssim)
    )
    reasons = []
    # Written so that a NaN, which compares false to everything, fails.
    if not noise >= least_db:
        reasons.append(f"the pictures are only {noise:.1f} dB above their noise")
    if not similar >= least_ssim:
        reasons.append(f"their structural similarity is {similar:.3f}")
    return Check(
        name="parity",
        passed=not reasons,
        value=f"{noise:.1f} dB, SSIM {similar:.4f}, max |Δ| {comparison.max_abs:.2g} on "
        f"{comparison.count} {counted}",
        limit=f"at least {least_db:g} dB, SSIM {least_ssim:g}",
        reason="; ".join(reasons),
    )


def brightness(reference: Array, candidate: Array, precision: Precision) -> Check:
    """Whether pictures are brighter or of more contrast than the network's."""
    import numpy as np

    count = max(1, _FITTED * len(reference) // max(reference.size, 1))
    some = np.linspace(0, len(reference) - 1, min(count, len(reference))).round().astype(int)
    before, after = (outputs[some].reshape(-1, 1) for outputs in (reference, candidate))
    return target_checks.alignment(before, after, spreads(before), ("brightness",), precision)
