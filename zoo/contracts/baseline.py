"""The quality of a trivial answer, beside which every network is judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.common.named_arrays import fields_of
from zoo.contracts.dataset import IGNORED
from zoo.contracts.task import Metric

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from numpy.typing import NDArray

    Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class AgainstBaseline:
    """How much better a network answers than something trivial, which needs no network.

    Attributes:
        answer: What the baseline answers: ``always 'cat'``.
        metric: The baseline's quality on the same examples.
        gain: How much better the network is, in the metric's `Metric.loss_unit`.
        low: Lower end of the 95 % interval of the gain; None where there is none.
        high: Upper end.
        better: Whether the network is better, and chance does not explain it.
        tellable: Whether perfect answers to so few examples would have been called better.
        chance: Whether it looks at no input; False where it makes something of it.
    """

    answer: str
    metric: Metric
    gain: float
    low: float | None = None
    high: float | None = None
    better: bool
    tellable: bool = True
    chance: bool = True


def constant_answers(labels: Array) -> Array:
    """The commonest of labels that are classes, the mean of those that are numbers.

    Args:
        labels: See `zoo.contracts.dataset.Split`.

    Returns:
        The same for each example, of the shape and type of the labels.
    """
    import numpy as np

    constant = np.empty_like(labels)
    for name, values in fields_of(labels).items():
        if values.dtype.kind == "f":
            one = values.mean(axis=0)
        else:
            known = values[values != IGNORED]
            one = np.bincount(known).argmax() if known.size else 0
        if name:
            constant[name] = one
        else:
            constant[...] = one
    return constant


def _same_form(answers: Array, labels: Array) -> bool:
    """Whether both are classes, or both numbers, in the same fields and of the same shape."""
    own, true = fields_of(answers), fields_of(labels)
    kinds = [{"u": "i"}.get(v.dtype.kind, v.dtype.kind) for v in own.values()]
    return [(n, v.shape) for n, v in own.items()] == [
        (n, v.shape) for n, v in true.items()
    ] and kinds == [v.dtype.kind for v in true.values()]


def against_constant(
    evaluate: Callable[[Any], Sequence[Metric]], answers: Array, labels: Array
) -> AgainstBaseline | None:
    """Holds answers of the labels' own form against constant ones, metric by metric.

    The network is better where the intervals of one metric are apart.

    Args:
        evaluate: Measures answers.
        answers: Of the network.
        labels: What is true.

    Returns:
        None where answers have another form than labels, so that nothing is known of their meaning.
    """
    if not _same_form(answers, labels):
        return None
    own, trivial = evaluate(answers), evaluate(constant_answers(labels))
    apart = [
        mine.low > other.high if mine.higher_is_better else mine.high < other.low
        for mine, other in zip(own, trivial, strict=True)
    ]
    shown = apart.index(True) if True in apart else 0
    return AgainstBaseline(
        answer="always the commonest label, and the mean of numbers",
        metric=trivial[shown],
        gain=-trivial[shown].lost_by(own[shown]),
        better=any(apart),
    )
