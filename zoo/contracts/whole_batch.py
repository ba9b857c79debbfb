"""Sums over a batch that is divided among accelerators.

A loss is computed for the part of a batch that one accelerator has. Where it is the mean of the
losses of examples, nothing need be known of the others. One that divides by something counted in
the batch (pixels that have a class), or that is no mean at all (Dice), takes such sums by
`whole_batch_sum`, and is the same however the batch is divided.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from zoo.common.optional_imports import require

#: Parts are computed in turns by threads of their own.
_part = threading.local()


@contextmanager
def counted(weight: Any) -> Iterator[None]:
    """Within the block, the part at hand counts so many times in sums over its batch.

    Args:
        weight: float32 scalar: 1, or 0 for one that stands in where there are too few examples.
    """
    _part.weight = weight
    try:
        yield
    finally:
        del _part.weight


def whole_batch_sum(value: Any) -> Any:
    """The sum of a tensor of real numbers over all parts of the batch; itself where it is whole.

    Gradients pass through it.

    Args:
        value: Of one part, of any shape that does not depend on its number of examples.
    """
    tf = require("tensorflow")
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return value
    own = value * tf.cast(getattr(_part, "weight", 1.0), value.dtype)
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, own)
