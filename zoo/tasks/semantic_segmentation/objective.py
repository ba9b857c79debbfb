"""The loss of segmentation, and the mean intersection over union that decides between epochs."""

from __future__ import annotations

from typing import Any

from zoo.common.optional_imports import require
from zoo.contracts.dataset import IGNORED

#: The metric that decides which epoch is kept.
METRIC = "mean IoU"


def compile_model(model: Any, optimizer: Any, options: Any) -> str:
    """Cross-entropy on the logits of pixels, each counting the same; `IGNORED` ones do not."""
    keras = require("keras")
    ops = keras.ops
    smoothing = float(options.label_smoothing)

    def cross_entropy(labels: Any, logits: Any) -> Any:
        real = ops.cast(ops.not_equal(labels, IGNORED), logits.dtype)
        # A pixel without a class: one-hot makes zeros of it, which `real` leaves out.
        targets = ops.one_hot(ops.cast(labels, "int32"), logits.shape[-1])
        losses = keras.losses.categorical_crossentropy(
            targets, logits, from_logits=True, label_smoothing=smoothing
        )
        # One loss per pixel, so that pixels can be weighted; its mean is that of real ones.
        count = ops.cast(ops.size(real), logits.dtype)
        return losses * real * count / ops.maximum(ops.sum(real), 1.0)

    model.compile(
        optimizer=optimizer,
        loss=cross_entropy,
        metrics=[_mean_overlap(model.output.shape[-1])],
        jit_compile=False,
    )
    return METRIC


def _mean_overlap(classes: int) -> Any:
    keras = require("keras")
    ops = keras.ops

    class MeanOverlap(keras.metrics.Metric):  # type: ignore[misc, name-defined, unused-ignore]
        """As `overlap.overlaps`, over all pictures that it was shown."""

        def __init__(self) -> None:
            super().__init__(name=METRIC)
            self.counts = self.add_weight(
                shape=(classes, classes), initializer="zeros", dtype="float32"
            )

        def update_state(self, labels: Any, logits: Any, sample_weight: Any = None) -> None:
            true = ops.reshape(ops.cast(labels, "int32"), (-1,))
            chosen = ops.reshape(ops.argmax(logits, -1), (-1,))
            # A pixel without a class is a row of zeros.
            rows, columns = ops.one_hot(true, classes), ops.one_hot(chosen, classes)
            self.counts.assign_add(ops.matmul(ops.transpose(rows), columns))

        def result(self) -> Any:
            right = ops.diagonal(self.counts)
            own, answered = ops.sum(self.counts, axis=1), ops.sum(self.counts, axis=0)
            shares = right / ops.maximum(own + answered - right, 1.0)
            there = ops.cast(own > 0, "float32")
            return ops.sum(shares * there) / ops.maximum(ops.sum(there), 1.0)

    return MeanOverlap()
