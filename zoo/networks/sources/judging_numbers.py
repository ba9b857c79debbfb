"""Choice of the input normalization of a foreign network whose answers are no choice of a class."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import UsageError
from zoo.contracts.outputs import TARGETS
from zoo.networks.sources.judging import Further, InputTrial, none_further, way_to_say

#: Standard errors by which one way must be better than another, and by what share of its error.
_SURE, _MATERIAL = 3.0, 0.01
#: An error that is nearer to that of a constant than to none is poor.
_POOR = 0.5


def errors_of(
    outputs: NDArray[np.float32], labels: NDArray[np.float32], reading: str
) -> NDArray[np.float64]:
    """The error of each example beside that of a constant, which has 1 on average.

    Args:
        outputs: Targets in the units of the data, or log-odds of labels, (examples, columns).
        labels: What is true, of the same shape.
        reading: Which of them they are.
    """
    given = np.nan_to_num(outputs.astype(np.float64), nan=1e30, posinf=1e30, neginf=-1e30)
    if reading == TARGETS:
        constant = np.abs(labels - np.median(labels, axis=0))
        own = np.abs(given - labels)
    else:
        rates = np.clip(labels.mean(axis=0, dtype=np.float64), 1e-3, 1 - 1e-3)
        constant = -np.log(np.where(labels > 0, rates, 1 - rates))
        own = np.logaddexp(0.0, np.where(labels > 0, -given, given))
    each: NDArray[np.float64] = (own / np.maximum(constant.mean(axis=0), 1e-30)).mean(axis=1)
    return np.minimum(each, 1e6)


def choose_by_error(
    trials: Sequence[InputTrial],
    labels: NDArray[np.float32],
    reading: str,
    origin: str,
    further: Further = none_further,
) -> tuple[int, str]:
    """The way with the least error, and the figures that say so.

    Args:
        trials: Of the usual ways.
        labels: What is true.
        reading: Which kind of figures they are.
        origin: Names the file in messages.
        further: Tries rarer ways; one with surely less error than the best usual one takes its
            place behind the usual ones.

    Raises:
        UsageError: It is hardly better than a constant, or another is as good; shows the table.
    """
    errors = [errors_of(trial.logits, labels, reading) for trial in trials]
    best = min(range(len(trials)), key=lambda place: float(errors[place].mean()))
    usual = len(trials)
    trials = [*trials, *further(best)]
    errors += [errors_of(trial.logits, labels, reading) for trial in trials[usual:]]
    rarer = [p for p in range(usual, len(trials)) if _is_better(errors[p], errors[best])]
    if rarer:
        won = min(rarer, key=lambda place: float(errors[place].mean()))
        if errors[won].mean() < _POOR:
            table = _table(trials, errors)
            return won, f"measured: {table}, of the error of a constant on {len(labels)} examples"
    trials, errors = trials[:usual], errors[:usual]
    table = _table(trials, errors)
    if not errors[best].mean() < _POOR:
        raise UsageError(
            f"no usual normalization of inputs makes {origin} right on these data",
            why=table,
            fix=f"{way_to_say(trials)}; or check that its outputs are in the order and units of "
            "the data",
        )
    others = [place for place in range(len(trials)) if place != best]
    ties = [place for place in others if not _is_better(errors[best], errors[place])]
    if ties:
        raise UsageError(
            f"which normalization {origin} takes cannot be determined from these data",
            why=f"{trials[best].name} and {trials[ties[0]].name} are as good as one another: "
            f"{table}",
            fix=way_to_say(trials),
        )
    return best, f"measured: {table}, of the error of a constant on {len(labels)} examples"


def uphold_by_error(
    stated: InputTrial,
    others: Sequence[InputTrial],
    labels: NDArray[np.float32],
    reading: str,
    origin: str,
    *,
    read: bool = False,
) -> str:
    """Refuses what was stated, or read, if another way is clearly better; returns the figure.

    Raises:
        UsageError: It is wrong; shows the table.
    """
    own = errors_of(stated.logits, labels, reading)
    errors = [errors_of(trial.logits, labels, reading) for trial in others]
    better = [place for place, each in enumerate(errors) if _is_better(each, own)]
    if better:
        best = min(better, key=lambda place: float(errors[place].mean()))
        raise UsageError(
            f"{origin} takes other inputs than {stated.name}",
            why=f"{others[best].name} is clearly better: "
            f"{_table([stated, *others], [own, *errors])}",
            fix=f'say it: --input "…"; {origin} itself says otherwise'
            if read
            else "correct --input, or leave it out to have it measured",
        )
    return f"{own.mean():.1%} of the error of a constant on {len(labels)} training examples"


def _is_better(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    less = other - one
    spread = max(float(less.std()) / math.sqrt(len(less)), 1e-12)
    return float(less.mean()) > max(_SURE * spread, _MATERIAL * float(other.mean()))


def _table(trials: Sequence[InputTrial], errors: Sequence[NDArray[np.float64]]) -> str:
    pairs = sorted(zip((float(e.mean()) for e in errors), (t.name for t in trials), strict=True))
    return ", ".join(f"{name} {error:.1%}" for error, name in pairs)
