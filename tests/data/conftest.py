"""What the tests of datasets share: a home of their own, and small folders of images."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from home import own_home as own_home
from PIL import Image


def random_image(seed: int, size: tuple[int, int] = (6, 5), channels: int = 3) -> Image.Image:
    """An image whose pixels follow from the seed; size is (width, height)."""
    shape = (size[1], size[0], channels) if channels > 1 else (size[1], size[0])
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


MakeFolder = Callable[..., Path]


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Makes a folder of PNG files: ``make_folder({"cat": 5, "dog": 4})``; names may hold ``/``."""

    def make(counts: dict[str, int], name: str = "photos") -> Path:
        root = tmp_path / name
        for i, (folder, count) in enumerate(sorted(counts.items())):
            (root / folder).mkdir(parents=True)
            for j in range(count):
                path = root / folder / f"{j:03d}.png"
                random_image(1000 * i + j).save(path)
                # Old enough that the check of the image may be remembered.
                os.utime(path, ns=(10**18, 10**18))
        return root

    return make
