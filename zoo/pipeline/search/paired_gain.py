"""How much better one network is than another on the same seeds and test examples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from zoo.artifacts.reference_outputs import REFERENCE
from zoo.common.optional_imports import require
from zoo.data.opening import open_dataset
from zoo.data.preprocessing.inputs import truth_of
from zoo.networks.checkpoints import resolve
from zoo.pipeline.steps.step import FinishedStep
from zoo.registry import Registry
from zoo.results.records import NetworkEvaluation
from zoo.tasks.means import student_95

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

#: What an example gains whose wrong answer becomes right, in points.
_WHOLE = 100.0


@dataclass(frozen=True, kw_only=True)
class PairedGain:
    """A mean gain with its 95 % interval.

    Attributes:
        gain: Mean over the seeds.
        low: Lower end of the interval; −infinity where nothing says how far chance reaches.
        high: Upper end.
        by_example: Whether the interval holds the chance in the choice of test examples, too,
            and not in the trainings alone.
    """

    gain: float
    low: float
    high: float
    by_example: bool


def paired_gain(gains: Sequence[float], differences: Sequence[Array]) -> PairedGain:
    """The mean gain with an interval for both sources of chance.

    Seeds and examples are crossed: the variance of the mean over seeds, and that of each example's
    mean difference over the examples, are added, which counts their interaction twice and so makes
    the interval no narrower than it should be (Owen 2007, arXiv:0711.1257). Student's t has the
    degrees of freedom of Welch and Satterthwaite. Where no example, or each, changed its answer,
    their differences do not vary, though others' would: the interval counts two examples more,
    of whose answers half a one is gained and half a one lost (Agresti and Min 2005,
    doi:10.1002/sim.1781). Of one seed, the interval is that of the examples alone; without these it
    is endless.

    Args:
        gains: One for each seed.
        differences: Of each seed what each example gained, in points, (examples,); empty where
            the metric is no mean over examples.
    """
    gain = fmean(gains)
    parts = [(stdev(gains) ** 2 / len(gains), len(gains) - 1)] if len(gains) > 1 else []
    middle, most = gain, math.inf
    if differences:
        each: Array = sum(differences[1:], differences[0]) / len(differences)
        count = len(each) + 2
        spread = (float(each @ each) + _WHOLE**2) / count - (float(each.sum()) / count) ** 2
        parts.append((spread / count, count - 1))
        middle, most = gain * len(each) / count, _WHOLE
    half, whole = math.inf, sum(variance for variance, _ in parts)
    if parts:
        freedom = 1.0
        if whole > 0:
            freedom = whole**2 / sum(variance**2 / free for variance, free in parts)
        half = student_95(max(1, math.floor(freedom))) * math.sqrt(whole)
    return PairedGain(
        gain=gain,
        low=max(middle - half, -most),
        high=min(middle + half, most),
        by_example=bool(differences),
    )


def right_answers(
    registry: Registry, weights: Path, data: str, evaluated: FinishedStep[NetworkEvaluation]
) -> Array | None:
    """1 for each example that is answered right, else 0; None where that is not the metric."""
    _, variant, checkpoint = resolve(registry, str(weights))
    assert checkpoint is not None
    result = evaluated.result
    task = registry.tasks.get(variant.task).with_decoding(result.decoding)
    truth = truth_of(open_dataset(registry, data), result.split, checkpoint.preprocessing)
    with require("numpy").load(evaluated.folder / REFERENCE, allow_pickle=False) as arrays:
        outputs = arrays["outputs"][: len(truth.labels)]
    wrong = task.wrong(task.answers(outputs, truth), truth.labels)
    if wrong is None:
        return None
    right: Array = 1.0 - wrong.astype("float64")
    return right if abs(float(right.mean()) - result.metrics[0].value) < 1e-6 else None
