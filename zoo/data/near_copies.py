"""Pictures that are nearly the same: another compression, size or brightness, the next frame.

The outline of a picture is a perceptual hash: at 16 x 16 places how much brighter it is than around
them. Neither size nor brightness nor contrast changes it much. Two pictures are near copies when
their outlines correlate; pictures that are even all over have none, and are not judged.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import ZooError
from zoo.common.files import write_text
from zoo.common.optional_imports import require
from zoo.common.paths import cache_folder
from zoo.contracts.dataset import Split

_SIDE = 16
#: Bytes of an outline.
SIZE = _SIDE * _SIDE
#: Below this deviation, in grey values, a picture is even all over.
_LEAST_DEVIATION = 1.0
#: Of 300 crops of photographs nine in ten copies correlate by 0.966 or more after JPEG of quality
#: 50, resizing to 90 x 90, 10 % more brightness, grey, or noise of 4; different ones reach 0.979
#: in the 99th percentile. Both were measured on the same crops, so a pair is told, never refused.
_CORRELATION = 0.96
#: Every fourth place is compared first, for speed; near copies correlate there by more than this.
_FIRST_LOOK = 0.9
_CHUNK = 256
#: Examples that a note names.
_TOLD = 5
_VERSION = 1


def outline(image: NDArray[np.uint8]) -> bytes:
    """The outline of an image, uint8, shape (height, width, 1 or 3): `SIZE` bytes."""
    picture = require("PIL.Image").fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    resampling = require("PIL.Image").Resampling.BOX
    small = np.asarray(picture.convert("L").resize((_SIDE, _SIDE), resampling), np.float32)
    return packed_steps(steps_around(small), _LEAST_DEVIATION)


def steps_around(values: NDArray[Any]) -> NDArray[Any]:
    """How much greater each of 16 x 16 values is than the four around it, about a mean of zero."""
    around = np.pad(values, 1, mode="edge")
    around = around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:]
    steps = values - around / 4
    return np.asarray(steps - steps.mean())


def packed_steps(steps: NDArray[Any], least: float) -> bytes:
    """Steps as an outline: `SIZE` bytes; zeros where they deviate by less than `least`."""
    if float(steps.std()) < least:
        return bytes(SIZE)
    return bytes(np.rint(steps * (127 / np.abs(steps).max())).astype(np.int8).tobytes())


def near_pairs(
    first: NDArray[np.int8], second: NDArray[np.int8], correlation: float = _CORRELATION
) -> NDArray[np.int64]:
    """Places of near copies, one in each of two sets of outlines: int64, shape (pairs, 2).

    Args:
        first: Outlines, shape (images, `SIZE`).
        second: Likewise; of each image in it only the nearest copy in `first` is given.
        correlation: Of near copies, at least.
    """
    found: list[NDArray[np.int64]] = []
    looked_at = _of_length_one(first[:, ::4]).T
    whole, others = _of_length_one(first), _of_length_one(second)
    for start in range(0, len(second), _CHUNK):
        part = second[start : start + _CHUNK]
        place, candidate = np.nonzero(_of_length_one(part[:, ::4]) @ looked_at >= _FIRST_LOOK)
        likeness = np.einsum("ij,ij->i", whole[candidate], others[place + start])
        order = np.lexsort((-likeness, place))
        order = order[likeness[order] >= correlation]
        _, nearest = np.unique(place[order], return_index=True)
        chosen = order[nearest]
        found.append(np.stack([candidate[chosen], place[chosen] + start], axis=1))
    return np.concatenate(found).astype(np.int64) if found else np.empty((0, 2), np.int64)


def outlines_of(split: Split) -> NDArray[np.int8]:
    """Outlines of a split's images, which are all read: int8, shape (images, `SIZE`)."""
    return as_outlines(outline(split.read(index)) for index in range(len(split)))


def as_outlines(stored: Iterable[bytes]) -> NDArray[np.int8]:
    """Outlines in rows: int8, shape (images, `SIZE`)."""
    return np.frombuffer(b"".join(stored), np.int8).reshape(-1, SIZE)


def near_copy_notes(
    content_hash: str,
    outlines: Callable[[str], NDArray[np.int8]],
    names: Mapping[str, Sequence[str]],
    advice: str,
    what: str = "pictures",
    correlation: float = _CORRELATION,
    confirmed: Callable[[str, int, int], bool] = lambda split, own, train: True,
) -> list[str]:
    """Says how many examples of later splits have a near copy in training; remembered.

    Args:
        content_hash: Of the dataset.
        outlines: Those of a split's images, shape (images, `SIZE`).
        names: For each split what its examples are called.
        advice: What to do about it.
        what: What examples are called, in the plural.
        correlation: Of the outlines of near copies, at least.
        confirmed: Whether two whose outlines say so are near copies: the later split, the place in
            it, the place in training.
    """
    memory = cache_folder() / "near" / f"{content_hash}.{_VERSION}.json"
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
        notes = [_told(split, own, names, what) for split, own in known.items() if own]
        return [f"{note}; {advice}" for note in notes]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        pass  # Not remembered, or damaged: compared anew.
    train = outlines("train")
    pairs: dict[str, list[list[int]]] = {}
    for split in names:
        if split != "train":
            found = near_pairs(train, outlines(split), correlation).tolist()
            pairs[split] = [[one, own] for one, own in found if confirmed(split, own, one)]
    # A failure costs the time of another comparison, and nothing else.
    with contextlib.suppress(ZooError, OSError):
        write_text(memory, json.dumps(pairs))
    return [f"{_told(split, own, names, what)}; {advice}" for split, own in pairs.items() if own]


def _told(
    split: str, pairs: Sequence[Sequence[int]], names: Mapping[str, Sequence[str]], what: str
) -> str:
    few = [f"{names[split][own]} ≈ {names['train'][train]}" for train, own in pairs[:_TOLD]]
    more = " …" if len(pairs) > _TOLD else ""
    return (
        f"{len(pairs)} of {len(names[split])} {what} in {split} have a near copy in train: "
        f"{'; '.join(few)}{more}"
    )


def _of_length_one(outlines: NDArray[np.int8]) -> NDArray[np.float32]:
    rows = outlines.astype(np.float32)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(length > 0, length, 1)
    return rows
