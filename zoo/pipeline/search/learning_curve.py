"""The chosen network on shares of the training split: whether more data would help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

from zoo.common.optional_imports import require
from zoo.pipeline.recipe import Recipe
from zoo.pipeline.search.paired_gain import paired_gain
from zoo.pipeline.search.scores import Score, Scoring
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

#: Below the whole, the smallest first: each has half of the next one.
SHARES = (0.25, 0.5)


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """The network trained whole on a share of the data.

    Attributes:
        share: Of the training split.
        examples: Of the training split.
        values: The metric in validation, one for each seed.
    """

    share: float
    examples: int
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Of the seeds."""
        return fmean(self.values)


@dataclass(frozen=True, kw_only=True)
class LearningCurve:
    """Quality in validation by share of the data.

    Attributes:
        points: The smallest share first; the last one is all of it.
        gain: What the last doubling of the data brought, points of a share or in the metric's own
            unit, mean over the seeds; above 0 it helped.
        low: Lower end of its 95 % interval over the seeds and, of an accuracy, over validation
            examples; None where nothing says how far chance reaches.
        high: Upper end.
    """

    points: tuple[CurvePoint, ...]
    gain: float
    low: float | None
    high: float | None

    @property
    def verdict(self) -> Literal["helps", "cannot tell"]:
        """Whether the last doubling helped, and chance in the trainings does not explain it."""
        return "helps" if self.low is not None and self.low > 0.0 else "cannot tell"


def learning_curve(
    scoring: Scoring,
    recipe: Recipe,
    name: str,
    whole: Sequence[Score],
    seeds: Sequence[int],
    examples: int,
    judged: int,
) -> LearningCurve | None:
    """Trains the network on each share and seed; None where time was up.

    The interval needs several seeds, also where fewer were enough to choose the network.

    Args:
        scoring: Trains it.
        recipe: Of the whole training.
        name: Of the network.
        whole: Its scores on all data, of the seeds that it was trained on.
        seeds: All that were asked for.
        examples: Of the training split.
        judged: Examples of the validation split.

    Raises:
        ZooError: A training failed.
    """
    known = {score.seed: score.value for score in whole}
    points = []
    for share in (*SHARES, 1.0):
        values = []
        for seed in seeds:
            if share == 1.0 and seed in known:
                values.append(known[seed])
                continue
            told = f"{name}, {fmt.share(share, 0)} % of the data, seed {seed}"
            part = scoring.score(recipe, told, share=share, seed=seed)
            if part is None:
                return None
            values.append(part.value)
        count = round(share * examples)
        points.append(CurvePoint(share=share, examples=count, values=tuple(values)))
    return curve_of(points, scoring.metric, maximize=scoring.maximize, judged=judged)


def curve_of(
    points: Sequence[CurvePoint], metric: str, *, maximize: bool, judged: int
) -> LearningCurve:
    """The curve with what its last doubling brought.

    Args:
        points: The smallest share first.
        metric: Name of the metric.
        maximize: Whether more of it is better.
        judged: Examples of the validation split.
    """
    scale = (100.0 if fmt.names_share(metric) else 1.0) * (1.0 if maximize else -1.0)
    half, whole = points[-2].values, points[-1].values
    gains = [scale * (b - a) for a, b in zip(half, whole, strict=True)]
    by_example = metric.endswith("accuracy") and len(gains) > 1
    found = paired_gain(gains, [_least_changed(g, judged) for g in gains] if by_example else [])
    known = found.high < float("inf")
    return LearningCurve(
        points=tuple(points),
        gain=found.gain,
        low=found.low if known else None,
        high=found.high if known else None,
    )


def _least_changed(gain: float, judged: int) -> Array:
    """What each validation example gained at the least, in points, (examples,).

    Which answers changed is not kept, but so many must have. Without this, seeds that all gained
    one example of a few would leave nothing to chance.
    """
    np = require("numpy")
    found: Array = np.zeros(judged)
    found[: round(abs(gain) * judged / 100.0)] = np.copysign(100.0, gain)
    return found
