"""Whether a change of a file's answers is more than anyone should tolerate.

Judged apart from the gate, with none of its checks: against the network, against the honest file
of the same precision and format, and by how far honest files of that precision are from their
networks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .answer_kinds import AnswerKind, Array

#: How many times as far from the network as the worst honest file of the precision, at least.
TIMES = 3.0
#: Mean distances that nobody would notice: a thousandth of all probability, of a grey scale, or
#: of a target's spread.
UNNOTICED = 1e-3


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a sabotage does to the answers.

    Attributes:
        changed: Whether any answer is another at all.
        agreement: Share of first choices, or of labels, that are the honest file's, 0 to 1; of
            images and targets, of those that look the same: no pixel is more than a tenth of the
            range away, no target more than a tenth of its spread.
        most: The largest absolute difference from the honest file's answers.
        distance: Distance from the network: mean total variation of probabilities, mean absolute
            difference of pixels, root mean square of a target beside its spread; of several
            targets or labels the largest.
        beyond: Why that is beyond tolerance, the distance aside; empty when it is not.
    """

    changed: bool
    agreement: float
    most: float
    distance: float
    beyond: str


def effect_of(
    network: Array, honest: Array, answers: Array, labels: Array, kind: AnswerKind
) -> Effect:
    """Compares answers.

    Args:
        network: The Keras network's, (examples, …).
        honest: The honest file's.
        answers: The sabotaged file's.
        labels: What is true; padded steps are negative.
        kind: What answers are.
    """
    if answers.shape != honest.shape:
        return Effect(
            changed=True,
            agreement=0.0,
            most=float("nan"),
            distance=float("nan"),
            beyond="outputs of another shape",
        )
    (own, kept), (right, _), (said, _) = (
        kind.rows(one, labels) for one in (network, honest, answers)
    )
    finite = bool(np.isfinite(said).all())
    reasons = kind.reasons(own, right, said, kept) if finite else ["answers that are no numbers"]
    return Effect(
        changed=not np.array_equal(honest, answers),
        agreement=kind.agreement(right, said),
        most=float(np.abs(right.astype(np.float64) - said).max()),
        distance=kind.distance(own, said),
        beyond="; ".join(reasons),
    )


def tolerated(worst: float) -> float:
    """The distance from the network that is within tolerance.

    Args:
        worst: That of the worst honest file of the precision.
    """
    return max(TIMES * worst, UNNOTICED)


def too_far(distance: float, worst: float) -> str:
    """Why a file's distance from the network is beyond tolerance; empty when it is not."""
    if distance <= tolerated(worst):
        return ""
    return f"{distance:.2g} from the network, honest files at most {worst:.2g}"
