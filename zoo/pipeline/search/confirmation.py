"""The winner of a search beside the default, both trained anew on the same seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from zoo.contracts import Metric
from zoo.pipeline.recipe import Recipe
from zoo.pipeline.search.paired_gain import paired_gain, right_answers
from zoo.pipeline.search.training_runs import TrainingRuns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Verdict = Literal["better", "no better", "worse"]
_NAMES = ("default", "tuned")
#: Seeds on which the winner is held against the default, and trainings that this takes.
SEEDS = 3
NETWORKS = len(_NAMES) * SEEDS


@dataclass(frozen=True, kw_only=True)
class SeedResult:
    """Both networks of one seed, measured on the same test split."""

    seed: int
    default: Metric
    tuned: Metric

    @property
    def gain(self) -> float:
        """How much better the tuned one is, in `Metric.loss_unit`."""
        return -self.default.lost_by(self.tuned)


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """A paired test of the winner against the default.

    Attributes:
        results: One for each seed.
        gain: Mean over the seeds, in `unit`; above 0 the winner is better.
        low: Lower end of the 95 % interval.
        high: Upper end.
        unit: Points of a share, per cent of a distance, or the metric's own.
        by_example: Whether the interval holds the chance in the choice of test examples, too,
            and not in the trainings alone.
    """

    results: tuple[SeedResult, ...]
    gain: float
    low: float
    high: float
    unit: str
    by_example: bool

    @property
    def verdict(self) -> Verdict:
        """``better`` and ``worse`` only where chance does not explain it."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "no better"


def confirmed(
    runs: TrainingRuns, default: Recipe, tuned: Recipe, seeds: Sequence[int]
) -> Confirmation:
    """Trains both on each seed and tests the difference on the test split, which is read here.

    Raises:
        ZooError: A training or an evaluation failed.
    """
    results, differences = [], []
    evaluations = runs.evaluations(
        [
            (recipe.model_copy(update={"seed": seed}), f"{name}, seed {seed}")
            for seed in seeds
            for name, recipe in zip(_NAMES, (default, tuned), strict=True)
        ]
    )
    for seed in seeds:
        measured, right = [], []
        for recipe, (train, evaluated) in zip((default, tuned), evaluations, strict=False):
            measured.append(evaluated.result.metrics[0])
            weights = train.folder / train.result.weights
            right.append(right_answers(runs.registry, weights, recipe.data, evaluated))
        results.append(SeedResult(seed=seed, default=measured[0], tuned=measured[1]))
        if right[0] is not None and right[1] is not None:
            differences.append(100.0 * (right[1] - right[0]))
    paired = differences if len(differences) == len(results) else []
    return compared(results, paired)


def compared(results: Sequence[SeedResult], differences: Sequence[Array]) -> Confirmation:
    """The mean gain with an interval for both sources of chance; see `paired_gain`.

    Args:
        results: One for each seed, two at least.
        differences: Of each seed what each example gained, in points, (examples,); empty where
            the metric is no mean over examples.
    """
    found = paired_gain([result.gain for result in results], differences)
    return Confirmation(
        results=tuple(results),
        gain=found.gain,
        low=found.low,
        high=found.high,
        unit=results[0].default.loss_unit,
        by_example=found.by_example,
    )
