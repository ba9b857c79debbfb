"""What an ONNX file says of its input and its classes, in its metadata.

Image.BitmapPixelFormat and Image.NominalPixelRange are defined by ONNX (docs/MetadataProps.md);
names and imgsz are what Ultralytics writes, as text of Python values.
"""

from __future__ import annotations

import ast
from typing import Any

#: Characters: more than ten times what ten thousand long names take.
_MOST_TEXT = 4 << 20
_NAMES = ("names", "class_names", "classes", "labels")
_ORDERS = {"Rgb8": "rgb", "Bgr8": "bgr", "Gray8": "grey", "Rgba8": "", "Bgra8": ""}
_RANGES = {
    "NominalRange_0_255": "0..255",
    "Normalized_0_1": "0..1",
    "Normalized_1_1": "-1..1",
}


def class_names(model: Any) -> tuple[str, ...]:
    """The names of its classes in the order of its outputs; empty where it has none."""
    found = _properties(model)
    for key in _NAMES:
        value = _literal(found.get(key, ""))
        if isinstance(value, dict) and sorted(map(str, value)) == sorted(
            map(str, range(len(value)))
        ):
            value = [value.get(place, value.get(str(place))) for place in range(len(value))]
        if isinstance(value, list | tuple) and value and all(isinstance(v, str) for v in value):
            return tuple(value)
    return ()


def stated_input(model: Any, *, free: bool) -> str:
    """What it says of its input, in the words of ``--input``.

    Args:
        model: The model proto.
        free: Whether height and width are not in its graph.
    """
    found = _properties(model)
    words = [
        _ORDERS.get(found.get("Image.BitmapPixelFormat", ""), ""),
        _RANGES.get(found.get("Image.NominalPixelRange", ""), ""),
    ]
    size = _literal(found.get("imgsz", "")) if free else None
    sides = size if isinstance(size, list | tuple) else ()
    if len(sides) == 2 and all(isinstance(side, int) and 0 < side < 100_000 for side in sides):
        words.append(f"{sides[0]}x{sides[1]}")
    return " ".join(filter(None, words))


def _properties(model: Any) -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}


def _literal(text: str) -> Any:
    """A value that was written as Python or JSON; None if it is neither."""
    if not text or len(text) > _MOST_TEXT:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
