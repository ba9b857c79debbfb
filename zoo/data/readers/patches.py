"""Pairs of bad and good pictures, cut into patches of one size that lie in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.common.errors import BadData
from zoo.contracts.dataset import SPLITS, Dataset, Split, SplitName

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

#: The only class: labels are pictures.
CLASSES = ("picture",)
TASK = "image-enhancement"
#: Of pictures that are left as they are: each is its own label.
COMPRESSION = "image-compression"
#: Of the bad picture's patches, where pictures are to be made larger; else of both.
SMALL_SIDE, SIDE = 32, 64
#: At most so many patches of a split, shared out evenly over its pictures: 60 MB of training.
MOST: Mapping[str, int] = {"train": 4096, "validation": 512, "test": 512}


@dataclass(frozen=True, kw_only=True)
class PicturePair:
    """A bad picture and the good one that it was, or might have been.

    Attributes:
        name: For messages and reports.
        split: The split that all of it belongs to.
        digest: SHA-256 of what the good one shows. Pairs of one good picture belong together,
            however it became bad.
        read: Returns both, bad first: uint8, (height, width, 3), the sides of the good one being
            those of the bad one times the scale.
    """

    name: str
    split: SplitName
    digest: bytes
    read: Callable[[], tuple[Picture, Picture]]


def default_patch(scale: int) -> int:
    """Side of good patches where nobody says another."""
    return SMALL_SIDE * scale if scale > 1 else SIDE


def patch_dataset(
    name: str,
    pairs: Sequence[PicturePair],
    *,
    scale: int,
    patch: int | None,
    licence: str = "unknown",
    source: str = "",
    notes: Sequence[str] = (),
) -> Dataset:
    """Cuts all pairs into patches: those of training overlap by half, the others do not.

    Args:
        name: As the user typed it.
        pairs: Of all splits.
        scale: By which factor good pictures are larger.
        patch: Side of good patches in pixels, a multiple of the scale; None for the default.
        licence: See `Dataset`.
        source: Likewise.
        notes: Likewise; those on patches are added.

    Raises:
        BadData: A split has no picture that is large enough.
    """
    from zoo.data.readers.hashing import dataset_hash

    side = patch or default_patch(scale)
    splits, told = dict[str, Split](), list(notes)
    for split in SPLITS:
        own = [pair for pair in pairs if pair.split == split]
        splits[split], few = _split_of(own, split, side, scale)
        told += few
    return Dataset(
        name=name,
        classes=CLASSES,
        splits=splits,
        content_hash=dataset_hash(CLASSES, splits),
        licence=licence,
        source=source,
        notes=tuple(told),
    )


def read_colours(path: Path) -> Picture:
    """A file in RGB, grey ones with three equal channels: uint8, (height, width, 3).

    Raises:
        BadImage: Not an image, damaged, or too large.
        OSError: The file cannot be read.
    """
    import numpy as np

    from zoo.data.readers.image_files import read_image

    pixels = read_image(path)
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def split_pictures(
    paths: Sequence[str], digests: Sequence[bytes]
) -> tuple[list[SplitName], list[str]]:
    """The split of each picture, and notes: as folders say, else 70/15/15 by content.

    Raises:
        BadData: They are too few.
    """
    import numpy as np

    from zoo.data.splits import (
        SHARES,
        SHARES_WITHOUT_TEST,
        require_distinct,
        split_by_content,
    )
    from zoo.data.target_splits import given_splits

    given, notes = given_splits(paths), []
    if not given:
        require_distinct(digests, SHARES, "different pictures", "add pictures")
        given = split_by_content(digests, np.zeros(len(paths), np.int64), CLASSES)
    elif "validation" not in given:
        train = given["train"]
        parts = split_by_content(
            [digests[i] for i in train.tolist()],
            np.zeros(len(train), np.int64),
            CLASSES,
            SHARES_WITHOUT_TEST,
        )
        given = {**given, **{name: train[own] for name, own in parts.items()}}
        notes.append("15 % of train/ serve as validation, since no folder does")
    by_place = {place: name for name in SPLITS for place in given[name].tolist()}
    return [by_place[place] for place in range(len(paths))], notes


def _split_of(
    pairs: Sequence[PicturePair], split: SplitName, side: int, scale: int
) -> tuple[Split, list[str]]:
    import numpy as np

    from zoo.data.readers.class_folders import note
    from zoo.data.readers.degradations import LEAST_PATCH
    from zoo.data.readers.hashing import array_hash, split_hash

    each = max(1, MOST[split] // max(1, len(pairs)))
    bads, goods, names, identities = [], [], [], []
    small, thinned, most = [], 0, 0
    for pair in pairs:
        bad, good = pair.read()
        step = side // 2 // scale * scale if split == "train" else side
        places = list(_places(good.shape[:2], side, max(step, scale)))
        if not places:
            small.append(f"{pair.name} ({good.shape[1]}×{good.shape[0]})")
            most = max(most, min(good.shape[:2]) // scale * scale)
        kept = _thinned(places, each)
        thinned += len(places) - len(kept)
        for top, left in kept:
            goods.append(good[top : top + side, left : left + side])
            low, right, short = top // scale, left // scale, side // scale
            bads.append(bad[low : low + short, right : right + short])
            names.append(f"{pair.name} at {left},{top}")
            # Of the picture, not of the patch: two plain patches of sky are no copies.
            identities.append(hashlib.sha256(pair.digest + f"{top} {left}".encode()).digest())
    if not goods:
        raise BadData(
            f"the {split} split has no picture of at least {side}×{side} pixels",
            why="; ".join(small[:3]) or "it has no picture at all",
            fix="give it larger pictures"
            + (f", or ask for smaller patches: patch={most}" if most >= LEAST_PATCH else ""),
        )
    labels = np.stack(goods)
    inputs = np.stack(bads)
    inputs.flags.writeable = False
    told = note(f"smaller than {side}×{side}, left out of {split}", small)
    if thinned:
        told.append(
            f"{split}: {len(goods):,} of {len(goods) + thinned:,} patches, evenly of each picture"
        )
    return Split(
        labels=labels,
        read=lambda index: inputs[index],
        # Bad patches are no part of identities: one good picture may have become bad in many ways.
        content_hash=split_hash(map(array_hash, inputs), labels),
        identities=identities,
        names=names,
    ), told


def _places(size: tuple[int, int], side: int, step: int) -> Iterator[tuple[int, int]]:
    """Top and left of each patch that lies inside."""
    for top in range(0, size[0] - side + 1, step):
        for left in range(0, size[1] - side + 1, step):
            yield top, left


def _thinned(places: list[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    """At most so many, spread over all."""
    if len(places) <= most:
        return places
    return [places[i * len(places) // most] for i in range(most)]
