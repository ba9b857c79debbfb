"""Pictures on which a program elsewhere shows that it resizes as this machine does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.contracts import ImagePreprocessing, Preprocessing
from zoo.data.preprocessing.images import to_pixels


@dataclass(frozen=True, kw_only=True)
class ResizePattern:
    """A picture by a formula of column x, row y and channel c: (7x² + 13y² + 3xy + 85c) mod 256.

    Attributes:
        file: Name of the file of its pixels.
        width: In pixels.
        height: In pixels.
        preprocessing: Of the network that shall see it.
    """

    file: str
    width: int
    height: int
    preprocessing: ImagePreprocessing

    def pixels(self) -> bytes:
        """What the network sees of it: uint8, channels last."""
        y, x, c = np.indices((self.height, self.width, 3))
        pattern = (x * x * 7 + y * y * 13 + x * y * 3 + c * 85) % 256
        return to_pixels(pattern.astype(np.uint8), self.preprocessing).tobytes()


def resize_patterns(preprocessing: Preprocessing) -> list[ResizePattern]:
    """A tall pattern and a wide one; none for inputs that are no pictures.

    Versions of Pillow differ by a shade in pictures that become flatter.
    """
    own = preprocessing
    if not isinstance(own, ImagePreprocessing):
        return []
    sizes = (own.width + 3, 3 * own.height + 8), (2 * own.width + 5, own.height + 2)
    return [
        ResizePattern(file=f"resized_{n}.bin", width=w, height=h, preprocessing=own)
        for n, (w, h) in enumerate(sizes, 1)
    ]
