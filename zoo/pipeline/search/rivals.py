"""The chosen network beside each rival on the test split, which is read here alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from zoo.contracts import Metric
from zoo.contracts.baseline import AgainstBaseline
from zoo.pipeline.recipe import Recipe
from zoo.pipeline.search.paired_gain import paired_gain, right_answers
from zoo.pipeline.search.training_runs import TrainingRuns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Verdict = Literal["better", "worse", "cannot tell"]


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A network on the test split, once for each seed.

    Attributes:
        metrics: The headline metric of each seed.
        baseline: Beside what looks at no input, of the first seed; None where the task has none.
    """

    metrics: tuple[Metric, ...]
    baseline: AgainstBaseline | None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A rival beside the chosen network, on the same seeds and test examples.

    Attributes:
        gain: How much better the rival is, in `unit`, mean over the seeds; below 0 it is worse.
        low: Lower end of the 95 % interval; None where nothing says how far chance reaches.
        high: Upper end.
        unit: Points of a share, per cent of a distance, or the metric's own.
        examples: Of the test split.
        seeds: That both were trained on.
        by_example: Whether the interval holds the chance in the choice of test examples, too,
            and not in the trainings alone.
    """

    gain: float
    low: float | None
    high: float | None
    unit: str
    examples: int
    seeds: int
    by_example: bool

    @property
    def verdict(self) -> Verdict:
        """Of the rival; ``better`` and ``worse`` only where chance does not explain it."""
        if self.low is None or self.high is None or self.low <= 0.0 <= self.high:
            return "cannot tell"
        return "better" if self.low > 0.0 else "worse"


def tested(
    runs: TrainingRuns,
    chosen: str,
    recipes: Mapping[str, Recipe],
    seeds: Mapping[str, Sequence[int]],
) -> tuple[dict[str, Tested], dict[str, Difference]]:
    """All finalists on the test split, and each rival beside the chosen one.

    Args:
        runs: Finds the trainings done.
        chosen: Name of the chosen network.
        recipes: Name → its whole training, of all finalists.
        seeds: Name → on which it was trained, in the same order; a rival is compared on those that
            the chosen one has, too.

    Raises:
        ZooError: An evaluation failed.
    """
    evaluations = runs.evaluations(
        [
            (recipe.model_copy(update={"seed": seed}), f"{name}, seed {seed}")
            for name, recipe in recipes.items()
            for seed in seeds[name]
        ]
    )
    found: dict[str, Tested] = {}
    right: dict[str, list[Array | None]] = {}
    for name, recipe in recipes.items():
        results, right[name] = [], []
        for _ in seeds[name]:
            train, evaluated = next(evaluations)
            results.append(evaluated.result)
            weights = train.folder / train.result.weights
            right[name].append(right_answers(runs.registry, weights, recipe.data, evaluated))
        found[name] = Tested(
            metrics=tuple(one.metrics[0] for one in results), baseline=results[0].baseline
        )
    own = found[chosen]
    differences = {}
    for name, other in found.items():
        if name != chosen:
            both = min(len(own.metrics), len(other.metrics))
            paired = _paired(right[chosen][:both], right[name][:both])
            differences[name] = difference(own.metrics[:both], other.metrics[:both], paired)
    return found, differences


def difference(
    own: Sequence[Metric], rival: Sequence[Metric], differences: Sequence[Array]
) -> Difference:
    """How much better a rival is.

    Args:
        own: Of the chosen network, one metric for each seed.
        rival: Likewise.
        differences: Of each seed what each example gained by the rival, in points, (examples,);
            empty where the metric is no mean over examples.
    """
    gains = [-mine.lost_by(other) for mine, other in zip(own, rival, strict=True)]
    found = paired_gain(gains, differences)
    known = found.high < float("inf")
    return Difference(
        gain=found.gain,
        low=found.low if known else None,
        high=found.high if known else None,
        unit=own[0].loss_unit,
        examples=own[0].count,
        seeds=len(gains),
        by_example=found.by_example,
    )


def _paired(own: Sequence[Array | None], rival: Sequence[Array | None]) -> list[Array]:
    """In points; empty where the metric is no mean over examples."""
    both = zip(own, rival, strict=True)
    found = [100.0 * (b - a) for a, b in both if a is not None and b is not None]
    return found if len(found) == len(own) else []
