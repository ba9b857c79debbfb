"""Tones in noise, made from their numbers: a small dataset of sounds for trials and checks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from zoo.contracts.dataset import Dataset, DatasetProvider, Split, refuse_argument
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: From which frequency to which, in Hz, the tones of each class are.
CLASSES = {"low": (200, 400), "mid": (700, 1400), "high": (2200, 3600)}
#: Of each class, in each split.
COUNTS = {"train": 70, "validation": 15, "test": 15}
RATE = 16_000
_VERSION = 1


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``tones``."""
    yield DatasetProvider(
        name="tones",
        summary="300 low, middle and high tones in noise, a second each; made when they are read",
        tasks=("audio-classification",),
        open=open_tones,
        fingerprint=fingerprint,
        where="part of edgezoo",
    )


def open_tones(argument: str | None) -> Dataset:
    """The tones: float32 (16000,), 16,000 samples per second.

    Raises:
        UsageError: Something follows the name.
    """
    import numpy as np

    from zoo.data.readers.hashing import dataset_hash, split_hash

    refuse_argument("tones", argument)
    splits, first = {}, 0
    for name, count in COUNTS.items():
        numbers = np.arange(first, first + count * len(CLASSES))
        first += len(numbers)
        labels = (numbers % len(CLASSES)).astype(np.int64)
        digests = [hashlib.sha256(f"tones {_VERSION} {n}".encode()).digest() for n in numbers]
        splits[name] = Split(
            labels=labels,
            read=_reader(first - len(numbers)),
            content_hash=split_hash(digests, labels),
            identities=digests,
            names=[f"tone {number}" for number in numbers],
        )
    return Dataset(
        name="tones",
        classes=tuple(CLASSES),
        splits=splits,
        content_hash=dataset_hash(tuple(CLASSES), splits),
        licence="Apache-2.0",
        source="made by edgezoo",
        rate=RATE,
    )


def fingerprint(argument: str | None) -> str:
    """The version of the rule that makes them.

    Raises:
        UsageError: Something follows the name.
    """
    refuse_argument("tones", argument)
    return f"tones:{_VERSION}"


def _reader(first: int) -> Any:
    def read(index: int) -> NDArray[np.float32]:
        return tone_of(first + index)

    return read


def tone_of(number: int) -> NDArray[np.float32]:
    """One tone: of any level, beginning and end, in noise; its class is ``number % 3``."""
    import numpy as np

    random = np.random.default_rng(number)
    low, high = [*CLASSES.values()][number % len(CLASSES)]
    hertz = low * (high / low) ** random.uniform()
    time = np.arange(RATE) / RATE
    begin, end = random.uniform(0, 0.3), random.uniform(0.6, 1)
    shape = np.clip(np.minimum(time - begin, end - time) / 0.02, 0, 1)
    level = 10 ** random.uniform(-1.3, -0.3)
    sound = level * shape * np.sin(2 * np.pi * hertz * time + random.uniform(0, 2 * np.pi))
    return np.asarray(sound + random.normal(0, 0.003, RATE), np.float32)
