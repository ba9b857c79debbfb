"""Image files of any kind as plain uint8 arrays, turned upright, without transparency.

Rules:

* Transparent pixels show white, as on paper; partly transparent ones are blended with it.
* 16-bit grey is scaled from its full range to 0-255 and rounded. Whole numbers of 32 bits and
  fractions are refused: their files do not define which value is white.
* CMYK and other colour models become RGB by Pillow's plain formula, without colour profiles.
* The orientation that a camera recorded (EXIF or XMP) is applied.
* Of several frames or pages the first counts.
"""

from __future__ import annotations

import functools
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.extras import installed
from zoo.common.optional_imports import require
from zoo.data.readers.listing import Listing, list_files

if TYPE_CHECKING:
    from PIL.Image import Image

#: Larger images are refused as decompression bombs; the figure is Pillow's own warning level.
MAX_PIXELS = 89_478_485
#: Larger files are refused before they are read into memory.
MAX_BYTES = 512 << 20

#: Formats that Pillow would hand to other programs (Ghostscript) or can only identify.
_EXCLUDED = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
#: Formats that Pillow scales to 16 bits when it reports mode ``I``.
_SCALED_TO_16_BITS = {"PNG", "PPM"}
_HEIF = 'pip install "edgezoo[heic]" adds pillow-heif, which reads them'
_RAW = "raw data of a camera; save them as PNG or JPEG"
#: Formats of pictures that are common, and not read without more.
_UNREAD = {
    **dict.fromkeys((".heic", ".heif", ".hif"), _HEIF),
    **dict.fromkeys((".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2"), _RAW),
    **dict.fromkeys((".jxl", ".svg", ".psd", ".pdf"), "save them as PNG or JPEG"),
}
#: Of the suffixes that are read, those that messages name.
_COMMON = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tiff"))
_BITS_PER_SAMPLE = 258
_PHOTOMETRIC = 262
_MIN_IS_WHITE = 0


class BadImage(ValueError):
    """A file that cannot be decoded; the message gives the reason."""


@functools.cache
def formats() -> tuple[str, ...]:
    """Names of the formats that Pillow decodes by itself, the common ones first."""
    image_module = require("PIL.Image")
    image_module.init()
    if installed("pillow_heif"):
        require("pillow_heif").register_heif_opener()
    return tuple(name for name in image_module.ID if name not in _EXCLUDED)


@functools.cache
def suffixes() -> frozenset[str]:
    """Lower-case file suffixes of these formats, with their dot."""
    readable = formats()  # First: it makes further formats known.
    known = require("PIL.Image").registered_extensions()
    return frozenset(suffix for suffix, name in known.items() if name in readable)


def picture_files(argument: str) -> Listing:
    """A file, or all pictures below a folder; see `zoo.data.readers.listing.list_files`.

    Raises:
        UsageError: No such file or folder, or no picture in it: says what it holds instead, and
            what pictures are.
        BadData: A link leaves the folder, or a folder cannot be read.
    """
    known = suffixes()
    common = sorted(_COMMON & known)
    return list_files(
        argument,
        tuple(sorted(known)),
        kind="picture",
        fix=f"name a folder with {', '.join(common)} or one of {len(known) - len(common)} "
        "other kinds of files (all: python -m PIL)",
    )


def unread_formats(names: Sequence[str]) -> list[str]:
    """Notes on files that are pictures, of formats that are not read here, and what would help."""
    found: Counter[str] = Counter(Path(name).suffix.lower() for name in names)
    return [
        f"{found[suffix]} {suffix} pictures are not read: {_UNREAD[suffix]}"
        for suffix in sorted(found.keys() & _UNREAD.keys() - suffixes())
    ]


def read_image(path: Path) -> NDArray[np.uint8]:
    """Decodes a file.

    Returns:
        uint8, shape (height, width, 1 or 3).

    Raises:
        BadImage: Not an image, damaged, or too large.
        OSError: The file cannot be read.
    """
    return decode(path.read_bytes())


def decode(data: bytes) -> NDArray[np.uint8]:
    """Decodes the bytes of a file; safe to call from several threads.

    Returns:
        uint8, shape (height, width, 1 or 3).

    Raises:
        BadImage: Not an image, damaged, or too large.
    """
    image_module = require("PIL.Image")
    try:
        with image_module.open(io.BytesIO(data), formats=formats()) as image:
            if image.width * image.height > MAX_PIXELS:
                raise BadImage(f"{image.width} x {image.height} pixels: more than {MAX_PIXELS}")
            # Loading first matters: some formats turn themselves upright while they load.
            image.load()
            return _as_array(require("PIL.ImageOps").exif_transpose(image), image)
    except BadImage:
        raise
    except image_module.UnidentifiedImageError as error:
        raise BadImage("not an image, or of an unknown format") from error
    # Decoders meet damage with errors of any class: struct.error, IndexError, SyntaxError, …
    except Exception as error:
        raise BadImage(f"{type(error).__name__}: {error}") from error


def _as_array(upright: Image, source: Any) -> NDArray[np.uint8]:
    """Pixels of the upright copy; the source still has its format and tags."""
    mode = upright.mode
    if mode.startswith("I;16"):
        return _from_16_bits(np.asarray(upright), source)
    if mode == "I" and source.format in _SCALED_TO_16_BITS:
        return _scaled(np.asarray(upright), 65535)
    if mode in ("I", "F"):
        raise BadImage(f"pixels of mode {mode} have no agreed range; save it as 8 or 16 bits")
    grey = mode in ("1", "L", "LA", "La")
    if upright.has_transparency_data:
        upright = _on_white(upright)
    array: NDArray[np.uint8] = np.asarray(upright.convert("L" if grey else "RGB"))
    return array[:, :, np.newaxis] if grey else array


def _on_white(image: Image) -> Image:
    image_module = require("PIL.Image")
    paper = image_module.new("RGBA", image.size, "white")
    blended: Image = image_module.alpha_composite(paper, image.convert("RGBA"))
    return blended


def _from_16_bits(values: NDArray[Any], source: Any) -> NDArray[np.uint8]:
    # Of all formats only TIFF stores fewer bits unscaled, or white as zero.
    tags = getattr(source, "tag_v2", {})
    full = (1 << int(tags.get(_BITS_PER_SAMPLE, (16,))[0])) - 1
    if tags.get(_PHOTOMETRIC) == _MIN_IS_WHITE:
        values = full - values
    return _scaled(values, full)


def _scaled(values: NDArray[Any], full: int) -> NDArray[np.uint8]:
    wide = values.astype(np.int64)
    return ((wide * 255 + full // 2) // full).astype(np.uint8)[:, :, np.newaxis]
