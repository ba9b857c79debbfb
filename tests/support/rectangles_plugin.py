"""A dataset of bright rectangles on noise, with boxes, that small detectors learn in a minute."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zoo.contracts.dataset import SPLITS, Dataset, DatasetProvider
from zoo.hookspecs import hookimpl

#: Those that occur, and with the others as many as the records of networks say, which the
#: conformance kit asks for.
SHOWN = ("green", "wide red")
CLASSES = (*SHOWN, *(f"unused {number}" for number in range(3, 11)))
#: Side of the pictures, which is not that of networks.
SIDE = 64
COUNTS = {"train": 256, "validation": 64, "test": 96}


def pictures(count: int, seed: int) -> tuple[Any, Any]:
    """uint8 (count, 64, 64, 3), and boxes, float32 (count, 2, 5): at most one of each class."""
    import numpy as np

    random = np.random.default_rng(seed)
    pixels = random.integers(0, 70, (count, SIDE, SIDE, 3)).astype(np.uint8)
    labels = np.zeros((count, 2, 5), np.float32)
    labels[..., 0] = -1
    for number in range(count):
        place = 0
        for label in range(2):
            if random.random() < 0.2:
                continue
            height = int(random.integers(14, 24))
            width = int(random.integers(14, 24)) + (16 if label else 0)
            top = int(random.integers(0, SIDE // 2 - height)) + label * SIDE // 2
            left = int(random.integers(0, SIDE - width))
            channel = 0 if label else 1
            pixels[number, top : top + height, left : left + width, channel] = 220
            edges = np.array([top, left, top + height, left + width]) / SIDE
            labels[number, place] = (label, *edges)
            place += 1
    return pixels, labels


def open_rectangles(argument: str | None) -> Dataset:
    from zoo.data.readers.in_memory import content_hashes, dataset_of, memory_split

    made = {split: pictures(COUNTS[split], seed) for seed, split in enumerate(SPLITS)}
    splits = {
        split: memory_split(pixels, labels, content_hashes(pixels))
        for split, (pixels, labels) in made.items()
    }
    return dataset_of("rectangles", CLASSES, splits)


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``rectangles``."""
    yield DatasetProvider(
        name="rectangles",
        summary="bright rectangles",
        tasks=("object-detection",),
        open=open_rectangles,
        fingerprint=lambda argument: "rectangles 1",
    )
