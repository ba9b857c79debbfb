"""What tests of image folders share."""

from __future__ import annotations

from zoo.contracts.dataset import Dataset


def contents(dataset: Dataset) -> dict[str, set[bytes]]:
    """For each split the pixels of its images."""
    return {
        name: {split.read(i).tobytes() for i in range(len(split))}
        for name, split in dataset.splits.items()
    }


def notes(dataset: Dataset) -> str:
    return "\n".join(dataset.notes)
