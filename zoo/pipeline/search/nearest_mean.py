"""The nearest mean of a class: what inputs tell without any network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from zoo.common.optional_imports import require
from zoo.contracts import Dataset, Metric, Preprocessing, Split, Task, Variant
from zoo.data.opening import open_dataset
from zoo.data.preprocessing.inputs import read_inputs, truth_of
from zoo.data.subset import subset
from zoo.networks.checkpoints import resolve
from zoo.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

#: Bytes of inputs that are in memory at a time, and of those that means are made from.
_BATCH, _MOST = 32 << 20, 512 << 20


def nearest_mean(registry: Registry, weights: str, data: str) -> Metric | None:
    """Quality on the test split of answering with the class whose mean input is nearest.

    Args:
        registry: Finds the network, its task and the data.
        weights: Of a network, whose inputs are compared.
        data: Name of the dataset.

    Returns:
        None where examples are no numbers, or answers are not one class for each.
    """
    _, variant, checkpoint = resolve(registry, weights)
    assert checkpoint is not None
    task = registry.tasks.get(variant.task)
    dataset = open_dataset(registry, data)
    if not _has_means(task, variant, dataset):
        return None
    return nearest_mean_of(task, dataset, checkpoint.preprocessing)


def nearest_mean_of(task: Task, dataset: Dataset, preprocessing: Preprocessing) -> Metric:
    """The same, of a dataset whose labels are one class for each example.

    Of large training splits, the means are those of as many examples as half a gigabyte holds.
    """
    np = require("numpy")
    each = int(np.prod(preprocessing.input_shape))
    train = subset(dataset.splits["train"], max(_MOST // (4 * each), len(dataset.classes)))
    sums = np.zeros((len(dataset.classes), each))
    counts = np.bincount(train.labels, minlength=len(dataset.classes))
    for places, inputs in _batches(train, preprocessing, each):
        np.add.at(sums, train.labels[places], inputs)
    means = sums / np.maximum(counts, 1)[:, None]
    scores = []
    for _, inputs in _batches(dataset.splits["test"], preprocessing, each):
        # The nearest has the largest of these; what all classes share is left out.
        scores.append(2 * inputs @ means.T - (means**2).sum(axis=1))
    found = np.concatenate(scores)
    found[:, counts == 0] = -np.inf
    truth = truth_of(dataset, "test", preprocessing)
    return task.evaluate(task.answers(found.astype(np.float32), truth), truth)[0]


def _has_means(task: Task, variant: Variant, dataset: Dataset) -> bool:
    labels = dataset.splits["train"].labels
    one_class = task.one_choice and variant.output_shape == (None,)
    classes = labels.ndim == 1 and labels.dtype.kind == "i" and bool((labels >= 0).all())
    return one_class and classes and dataset.splits["train"].read(0).dtype.kind in "uf"


def _batches(
    split: Split, preprocessing: Preprocessing, each: int
) -> Iterator[tuple[Sequence[int], Array]]:
    """Places in the split, with their inputs as rows of numbers."""
    size = max(_BATCH // (8 * each), 1)
    for start in range(0, len(split), size):
        places = range(start, min(start + size, len(split)))
        inputs = read_inputs(split, preprocessing, places)
        yield places, inputs.reshape(len(places), -1).astype("float64")
