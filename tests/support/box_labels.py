"""Labels of pictures with a box each."""

from __future__ import annotations

import numpy as np

from zoo.contracts import Task, Variant
from zoo.registry import Registry


def boxes_of(count: int, classes: int) -> np.ndarray:
    """A box of its own for each picture: float32, (count, 1, 5)."""
    number = np.arange(count)
    low = np.stack([number % 5, number % 7], axis=1) / 16
    rows = np.concatenate([(number % classes)[:, None], low, low + 0.4], axis=1)
    return rows[:, None].astype(np.float32)


def network_task(registry: Registry, variant: Variant) -> Task:
    """A network's task with what its outputs are decoded with."""
    decoding = variant.decoded_with(variant.preprocessing)
    return registry.tasks.get(variant.task).with_decoding(decoding)
