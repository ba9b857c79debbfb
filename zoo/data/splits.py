"""Splits by content hash: identical examples stay together, new ones move no others.

Each example's content hash, read as a number between 0 and 1, determines its split:
below 0.70 it is ``train``, below 0.85 ``validation``, else ``test``. The others in the dataset have
no say, so examples that are added later leave those before where they were, and a test split never
fills with what an earlier network was trained on.

Only where a class would be left with clearly more or less than its share in a split (by more than
a twentieth, which is likely for small classes alone) do the borders between splits move: of 50
examples 35 are for training, 7 for validation and 8 for test.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData

#: Default share of each split.
SHARES: Mapping[str, float] = {"train": 0.70, "validation": 0.15, "test": 0.15}
#: Part of its share by which a class may have more or less in a split.
SLACK = 0.05
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


def require_distinct(
    hashes: Sequence[bytes], shares: Mapping[str, float], what: str, fix: str
) -> None:
    """Refuses fewer distinct examples than there are splits.

    Args:
        hashes: Content hash of each example.
        shares: Name and share of each split.
        what: Goes on after their number: ``distinct examples in data.npz``.
        fix: What to do.

    Raises:
        BadData: There are fewer.
    """
    distinct = len(set(hashes))
    if distinct < len(shares):
        raise BadData(
            f"there are {distinct} {what}, and {len(shares)} are the fewest",
            why=f"each of {', '.join(shares)} needs one",
            fix=fix,
        )


def split_by_content(
    hashes: Sequence[bytes],
    labels: NDArray[np.int64],
    classes: Sequence[str],
    shares: Mapping[str, float] = SHARES,
    slack: float = SLACK,
) -> dict[str, NDArray[np.int64]]:
    """Divides examples among splits, per class.

    Args:
        hashes: Content hash of each example.
        labels: Class indices, int64, shape (examples,).
        classes: Class names.
        shares: Name and share of each split; the shares add up to 1.
        slack: Part of its share by which a class may have more or less in a split.

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
        _stratify(name, own, where, shared, shares, slack)
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


def quotas(distinct: int, shares: Mapping[str, float] = SHARES) -> dict[str, int]:
    """How many of a class's distinct examples each split should get: one at least, all together.

    What rounding leaves goes to the largest remainders; of equal ones, to the smaller share,
    and of equal shares to the later split.
    """
    exact = {split: distinct * share for split, share in shares.items()}
    found = {split: max(1, int(wish)) for split, wish in exact.items()}
    while sum(found.values()) < distinct:
        # Rounded, so that sums of decimal fractions do not decide.
        split = max([*found][::-1], key=lambda s: (round(exact[s] - found[s], 6), -shares[s]))
        found[split] += 1
    while sum(found.values()) > distinct:
        found[max(found, key=lambda s: found[s] - exact[s] if found[s] > 1 else -1.0)] -= 1
    return found


def _stratify(
    name: str,
    own: list[bytes],
    where: dict[bytes, str],
    shared: set[bytes],
    shares: Mapping[str, float],
    slack: float,
) -> None:
    """Moves the borders between splits, for one class, until each has about its share of it."""
    wanted = quotas(len(own), shares)
    counts = Counter(dict.fromkeys(shares, 0))
    counts.update(where[content] for content in own)
    # What stands in two classes stays put: to move it would disturb the other class.
    pinned = Counter(where[content] for content in own if content in shared)
    aims = _nearer(counts, wanted, slack)
    movable = iter(sorted(content for content in own if content not in shared))
    room = {split: max(0, aims[split] - pinned[split]) for split in shares}
    excess = sum(room.values()) + sum(pinned.values()) - len(own)
    for split in sorted(shares, key=lambda s: -room[s]):
        taken = min(excess, room[split])
        room[split] -= taken
        excess -= taken
    for split in shares:
        for content in itertools.islice(movable, room[split]):
            where[content] = split
    held = Counter(where[content] for content in own)
    if any(held[split] < minimum_examples(len(own), share) for split, share in shares.items()):
        raise BadData(
            f"class {name!r} cannot be divided among {', '.join(shares)}",
            why="too many of its examples are also in other classes",
            fix="remove the examples that stand in two classes from one of them",
        )


def _nearer(counts: Mapping[str, int], wanted: Mapping[str, int], slack: float) -> dict[str, int]:
    """Counts that differ from those wanted by the slack at most: all differences shrunk alike."""
    apart = {split: counts[split] - wanted[split] for split in wanted}
    factor = min([1.0, *(int(wanted[s] * slack) / abs(each) for s, each in apart.items() if each)])
    exact = {split: wanted[split] + factor * each for split, each in apart.items()}
    # Rounded down first, and then up where most was lost, so that the sum stays.
    found = {split: math.floor(round(value, 9)) for split, value in exact.items()}
    for split in sorted(wanted, key=lambda s: found[s] - exact[s])[
        : sum(counts.values()) - sum(found.values())
    ]:
        found[split] += 1
    return found
