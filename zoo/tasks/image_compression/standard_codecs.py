"""Pictures in JPEG and WebP, as Pillow writes them: sizes and errors for each quality.

Pictures are compressed in patches, whose files would be headers for the most part. So what is the
same in all files of a format and quality is not counted: of JPEG all before the scan, of WebP the
container. That favours them: a network's coded pictures are counted whole.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from zoo.common.optional_imports import require
from zoo.tasks import luma
from zoo.tasks.image_compression.coded_sizes import SameArray

if TYPE_CHECKING:
    from zoo.contracts.task import Array

CODECS = ("JPEG", "WebP")
COUNTED = (
    "JPEG without its tables and headers, WebP without its container, the network's coded pictures "
    "whole"
)
QUALITIES = (3, 8, 15, 25, 40, 60, 80, 92)
#: Pixels on a side of a JPEG file at most, as libjpeg has it.
LONGEST_JPEG = 65_500
#: Of the container RIFF, and the header of its only chunk.
_CONTAINER = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class RateDistortion:
    """What a format makes of pictures at each quality.

    Attributes:
        rates: Bits per pixel, float64 (qualities, pictures).
        ratios: PSNR in RGB, decibels, of the same shape.
    """

    rates: Array
    ratios: Array

    @property
    def points(self) -> list[list[float]]:
        """Mean bits per pixel and mean PSNR of each quality."""
        pairs = zip(self.rates.mean(axis=1), self.ratios.mean(axis=1), strict=True)
        return [[round(float(rate), 4), round(float(ratio), 3)] for rate, ratio in pairs]

    def psnr_at(self, rates: Array) -> Array:
        """PSNR of each picture at a number of bits of its own, between those of two qualities.

        Below the lowest quality it is that of the lowest, which takes more bits: in the format's
        favour. Above the highest it is that of the highest.
        """
        import numpy as np

        found = np.empty(len(rates))
        for number, rate in enumerate(rates):
            order = np.argsort(self.rates[:, number], kind="stable")
            own, made = self.rates[order, number], self.ratios[order, number]
            made = np.maximum.accumulate(made)
            found[number] = np.interp(np.log(rate), np.log(own), made)
        return found


def squared_errors(pictures: Array, truth: Array) -> Array:
    """Mean squared error of all channels of each picture, float64 (pictures,); both uint8."""
    import numpy as np

    found = []
    for mine, true in zip(pictures, truth, strict=True):
        # Whole numbers, in place: as exact, and large pictures take a third of the memory.
        apart = np.subtract(mine, true, dtype=np.int32)
        found.append(np.square(apart, out=apart).mean())
    return np.array(found, np.float64)


def psnr(pictures: Array, truth: Array) -> Array:
    """Peak signal to noise ratio of all channels of each picture, decibels, float64."""
    return luma.decibels(squared_errors(pictures, truth))


def compressed(name: str, picture: Array, quality: int) -> tuple[int, Array]:
    """Bytes that count of a picture in a format, and the picture that comes back.

    Args:
        name: One of `CODECS`.
        picture: uint8, (height, width, 1 or 3).
        quality: 1 to 95.
    """
    written, made = _written(name, picture, quality)
    return len(written) - (_before_scan(written) if name == "JPEG" else _CONTAINER), made


def least_jpeg(picture: Array, ratio: float) -> int | None:
    """Bytes of the smallest JPEG file, with all its headers, that comes back with that PSNR.

    Args:
        picture: uint8, (height, width, 1 or 3), of `LONGEST_JPEG` pixels on a side at most.
        ratio: In RGB, in decibels.

    Returns:
        None where quality 95 does not reach it.
    """
    low, high, found = 1, 95, None
    while low <= high:
        quality = (low + high) // 2
        written, made = _written("JPEG", picture, quality)
        if float(psnr(made[None], picture[None])[0]) >= ratio:
            found, high = len(written), quality - 1
        else:
            low = quality + 1
    return found


def _written(name: str, picture: Array, quality: int) -> tuple[bytes, Array]:
    """A file, and the picture in it."""
    import numpy as np

    image_module: Any = require("PIL.Image")
    files: Any = require("PIL.ImageFile")
    grey = picture.shape[2] == 1
    image = image_module.fromarray(picture[:, :, 0] if grey else picture)
    options = {"optimize": True} if name == "JPEG" else {"method": 4}
    buffer, usual = io.BytesIO(), files.MAXBLOCK
    # An optimized JPEG is written at once, from a buffer that Pillow gives a byte for each pixel:
    # too few for a busy picture.
    files.MAXBLOCK = max(usual, 2 * picture.size)
    try:
        image.save(buffer, name, quality=quality, **options)
    finally:
        files.MAXBLOCK = usual
    made = np.asarray(image_module.open(buffer).convert("L" if grey else "RGB"))
    return buffer.getvalue(), made.reshape(picture.shape)


def nearest_in_size(name: str, picture: Array, size: int) -> Array:
    """The picture at the best quality that takes at most so many bytes, or else at the lowest."""
    made = [compressed(name, picture, quality) for quality in QUALITIES]
    fitting = [one for one in made if one[0] <= size]
    return (fitting[-1] if fitting else made[0])[1]


def rate_distortion(name: str, pictures: Array) -> RateDistortion:
    """Rates and ratios of all pictures at each of `QUALITIES`.

    Args:
        name: One of `CODECS`.
        pictures: uint8, (pictures, height, width, channels).
    """
    return _cached(name, SameArray(pictures))


def beside(pictures: Array, rates: Array, truth: Array) -> dict[str, Any]:
    """What a network makes of pictures, and the curves of all formats, as plain data.

    Args:
        pictures: Of the network, uint8, (pictures, height, width, channels).
        rates: Bits per pixel of each.
        truth: The pictures that were compressed.

    Returns:
        ``point``: mean bits per pixel and mean PSNR; ``curves``: such points of each format, by
        name; ``counted``: what of files, in words.
    """
    return {
        "point": [round(float(rates.mean()), 4), round(float(psnr(pictures, truth).mean()), 3)],
        "curves": {name: rate_distortion(name, truth).points for name in CODECS},
        "counted": COUNTED,
    }


@lru_cache(maxsize=4)
def _cached(name: str, given: SameArray) -> RateDistortion:
    import numpy as np

    pictures = given.values
    rates, ratios = np.empty((2, len(QUALITIES), len(pictures)))
    pixels = pictures.shape[1] * pictures.shape[2]
    for row, quality in enumerate(QUALITIES):
        made = [compressed(name, picture, quality) for picture in pictures]
        rates[row] = [8.0 * size / pixels for size, _ in made]
        ratios[row] = psnr(np.stack([one for _, one in made]), pictures)
    return RateDistortion(rates=rates, ratios=ratios)


def _before_scan(written: bytes) -> int:
    """Bytes of a JPEG file before the coded picture: segments up to that which begins its scan."""
    place = 2
    while True:
        marker, length = written[place + 1], int.from_bytes(written[place + 2 : place + 4], "big")
        place += 2 + length
        if marker == 0xDA:  # SOS
            return place
