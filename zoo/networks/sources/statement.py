"""What a user states of a network's input: ``nhwc rgb 224x224 mean=0.485,0.456,0.406 std=…``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields, replace
from typing import Any, get_args

from zoo.common.errors import UsageError
from zoo.contracts.preprocessing.images import Interpolation, Resize

_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})\Z")
_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)\Z")
_USAGE = (
    "write words such as: 224x224 rgb 0..1; bgr mean=103.9,116.8,123.7 scale=1; "
    "grey -1..1; crop=0.875"
)
#: How a normalization is known without data.
STATED, IN_FILE = "stated", "in its metadata"
#: Larger means are of pixels, and not of their shares.
_MOST_SHARE = 2.0


@dataclass(frozen=True, kw_only=True)
class InputStatement:
    """What is stated; None of a field leaves it open.

    Attributes:
        size: (height, width).
        layout: ``nhwc`` or ``nchw``: the order of axes in the network's own file.
        order: ``rgb``, ``bgr`` or ``grey``.
        normalization: scale, mean, std of ``(value * scale - mean) / std``, in the order of the
            channels that the network takes; one number stands for all channels. A scale of None
            was not stated.
        span: Whether the normalization was stated as a range of pixels.
        resize: How images become that size.
        crop_share: Of ``crop``.
        interpolation: The resampling filter.
        known: Where the normalization is stated: by the user, or in the file.
    """

    size: tuple[int, int] | None = None
    layout: str | None = None
    order: str | None = None
    normalization: tuple[float | None, tuple[float, ...], tuple[float, ...]] | None = None
    span: bool = False
    resize: Resize | None = None
    crop_share: float = 1.0
    interpolation: Interpolation | None = None
    known: str = STATED

    def over(self, read: InputStatement) -> InputStatement:
        """What is stated, completed by what the file itself says."""
        if self.normalization is None and read.normalization is not None:
            read = replace(read, known=IN_FILE)
        else:
            read = replace(read, normalization=self.normalization, span=self.span)
        empty = InputStatement()
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(
            read, **{name: value for name, value in own.items() if value != getattr(empty, name)}
        )


def parse_statement(text: str) -> InputStatement:
    """Reads the words of ``--input``.

    Raises:
        UsageError: A word that means nothing here, or two that contradict each other.
    """
    found: dict[str, Any] = {}

    def put(key: str, value: object, word: str) -> None:
        if found.setdefault(key, value) != value:
            raise UsageError(f"--input: {word!r} contradicts another word", fix=_USAGE)

    for word in text.split():
        key, equals, value = word.lower().partition("=")
        if size := _SIZE.match(key):
            put("size", (int(size[1]), int(size[2])), word)
        elif key in ("rgb", "bgr", "grey", "gray"):
            put("order", "grey" if key == "gray" else key, word)
        elif key in ("nhwc", "nchw"):
            put("layout", key, word)
        elif span := _RANGE.match(key):
            low, high = float(span[1]), float(span[2])
            if not low < high:
                raise UsageError(f"--input: {word!r} is no range", fix=_USAGE)
            step = (high - low) / 255.0
            put("normalization", (step, (0.0 - low,), (1.0,)), word)
            found["span"] = True
        elif key in ("mean", "std", "scale") and equals:
            put(key, _numbers(value, word), word)
        elif key in get_args(Resize):
            put("resize", key, word)
            if equals:
                (share,) = _numbers(value, word, count=1)
                if key != "crop" or not 0 < share <= 1:
                    raise UsageError(
                        f"--input: {word!r} is no share of an image to keep", fix=_USAGE
                    )
                put("crop_share", share, word)
        elif key in get_args(Interpolation):
            put("interpolation", key, word)
        else:
            raise UsageError(f"--input: {word!r} means nothing here", fix=_USAGE)
    keys = ("mean", "std", "scale")
    numbers: dict[str, tuple[float, ...]] = {key: found.pop(key) for key in keys if key in found}
    if numbers:
        put("normalization", _moments(numbers), "mean, std, scale")
    return InputStatement(**found)


def _moments(
    numbers: dict[str, tuple[float, ...]],
) -> tuple[float | None, tuple[float, ...], tuple[float, ...]]:
    mean, std = numbers.get("mean", (0.0,)), numbers.get("std", (1.0,))
    scale = numbers.get("scale")
    width = max(len(mean), len(std))
    if len(mean) not in (1, width) or len(std) not in (1, width) or (scale and len(scale) != 1):
        raise UsageError(
            "--input: mean and std must be one number each, or one for each channel", fix=_USAGE
        )
    if min(std) <= 0 or (scale and scale[0] <= 0):
        raise UsageError("--input: std and scale must be above 0", fix=_USAGE)
    spread = [values * width if len(values) == 1 else values for values in (mean, std)]
    return (scale[0] if scale else None), spread[0], spread[1]


def pixel_scale(statement: InputStatement) -> float:
    """What pixels are multiplied by before a stated mean and deviation: 1/255 unless stated.

    Raises:
        UsageError: The mean or the deviation is of pixels from 0 to 255, and no scale was stated.
    """
    assert statement.normalization is not None
    scale, mean, std = statement.normalization
    if scale is not None:
        return scale
    if max(map(abs, (*mean, *std))) > _MOST_SHARE:
        raise UsageError(
            "--input: means and deviations above 1 are of pixels from 0 to 255",
            why="without a scale, pixels are divided by 255 before",
            fix="add scale=1",
        )
    return 1.0 / 255.0


def _numbers(text: str, word: str, count: int | None = None) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if not values or not all(map(math.isfinite, values)) or count not in (None, len(values)):
        raise UsageError(f"--input: {word!r} does not end in numbers", fix=_USAGE)
    return values
