"""How the outputs of a file differ from those of its network, in figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zoo.common.proportions import LeastShare
from zoo.contracts.precision import Precision

#: By how much further single values may lie apart, in outputs that differ as little as this: root
#: mean square of the differences as a share of the outputs' own spread, 100 dB.
_SINGLE, _ROUNDING = 10.0, 1e-5


def differs_by_rounding(relative: float, noise: float, most: float) -> bool:
    """Whether outputs in float32 differ as rounding makes them differ; false for NaN.

    A large output has values at which rounding grows: MediaPipe's selfie_segmentation moves single
    pixels of its masks by 5e-5 of their scale, in its own runtime, when each pixel of the input
    changes by its last bit; all pixels together differ by 1e-6 of their spread.

    Args:
        relative: The largest difference as a share of the outputs' largest value.
        noise: Root mean square of the differences as a share of the outputs' standard deviation.
        most: Which `relative` is near enough by itself.
    """
    return relative <= most or (relative <= _SINGLE * most and noise <= _ROUNDING)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How the outputs of a file differ from the reference's on the same inputs.

    Attributes:
        count: Number of inputs compared.
        max_abs: Largest absolute difference of any output value.
        mean_abs: Mean absolute difference.
        agreement: Share of inputs with the same decision, 0 to 1; of images, share of those that
            look the same.
        sqnr_db: Signal to quantization noise, decibels; None where outputs are no signal.
        ssim: Mean structural similarity of images (Wang 2004), at most 1; None for others.
        moved: Mean total variation distance of probabilities, the share of probability that lies
            elsewhere, 0 to 1; None for other outputs. This and what follows, `margin` and `outputs`
            aside, are added to what a task compares, see `zoo.artifacts.closeness`.
        far: Share of inputs whose probabilities moved by more than 0.25, 0 to 1.
        noise: Root mean square of the differences of outputs that are no probabilities, as a
            share of the standard deviation of the reference; of a vector, of the component where
            that is largest. None for probabilities.
        component: Which component that is, from 0; None where an output has one alone.
        margin: Of inputs with another first choice, the median of how much less probable the
            network holds the file's choice than its own; None where there are none.
        scaled: By which share the log-odds of probabilities are surely scaled; below 0 where
            answers are less sure.
        shifted: By how much those of one class are surely shifted, natural logarithm.
        shifted_class: Which class that is, from 0.
        farthest: The largest difference as a share of the reference's spread; None where outputs
            are no numbers in units of their own.
        outputs: The same of each output by name, where there are several; see `combined`.
        relative: `max_abs` as a share of the reference's largest value; None where outputs have a
            scale of their own, as probabilities do.
    """

    count: int
    max_abs: float
    mean_abs: float
    agreement: float
    sqnr_db: float | None = None
    ssim: float | None = None
    moved: float | None = None
    far: float | None = None
    noise: float | None = None
    component: int | None = None
    margin: float | None = None
    scaled: float | None = None
    shifted: float | None = None
    shifted_class: int | None = None
    farthest: float | None = None
    outputs: Mapping[str, Comparison] = field(default_factory=dict)
    relative: float | None = None

    @classmethod
    def combined(cls, outputs: Mapping[str, Comparison]) -> Comparison:
        """The comparison over several outputs: the worst figures, with those of each output."""
        return cls(
            count=min(one.count for one in outputs.values()),
            max_abs=max(one.max_abs for one in outputs.values()),
            mean_abs=max(one.mean_abs for one in outputs.values()),
            agreement=min(one.agreement for one in outputs.values()),
            outputs=dict(outputs),
        )

    def agreed(self, precision: Precision) -> LeastShare:
        """The agreement beside what a precision asks, with what chance may explain."""
        least = precision.tolerances.agreement
        return LeastShare(share=self.agreement, count=self.count, least=least)
