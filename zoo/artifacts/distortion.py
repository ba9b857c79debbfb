"""What a file does to the log-odds of all answers alike: scales them, or shifts those of a class.

Rounding errs in both directions, a wrong scale or bias in one. Where the network is sure of most
inputs it moves few of them, so that means over all inputs hardly show it; it shows in how the
changes of probabilities go along with the probabilities themselves.

Both are estimated to first order from no change, as score over Fisher information of the model
softmax(scale · log p + shift): what lies near is right to a tenth, what lies far is at least
large. Only what is sure counts: the end of the 95 % interval, by robust standard errors, that is
nearer to none.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.contracts.task import Array

_Z95 = NormalDist().inv_cdf(0.975)
#: Probabilities below the step of 8-bit outputs are all as good as zero.
_LEAST = 1.0 / 256.0
#: Information of inputs that did not change, added: of next to nothing nothing is estimated.
_PRIOR = 2.0


@dataclass(frozen=True, kw_only=True)
class Distortion:
    """How log-odds were changed, as far as it is sure.

    Attributes:
        scaled: By which share; -0.3 where they are seven tenths, and answers less sure.
        shifted: Those of one class beside the others, natural logarithm, where that is most.
        shifted_class: Which class that is, from 0.
    """

    scaled: float
    shifted: float
    shifted_class: int


def distortion(reference: Array, candidate: Array) -> Distortion:
    """What was done to the probabilities of a reference.

    Args:
        reference: (…, classes), each row adds up to one.
        candidate: Of the same shape. A NaN gives NaN.
    """
    import numpy as np

    own = reference.reshape(-1, reference.shape[-1]).astype(np.float64)
    change = candidate.reshape(own.shape) - own
    logs = np.log(np.maximum(own, _LEAST))
    logs -= (own * logs).sum(axis=1, keepdims=True)
    scaled = _surely((change * logs).sum(axis=1), (own * logs**2).sum())
    shifted = _surely(change, (own * (1.0 - own)).sum(axis=0))
    most = int(np.abs(shifted).argmax())  # The first NaN, if there is one.
    return Distortion(scaled=float(scaled), shifted=float(shifted[most]), shifted_class=most)


def _surely(scores: Array, information: Array) -> Array:
    """The score estimate from each input's scores, as far from zero as its interval surely is."""
    import numpy as np

    total, error = scores.sum(axis=0), _Z95 * np.sqrt((scores**2).sum(axis=0))
    surely = np.sign(total) * np.maximum(np.abs(total) - error, 0.0) + 0.0  # -0.0 becomes 0.0
    estimate: Array = surely / (information + _PRIOR)
    return estimate
