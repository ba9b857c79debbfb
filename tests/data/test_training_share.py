"""A share of the training split: stratified, nested, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.common.errors import UsageError
from zoo.contracts import Dataset, Split
from zoo.data.subset import with_training_share


def dataset(labels: np.ndarray) -> Dataset:
    def split(name: str) -> Split:
        return Split(
            labels=labels,
            read=lambda index: np.full((2, 2, 1), index % 256, np.uint8),
            content_hash=name,
            identities=[f"{name}{index}".encode() for index in range(len(labels))],
            names=[f"{name}/{index}.png" for index in range(len(labels))],
        )

    splits = {name: split(name) for name in ("train", "validation", "test")}
    return Dataset(name="d", classes=("a", "b", "c"), splits=splits, content_hash="0")


LABELS = np.repeat([0, 1, 2], [60, 36, 4]).astype(np.int64)


def test_classes_keep_their_proportions() -> None:
    part = with_training_share(dataset(LABELS), 0.25, 0)
    assert np.bincount(part.splits["train"].labels).tolist() == [15, 9, 1]
    assert len(part.splits["validation"]) == len(part.splits["test"]) == len(LABELS)
    train = part.splits["train"]
    assert train.identities is not None
    for place, (identity, name) in enumerate(zip(train.identities, train.names, strict=True)):
        index = int(identity.removeprefix(b"train"))
        assert name == f"train/{index}.png"
        assert train.labels[place] == LABELS[index]
        assert train.read(place)[0, 0, 0] == index


def test_a_class_is_never_lost() -> None:
    part = with_training_share(dataset(LABELS), 0.03, 7)
    assert sorted(part.splits["train"].labels.tolist()) == [0, 1, 2]


def test_a_smaller_share_is_part_of_a_larger_one() -> None:
    def names(share: float, seed: int) -> set[str]:
        return {*with_training_share(dataset(LABELS), share, seed).splits["train"].names}

    assert names(0.1, 3) < names(0.3, 3) < names(0.9, 3)
    assert names(0.3, 3) == names(0.3, 3)
    assert names(0.3, 3) != names(0.3, 4)
    parts = [with_training_share(dataset(LABELS), 0.3, seed).splits["train"] for seed in (3, 4)]
    assert parts[0].content_hash != parts[1].content_hash


def test_numbers_are_drawn_without_strata() -> None:
    values = np.linspace(0, 1, 40, dtype=np.float32)
    assert len(with_training_share(dataset(values), 0.5, 0).splits["train"]) == 20


def test_all_of_it_is_the_dataset_itself() -> None:
    whole = dataset(LABELS)
    assert with_training_share(whole, 1.0, 0) is whole


def test_a_share_that_leaves_too_few_is_refused() -> None:
    with pytest.raises(UsageError, match="leaves 2 of 100") as caught:
        with_training_share(dataset(LABELS), 0.02, 0)
    assert "give 0.03 or more" in str(caught.value)
