"""A check before training: data fit the weights, and are enough to judge files by."""

from __future__ import annotations

from zoo.common.errors import BadData
from zoo.contracts import Dataset, Preprocessing, Task
from zoo.data.opening import judged_dataset
from zoo.data.preprocessing.inputs import read_input
from zoo.execution.runner import check_enough_classes
from zoo.registry import Registry


def check_data(
    registry: Registry,
    data: str,
    task: Task,
    preprocessing: Preprocessing | None,
    *,
    allow_leak: bool,
    least: int = 0,
) -> None:
    """Refuses data that a later step would refuse, without TensorFlow.

    Args:
        registry: Knows datasets.
        data: Name of the dataset.
        task: Of the network.
        preprocessing: What its weights take; None where that follows from the data.
        allow_leak: Whether examples may be in two splits.
        least: So many real inputs files are compared on; 0 where none are made.

    Raises:
        BadData: Too few examples or classes.
        UsageError: Examples of another shape than the weights take.
    """
    dataset = judged_dataset(registry, data, allow_leak=allow_leak)
    check_enough_classes(task, dataset)
    _check_enough(dataset, data, least)
    if preprocessing is not None:
        _check_shapes(dataset, preprocessing.training)


def _check_enough(dataset: Dataset, data: str, least: int) -> None:
    """As the gate asks, which takes training examples where those for test are too few."""
    test, train = len(dataset.splits["test"]), len(dataset.splits["train"])
    if test + train < least:
        raise BadData(
            f"{data} has too few examples to judge a file: {test} for test, {train} for training",
            why=f"a file is compared with its network on {least} real inputs, so each would be "
            "rejected after the training",
            fix="add examples; of recordings, cut shorter windows or let them overlap (window=, "
            "stride=). `zoo finetune` trains without making files",
        )


def _check_shapes(dataset: Dataset, preprocessing: Preprocessing) -> None:
    for split in dataset.splits.values():
        read_input(split, 0, preprocessing)
