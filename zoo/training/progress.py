"""Progress events within an epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from zoo.common.optional_imports import require
from zoo.common.progress import Event
from zoo.contracts.training import Training
from zoo.networks.multiply_adds import count_multiply_adds

#: Multiply-adds of one call into TensorFlow: the call should cost little beside them, and yet
#: return often enough for a bar to move.
_WORK_PER_CALL = 3_000_000_000
_MOST_STEPS = 32


def steps_per_call(network: Any, options: Training) -> int:
    """Batches per call into TensorFlow; results do not depend on it."""
    try:
        work = 3 * count_multiply_adds(network) * (options.batch_size or 1)
    except Exception:  # layers of plugins may refuse a batch of one, and train with larger ones
        return 1
    return max(1, min(_MOST_STEPS, _WORK_PER_CALL // max(work, 1)))


def progress_callback(
    emit: Callable[[Event], None], epoch: int, options: Training, batches: int, metric: str
) -> Any:
    """A Keras callback with batch events, a few per second, and always the last one.

    Args:
        emit: Receives ``batch`` events.
        epoch: The number of this one.
        options: Of the training.
        batches: In an epoch.
        metric: Name of the metric reported beside the loss.
    """
    keras = require("keras")
    started = last = 0.0
    first = 0

    def on_batch_end(batch: int, logs: dict[str, float] | None = None) -> None:
        nonlocal started, last, first
        now = time.perf_counter()
        batch = min(batch, batches - 1)  # several at a time may reach beyond the last
        if not started:
            started, first = now, batch  # the first call waits for the pipeline to fill
        if now - last < 0.2 and batch + 1 < batches:
            return
        last = now
        values = logs or {}
        emit(
            {
                "event": "batch",
                "epoch": epoch,
                "epochs": options.epochs,
                "batch": batch + 1,
                "batches": batches,
                # Nothing is measured at the first batch, from which time is counted.
                "examples_per_second": (batch - first) * (options.batch_size or 1) / (now - started)
                if batch > first
                else None,
                "loss": float(values.get("loss", math.nan)),
                "metric": float(values[metric]) if metric in values else None,
                "metric_name": metric,
            }
        )

    return keras.callbacks.LambdaCallback(on_train_batch_end=on_batch_end)
