"""Time series: windows of samples, and labels for each of their steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData, UsageError
from zoo.contracts.dataset import IGNORED, Dataset, Split
from zoo.contracts.preprocessing import InputKind, SeriesPreprocessing

#: By how much a channel's deviation may differ from that of the training, as a factor.
_DEVIATION = 8.0
#: How far a channel's mean may lie from that of the training, in its deviations.
_MEAN = 8.0
#: Mean and deviation of synthetic channels: far from what networks like, so that normalization has
#: work to do.
_SYNTHETIC = 20.0, 5.0
_EXPECTED = "a dataset of series yields finite float32 windows of shape (steps, channels)"


def read_series(
    split: Split, index: int, preprocessing: SeriesPreprocessing
) -> NDArray[np.float32]:
    """One window: float32, shape (steps, channels).

    Raises:
        BadData: It is no window, or holds NaN or infinity; names the example.
        UsageError: The network takes windows of another shape.
    """
    window = split.read(index)
    if window.ndim != 2 or window.dtype != np.float32:
        raise BadData(
            f"example {index} cannot be used: it is {window.dtype} of shape {window.shape}",
            fix=_EXPECTED,
        )
    if not np.isfinite(window).all():
        raise BadData(f"example {index} holds NaN or infinite values", fix=_EXPECTED)
    if window.shape != preprocessing.input_shape:
        raise UsageError(
            f"the network takes {_sized(preprocessing.input_shape)}, "
            f"the dataset has {_sized(window.shape)}",
            fix="cut windows of that length, or train with --from-scratch",
        )
    return window


def _sized(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} steps of {shape[1]} channels"


def fit_series(preprocessing: SeriesPreprocessing, dataset: Dataset) -> SeriesPreprocessing:
    """Takes steps and channels from the data, and measures mean and deviation of each channel.

    A channel that never changes gets a deviation of 1.
    """
    split = dataset.splits["train"]
    shape = split.read(0).shape
    if len(shape) != 2:
        raise BadData(f"examples of {dataset.name} have shape {shape}", fix=_EXPECTED)
    sized = replace(preprocessing, steps=shape[0], channels=shape[1], mean=(), std=())
    total, squares = np.zeros(shape[1]), np.zeros(shape[1])
    for index in range(len(split)):
        window = read_series(split, index, sized).astype(np.float64)
        total += window.sum(axis=0)
        squares += (window**2).sum(axis=0)
    count = len(split) * shape[0]
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    # Relative to the mean: what is left of a constant channel is the rounding of its squares.
    std[std <= 1e-6 * np.maximum(np.abs(mean), 1e-6)] = 1.0
    return replace(
        sized,
        mean=tuple(float(np.float32(m)) for m in mean),
        std=tuple(float(np.float32(s)) for s in std),
    )


def stepwise_labels(labels: NDArray[Any], steps: int) -> NDArray[Any]:
    """Labels of steps cut or padded to a length; labels of whole examples stay as they are.

    Args:
        labels: int64 of shape (examples, longest), with `IGNORED` behind the end, are those of
            steps.
        steps: As the network has.
    """
    if labels.ndim != 2 or labels.dtype != np.int64 or labels.shape[1] == steps:
        return labels
    result = np.full((len(labels), steps), IGNORED, np.int64)
    kept = min(steps, labels.shape[1])
    result[:, :kept] = labels[:, :kept]
    return result


class Series(InputKind[SeriesPreprocessing]):
    """Windows of samples."""

    def read(self, split: Split, index: int) -> NDArray[Any]:
        """As `read_series`."""
        return read_series(split, index, self.own)

    def fit(self, dataset: Dataset) -> SeriesPreprocessing:
        """As `fit_series`."""
        return fit_series(self.own, dataset)

    def labels(self, labels: NDArray[Any]) -> NDArray[Any]:
        """As `stepwise_labels`."""
        return stepwise_labels(labels, self.own.steps)

    def range_problem(self, inputs: NDArray[Any]) -> str:
        """Compares mean and deviation of each channel, where the training measured them."""
        rows = inputs.reshape(-1, inputs.shape[-1])
        return _moments_problem(rows, self.own) if self.own.mean else ""

    def with_synthetic_statistics(self) -> SeriesPreprocessing:
        """With a mean and a deviation for each channel."""
        if self.own.mean:
            return self.own
        mean, std = ((value,) * self.own.channels for value in _SYNTHETIC)
        return replace(self.own, mean=mean, std=std)

    def synthetic_examples(
        self, labels: NDArray[Any], classes: int, random: Any, seed: int
    ) -> tuple[Any, Any]:
        """Of each class a level of its own."""
        return _synthetic_series(self.own, labels, random, seed), labels


def _moments_problem(rows: NDArray[Any], preprocessing: SeriesPreprocessing) -> str:
    means, deviations = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    trained = zip(preprocessing.mean, preprocessing.std, strict=True)
    for channel, (mean, std) in enumerate(trained):
        far = abs(means[channel] - mean) > _MEAN * std
        wide = deviations[channel] > _DEVIATION * std
        narrow = 0 < deviations[channel] < std / _DEVIATION
        if far or wide or narrow:
            return (
                f"channel {channel} of the training was {mean:.4g} ± {std:.4g}; of the data it is "
                f"{means[channel]:.4g} ± {deviations[channel]:.4g}"
            )
    return ""


def _synthetic_series(
    preprocessing: SeriesPreprocessing, labels: Any, random: Any, seed: int
) -> Any:
    """Of each class a level of its own in every channel; of steps too, where they have labels."""
    levels = {
        label: np.random.default_rng((seed, label)).normal(0, 1, preprocessing.channels)
        for label in np.unique(labels).tolist()
    }
    shape = (len(labels), *preprocessing.input_shape)
    steps = np.broadcast_to(labels.reshape(len(labels), -1), shape[:2])
    unit = np.array([levels[label] for label in steps.ravel().tolist()]).reshape(shape)
    unit = unit + random.normal(0, 0.3, shape)
    mean, std = np.array(preprocessing.mean), np.array(preprocessing.std)
    return (unit * std + mean).astype(np.float32)
