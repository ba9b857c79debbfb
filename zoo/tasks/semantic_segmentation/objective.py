"""The loss of segmentation, and the mean intersection over union that decides between epochs."""

from __future__ import annotations

from typing import Any

from zoo.common.optional_imports import require
from zoo.contracts.dataset import IGNORED
from zoo.contracts.whole_batch import whole_batch_sum

#: The metric that decides which epoch is kept.
METRIC = "mean IoU"


def compile_model(model: Any, optimizer: Any, options: Any) -> str:
    """Cross-entropy on the logits of pixels, each counting the same; `IGNORED` ones do not.

    Beside it the Dice loss with the weight that the options say.
    """
    keras = require("keras")
    ops = keras.ops
    smoothing, dice = float(options.label_smoothing), float(options.task.get("dice", 0.0))

    def cross_entropy(labels: Any, logits: Any) -> Any:
        real = ops.cast(ops.not_equal(labels, IGNORED), logits.dtype)
        # A pixel without a class: one-hot makes zeros of it, which `real` leaves out.
        targets = ops.one_hot(ops.cast(labels, "int32"), logits.shape[-1])
        losses = keras.losses.categorical_crossentropy(
            targets, logits, from_logits=True, label_smoothing=smoothing
        )
        # One loss per pixel, so that pixels can be weighted; its mean is that of real ones.
        count = whole_batch_sum(ops.cast(ops.size(real), logits.dtype))
        each = losses * real * count / ops.maximum(whole_batch_sum(ops.sum(real)), 1.0)
        # One number for the batch, added to each pixel: the mean is the sum of both.
        return each + dice * dice_loss(targets, logits, real) if dice else each

    model.compile(
        optimizer=optimizer,
        loss=cross_entropy,
        metrics=[_mean_overlap(model.output.shape[-1])],
        jit_compile=False,
    )
    return METRIC


def dice_loss(targets: Any, logits: Any, real: Any) -> Any:
    """One less the Dice coefficient of probabilities, the mean over classes that the batch has.

    Args:
        targets: float32, (batch, height, width, classes): 1 for the class of a pixel, else 0.
        logits: float32, of the same shape.
        real: float32, (batch, height, width): 1 where a pixel has a class, else 0.

    Returns:
        float32, a number from 0 to 1.
    """
    ops = require("keras").ops
    seen = real[..., None]
    probabilities, targets = ops.softmax(logits) * seen, targets * seen
    pixels = whole_batch_sum(ops.sum(targets, axis=(0, 1, 2)))
    both = whole_batch_sum(ops.sum(probabilities * targets, axis=(0, 1, 2)))
    whole = pixels + whole_batch_sum(ops.sum(probabilities, axis=(0, 1, 2)))
    there = ops.cast(pixels > 0, logits.dtype)
    missed = there * (1.0 - 2.0 * both / ops.maximum(whole, 1.0))
    return ops.sum(missed) / ops.maximum(ops.sum(there), 1.0)


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
