"""Average precision and F1 of labels, with intervals by a bootstrap over examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.contracts import Metric

if TYPE_CHECKING:
    from zoo.contracts.task import Array

_LEAST_DRAWS, _MOST_DRAWS = 100, 1000
#: Weights that are drawn in all, over examples and labels, at most.
_DRAWN = 20_000_000


def average_precisions(scores: Array, marks: Array, weights: Array | None) -> Array:
    """The average precision of each label, float64 (draws, labels); NaN without an example.

    The mean, over examples with the label, of the share of these among all with at least their
    score: equal scores stand at one place, as in scikit-learn.

    Args:
        scores: (examples, labels); a NaN is behind all numbers.
        marks: 0 or 1, of the same shape.
        weights: How often each example counts, (draws, examples); None counts each once.
    """
    import numpy as np

    weights = np.ones((1, len(scores))) if weights is None else weights
    found = np.full((len(weights), scores.shape[1]), np.nan)
    for place in range(scores.shape[1]):
        order = np.argsort(-np.nan_to_num(scores[:, place], nan=-np.inf), kind="stable")
        ranked, true = scores[order, place], marks[order, place] > 0
        # The last place of each group of equal scores, for each of its members.
        ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
        last = ends[np.searchsorted(ends, np.arange(len(ranked)))][true]
        drawn = weights[:, order]
        positive = drawn[:, true]
        total = positive.sum(axis=1)
        hits = np.cumsum(drawn * true, axis=1)[:, last]
        above = np.maximum(np.cumsum(drawn, axis=1)[:, last], 1e-12)
        with np.errstate(invalid="ignore", divide="ignore"):
            found[:, place] = (positive * hits / above).sum(axis=1) / total
    return found


def f1_scores(answered: Array, marks: Array, weights: Array | None) -> Array:
    """The harmonic mean of precision and recall of each label, float64 (draws, labels).

    Args:
        answered: Whether each label is answered, boolean (examples, labels).
        marks: 0 or 1, of the same shape.
        weights: As in `average_precisions`.
    """
    import numpy as np

    weights = np.ones((1, len(answered))) if weights is None else weights
    true = marks > 0
    right, either = (weights @ each.astype(np.float64) for each in (answered & true, true))
    total = weights @ answered.astype(np.float64) + either
    with np.errstate(invalid="ignore", divide="ignore"):
        scores: Array = np.where(either > 0, 2.0 * right / total, np.nan)
    return scores


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelFigures:
    """A figure of each label, with what resampling gave.

    Attributes:
        values: float64 (labels,); NaN of a label without an example.
        draws: float64 (draws, labels).
        count: Examples.
    """

    values: Array
    draws: Array
    count: int

    def mean(self, name: str) -> Metric:
        """The mean over labels that have examples."""
        import numpy as np

        known = ~np.isnan(self.values)
        if not known.any():
            return Metric(name=name, value=0.0, low=0.0, high=0.0, count=self.count)
        drawn = self.draws[:, known]
        # Of few examples, a draw may have none with any of the labels: it says nothing.
        drawn = drawn[~np.isnan(drawn).all(axis=1)]
        return self._metric(name, float(self.values[known].mean()), np.nanmean(drawn, axis=1))

    def of(self, place: int, name: str) -> Metric:
        """The figure of one label."""
        return self._metric(name, float(self.values[place]), self.draws[:, place])

    def _metric(self, name: str, value: float, draws: Array) -> Metric:
        import numpy as np

        draws = draws[~np.isnan(draws)]
        low, high = np.percentile(draws, [2.5, 97.5]) if draws.size else (value, value)
        return Metric(
            name=name,
            value=value,
            low=min(float(low), value),
            high=max(float(high), value),
            count=self.count,
        )


class Resampled:
    """Examples drawn again and again, the same each time that so many are drawn.

    Args:
        count: Examples.
        labels: Of each; the more there are, the fewer draws are made.
    """

    def __init__(self, count: int, labels: int) -> None:
        import numpy as np

        draws = _DRAWN // max(1, count * labels)
        # Weights of a Poisson distribution: the bootstrap where examples come independently.
        size = (min(max(draws, _LEAST_DRAWS), _MOST_DRAWS), count)
        self._weights = np.random.default_rng(0).poisson(1.0, size).astype(np.float64)

    def interval(self, figure: Callable[[Array | None], Array]) -> LabelFigures:
        """The figure of each label as it is, and over the draws."""
        return LabelFigures(
            values=figure(None)[0], draws=figure(self._weights), count=self._weights.shape[1]
        )
