"""Shared reading of class folders, whatever their files hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData
from zoo.common.shown_text import printable
from zoo.contracts.dataset import SPLITS
from zoo.data.group_splits import groups_to_splits, joined_by_content
from zoo.data.readers.listing import ListedFile, Listing, class_order
from zoo.data.splits import SHARES, SHARES_WITHOUT_TEST, split_by_content

#: Up to this share of examples may be broken; they are left out, with a note.
MAX_BROKEN = 0.01
#: So many names are listed before "and … more".
LISTED = 50


def classes_of(listing: Listing) -> tuple[str, ...]:
    """Names of the class folders, in order.

    Raises:
        BadData: Fewer than two, an unprintable name, or splits with different classes.
    """
    every = sorted({n for names in listing.classes.values() for n in names}, key=class_order)
    for name in every:
        if printable(name) != name:
            raise BadData(
                f"the class folder {printable(name)!r} has unprintable characters in its name",
                fix="rename it",
            )
    for split, names in listing.classes.items():
        missing = [name for name in every if name not in names]
        if missing:
            raise BadData(
                f"{listing.place(split)} has no folder for {', '.join(missing)}",
                why="each split must hold the same classes",
                fix="add the folders, or remove the classes from the other splits",
            )
    if not every:
        raise BadData(
            f"{listing.root} holds no class folders",
            why="each class has its examples in a folder of its own",
            fix="name the folder that holds the class folders",
        )
    return tuple(every)


def by_suffix(
    files: Sequence[ListedFile], suffixes: frozenset[str]
) -> tuple[list[ListedFile], list[ListedFile]]:
    """The files with one of the suffixes, and the others."""
    wanted: list[ListedFile] = []
    others: list[ListedFile] = []
    for file in files:
        (wanted if Path(file.path).suffix.lower() in suffixes else others).append(file)
    return wanted, others


def refuse_empty(
    listing: Listing,
    files: Sequence[ListedFile],
    what: str,
    broken: bool,
    others: Sequence[str] = (),
) -> None:
    """Refuses class folders of which no file is among `files`.

    Args:
        listing: The folders.
        files: Those that can be used so far.
        what: ``images``, ``texts``.
        broken: Whether broken files were already taken out.
        others: What is known of files that were left out.
    """
    filled = {(file.split, file.class_name) for file in files}
    problem = f"holds only broken {what}" if broken else f"holds no {what}"
    for split, names in listing.classes.items():
        for name in names:
            if (split, name) not in filled:
                raise BadData(
                    f"the class folder {listing.place(split, name)} {problem}",
                    why="; ".join(others) or None,
                    fix=f"add {what} to it, or remove the folder",
                )


def refuse_broken(problems: Sequence[str], total: int, what: str, why: str) -> None:
    """Refuses a dataset of which more than one in a hundred examples are broken."""
    if len(problems) > MAX_BROKEN * total:
        raise BadData(
            f"{len(problems)} of {total} {what} are broken, "
            f"more than {MAX_BROKEN:.0%}: {listed(problems)}",
            why=why,
            fix="repair or remove them",
        )


def divide(
    files: Sequence[ListedFile],
    hashes: Sequence[bytes],
    classes: tuple[str, ...],
    groups: Sequence[str] | None = None,
    test: float | None = None,
) -> tuple[dict[str, list[int]], list[str]]:
    """Indices of each split's files, and notes for the reader.

    Args:
        files: Of all splits.
        hashes: Content hash of each.
        classes: Class names.
        groups: The group of each file, none of which is divided; None divides by content alone.
        test: Share of training that is cut off as test, where no test split is given.

    Raises:
        BadData: A class, or its groups, are too few to be split; given splits share a group.
    """
    labels = labels_of(files, classes)
    if files[0].split is None:
        everything = list(range(len(files)))
        return _divided(everything, hashes, labels, classes, SHARES, groups)
    every = {n: [i for i, file in enumerate(files) if file.split == n] for n in SPLITS}
    given: dict[str, list[int]] = {name: own for name, own in every.items() if own}
    if test is not None:
        shares = {"train": 1 - test, "test": test}
        parts, notes = _divided(given["train"], hashes, labels, classes, shares, groups)
        cut = {**parts, "validation": given["validation"]}
        return {name: cut[name] for name in SPLITS}, [
            f"{100 * test:g} % of train/ serve as test, which is not given: test={test:g}",
            *notes,
        ]
    if "validation" in given:
        return given, []
    parts, notes = _divided(given["train"], hashes, labels, classes, SHARES_WITHOUT_TEST, groups)
    return {**parts, "test": given["test"]}, [
        "15 % of train/ serve as validation, since no folder does",
        *notes,
    ]


def _divided(
    own: list[int],
    hashes: Sequence[bytes],
    labels: NDArray[np.int64],
    classes: tuple[str, ...],
    shares: Mapping[str, float],
    groups: Sequence[str] | None,
) -> tuple[dict[str, list[int]], list[str]]:
    contents = [hashes[i] for i in own]
    if groups is None:
        divided = split_by_content(contents, labels[own], classes, shares)
        return {n: [own[i] for i in found.tolist()] for n, found in divided.items()}, []
    joined = joined_by_content([groups[i] for i in own], contents)
    where = groups_to_splits(joined, labels[own].tolist(), contents, len(classes), shares)
    if where is None:
        counts = {
            name: len({g for g, i in zip(joined, own, strict=True) if labels[i] == label})
            for label, name in enumerate(classes)
        }
        fewest = min(counts, key=lambda name: counts[name])
        raise BadData(
            f"the groups cannot be divided among {', '.join(shares)}: class {fewest!r} has "
            f"{counts[fewest]}",
            why="each split needs a group of each class, and groups are never divided; those that "
            "share a file count as one",
            fix="add groups of this class, or leave group= out",
        )
    split_of = [where[group] for group in joined]
    told = ", ".join(f"{list(where.values()).count(name)} {name}" for name in shares)
    return {
        name: [i for i, split in zip(own, split_of, strict=True) if split == name]
        for name in shares
    }, [f"split by group: {told}"]


def labels_of(files: Sequence[ListedFile], classes: tuple[str, ...]) -> NDArray[np.int64]:
    """Class index of each file, int64, shape (files,)."""
    number = {name: label for label, name in enumerate(classes)}
    return np.array([number[file.class_name] for file in files], dtype=np.int64)


def conflicting_labels(
    names: Sequence[str], hashes: Sequence[bytes], labels: NDArray[Any]
) -> list[str]:
    """Pairs of identical examples that carry different labels, (examples,) or a row of each."""
    first: dict[bytes, int] = {}
    return [
        f"{names[first[content]]} = {names[i]}"
        for i, content in enumerate(hashes)
        if np.any(labels[first.setdefault(content, i)] != labels[i])
    ]


def copies(hashes: Sequence[bytes]) -> list[str]:
    """A note on pictures that show the same as another; none when there are none."""
    count = len(hashes) - len(set(hashes))
    return [f"{count} pictures are copies of others, and in the same split"] if count else []


def note(what: str, names: Sequence[str]) -> list[str]:
    """A line for `Dataset.notes`; none when there are no names."""
    return [f"{len(names)} {what}: {listed(names)}"] if names else []


def listed(names: Sequence[str]) -> str:
    """Names in a row, not too many."""
    more = f"; and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return "; ".join(map(printable, names[:LISTED])) + more
