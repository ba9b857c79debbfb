"""What a file with free sides answers at further sizes: for the gate, and for `zoo verify`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.artifacts.golden_samples import PackedArray, packed, unpacked
from zoo.contracts import Check, Precision

if TYPE_CHECKING:
    from zoo.contracts.task import Array

NAME = "further sizes"
#: Numbers of each output that the manifest keeps, drawn evenly.
_KEPT = 256
#: Golden inputs put together may differ more between machines than by themselves.
_MARGIN = 4.0
#: Probabilities of a classifier of digits are up to 4.4 times as noisy at twice the size (weights
#: of four bits, integers of eight); answers that have nothing to do with each other differ by 1.
_LARGER, _MOST = 5.0, 0.5


@dataclass(frozen=True, kw_only=True)
class FurtherOutputs:
    """Outputs of the file for golden inputs that were enlarged along one free side.

    Attributes:
        side: Its name.
        shapes: Of each output, (inputs, …).
        values: Of each output some numbers, evenly drawn from all.
    """

    side: str
    shapes: tuple[tuple[int, ...], ...]
    values: tuple[PackedArray, ...]


def kept_outputs(side: str, outputs: Sequence[Array]) -> FurtherOutputs:
    """The record of these outputs."""
    return FurtherOutputs(
        side=side,
        shapes=tuple(values.shape for values in outputs),
        values=tuple(packed(_drawn(values)) for values in outputs),
    )


def compare_kept(
    kept: FurtherOutputs, outputs: Sequence[Array], limits: Sequence[float]
) -> tuple[bool, str]:
    """Whether outputs are those that were kept, and how far they are from them, in words.

    Args:
        kept: From the manifest.
        outputs: Of the file now, for the same inputs.
        limits: Of each output as absolute difference, those of golden outputs.

    Raises:
        ValueError: What was kept is damaged.
    """
    import numpy as np

    shapes = [values.shape for values in outputs]
    if shapes != [*kept.shapes]:
        return False, f"outputs of shape {shapes}, not {[*kept.shapes]}"
    right, worst = True, 0.0
    for values, stored, limit in zip(outputs, kept.values, limits, strict=True):
        before, now = unpacked(stored).astype(np.float64), _drawn(values).astype(np.float64)
        if before.shape != now.shape:
            raise ValueError(f"{len(before)} numbers were kept of {len(now)}")
        apart = float(np.abs(now - before).max(initial=0.0))
        worst, right = max(worst, apart), right and apart <= _MARGIN * limit
    return right, f"max |Δ| {worst:.2g}"


def _drawn(values: Array) -> Array:
    flat = values.reshape(-1)
    drawn: Array = flat[:: max(1, len(flat) // _KEPT)][:_KEPT]
    return drawn


def noise_between(reference: Array, candidate: Array) -> float:
    """Root mean square of the differences beside the reference's standard deviation.

    Infinite where shapes differ or a value is no number.
    """
    import numpy as np

    if reference.shape != candidate.shape or not np.isfinite(candidate).all():
        return float("inf")
    ours = reference.astype(np.float64)
    difference = candidate.astype(np.float64) - ours
    spread = float(ours.std()) or float(np.abs(ours).max()) or 1.0
    return float(np.sqrt(np.square(difference).mean())) / spread


def further_check(
    found: Mapping[str, float | str], precision: Precision, own: float = 0.0
) -> Check:
    """The gate's check of the answers at further sizes.

    Args:
        found: The largest noise of any output, or why there are no answers, by what was enlarged
            and to which size: ``W = 640``.
        precision: As exported.
        own: That noise at the size of the data, where it is not what files of the task are judged
            by: rounding may make several times as much of it at sizes that nothing was trained at.
    """
    limit = max(precision.tolerances.noise, min(_LARGER * own, _MOST))
    bad = {name: one for name, one in found.items() if isinstance(one, str) or not one <= limit}
    told = {n: one if isinstance(one, str) else f"noise {one:.2g}" for n, one in found.items()}
    beside = f", {own:.2g} at the size of the data" if own else ""
    return Check(
        name=NAME,
        passed=not bad,
        value="; ".join(f"{name}: {words}" for name, words in told.items()),
        limit=f"noise <= {limit:.3g} of each output's spread{beside}",
        reason=""
        if not bad
        else "the file does not answer as the network at "
        + "; ".join(f"{name}: {told[name]}" for name in bad),
    )
