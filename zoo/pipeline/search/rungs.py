"""Successive halving: how much data and how many epochs each rung gives to how many networks.

Jamieson & Talwalkar 2016 (arXiv:1502.07943), with the share of the training split as a second
budget beside the epochs, as in FABOLAS (Klein et al. 2017, arXiv:1605.07079).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Of the networks in a rung, one in so many goes on; each rung has so many times the data.
FACTOR = 3
#: A rung has so many examples at least: fewer rank networks by chance.
_LEAST_EXAMPLES, _LEAST_PER_CLASS = 200, 10
_MOST_RUNGS = 3


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One round of trainings.

    Attributes:
        share: Of the training split, above 0 to 1.
        epochs: At most.
        keep: So many networks go on.
    """

    share: float
    epochs: int
    keep: int


def rungs_of(
    networks: int, finalists: int, epochs: int, examples: int, classes: int
) -> tuple[Rung, ...]:
    """The rungs before the finalists are trained whole; none where there are no more networks.

    The last rung has a third of the data, each one before a third of that. Epochs grow by the root
    of it, since a network must see its data often enough to learn anything: the cost of a rung
    grows fivefold while the networks become a third. A rung of too few examples is left out: it
    would cost about what the next one does, since every training takes the time to begin.

    Args:
        networks: That are to be compared.
        finalists: So many are trained whole.
        epochs: Of a whole training.
        examples: Of the training split.
        classes: That its examples have.
    """
    if networks <= finalists:
        return ()
    count = min(math.ceil(math.log(networks / finalists, FACTOR) - 1e-9), _MOST_RUNGS)
    least = min(max(_LEAST_EXAMPLES, _LEAST_PER_CLASS * classes) / max(examples, 1), 1.0)
    while count > 1 and FACTOR**-count < least:
        count -= 1
    found, left = [], networks
    for number in range(count):
        share = max(FACTOR ** -(count - number), least)
        left = max(math.ceil(left / FACTOR), finalists)
        keep = finalists if number == count - 1 else left
        most = max(round(epochs * math.sqrt(FACTOR ** -(count - number))), 1)
        found.append(Rung(share=round(share, 4), epochs=most, keep=keep))
    return tuple(found)
