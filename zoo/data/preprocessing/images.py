"""Image preprocessing: from any size to the pixels of a network's input.

Every pixel that a network or an exported file ever sees has passed through `to_pixels`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData, UsageError
from zoo.common.optional_imports import require
from zoo.contracts.dataset import IGNORED, Split
from zoo.contracts.preprocessing import ImagePreprocessing, InputKind, SampleList

if TYPE_CHECKING:
    from PIL.Image import Image


def to_pixels(image: NDArray[np.uint8], preprocessing: ImagePreprocessing) -> NDArray[np.uint8]:
    """Converts channels and resizes.

    Args:
        image: uint8, shape (height, width, 1 or 3), any size.
        preprocessing: Of the network.

    Returns:
        uint8, shape (height, width, channels) of `preprocessing`, whatever its layout; the image
        itself when it already fits.

    Raises:
        BadData: The image has another type or shape.
    """
    problem = _image_problem(image)
    if problem:
        raise BadData(f"an image cannot be used: {problem}", fix=_EXPECTED)
    if image.shape == preprocessing.image_shape and preprocessing.crop_share == 1:
        return image
    grey = image.shape[2] == 1
    picture = require("PIL.Image").fromarray(image[:, :, 0] if grey else image)
    if preprocessing.channels == 1 and not grey:
        picture = picture.convert("L")
    pixels = np.asarray(_resized(picture, preprocessing))
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, np.newaxis], preprocessing.channels, axis=2)
    return pixels


#: Axes of labels that are pictures: examples, height, width, channels.
_PICTURES = 4
_EXPECTED = "a dataset yields images of type uint8 and shape (height, width, 1 or 3)"


def _image_problem(image: NDArray[Any]) -> str | None:
    if image.dtype != np.uint8:
        if image.dtype.kind == "f" and not np.isfinite(image).all():
            return "it holds NaN or infinite values"
        return f"its type is {image.dtype}"
    if image.ndim != 3 or image.shape[2] not in (1, 3) or 0 in image.shape:
        return f"its shape is {image.shape}"
    return None


def crop_edges(
    size: tuple[Any, Any], target: tuple[int, int], share: float
) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """The centred box of a target's aspect ratio, as first and last edge along each axis.

    Edges may lie between pixels, which cutting a resized image could not express; none lies
    outside the image, to where rounding would carry one in about 3 % of sizes.

    Args:
        size: Of the image, in pixels; numbers or arrays of them.
        target: In the same order of axes.
        share: Of the largest such box, the side of what is kept.
    """
    scale = np.minimum(size[0] / target[0], size[1] / target[1]) * share
    return _centred(size[0], target[0] * scale), _centred(size[1], target[1] * scale)


def _centred(whole: Any, length: Any) -> tuple[Any, Any]:
    start = (whole - length) / 2
    return np.maximum(start, 0.0), np.minimum(start + length, whole)


def _resized(picture: Image, preprocessing: ImagePreprocessing) -> Image:
    width, height = preprocessing.width, preprocessing.height
    image_module = require("PIL.Image")
    resampling = image_module.Resampling[preprocessing.interpolation.upper()]
    if preprocessing.resize == "stretch":
        return picture.resize((width, height), resampling)
    if preprocessing.resize == "crop":
        columns, rows = crop_edges(
            (picture.width, picture.height), (width, height), preprocessing.crop_share
        )
        box = (columns[0], rows[0], columns[1], rows[1])
        return picture.resize((width, height), resampling, box=box)
    inner_width, inner_height = padded_sides((picture.width, picture.height), (width, height))
    canvas: Image = image_module.new(picture.mode, (width, height))
    inner = picture.resize((inner_width, inner_height), resampling)
    canvas.paste(inner, ((width - inner_width) // 2, (height - inner_height) // 2))
    return canvas


def shown_part(
    size: tuple[int, int], preprocessing: ImagePreprocessing
) -> tuple[float, float, float, float]:
    """What `to_pixels` takes of a picture: top, left, bottom and right edge, in its pixels.

    Args:
        size: Height and width of the picture.
        preprocessing: Of the network; where it pads, edges lie beyond the picture.
    """
    target = preprocessing.height, preprocessing.width
    if size == target and preprocessing.crop_share == 1:
        return 0.0, 0.0, float(size[0]), float(size[1])
    if preprocessing.resize == "crop":
        (top, bottom), (left, right) = crop_edges(size, target, preprocessing.crop_share)
        return float(top), float(left), float(bottom), float(right)
    edges = []
    inner = padded_sides(size, target) if preprocessing.resize == "pad" else target
    for whole, side, own in zip(size, target, inner, strict=True):
        start = -((side - own) // 2) * whole / own
        edges.append((start, start + side * whole / own))
    return edges[0][0], edges[1][0], edges[0][1], edges[1][1]


def padded_sides(size: tuple[int, int], target: tuple[int, int]) -> tuple[int, int]:
    """The sides of a picture that is made as large as a target has room for, in the same order."""
    scale = max(own / side for own, side in zip(size, target, strict=True))
    first, second = (
        min(side, max(1, round(own / scale))) for own, side in zip(size, target, strict=True)
    )
    return first, second


def is_mask(labels: NDArray[Any]) -> bool:
    """Whether labels are class indices of the pixels of pictures."""
    return labels.dtype.kind == "i" and labels.ndim == 3


def resized_masks(masks: NDArray[Any], preprocessing: ImagePreprocessing) -> NDArray[Any]:
    """The class of the nearest pixel, for the places that `to_pixels` makes of a picture.

    Args:
        masks: Class indices, (examples, height, width), that span the whole picture and have its
            aspect ratio.
        preprocessing: Of the network.

    Returns:
        (examples, height, width) of `preprocessing`; `IGNORED` where a picture is padded.
    """
    target = preprocessing.height, preprocessing.width
    size = masks.shape[1], masks.shape[2]
    if size == target and preprocessing.crop_share == 1:
        return masks
    edges, inner = ((0.0, float(size[0])), (0.0, float(size[1]))), target
    if preprocessing.resize == "crop":
        edges = crop_edges(size, target, preprocessing.crop_share)
    elif preprocessing.resize == "pad":
        inner = padded_sides(size, target)
    rows, columns = (
        np.minimum((low + (np.arange(count) + 0.5) * (high - low) / count).astype(int), whole - 1)
        for (low, high), count, whole in zip(edges, inner, size, strict=True)
    )
    moved = masks[:, rows[:, None], columns]
    if inner == target:
        return moved
    padded = np.full((len(masks), *target), IGNORED, masks.dtype)
    top, left = (target[0] - inner[0]) // 2, (target[1] - inner[1]) // 2
    padded[:, top : top + inner[0], left : left + inner[1]] = moved
    return padded


class Images(InputKind[ImagePreprocessing]):
    """Images of any size as pixels, uint8, their axes in the order of the layout."""

    def read(self, split: Split, index: int) -> NDArray[Any]:
        """Reads one example and applies `to_pixels`.

        Raises:
            BadData: The example is no uint8 image; names the example.
            UsageError: Labels are pictures, which cannot follow a change of size.
        """
        image = split.read(index)
        problem = _image_problem(image)
        if problem:
            raise BadData(f"example {index} cannot be used: {problem}", fix=_EXPECTED)
        self._refuse_resizing(image, split.labels)
        pixels = to_pixels(image, self.own)
        return pixels.transpose(2, 0, 1) if self.own.layout == "nchw" else pixels

    def shown_part(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """See the function `shown_part`."""
        return shown_part(size, self.own)

    def whole_picture(self, example: NDArray[Any]) -> NDArray[np.uint8]:
        """Pixels, uint8 (height, width, channels of the network)."""
        height, width = (example.shape if example.ndim == 3 else (1, 1))[:2]
        sides = {"height": max(height, 1), "width": max(width, 1)}
        return to_pixels(example, replace(self.own, **sides, crop_share=1.0))

    def _refuse_resizing(self, image: NDArray[np.uint8], labels: NDArray[Any]) -> None:
        taken, given = (self.own.height, self.own.width), image.shape[:2]
        if labels.ndim != _PICTURES or taken == given:
            return
        patch = labels.shape[1] * taken[0] // given[0]
        raise UsageError(
            f"the network takes pictures of {taken[1]}×{taken[0]}, and the bad ones are "
            f"{given[1]}×{given[0]}",
            why="resized bad pictures would no longer belong to their good ones",
            fix=f"read them with patch={patch}, or fit the network: --input-size {given[0]}",
        )

    def labels(self, labels: NDArray[Any]) -> NDArray[Any]:
        """Masks, as `resized_masks`; all other labels unchanged."""
        return resized_masks(labels, self.own) if is_mask(labels) else labels

    def samples(self, given: str, data: str = "") -> SampleList:
        """Pictures in files, folders and arrays."""
        from zoo.data.samples.pictures import picture_samples

        return picture_samples(given)

    def range_problem(self, inputs: NDArray[Any]) -> str:
        """Detects pixels from 0 to 1, which are normalized already."""
        most = int(inputs.max(initial=0))
        return "" if most > 1 else f"the weights take pixels from 0 to 255; the data end at {most}"
