"""Labelled training examples on which ways of normalizing inputs are tried."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import Unsupported
from zoo.contracts import Dataset
from zoo.data.preprocessing.inputs import normalize, read_inputs
from zoo.networks.sources.inputs import InputCandidate, InputPlan, turned

#: Labelled training examples that ways are tried on; more where inputs have at most _SMALL values.
_TRIED, _MORE, _SMALL = 256, 1024, 4096


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingSample:
    """Training examples from all classes, in random order, as raw inputs of a kind.

    Attributes:
        raw: Inputs before normalization, (examples, *shape).
        labels: The true class of each, or its targets or labels, (examples, columns).
        reading: How the task reads them, see `zoo.contracts.Output`; empty: one class each.
    """

    raw: NDArray[Any]
    labels: NDArray[Any]
    reading: str

    @classmethod
    def of(cls, dataset: Dataset, plan: InputPlan, reading: str) -> TrainingSample:
        """Draws them, always the same.

        Raises:
            Unsupported: The labels are of another kind than the task's.
        """
        split = dataset.splits["train"]
        if split.labels.ndim != (2 if reading else 1):
            raise Unsupported(
                f"{dataset.name} has more than one label for each example",
                fix="use data with one class for each example",
            )
        count = _MORE if math.prod(plan.shape) <= _SMALL else _TRIED
        drawn = np.random.default_rng(0).permutation(len(split))[:count]
        preprocessing = plan.candidates[0].preprocessing
        raw = read_inputs(split, preprocessing, drawn.tolist())
        return cls(raw=raw, labels=split.labels[drawn], reading=reading)

    def inputs(self, way: InputCandidate, count: int | None = None) -> NDArray[np.float32]:
        """Normalized, in the order of channels that the network takes."""
        values: NDArray[np.float32] = turned(
            normalize(self.raw[:count], way.preprocessing), way.bgr
        )
        return values
