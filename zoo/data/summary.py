"""Summary of a dataset's content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zoo.contracts.dataset import CLASS_DTYPES, holds_boxes

if TYPE_CHECKING:
    from zoo.contracts.dataset import Dataset, Split


#: Sides of boxes as shares of the picture's: below the first they are small, from the second large.
SMALL, LARGE = 0.1, 0.3
_CHUNK = 1024


@dataclass(frozen=True, kw_only=True)
class DatasetSummary:
    """The content of a dataset, as ``zoo data`` shows it.

    Attributes:
        name: As the user typed it.
        source: Where it comes from.
        licence: SPDX identifier, or ``unknown``.
        content_hash: Changes with any example, label or split.
        example: Type and shape of the first training example.
        classes: Class names.
        examples: How many each split has.
        labels: For each split how often each class stands in it; steps count one by one. Of several
            labels, how often each is true.
        counted: What `labels` counts where that is no example: ``boxes``, ``pixels``.
        sizes: For each split how many boxes are small, medium and large; empty without.
        ranges: For each split the least, mean and largest value of each real target; empty where
            there are none.
        notes: Remarks for users.
    """

    name: str
    source: str
    licence: str
    content_hash: str
    example: str
    classes: tuple[str, ...]
    examples: Mapping[str, int]
    labels: Mapping[str, Mapping[str, int]]
    notes: tuple[str, ...]
    ranges: Mapping[str, Mapping[str, tuple[float, float, float]]] = field(default_factory=dict)
    counted: str = ""
    sizes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def summarize(dataset: Dataset, real: bool = False) -> DatasetSummary:
    """Reads one example, and counts labels.

    Args:
        dataset: To be shown.
        real: Whether labels are real targets though all are 0 or 1.
    """
    return DatasetSummary(
        name=dataset.name,
        source=dataset.source,
        licence=dataset.licence,
        content_hash=dataset.content_hash,
        example=_example(dataset.splits["train"]),
        classes=dataset.classes,
        examples={name: len(split) for name, split in dataset.splits.items()},
        labels={name: _counts(split, dataset.classes) for name, split in dataset.splits.items()},
        notes=dataset.notes,
        ranges=_ranges(dataset, real),
        counted=_counted(dataset),
        sizes={name: _sizes(split) for name, split in dataset.splits.items()}
        if _counted(dataset) == "boxes"
        else {},
    )


def _counted(dataset: Dataset) -> str:
    """What labels are, where an example has many."""
    labels = dataset.splits["train"].labels
    if holds_boxes(labels):
        return "boxes"
    return "pixels" if str(labels.dtype) in CLASS_DTYPES and labels.ndim in (3, 4) else ""


def _sizes(split: Split) -> dict[str, int]:
    """Boxes by the side of a square of their area, as a share of the picture's."""
    import numpy as np

    real = split.labels[split.labels[..., 0] >= 0]
    sides = np.sqrt((real[:, 3] - real[:, 1]) * (real[:, 4] - real[:, 2]))
    places = np.digitize(sides, [SMALL, LARGE])
    counts = np.bincount(places, minlength=3).tolist()
    return dict(zip(("small", "medium", "large"), counts, strict=True))


def _example(split: Split) -> str:
    first = split.read(0)
    if first.dtype.kind == "U":
        return "text" if first.ndim == 0 else f"{len(first)} tokens (the first)"
    return f"{first.dtype} {'×'.join(map(str, first.shape))}"


def _columns(split: Split, classes: tuple[str, ...]) -> bool:
    """Whether labels are numbers, one for each class name."""
    return str(split.labels.dtype) == "float32" and split.labels.shape[1:] == (len(classes),)


def _ranges(dataset: Dataset, real: bool) -> dict[str, dict[str, tuple[float, float, float]]]:
    import numpy as np

    splits, names = dataset.splits, dataset.classes
    if not all(_columns(split, names) for split in splits.values()):
        return {}
    if not real and all(np.isin(split.labels, (0, 1)).all() for split in splits.values()):
        return {}
    return {
        split: {
            name: (float(own.min()), float(own.mean(dtype=np.float64)), float(own.max()))
            for name, own in zip(names, splits[split].labels.T, strict=True)
        }
        for split in splits
    }


def _counts(split: Split, classes: tuple[str, ...]) -> dict[str, int]:
    import numpy as np

    from zoo.data.preprocessing.calibration import strata

    if _columns(split, classes):
        marks = (split.labels == 1).sum(axis=0).tolist()
        return dict(zip(classes, marks, strict=True))
    if holds_boxes(split.labels):
        labels = split.labels[..., 0].astype(np.int64)
    else:
        classes_of_all = str(split.labels.dtype) in CLASS_DTYPES
        labels = split.labels if classes_of_all else strata(split.labels)
    counts = np.zeros(len(classes), np.int64)
    for start in range(0, len(labels), _CHUNK):  # masks may be larger than memory
        some = labels[start : start + _CHUNK]
        counts += np.bincount(some[some >= 0], minlength=len(classes))
    return dict(zip(classes, counts.tolist(), strict=True))
