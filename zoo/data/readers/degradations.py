"""Degradations of good pictures, stated in a dataset's name: ``?degrade=bicubic2``.

Each follows from the picture alone: the same picture is made bad in the same way every time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.common.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.data.readers.query import Query

_FORM = re.compile(r"(bicubic|noise|jpeg)([0-9]{1,3})")
#: What the number behind each name may be, and what it is.
_NUMBERS = {"bicubic": range(2, 5), "noise": range(1, 101), "jpeg": range(1, 96)}
#: Smaller patches have no room for the window of structural similarity once borders are shaved.
LEAST_PATCH = 24
MEANINGS = {
    "bicubic": "smaller by this factor, by bicubic resampling with antialiasing",
    "noise": "Gaussian noise of this standard deviation, in pixel values of 0 to 255",
    "jpeg": "saved as JPEG of this quality",
}


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """One way to make a good picture bad.

    Attributes:
        kind: ``bicubic``, ``noise`` or ``jpeg``.
        number: Factor, standard deviation, or quality.
    """

    kind: str
    number: int

    @property
    def scale(self) -> int:
        """By which factor good pictures are larger than bad ones."""
        return self.number if self.kind == "bicubic" else 1

    @property
    def meaning(self) -> str:
        """What is done, in words."""
        return f"{self.kind}{self.number}: {MEANINGS[self.kind]}"

    def apply(self, good: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The bad picture.

        Args:
            good: uint8, shape (height, width, 3); sides are multiples of `scale`.

        Returns:
            uint8, shape (height / scale, width / scale, 3).
        """
        makers = {"bicubic": _smaller, "noise": _noisy, "jpeg": _compressed}
        return makers[self.kind](good, self.number)


def degradation_of(query: Query, name: str) -> Degradation:
    """The degradation that ``degrade=`` asks for.

    Args:
        query: Of the dataset.
        name: The dataset as it was typed, without its options.

    Raises:
        UsageError: None is asked for, or one that there is not.
    """
    asked = query.options.get("degrade")
    known = f"{name}?degrade=bicubic2, noise25 or jpeg20"
    if asked is None:
        raise UsageError(
            f"how the pictures of {name} become bad is not given",
            why="; ".join(f"{kind}N: {meaning}" for kind, meaning in MEANINGS.items()),
            fix=known,
        )
    return parse_degradation(asked, known)


def patch_of(query: Query, scale: int) -> int | None:
    """The side of good patches that ``patch=`` asks for; None where it is not given.

    Raises:
        UsageError: It is too small for the measures, or no multiple of the scale.
    """
    side = query.number("patch")
    if side is None:
        return None
    least = -(-LEAST_PATCH // scale) * scale
    if side < least or side % scale:
        raise UsageError(
            f"patch={side} is no side of patches",
            why=f"it is that of good ones: a multiple of {scale}, which bad ones are smaller by, "
            f"from {least} on, for the window of structural similarity",
            fix=f"patch={max(least, side // scale * scale)}",
        )
    return side


def degraded_pair(
    good: NDArray[np.uint8], degradation: Degradation
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The bad and the good picture, which is cut to a multiple of the scale first."""
    scale = degradation.scale
    height, width = (side // scale * scale for side in good.shape[:2])
    whole = good[:height, :width]
    return degradation.apply(whole), whole


def parse_degradation(text: str, known: str) -> Degradation:
    """Reads ``bicubic2``, ``noise25``, ``jpeg20``.

    Args:
        text: As the user typed it.
        known: What to write instead.

    Raises:
        UsageError: There is no such degradation, or its number is out of range.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise UsageError(
            f"degrade={text} is no degradation",
            why="it is a name and a number: "
            + "; ".join(f"{kind}, {meaning}" for kind, meaning in MEANINGS.items()),
            fix=known,
        )
    kind, number = found[1], int(found[2])
    if number not in _NUMBERS[kind]:
        span = _NUMBERS[kind]
        raise UsageError(
            f"degrade={text} is out of range",
            why=f"of {kind} the number is from {span.start} to {span.stop - 1}: {MEANINGS[kind]}",
            fix=known,
        )
    return Degradation(kind=kind, number=number)


def enlarged(bad: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """The picture by bicubic interpolation, `scale` times as large; itself for a scale of 1.

    Args:
        bad: uint8, shape (height, width, channels).
        scale: From 1.
    """
    if scale == 1:
        return bad
    height, width = bad.shape[:2]
    return _resized(bad, width * scale, height * scale)


def _smaller(good: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    height, width = good.shape[:2]
    return _resized(good, width // factor, height // factor)


def _resized(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    import numpy as np

    from zoo.common.optional_imports import require

    image_module = require("PIL.Image")
    grey = picture.shape[2] == 1
    image = image_module.fromarray(picture[:, :, 0] if grey else picture)
    made = np.asarray(image.resize((width, height), image_module.Resampling.BICUBIC))
    return made[:, :, np.newaxis] if grey else made


def _noisy(good: NDArray[np.uint8], deviation: int) -> NDArray[np.uint8]:
    import numpy as np

    from zoo.data.readers.hashing import array_hash

    # The picture is the seed: no two have the same noise, and each the same every time.
    draw = np.random.default_rng(int.from_bytes(array_hash(good)[:8], "big"))
    values = good + deviation * draw.standard_normal(good.shape)
    noisy: NDArray[np.uint8] = np.clip(np.round(values), 0, 255).astype(np.uint8)
    return noisy


def _compressed(good: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    import io

    from zoo.common.optional_imports import require
    from zoo.data.readers.image_files import decode

    buffer = io.BytesIO()
    require("PIL.Image").fromarray(good).save(buffer, "JPEG", quality=quality)
    return decode(buffer.getvalue())
