"""Time series preprocessing: windows of samples, and labels per step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData, UsageError
from zoo.contracts.dataset import IGNORED, Dataset, Split
from zoo.contracts.preprocessing import InputKind, SampleList, SeriesPreprocessing

#: By how much a channel's deviation may differ from that of the training, as a factor.
_DEVIATION = 8.0
#: How far a channel's mean may lie from that of the training, in its deviations.
_MEAN = 8.0
#: Mean and deviation of synthetic channels: far from 0 and 1, so that normalization has
#: work to do.
_SYNTHETIC = 20.0, 5.0
_EXPECTED = "a dataset of series yields finite float32 windows of shape (steps, channels)"


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
    """Windows of time series: float32, shape (steps, channels)."""

    def read(self, split: Split, index: int) -> NDArray[Any]:
        """One window.

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
        if window.shape != self.own.input_shape:
            takes, has = (
                f"{steps} steps of {channels} channels"
                for steps, channels in (self.own.input_shape, window.shape)
            )
            raise UsageError(
                f"the network takes {takes}, the dataset has {has}",
                fix="cut windows of that length, or train with --from-scratch",
            )
        return window

    def fit(self, dataset: Dataset) -> SeriesPreprocessing:
        """Takes steps and channels from the data, and measures mean and deviation of each channel.

        A channel that never changes gets a deviation of 1.
        """
        split = dataset.splits["train"]
        shape = split.read(0).shape
        if len(shape) != 2:
            raise BadData(f"examples of {dataset.name} have shape {shape}", fix=_EXPECTED)
        names = dataset.channels
        sized = replace(self.own, steps=shape[0], channels=shape[1], mean=(), std=(), names=names)
        total, squares = np.zeros(shape[1]), np.zeros(shape[1])
        # Squares of large numbers lose what is small beside them: all are taken about the first.
        first = Series(sized).read(split, 0)[0].astype(np.float64)
        for index in range(len(split)):
            window = Series(sized).read(split, index).astype(np.float64) - first
            total += window.sum(axis=0)
            squares += (window**2).sum(axis=0)
        count = len(split) * shape[0]
        mean = total / count
        std = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
        mean += first
        # What is smaller than the steps of float32 there is rounding, not a signal.
        std[std <= np.maximum(np.abs(mean) * 2.0**-24, 1e-12)] = 1.0
        return replace(
            sized,
            mean=tuple(float(np.float32(m)) for m in mean),
            std=tuple(float(np.float32(s)) for s in std),
        )

    def check_names(self, dataset: Dataset, subject: str, *, trained: bool = False) -> None:
        """Compares the names of channels, where both sides have names."""
        names, found = self.own.names, dataset.channels
        swapped = sorted(names) == sorted(found)
        if not names or not found or names == found or (trained and not swapped):
            return
        raise UsageError(
            f"the channels of {dataset.name!r} are "
            + ("in another order than" if swapped else "not")
            + f" those that {subject} was trained on",
            why=f"it was trained on {', '.join(names)}; the data have {', '.join(found)}",
            fix=f"read them in that order: channels={','.join(names)}"
            if {*names} <= {*found}
            else "rename the columns, or name those of the training in channels=",
        )

    def renamed(self, dataset: Dataset) -> SeriesPreprocessing:
        """With the names of the channels, where the dataset has any."""
        names = dataset.channels
        return replace(self.own, names=names) if len(names) == self.own.channels else self.own

    def labels(self, labels: NDArray[Any]) -> NDArray[Any]:
        """As `stepwise_labels`."""
        return stepwise_labels(labels, self.own.steps)

    def samples(self, given: str, data: str = "") -> SampleList:
        """Windows of tables, and arrays of series."""
        from zoo.data.samples.series import series_samples

        return series_samples(given, data, self.own)

    def range_problem(self, inputs: NDArray[Any]) -> str:
        """Compares mean and deviation of each channel, where the training measured them."""
        if not self.own.mean:
            return ""
        rows = inputs.reshape(-1, inputs.shape[-1])
        means, deviations = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
        trained = zip(self.own.mean, self.own.std, strict=True)
        for channel, (mean, std) in enumerate(trained):
            far = abs(means[channel] - mean) > _MEAN * std
            wide = deviations[channel] > _DEVIATION * std
            narrow = 0 < deviations[channel] < std / _DEVIATION
            if far or wide or narrow:
                return (
                    f"channel {channel} of the training was {mean:.4g} ± {std:.4g}; of the data "
                    f"it is {means[channel]:.4g} ± {deviations[channel]:.4g}"
                )
        return ""

    def with_synthetic_statistics(self) -> SeriesPreprocessing:
        """With a mean and a deviation for each channel."""
        if self.own.mean:
            return self.own
        mean, std = ((value,) * self.own.channels for value in _SYNTHETIC)
        return replace(self.own, mean=mean, std=std)

    def synthetic_examples(
        self, labels: NDArray[Any], classes: int, random: Any, seed: int
    ) -> tuple[Any, Any]:
        """Series with one level per class in every channel; per step, where steps have labels."""
        levels = {
            label: np.random.default_rng((seed, label)).normal(0, 1, self.own.channels)
            for label in np.unique(labels).tolist()
        }
        shape = (len(labels), *self.own.input_shape)
        steps = np.broadcast_to(labels.reshape(len(labels), -1), shape[:2])
        unit = np.array([levels[label] for label in steps.ravel().tolist()]).reshape(shape)
        unit = unit + random.normal(0, 0.3, shape)
        mean, std = np.array(self.own.mean), np.array(self.own.std)
        return (unit * std + mean).astype(np.float32), labels
