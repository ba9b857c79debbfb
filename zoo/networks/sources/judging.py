"""Choice of the input normalization of a foreign network, by labelled examples."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import UsageError
from zoo.common.proportions import mcnemar_p
from zoo.networks.sources.inputs import AS_THEY_ARE

#: Standard errors by which one way must be better than another.
_SURE, _SURE_OF_BOTH = 3.0, 2.0
#: Level of significance of a difference in right answers.
_SIGNIFICANT = 0.001
#: Fewer wrong answers leave nothing that a rarer way could surely mend.
_WRONG = 10
#: Nothing that was stated is contradicted by fewer points of accuracy.
_CONTRADICTED = 0.01
#: Smaller differences of mean log-likelihood do not count, however significant.
_MATERIAL = 0.01
#: Sharpnesses that logits are multiplied by, to compare two ways at the same confidence.
_SHARPNESSES = tuple(2.0**power for power in range(-10, 6))
#: What differs by less in mean log-likelihood at the best confidence is as good.
_ALIKE = 0.03
#: A trained network is not as many times further from its best confidence in the way that it was
#: made for than in another, nor are its labels less likely there by as much.
_FURTHER, _LESS_LIKELY = 5.0, 0.1
#: Lower bound of an example's log-likelihood, so that few cannot outweigh all others.
_LEAST_LOG = -10.0


@dataclass(frozen=True, kw_only=True, eq=False)
class InputTrial:
    """A way of preparing inputs, with the logits that it gave, (examples, classes)."""

    name: str
    logits: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Scored:
    name: str
    logits: NDArray[np.float64]
    labels: NDArray[np.int64]
    right: NDArray[np.bool_]
    logs: NDArray[np.float64]
    sureness: float

    @property
    def accuracy(self) -> float:
        return float(self.right.mean())

    @cached_property
    def at_best(self) -> tuple[NDArray[np.float64], float]:
        """Log-likelihoods at the confidence that fits the labels best, and its sharpness.

        Of sharpnesses that fit as well the one nearest to 1: where all answers are right, any does.
        """
        tried = {by: _log_likelihoods(self.logits * by, self.labels) for by in _SHARPNESSES}
        best = max(float(logs.mean()) for logs in tried.values())
        fitting = [by for by, logs in tried.items() if logs.mean() > best - _MATERIAL]
        sharpness = min(fitting, key=lambda by: abs(math.log(by)))
        return tried[sharpness], sharpness


def _scored(trial: InputTrial, labels: NDArray[np.int64]) -> _Scored:
    logits = np.nan_to_num(trial.logits.astype(np.float64), nan=-1e30, posinf=1e30, neginf=-1e30)
    return _Scored(
        name=trial.name,
        logits=logits,
        labels=labels,
        right=logits.argmax(-1) == labels,
        logs=_log_likelihoods(logits, labels),
        sureness=float(logits.std(-1).mean()),
    )


def _log_likelihoods(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of the true classes, (examples,)."""
    shifted = logits - logits.max(-1, keepdims=True)
    logs = shifted[np.arange(len(labels)), labels] - np.log(np.exp(shifted).sum(-1))
    bounded: NDArray[np.float64] = np.maximum(logs, _LEAST_LOG)
    return bounded


#: Makes trials of further ways, given the place of the best usual one.
Further = Callable[[int], Sequence["InputTrial"]]


def none_further(best: int) -> list[InputTrial]:
    """No trials of further ways."""
    return []


def choose(
    trials: Sequence[InputTrial],
    labels: NDArray[np.int64],
    origin: str,
    further: Further = none_further,
) -> tuple[int, str]:
    """The way that is right, and the figures that say so.

    Args:
        trials: Of the usual ways.
        labels: The true classes.
        origin: Names the file in messages.
        further: Tries rarer ways, which are called for where many answers are wrong; one that is
            surely right more often than all others takes its place behind the usual ones.

    Raises:
        UsageError: None is good, or several are equally good; shows the table.
    """
    scored = [_scored(trial, labels) for trial in trials]
    # Of equally right ones the least sure first: it alone can be told from the others.
    best = max(range(len(scored)), key=lambda i: (scored[i].accuracy, -scored[i].sureness))
    if int((~scored[best].right).sum()) >= _WRONG:
        rarer = [_scored(trial, labels) for trial in further(best)]
        surer = [
            place
            for place, one in enumerate(rarer)
            if _is_surely_right_more_often(one, scored[best]) and not is_poor(one.right, labels)
        ]
        if surer:
            won = max(surer, key=lambda i: (rarer[i].accuracy, float(rarer[i].logs.mean())))
            return len(scored) + won, _evidence(rarer[won], [*scored, *rarer], labels)
    table = _table(scored)
    if is_poor(scored[best].right, labels):
        hints = [_order_hint(trial, labels) for trial in trials]
        raise UsageError(
            f"no usual normalization of inputs makes {origin} right on these data",
            why=table + max(hints)[1],
            fix=f"{way_to_say(scored)}; or, if its "
            "classes are in another order, name them in its own: --classes FILE",
        )
    others = [i for i in range(len(scored)) if i != best]
    ties = [i for i in others if not _is_better(scored[best], scored[i])]
    if ties:
        raise UsageError(
            f"which normalization {origin} takes cannot be determined from these data",
            why=f"{scored[best].name} and {scored[ties[0]].name} are as good as one another: "
            f"{table}",
            fix=way_to_say(scored),
        )
    return best, _evidence(scored[best], scored, labels)


def way_to_say(tried: Sequence[InputTrial | _Scored]) -> str:
    """What to do where the data do not tell which of these ways is right."""
    told = 'state its input: --input "…" (docs/sources.md lists the words)'
    of_series = any(one.name == AS_THEY_ARE for one in tried)
    return f'{told}; as they are: --input "mean=0 std=1"' if of_series else told


def _evidence(best: _Scored, tried: Sequence[_Scored], labels: NDArray[np.int64]) -> str:
    others = (one for one in tried if one is not best)
    second = max(others, key=lambda one: one.accuracy, default=None)
    beside = f"; next best {second.name}: {second.accuracy:.1%}" if second else ""
    return (
        f"measured: {best.name}, {best.accuracy:.1%} of {len(labels)} training examples "
        f"right{beside}"
    )


def uphold(
    stated: InputTrial,
    others: Sequence[InputTrial],
    labels: NDArray[np.int64],
    origin: str,
    *,
    read: bool = False,
) -> str:
    """Refuses what was stated, or read, if another way is clearly better; returns the figures.

    What a user states is contradicted by right answers alone. What a file says is often left over
    from another network, so that a lower likelihood of the true classes contradicts it, too.

    Args:
        stated: The way that is said to be right.
        others: The usual ones.
        labels: The true classes.
        origin: Names the file in messages.
        read: Whether the file says so, and not the user.

    Raises:
        UsageError: It is wrong; shows the table.
    """
    own = _scored(stated, labels)
    scored = [_scored(trial, labels) for trial in others]
    better = [
        one
        for one in scored
        if (_is_surely_right_more_often(one, own) or (read and _is_likelier(one, own)))
        and not (read and one.accuracy < _by_chance(labels))
    ]
    if better:
        best = max(better, key=lambda one: one.accuracy)
        raise UsageError(
            f"{origin} takes other inputs than {own.name}",
            why=f"{best.name} is clearly better: {_table([own, *scored])}",
            fix=f'say it: --input "…"; {origin} itself says otherwise'
            if read
            else "correct --input, or leave it out to have it measured",
        )
    hint = _order_hint(stated, labels)[1] if is_poor(own.right, labels) else ""
    if hint:
        raise UsageError(
            f"the classes of {origin} are in another order than those of the data",
            why=hint.strip("; "),
            fix="name them in the order of its outputs, one a line: --classes FILE",
        )
    return f"{own.accuracy:.1%} of {len(labels)} training examples right"


def is_poor(right: NDArray[np.bool_], labels: NDArray[np.int64]) -> bool:
    """Whether answers are nearer to those of who names the commonest class than to the truth."""
    baseline = float(np.bincount(labels).max()) / len(labels)
    accuracy = float(right.mean())
    spread = math.sqrt(max(baseline * (1 - baseline), 1e-9) / len(labels))
    return accuracy < (1 + baseline) / 2 or accuracy < baseline + _SURE * spread


def _is_better(one: _Scored, other: _Scored) -> bool:
    """Whether a difference is significant, and not one of confidence alone.

    Larger inputs make a network more confident without being right more often, which raises the
    likelihood of the labels where most answers are right: so that counts for the less confident way
    only.
    """
    apart = one.logs - other.logs
    spread = max(float(apart.std()) / math.sqrt(len(apart)), 1e-9)
    gain = float(apart.mean())
    if _p_value(one.right, other.right) < _SIGNIFICANT and gain > -_SURE * spread:
        return True
    enough = _SURE_OF_BOTH if one.accuracy > other.accuracy else _SURE
    return one.sureness <= other.sureness and gain > max(enough * spread, _MATERIAL)


def _is_surely_right_more_often(one: _Scored, own: _Scored) -> bool:
    return (
        one.accuracy > own.accuracy + _CONTRADICTED
        and _p_value(one.right, own.right) < _SIGNIFICANT
        and bool(one.logs.mean() > own.logs.mean())
    )


def _by_chance(labels: NDArray[np.int64]) -> float:
    """Accuracy below which answers say nothing of a file: weights may be random, as asked for.

    The geometric mean of that of the commonest class and of one: networks of many classes are told
    from random ones by few right answers.
    """
    return math.sqrt(float(np.bincount(labels).max()) / len(labels))


def _is_likelier(one: _Scored, own: _Scored) -> bool:
    """Whether the labels are surely likelier in one way than in that of a file.

    At the confidence that fits each best; or as it is, where those are equal, and the confidence is
    much further from it in the way of the file.
    """
    if _is_better(one, own):
        return True
    (theirs, sharpness), (ours, own_sharpness) = one.at_best, own.at_best
    if _gains(theirs, ours, _SURE, _ALIKE):
        return True
    nearer = abs(math.log(own_sharpness)) - abs(math.log(sharpness)) > math.log(_FURTHER)
    as_likely = not _gains(ours, theirs, _SURE, _ALIKE)
    return nearer and as_likely and _gains(one.logs, own.logs, _SURE_OF_BOTH, _LESS_LIKELY)


def _gains(
    one: NDArray[np.float64], other: NDArray[np.float64], errors: float, least: float
) -> bool:
    """Whether the mean log-likelihood is higher by so many standard errors, and by `least`."""
    apart = one - other
    spread = float(apart.std()) / math.sqrt(len(apart))
    return float(apart.mean()) > max(errors * spread, least)


def _p_value(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """One-sided p-value of McNemar's exact test: that `one` is right more often."""
    gained, lost = int((one & ~other).sum()), int((other & ~one).sum())
    return mcnemar_p(lost, gained) / 2 if gained > lost else 1.0


def _table(scored: Sequence[_Scored]) -> str:
    rows = sorted(scored, key=lambda one: (-one.accuracy, -one.logs.mean()))
    return ", ".join(f"{one.name} {one.accuracy:.1%} (log {one.logs.mean():.2f})" for one in rows)


def _order_hint(trial: InputTrial, labels: NDArray[np.int64]) -> tuple[float, str]:
    """How well the answers fit the classes in another order; 0 and nothing if they do not."""
    chosen = trial.logits.argmax(-1)
    classes = trial.logits.shape[-1]
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (chosen, labels), 1)
    means = counts.argmax(1)
    present = counts.sum(1) > 0
    if len(set(means[present].tolist())) < int(present.sum()):
        return 0.0, ""
    if is_poor(means[chosen] == labels, labels):
        return 0.0, ""
    share = float((means[chosen] == labels).mean())
    moved = ", ".join(f"{i} means class {m}" for i, m in enumerate(means) if present[i] and i != m)
    said = f"; with its outputs in another order ({moved}) {trial.name} has {share:.1%} right"
    return share, said
