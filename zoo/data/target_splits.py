"""Strata of examples without a class of their own, by which splits are made alike.

Real targets are divided into quantiles; sets of labels by the rarest label that an example has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.data.readers.folder_names import split_of
from zoo.data.readers.label_forms import LABELS
from zoo.data.splits import SHARES, require_distinct, split_by_content

#: Strata of real targets, and examples that each has at least.
_MOST_STRATA, _LEAST_IN_STRATUM = 10, 20


def split_alike(
    labels: NDArray[np.float32],
    hashes: Sequence[bytes],
    form: str,
    shares: Mapping[str, float] = SHARES,
) -> dict[str, NDArray[np.int64]]:
    """Divides examples among splits, of which each gets its share of every stratum.

    Args:
        labels: Targets or marks, float32 (examples, columns).
        hashes: Content hash of each example.
        form: Which of them they are.
        shares: See `split_by_content`.

    Returns:
        For each split the ascending indices of its examples, int64.

    Raises:
        BadData: There are fewer distinct examples than splits.
    """
    require_distinct(hashes, shares, "distinct examples", "add examples")
    alike = _alike_in_copies(labels, hashes)
    strata = _by_rarest(alike) if form == LABELS else _by_quantile(alike)
    strata = _without_few(strata, hashes)
    kept = np.unique(strata)
    names = tuple(f"stratum {number + 1} of {len(kept)}" for number in range(len(kept)))
    return split_by_content(hashes, np.searchsorted(kept, strata), names, shares)


def _alike_in_copies(labels: NDArray[np.float32], hashes: Sequence[bytes]) -> NDArray[np.float32]:
    """Labels of which copies of one example have the same: they are of one stratum, and split."""
    least: dict[bytes, list[float]] = {}
    for content, row in zip(hashes, labels.tolist(), strict=True):
        least[content] = min(row, least.get(content, row))
    return np.array([least[content] for content in hashes], labels.dtype)


def given_splits(paths: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """The examples of each split that folders stand for; nothing where these leave it open.

    What is for validation serves as test where there is nothing else for it.

    Args:
        paths: Of files, from the folder that holds the splits, with ``/`` between parts.
    """
    folders = [path.partition("/")[0] if "/" in path else "" for path in paths]
    means = {name: split_of(name) for name in folders}
    open_ones = {"validation", "test"} - {*means.values()}
    if open_ones and "?" in means.values():
        means = {n: max(open_ones) if of == "?" else of for n, of in means.items()}
    if {*means.values()} == {"train", "validation"}:
        means = {n: "test" if of == "validation" else of for n, of in means.items()}
    kinds = [*means.values()]
    if not {"train", "test"} <= {*kinds} <= {*SHARES} or len({*kinds}) < len(kinds):
        return {}
    of_each = np.array([means[name] for name in folders])
    return {n: np.flatnonzero(of_each == n).astype(np.int64) for n in SHARES if n in kinds}


def _by_quantile(targets: NDArray[np.float32]) -> NDArray[np.int64]:
    """By the first target, whose quantiles are as alike in all splits as classes are."""
    first = targets[:, 0]
    count = max(1, min(_MOST_STRATA, len(first) // _LEAST_IN_STRATUM))
    edges = np.unique(np.quantile(first, np.arange(1, count) / count))
    strata: NDArray[np.int64] = np.searchsorted(edges, first, side="right").astype(np.int64)
    return strata


def _by_rarest(marks: NDArray[np.float32]) -> NDArray[np.int64]:
    """By the rarest label that is true of an example; of none is one stratum, too."""
    rarest_first = np.argsort(marks.sum(axis=0), kind="stable")
    ordered = marks[:, rarest_first] > 0
    first = ordered.argmax(axis=1)
    strata: NDArray[np.int64] = np.where(ordered.any(axis=1), first, marks.shape[1])
    return strata


def _without_few(strata: NDArray[np.int64], hashes: Sequence[bytes]) -> NDArray[np.int64]:
    """Strata of fewer than three distinct examples go to the next one."""
    strata = strata.copy()
    for number in np.unique(strata).tolist():
        own = np.flatnonzero(strata == number)
        others = np.unique(strata[strata != number])
        if len({hashes[i] for i in own.tolist()}) < 3 and len(others):
            above = others[others > number]
            strata[own] = above[0] if len(above) else others[-1]
    return strata


def missing_notes(splits: dict[str, NDArray[np.float32]], names: Sequence[str]) -> list[str]:
    """Labels of which a split has no example, or nothing else, as notes for the reader."""
    notes = []
    for split, marks in splits.items():
        bare = [n for n, total in zip(names, marks.sum(axis=0), strict=True) if total == 0]
        if bare:
            notes.append(f"{split} has no example of {', '.join(map(repr, bare[:5]))}")
    return notes
