"""How a preset's ImageConverter prepares pictures, in the words of ``--input``."""

from __future__ import annotations

import math
from typing import Any

#: keras-hub's names of filters, and ours.
_FILTERS = {
    "nearest": "nearest",
    "bilinear": "bilinear",
    "bicubic": "bicubic",
    "lanczos3": "lanczos",
}
_DIGITS = 9
_CLOSE = 1e-6
#: Of scales and offsets.
_LARGEST = 1e9


def stated(converter: dict[str, Any] | None) -> tuple[str, tuple[str, ...]]:
    """What an ImageConverter makes of pictures, and what it does that is not done here.

    Args:
        converter: Its configuration, ``scale`` and ``offset`` among it; None for none.

    Returns:
        Words, empty where nothing is known; and a sentence for each difference.
    """
    if converter is None:
        return "", ()
    words, told = [], []
    size = converter.get("image_size") or [converter.get("height"), converter.get("width")]
    if _is_size(size):
        words.append(f"{size[0]}x{size[1]}")
        if converter.get("pad_to_aspect_ratio"):
            words.append("pad")
        else:
            words.append("crop" if converter.get("crop_to_aspect_ratio", True) else "stretch")
        interpolation = str(converter.get("interpolation", "bilinear"))
        if interpolation in _FILTERS:
            words.append(_FILTERS[interpolation])
        else:
            told.append(f"keras-hub resizes by {interpolation}, which edgezoo does not have")
        if not converter.get("antialias") and interpolation != "nearest":
            told.append("keras-hub resizes pictures without antialiasing; edgezoo with it")
    numbers = _normalization(converter)
    if numbers is None:
        told.append("the normalization of pixels cannot be read from its ImageConverter")
    else:
        words += ["rgb", numbers]
    return " ".join(words), tuple(told)


def _is_size(value: Any) -> bool:
    numbers = isinstance(value, list | tuple) and len(value) == 2
    return numbers and all(isinstance(one, int) and 0 < one < 100_000 for one in value)


def _normalization(converter: dict[str, Any]) -> str | None:
    """The words for ``pixel * scale + offset``, pixels from 0 to 255; None if that is not one."""
    scale, offset = _channels(converter.get("scale"), 1.0), _channels(converter.get("offset"), 0.0)
    if "mean" in converter and "variance" in converter:  # of older presets
        means, spreads = _channels(converter["mean"], 0.0), _channels(converter["variance"], 1.0)
        if not (scale and means and spreads) or min(spreads) <= 0:
            return None
        width = max(map(len, (scale, means, spreads)))
        scales, means, spreads = (_wide(one, width) for one in (scale, means, spreads))
        scale = [s / math.sqrt(v) for s, v in zip(scales, spreads, strict=True)]
        offset = [-m / math.sqrt(v) for m, v in zip(means, spreads, strict=True)]
    if not scale or not offset or min(scale) <= 0:
        return None
    width = max(len(scale), len(offset))
    pairs = list(zip(_wide(scale, width), _wide(offset, width), strict=True))
    if all(_near(s, 1) and _near(o, 0) for s, o in pairs):
        return "0..255"
    moments = [(-o / (255 * s), 1 / (255 * s)) for s, o in pairs]
    for name, mean, std in (("0..1", 0.0, 1.0), ("-1..1", 0.5, 0.5)):
        if all(_near(m, mean) and _near(d, std) for m, d in moments):
            return name
    # In the scale of pixels, since larger numbers than shares are read as such.
    shares = max(abs(one) for moment in moments for one in moment) <= 1
    factor = 1 if shares else 255
    texts = [
        ",".join(f"{factor * moment[place]:.{_DIGITS}g}" for moment in moments) for place in (0, 1)
    ]
    return f"mean={texts[0]} std={texts[1]}" + ("" if shares else " scale=1")


def _near(value: float, wanted: float) -> bool:
    return abs(value - wanted) < _CLOSE


def _channels(value: Any, usual: float) -> list[float]:
    """Numbers, one for all channels or one for each; empty where they are none."""
    if value is None:
        return [usual]
    values = value if isinstance(value, list | tuple) else [value]
    plain = all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)
    # What is no number is not below a limit either.
    if not plain or len(values) not in (1, 3) or not all(abs(one) < _LARGEST for one in values):
        return []
    return [float(one) for one in values]


def _wide(values: list[float], width: int) -> list[float]:
    return values * width if len(values) == 1 else values
