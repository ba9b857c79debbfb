"""Division of labelled examples for anomaly detection: normal ones alone in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from zoo.common.errors import BadData, UnknownName, UsageError
from zoo.contracts.dataset import SPLITS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Indices = dict[str, NDArray[np.int64]]

#: Labels, and the task that reads them.
CLASSES = ("normal", "anomaly")
TASK = "anomaly-detection"
#: Up to this share of given training examples may be of other classes; they are left out.
MOST_ODD = 0.01
#: Where no splits are given: of normal examples, and of the others.
_NORMAL = {"train": 0.70, "validation": 0.15, "test": 0.15}
_WITHOUT_TEST = {"train": 0.85, "validation": 0.15}
_OTHERS = {"validation": 0.5, "test": 0.5}


def normal_class(asked: str | None, classes: Sequence[str], example: str) -> str:
    """The name of the class that is normal.

    Args:
        asked: As the user named it.
        classes: Those that there are.
        example: The dataset's name with an option, up to the class: ``folder:PATH?normal=``.

    Raises:
        UsageError: Nobody said, and there are several.
        UnknownName: There is no such class.
    """
    if asked is None:
        raise UsageError(
            f"the normal one of {len(classes)} classes is not given",
            why=f"the classes are {', '.join(classes[:8])}{', …' if len(classes) > 8 else ''}; "
            "the network is trained on one of them, and all others are anomalies",
            fix=f"{example}{classes[0]}",
        )
    if asked not in classes:
        raise UnknownName("class", asked, list(classes))
    return asked


def divide_one_class(
    anomalous: NDArray[np.bool_],
    hashes: Sequence[bytes],
    given: Sequence[str | None],
    names: Sequence[str],
    subject: str,
) -> tuple[Indices, list[str]]:
    """Ascending indices of each split, int64, and notes for the reader.

    Args:
        anomalous: Which examples are none of the normal class.
        hashes: Content hash of each.
        given: The split that each was given for; None where no splits are given.
        names: What each is called in messages.
        subject: The dataset, in messages.

    Raises:
        BadData: Training has too many odd examples, or a split lacks what it needs.
    """
    import numpy as np

    if anomalous.all() or not anomalous.any():
        raise _one_kind(bool(anomalous.all()), subject)
    notes: list[str] = []
    if all(split is None for split in given):
        own, others = np.flatnonzero(~anomalous), np.flatnonzero(anomalous)
        found = _shares(own, hashes, CLASSES[0], _NORMAL)
        for name, odd in _shares(others, hashes, CLASSES[1], _OTHERS).items():
            found[name] = np.concatenate([found[name], odd])
    else:
        where = np.array([str(split) for split in given])
        found = {name: np.flatnonzero(where == name) for name in SPLITS}
        notes += _odd_in_training(found["train"], anomalous, names)
        found["train"] = found["train"][~anomalous[found["train"]]]
        if not len(found["validation"]):
            cut = _shares(found["train"], hashes, CLASSES[0], _WITHOUT_TEST)
            found |= cut
            notes.append("15 % of training serve as validation, since no validation split is given")
    indices = {name: np.sort(own).astype(np.int64) for name, own in found.items()}
    notes += check_splits({n: anomalous[own] for n, own in indices.items()}, subject)
    return indices, notes


def check_splits(anomalous: Mapping[str, NDArray[np.bool_]], subject: str) -> list[str]:
    """A note where the threshold cannot be chosen with anomalies.

    Args:
        anomalous: Of each split, which examples are anomalies.
        subject: The dataset, in messages.

    Raises:
        BadData: Training or validation has no normal example, or test not both kinds.
    """
    for name in ("train", "validation"):
        if not len(anomalous[name]) or anomalous[name].all():
            raise BadData(
                f"{subject}: {name} has no normal example",
                why="the network is trained, and its threshold is chosen, with normal examples",
                fix=f"give {name} examples of the normal class",
            )
    test = anomalous["test"]
    if test.all() or not test.any():
        lacking, there = ("normal example", "anomalous") if test.all() else ("anomaly", "normal")
        raise BadData(
            f"{subject}: test has no {lacking}, so no area under a ROC curve can be measured",
            why=f"all of its {len(test):,} examples are {there}",
            fix="put both kinds into test; below 30 anomalies the interval of AUC is wide",
        )
    if anomalous["validation"].any():
        return []
    return [
        "validation has no anomaly: the threshold is the score below which 95 % of its examples lie"
    ]


def _one_kind(anomalous: bool, subject: str) -> BadData:
    what = "anomalies" if anomalous else "normal"
    return BadData(
        f"{subject}: all examples are {what}",
        why="how well a network separates the two kinds cannot be measured on one of them",
        fix="add normal examples, for training" if anomalous else "add anomalies, for test",
    )


def _odd_in_training(
    train: NDArray[np.int64], anomalous: NDArray[np.bool_], names: Sequence[str]
) -> list[str]:
    from zoo.data.readers.class_folders import note

    odd = [names[i] for i in train[anomalous[train]].tolist()]
    listed = note("training examples not of the normal class, left out", odd)
    if len(odd) > MOST_ODD * len(train):
        raise BadData(
            f"{len(odd):,} of {len(train):,} training examples are not of the normal class, more "
            f"than {MOST_ODD:.0%}: {listed[0].partition(': ')[2]}",
            why="a network trained on anomalies reproduces them, and does not detect them",
            fix="move them to validation or test",
        )
    return listed


def _shares(
    own: NDArray[np.int64], hashes: Sequence[bytes], name: str, shares: Mapping[str, float]
) -> Indices:
    import numpy as np

    from zoo.data.splits import split_by_content

    labels = np.zeros(len(own), np.int64)
    found = split_by_content([hashes[i] for i in own.tolist()], labels, (name,), shares)
    return {split: own[places] for split, places in found.items()}
