"""The winner of a search beside the default, both trained anew on the same seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, Literal

from zoo.artifacts.reference_outputs import REFERENCE
from zoo.common.optional_imports import require
from zoo.contracts import Metric
from zoo.data.opening import open_dataset
from zoo.data.preprocessing.inputs import truth_of
from zoo.networks.checkpoints import resolve
from zoo.pipeline.recipe import Recipe
from zoo.pipeline.search.training_runs import TrainingRuns
from zoo.pipeline.steps.step import FinishedStep
from zoo.registry import Registry
from zoo.results.records import NetworkEvaluation
from zoo.tasks.means import student_95

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Verdict = Literal["better", "no better", "worse"]
_NAMES = ("default", "tuned")
#: Seeds on which the winner is held against the default, and trainings that this takes.
SEEDS = 3
NETWORKS = len(_NAMES) * SEEDS
#: What an example gains whose wrong answer becomes right, in points.
_WHOLE = 100.0


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
    for seed in seeds:
        measured, right = [], []
        for name, recipe in zip(_NAMES, (default, tuned), strict=True):
            seeded = recipe.model_copy(update={"seed": seed})
            train, evaluated = runs.evaluate(seeded, f"{name}, seed {seed}")
            measured.append(evaluated.result.metrics[0])
            weights = train.folder / train.result.weights
            right.append(_right(runs.registry, weights, recipe.data, evaluated))
        results.append(SeedResult(seed=seed, default=measured[0], tuned=measured[1]))
        if right[0] is not None and right[1] is not None:
            differences.append(100.0 * (right[1] - right[0]))
    paired = differences if len(differences) == len(results) else []
    return compared(results, paired)


def compared(results: Sequence[SeedResult], differences: Sequence[Array]) -> Confirmation:
    """The mean gain with an interval for both sources of chance.

    Seeds and examples are crossed: the variance of the mean over seeds, and that of each example's
    mean difference over the examples, are added, which counts their interaction twice and so makes
    the interval no narrower than it should be (Owen 2007, arXiv:0711.1257). Student's t has the
    degrees of freedom of Welch and Satterthwaite. Where no example, or each, changed its answer,
    their differences do not vary, though others' would: the interval counts two examples more,
    of whose answers half a one is gained and half a one lost (Agresti and Min 2005,
    doi:10.1002/sim.1781).

    Args:
        results: One for each seed, two at least.
        differences: Of each seed what each example gained, in points, (examples,); empty where
            the metric is no mean over examples.
    """
    gains = [result.gain for result in results]
    parts = [(stdev(gains) ** 2 / len(gains), len(gains) - 1)]
    gain = fmean(gains)
    middle, most = gain, math.inf
    if differences:
        each: Array = sum(differences[1:], differences[0]) / len(differences)
        count = len(each) + 2
        spread = (float(each @ each) + _WHOLE**2) / count - (float(each.sum()) / count) ** 2
        parts.append((spread / count, count - 1))
        middle, most = gain * len(each) / count, _WHOLE
    whole = sum(variance for variance, _ in parts)
    freedom = 1.0
    if whole > 0:
        freedom = whole**2 / sum(variance**2 / free for variance, free in parts)
    half = student_95(max(1, math.floor(freedom))) * math.sqrt(whole)
    return Confirmation(
        results=tuple(results),
        gain=gain,
        low=max(middle - half, -most),
        high=min(middle + half, most),
        unit=results[0].default.loss_unit,
        by_example=bool(differences),
    )


def _right(
    registry: Registry, weights: Path, data: str, evaluated: FinishedStep[NetworkEvaluation]
) -> Array | None:
    """1 for each test example that is answered right, else 0; None where that is not the metric."""
    _, variant, checkpoint = resolve(registry, str(weights))
    assert checkpoint is not None
    result = evaluated.result
    task = registry.tasks.get(variant.task).with_decoding(result.decoding)
    truth = truth_of(open_dataset(registry, data), "test", checkpoint.preprocessing)
    with require("numpy").load(evaluated.folder / REFERENCE, allow_pickle=False) as arrays:
        outputs = arrays["outputs"][: len(truth.labels)]
    wrong = task.wrong(task.answers(outputs, truth), truth.labels)
    if wrong is None:
        return None
    right: Array = 1.0 - wrong.astype("float64")
    return right if abs(float(right.mean()) - result.metrics[0].value) < 1e-6 else None
