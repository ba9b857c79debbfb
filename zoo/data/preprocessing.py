"""From raw images to network inputs: one piece of code for training, evaluation and calibration.

Every pixel that a network or an exported file ever sees has passed through `to_pixels`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.dataset import Split
from zoo.contracts.preprocessing import Preprocessing
from zoo.errors import BadData
from zoo.extras import require

if TYPE_CHECKING:
    from PIL.Image import Image

#: Examples that one thread takes at a time.
_CHUNK = 64


def to_pixels(image: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Converts channels and resizes.

    Args:
        image: uint8, shape (height, width, 1 or 3), any size.
        preprocessing: What the network wants.

    Returns:
        uint8, shape (height, width, channels) of `preprocessing`; the image itself when it
        already fits.

    Raises:
        BadData: The image has another type or shape.
    """
    problem = _image_problem(image)
    if problem:
        raise BadData(f"an image cannot be used: {problem}", fix=_EXPECTED)
    if image.shape == preprocessing.input_shape and preprocessing.crop_share == 1:
        return image
    grey = image.shape[2] == 1
    picture = require("PIL.Image").fromarray(image[:, :, 0] if grey else image)
    if preprocessing.channels == 1 and not grey:
        picture = picture.convert("L")
    pixels = np.asarray(_resized(picture, preprocessing))
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, np.newaxis], preprocessing.channels, axis=2)
    return pixels


def read_pixels(split: Split, index: int, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Reads one example and applies `to_pixels`.

    Raises:
        BadData: The example is no uint8 image; names the example.
    """
    image = split.read(index)
    problem = _image_problem(image)
    if problem:
        raise BadData(f"example {index} cannot be used: {problem}", fix=_EXPECTED)
    return to_pixels(image, preprocessing)


def pixels(
    split: Split, preprocessing: Preprocessing, indices: Sequence[int] | None = None
) -> NDArray[np.uint8]:
    """Reads and resizes examples in several threads, into memory.

    Args:
        split: Where to read.
        preprocessing: What the network wants.
        indices: Which examples, in this order; None means all.

    Returns:
        uint8, shape (examples, height, width, channels).

    Raises:
        BadData: An example cannot be used.
    """
    chosen = range(len(split)) if indices is None else [int(i) for i in indices]
    result = np.empty((len(chosen), *preprocessing.input_shape), np.uint8)

    def fill(start: int) -> None:
        for place in range(start, min(start + size, len(chosen))):
            result[place] = read_pixels(split, chosen[place], preprocessing)

    workers = os.cpu_count() or 1
    # Small requests are spread too: one batch of large photos is worth all processors.
    size = max(1, min(_CHUNK, len(chosen) // workers))
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(fill, range(0, len(chosen), size)):
            pass  # Asking for each answer is what raises a thread's error here.
    return result


def normalize(pixels: NDArray[Any], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """The reference formula ``(pixel * scale - mean) / std``, computed in float64.

    Args:
        pixels: Any numeric type, shape (…, height, width, channels), values 0-255.
        preprocessing: Brings scale, mean and std.

    Returns:
        float32, same shape.
    """
    values = np.asarray(pixels, np.float64) * preprocessing.scale
    mean = np.asarray(preprocessing.mean, np.float64)
    std = np.asarray(preprocessing.std, np.float64)
    return ((values - mean) / std).astype(np.float32)


_EXPECTED = "a dataset yields images of type uint8 and shape (height, width, 1 or 3)"


def _image_problem(image: NDArray[Any]) -> str | None:
    if image.dtype != np.uint8:
        if image.dtype.kind == "f" and not np.isfinite(image).all():
            return "it holds NaN or infinite values"
        return f"its type is {image.dtype}"
    if image.ndim != 3 or image.shape[2] not in (1, 3) or 0 in image.shape:
        return f"its shape is {image.shape}"
    return None


def _resized(picture: Image, preprocessing: Preprocessing) -> Image:
    width, height = preprocessing.width, preprocessing.height
    image_module = require("PIL.Image")
    resampling = image_module.Resampling[preprocessing.interpolation.upper()]
    if preprocessing.resize == "stretch":
        return picture.resize((width, height), resampling)
    if preprocessing.resize == "crop":
        scale = min(picture.width / width, picture.height / height) * preprocessing.crop_share
        left = (picture.width - width * scale) / 2
        top = (picture.height - height * scale) / 2
        # The box may lie between pixels, which cutting a resized image could not express.
        box = (left, top, left + width * scale, top + height * scale)
        return picture.resize((width, height), resampling, box=box)
    scale = max(picture.width / width, picture.height / height)
    inner_width = min(width, max(1, round(picture.width / scale)))
    inner_height = min(height, max(1, round(picture.height / scale)))
    canvas: Image = image_module.new(picture.mode, (width, height))
    inner = picture.resize((inner_width, inner_height), resampling)
    canvas.paste(inner, ((width - inner_width) // 2, (height - inner_height) // 2))
    return canvas
