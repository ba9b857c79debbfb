"""Composed scenes in the cache folder: made once, then read from disk page by page."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.files import cannot_write
from zoo.common.paths import cache_folder
from zoo.contracts.dataset import SPLITS, Split
from zoo.data.fashion_mnist import open_fashion_mnist
from zoo.data.readers.hashing import identity, split_hash
from zoo.data.readers.photographs import photographs, read_photograph
from zoo.data.readers.scenes import MOST_ITEMS, compose

_SEED = 2026


def scene_splits(made_of: str, size: int, counts: Mapping[str, int], kind: str) -> dict[str, Split]:
    """The splits of scenes; makes them when they are not in the cache folder.

    Args:
        made_of: Everything that decides what they look like.
        size: Side in pixels.
        counts: How many each split has.
        kind: ``boxes`` or ``masks``.

    Raises:
        BadData: Fashion-MNIST is not here and cannot be downloaded.
        MissingExtra: The photographs are not installed.
        ZooError: The cache folder cannot be written.
    """
    folder = cache_folder() / "scenes" / hashlib.sha256(made_of.encode()).hexdigest()[:32]
    splits = _read(folder, size, counts, kind)
    if splits is None:
        _make(folder, size, counts)
        splits = _read(folder, size, counts, kind)
        assert splits is not None, folder
    return splits


def _read(folder: Path, size: int, counts: Mapping[str, int], kind: str) -> dict[str, Split] | None:
    """What is stored; None where that is nothing, or damaged."""
    splits: dict[str, Split] = {}
    try:
        for name in SPLITS:
            own = folder / name
            pixels = np.load(own / "pixels.npy", mmap_mode="r")
            labels = np.load(own / f"{kind}.npy")
            digests = [bytes(row) for row in np.load(own / "digests.npy")]
            if pixels.shape != (counts[name], size, size, 3) or len(labels) != len(digests):
                return None
            splits[name] = _split(pixels, labels, digests)
    except (OSError, ValueError):
        return None
    return splits


def _split(pixels: NDArray[np.uint8], labels: NDArray[Any], digests: list[bytes]) -> Split:
    return Split(
        labels=labels,
        read=lambda index: np.asarray(pixels[index]),
        content_hash=split_hash(digests, labels),
        identities=digests,
    )


def _make(folder: Path, size: int, counts: Mapping[str, int]) -> None:
    clothes = open_fashion_mnist(None)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
        try:
            for number, name in enumerate(SPLITS):
                (made / name).mkdir()
                shown = [read_photograph(one) for one in photographs(name)]
                own = clothes.splits[name]
                _write(made / name, number, size, counts[name], shown, own)
            shutil.rmtree(folder, ignore_errors=True)  # damaged
            made.replace(folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        if not folder.is_dir():  # another process may have made it meanwhile
            raise cannot_write(folder, error) from error


def _write(
    folder: Path,
    number: int,
    size: int,
    count: int,
    shown: list[NDArray[np.uint8]],
    clothes: Split,
) -> None:
    pixels = np.lib.format.open_memmap(
        folder / "pixels.npy", "w+", np.uint8, (count, size, size, 3)
    )
    masks = np.empty((count, size, size), np.int8)
    boxes = np.empty((count, MOST_ITEMS, 5), np.float32)
    digests = np.empty((count, 32), np.uint8)

    def item(index: int) -> tuple[NDArray[np.uint8], int]:
        return clothes.read(index)[:, :, 0], int(clothes.labels[index])

    for index in range(count):
        scene = compose((_SEED, number, index), size, shown, item, len(clothes))
        pixels[index], masks[index], boxes[index] = scene.pixels, scene.mask(), scene.boxes()
        digests[index] = np.frombuffer(identity(scene.pixels), np.uint8)
    pixels.flush()
    for name, values in (("masks", masks), ("boxes", boxes), ("digests", digests)):
        np.save(folder / f"{name}.npy", values)
