"""Figures of an agent's answer, read one by one: a device may send anything in their place."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: No count, number of bytes or of nanoseconds is larger (300 years).
_MOST = 1e19
#: Samples of one answer: of a sampling of a minute, 1 µs each.
MOST_SAMPLES = 1 << 26
_WORD = 200


def number(told: Mapping[str, Any], key: str, least: float = 0.0) -> float:
    """A finite real number, at least `least`.

    Raises:
        ValueError: It is something else.
    """
    return _number(told[key], key, least)


def _number(value: object, key: str, least: float) -> float:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    if not real or not (least <= value <= _MOST):  # type: ignore[operator]
        raise ValueError(f"{key} is {_short(value)}, and must be a number from {least:g}")
    return value if isinstance(value, int) else float(value)  # type: ignore[arg-type]


def whole(told: Mapping[str, Any], key: str) -> int:
    """A whole number from 0."""
    found = number(told, key)
    if not isinstance(found, int):
        raise ValueError(f"{key} is {_short(found)}, and must be a whole number")
    return found


def numbers(told: Mapping[str, Any], key: str, least: float = 0.0) -> tuple[Any, ...]:
    """A list of such numbers."""
    values = told[key]
    if not isinstance(values, list) or len(values) > 1000:
        raise ValueError(f"{key} is {_short(values)}, and must be a short list of numbers")
    return tuple(_number(value, key, least) for value in values)


def word(told: Mapping[str, Any], key: str) -> str:
    """A short text."""
    value = told[key]
    if not isinstance(value, str) or len(value) > _WORD:
        raise ValueError(f"{key} is {_short(value)}, and must be a short text")
    return value


def flag(told: Mapping[str, Any], key: str) -> bool:
    """Yes or no."""
    value = told[key]
    if not isinstance(value, bool):
        raise ValueError(f"{key} is {_short(value)}, and must be true or false")
    return value


def table(value: object, name: str) -> dict[str, Any]:
    """An object whose values are plain and small: what is shown and kept as it came."""
    if not isinstance(value, dict) or not _plain(value, 4):
        raise ValueError(f"{name} is {_short(value)}, and must be an object of plain values")
    return dict(value)


def _plain(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        keys = all(isinstance(key, str) and len(key) <= _WORD for key in value)
        return keys and depth > 0 and all(_plain(each, depth - 1) for each in value.values())
    if isinstance(value, list):
        return depth > 0 and all(_plain(each, depth - 1) for each in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | int)


def samples(packed: Mapping[str, Any]) -> NDArray[np.int64]:
    """Durations in nanoseconds, of which there is at least one; never unpacked beyond their count.

    Raises:
        ValueError: They are no durations, or not as many as was said.
    """
    count = whole(packed, "count")
    if not 0 < count <= MOST_SAMPLES:
        raise ValueError(f"{count} samples were sent")
    unpacker = zlib.decompressobj()
    raw = unpacker.decompress(base64.b64decode(packed["data"]), 8 * count + 1)
    if len(raw) != 8 * count or not unpacker.eof:
        more = "or more " if len(raw) > 8 * count else ""
        raise ValueError(f"{len(raw) // 8} {more}samples came, {count} were sent")
    found = np.frombuffer(raw, "<i8").astype(np.int64)
    if found.min() < 0:
        raise ValueError(f"a clock that went back: a sample of {found.min()} ns")
    return found


def _short(value: object) -> str:
    shown = repr(value) if not isinstance(value, int) or abs(value) < 1 << 64 else "a huge number"
    return shown if len(shown) <= 40 else shown[:37] + "…"
