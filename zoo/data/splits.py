"""Splits by content hash: identical examples stay together, new ones move no others.

Each example's content hash, read as a number between 0 and 1, says which split it belongs to:
below 0.70 it is ``train``, below 0.85 ``validation``, else ``test``. The others in the dataset have
no say, so examples that are added later leave those before where they were, and a test split never
fills with what an earlier network was trained on.

Only a class that would be left with fewer than half of its share in a split (which happens to small
classes) takes what is missing from the split that has most to spare, nearest hash first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData

#: Share of each split when nothing else is said.
SHARES: Mapping[str, float] = {"train": 0.70, "validation": 0.15, "test": 0.15}
#: For data that comes with a test split but no validation split.
SHARES_WITHOUT_TEST: Mapping[str, float] = {"train": 0.85, "validation": 0.15}


def hash_position(content: bytes) -> float:
    """A content hash as a number in [0, 1)."""
    # 53 bits are what a float holds exactly; more could round up to 1.
    return (int.from_bytes(content[:8], "big") >> 11) / 2**53


def preferred_split(content: bytes, shares: Mapping[str, float] = SHARES) -> str:
    """The split of a content hash, independent of the rest of the dataset."""
    place = hash_position(content)
    # Shares may add up to a little less than 1 by rounding: the last split takes that sliver.
    return next((n for n, (_, high) in _intervals(shares).items() if place < high), [*shares][-1])


def distance_to_split(content: bytes, split: str, shares: Mapping[str, float] = SHARES) -> float:
    """Distance of a content hash from the interval of `split`; 0 inside it."""
    place, (low, high) = hash_position(content), _intervals(shares)[split]
    return max(low - place, place - high, 0.0)


def minimum_examples(distinct: int, share: float) -> int:
    """The least number of distinct examples of a class that a split gets."""
    return max(1, int(distinct * share / 2))


def split_by_content(
    hashes: Sequence[bytes],
    labels: NDArray[np.int64],
    classes: Sequence[str],
    shares: Mapping[str, float] = SHARES,
) -> dict[str, NDArray[np.int64]]:
    """Divides examples among splits, per class.

    Args:
        hashes: Content hash of each example.
        labels: Class indices, int64, shape (examples,).
        classes: Class names.
        shares: Name and share of each split; the shares add up to 1.

    Returns:
        For each split the ascending indices of its examples, int64. Each example is in exactly
        one split, and examples with the same content are in the same one.

    Raises:
        BadData: A class has fewer distinct examples than there are splits.
    """
    contents = _contents_by_class(hashes, labels, len(classes))
    shared = {
        content for content, n in Counter(c for own in contents for c in own).items() if n > 1
    }
    where = {content: preferred_split(content, shares) for own in contents for content in own}
    for name, own in zip(classes, contents, strict=True):
        if len(own) < len(shares):
            raise BadData(
                f"class {name!r} has {len(own)} distinct examples, but needs {len(shares)} or more",
                why=f"each class needs one in each of {', '.join(shares)}",
                fix="add examples of this class, or remove the class",
            )
        _fill_up(name, own, where, shared, shares)
    split_of = np.array([where[content] for content in hashes])
    return {name: np.flatnonzero(split_of == name).astype(np.int64) for name in shares}


def hold_out(
    hashes: Sequence[bytes], labels: NDArray[np.int64], per_class: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sets aside a fixed number of examples of each class: those with the lowest hashes.

    For data that never grows and holds no example twice.

    Returns:
        Ascending indices (int64) of the examples that are kept, and of those set aside.
    """
    order = np.array(sorted(range(len(hashes)), key=hashes.__getitem__), dtype=np.int64)
    aside = np.concatenate(
        [order[labels[order] == label][:per_class] for label in np.unique(labels)]
    )
    kept = np.setdiff1d(np.arange(len(hashes)), aside)
    return kept.astype(np.int64), np.sort(aside)


def without_duplicates(
    hashes: Mapping[str, Sequence[bytes]], order: Sequence[str]
) -> tuple[dict[str, NDArray[np.int64]], int]:
    """Removes from each split the examples of an earlier split of `order`.

    Args:
        hashes: For each split the content hash of its examples.
        order: Names of splits; the first keeps all of its own.

    Returns:
        For each split the ascending places, in its list of hashes, of what it keeps (int64); and
        how many were left out.
    """
    held: set[bytes] = set()
    kept: dict[str, NDArray[np.int64]] = {}
    for name in order:
        own = hashes[name]
        kept[name] = np.array([i for i, h in enumerate(own) if h not in held], np.int64)
        held.update(own)
    return kept, sum(map(len, hashes.values())) - sum(map(len, kept.values()))


def divide_given(
    hashes: Mapping[str, Sequence[bytes]],
    labels: Mapping[str, NDArray[np.int64]],
    classes: Sequence[str],
) -> tuple[dict[str, tuple[str, NDArray[np.int64]]], list[str]]:
    """Splits as published; validation is taken from train where there is none.

    The test split stays as it is, for figures that others can compare theirs with. Copies of its
    examples are left out of the others.

    Args:
        hashes: Content hashes of ``train``, ``test`` and perhaps ``validation``; or of ``""``, for
            data that is not split at all.
        labels: Class indices, int64, shape (examples,), by the same names.
        classes: Class names.

    Returns:
        For each split the name under which its examples were given and their ascending indices,
        int64; and notes for the reader.

    Raises:
        BadData: A class is too small to be split.
    """
    if "" in hashes:
        divided = split_by_content(hashes[""], labels[""], classes)
        return {name: ("", own) for name, own in divided.items()}, []
    kept, count = without_duplicates(
        hashes, [n for n in ("test", "validation", "train") if n in hashes]
    )
    notes = [f"{count} examples are left out: copies of some in a later split"] if count else []
    if "validation" not in hashes:
        train = kept["train"]
        divided = split_by_content(
            [hashes["train"][i] for i in train.tolist()],
            labels["train"][train],
            classes,
            SHARES_WITHOUT_TEST,
        )
        notes.append("15 % of train serve as validation")
        found = {name: ("train", train[own]) for name, own in divided.items()}
        return {**found, "test": ("test", kept["test"])}, notes
    return {name: (name, kept[name]) for name in SHARES}, notes


def refuse_overlap(contents: Mapping[str, Mapping[bytes, str]]) -> None:
    """Refuses splits that share an example.

    Args:
        contents: For each split, content hashes and the name by which to call the example.

    Raises:
        BadData: Names the first examples that are in two splits.
    """
    names = list(contents)
    pairs = [
        f"{contents[first][content]} = {contents[second][content]}"
        for i, first in enumerate(names)
        for second in names[i + 1 :]
        for content in sorted(contents[first].keys() & contents[second].keys())
    ]
    if pairs:
        more = f" and {len(pairs) - 5} more" if len(pairs) > 5 else ""
        raise BadData(
            f"splits share examples: {'; '.join(pairs[:5])}{more}",
            why="accuracy on examples that were trained on says nothing",
            fix="remove them from one of the splits",
        )


def _intervals(shares: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    intervals, low = {}, 0.0
    for name, share in shares.items():
        intervals[name] = (low, low + share)
        low += share
    return intervals


def _contents_by_class(
    hashes: Sequence[bytes], labels: NDArray[np.int64], count: int
) -> list[list[bytes]]:
    found: list[set[bytes]] = [set() for _ in range(count)]
    for content, label in zip(hashes, labels.tolist(), strict=True):
        found[label].add(content)
    return [sorted(own) for own in found]


def _fill_up(
    name: str,
    own: list[bytes],
    where: dict[bytes, str],
    shared: set[bytes],
    shares: Mapping[str, float],
) -> None:
    """Moves examples of one class into the splits that hold too few of it."""
    needs = {split: minimum_examples(len(own), share) for split, share in shares.items()}
    for split, need in needs.items():
        while (counts := Counter(where[content] for content in own))[split] < need:
            donors = [s for s in shares if counts[s] > needs[s]]
            # What stands in two classes stays put: to move it would disturb the other class.
            movable = [c for c in own if where[c] in donors and c not in shared]
            if not movable:
                raise BadData(
                    f"class {name!r} cannot be divided among {', '.join(shares)}",
                    why="too many of its examples are also in other classes",
                    fix="remove the examples that stand in two classes from one of them",
                )
            donor = max({where[c] for c in movable}, key=lambda s: (counts[s] - needs[s], s))
            candidates = [c for c in movable if where[c] == donor]
            nearest = min(candidates, key=lambda c: (distance_to_split(c, split, shares), c))
            where[nearest] = split
