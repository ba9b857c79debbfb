"""Figures of an agent's answer, read one by one: a device may send anything in their place."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.shown_text import printable

#: No count, number of bytes or of nanoseconds is larger (300 years).
_MOST = 1e19
#: Samples of one answer: of a sampling of a minute, 1 µs each.
MOST_SAMPLES = 1 << 26
#: Nanoseconds that any inference takes: reading the clock alone takes as long.
LEAST_NS = 20
_WORD, _TEXT = 200, 4000
#: Elements of all lists and objects of one answer; the large ones are in text, packed.
_MOST_ELEMENTS = 1_000_000
#: Sides of an array, and bytes of all outputs of one answer.
_MOST_SIDES, MOST_OUTPUT_BYTES = 16, 1 << 28


def number(told: Mapping[str, Any], key: str, least: float = 0.0) -> float:
    """A finite real number, at least `least`.

    Raises:
        ValueError: It is something else.
    """
    return _number(told[key], key, least)


def optional_number(told: Mapping[str, Any], key: str, least: float = 0.0) -> float | None:
    """The same, or nothing."""
    return None if told[key] is None else number(told, key, least)


def _number(value: object, key: str, least: float) -> float:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    if not real or not (least <= value <= _MOST):  # type: ignore[operator]
        raise ValueError(f"{key} is {short(value)}, and must be a number from {least:g}")
    return value if isinstance(value, int) else float(value)  # type: ignore[arg-type]


def whole(told: Mapping[str, Any], key: str) -> int:
    """A whole number from 0."""
    found = number(told, key)
    if not isinstance(found, int):
        raise ValueError(f"{key} is {short(found)}, and must be a whole number")
    return found


def numbers(told: Mapping[str, Any], key: str, least: float = 0.0) -> tuple[Any, ...]:
    """A list of such numbers."""
    values = told[key]
    if not isinstance(values, list) or len(values) > 1000:
        raise ValueError(f"{key} is {short(values)}, and must be a short list of numbers")
    return tuple(_number(value, key, least) for value in values)


def word(told: Mapping[str, Any], key: str, most: int = _WORD) -> str:
    """A short text, without control characters."""
    value = told[key]
    if not isinstance(value, str) or len(value) > most:
        raise ValueError(f"{key} is {short(value)}, and must be a short text")
    return printable(value)


def optional_word(told: Mapping[str, Any], key: str) -> str | None:
    """A short text, or nothing."""
    return None if told[key] is None else word(told, key)


def rows(told: Mapping[str, Any], key: str, most: int = 100_000) -> list[dict[str, Any]]:
    """A list of objects."""
    values = told[key]
    listed = isinstance(values, list) and len(values) <= most
    if not listed or not all(isinstance(value, dict) for value in values):
        raise ValueError(f"{key} is {short(values)}, and must be a list of objects")
    return list(values)


def flag(told: Mapping[str, Any], key: str) -> bool:
    """Yes or no."""
    value = told[key]
    if not isinstance(value, bool):
        raise ValueError(f"{key} is {short(value)}, and must be true or false")
    return value


def table(value: object, name: str) -> dict[str, Any]:
    """An object whose values are plain and small, kept as it came but for control characters."""
    if not isinstance(value, dict) or not _plain(value, 4):
        raise ValueError(f"{name} is {short(value)}, and must be an object of plain values")
    cleaned: dict[str, Any] = _cleaned(value)
    return cleaned


def _plain(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        keys = all(isinstance(key, str) and len(key) <= _WORD for key in value)
        return keys and depth > 0 and all(_plain(each, depth - 1) for each in value.values())
    if isinstance(value, list):
        return depth > 0 and all(_plain(each, depth - 1) for each in value)
    if isinstance(value, float | int):
        return abs(value) <= _MOST  # no NaN is
    return value is None or (isinstance(value, str) and len(value) <= _TEXT)


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        return {printable(key): _cleaned(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    return printable(value) if isinstance(value, str) else value


def require_small(line: str) -> None:
    """Refuses text whose lists and objects would take many times its length once they are read.

    Raises:
        ValueError: It has more elements than any answer.
    """
    elements = line.count(",") + line.count("[") + line.count("{")
    if elements > _MOST_ELEMENTS:
        raise ValueError(f"an answer with {elements} elements")


def shape(told: Mapping[str, Any], *, open_sides: bool = False) -> tuple[int, ...]:
    """Sides of an array; where sides may be open, -1 for one that is None.

    Raises:
        ValueError: They are no sides.
    """
    sides = told["shape"]
    if not isinstance(sides, list) or len(sides) > _MOST_SIDES:
        raise ValueError(f"shape is {short(sides)}, and must be a list of numbers")
    given = [-1 if side in (None, -1) and open_sides else side for side in sides]
    least = -1 if open_sides else 0
    if not all(type(side) is int and least <= side < 1 << 31 for side in given):
        raise ValueError(f"shape is {short(sides)}, and must be a list of numbers")
    return tuple(given)


def dtype(told: Mapping[str, Any]) -> np.dtype[Any]:
    """A type of numbers.

    Raises:
        ValueError: It is another type, or none.
    """
    name = told["dtype"]
    try:
        found = np.dtype(name if isinstance(name, str) else "O")
    except TypeError:
        found = np.dtype("O")
    if found.kind not in "biuf":
        raise ValueError(f"dtype is {short(name)}, and must be a type of numbers")
    return found


def array(packed: Mapping[str, Any]) -> NDArray[Any]:
    """Numbers as `pack` of the protocol writes them; never more than their shape has.

    Raises:
        ValueError: They are no numbers, or not as many as was said.
    """
    kind, sides = dtype(packed), shape(packed)
    size = math.prod(sides) * kind.itemsize
    data = packed["data"]
    if size > MOST_OUTPUT_BYTES or not isinstance(data, str) or len(data) != -(-size // 3) * 4:
        raise ValueError(f"an array of shape {short(list(sides))} came in {_length(data)}")
    raw = base64.b64decode(data, validate=True)
    return np.frombuffer(raw, kind.newbyteorder("<")).reshape(sides).astype(kind, copy=False)


def _length(data: object) -> str:
    return f"{len(data)} letters" if isinstance(data, str) else f"a {type(data).__name__}"


def samples(packed: Mapping[str, Any], most: int = MOST_SAMPLES) -> NDArray[np.int64]:
    """Durations in nanoseconds, of which there is at least one; never unpacked beyond their count.

    Args:
        packed: As the agent packs them.
        most: Of which nobody can have taken more.

    Raises:
        ValueError: They are no durations, or not as many as was said.
    """
    count = whole(packed, "count")
    if not 0 < count <= most:
        raise ValueError(f"{count} samples were sent, and no more than {most} can have been taken")
    unpacker = zlib.decompressobj()
    raw = unpacker.decompress(base64.b64decode(packed["data"]), 8 * count + 1)
    if len(raw) != 8 * count or not unpacker.eof:
        more = "or more " if len(raw) > 8 * count else ""
        raise ValueError(f"{len(raw) // 8} {more}samples came, {count} were sent")
    found = np.frombuffer(raw, "<i8").astype(np.int64)
    least = int(found.min())
    if least < 0:
        raise ValueError(f"a clock that went back: a sample of {least} ns")
    if least < LEAST_NS:
        raise ValueError(f"a sample of {least} ns, where reading a clock takes {LEAST_NS}")
    return found


def short(value: object) -> str:
    """What came in a figure's place, in a few letters."""
    shown = repr(value) if not isinstance(value, int) or abs(value) < 1 << 64 else "a huge number"
    return shown if len(shown) <= 40 else shown[:37] + "…"
