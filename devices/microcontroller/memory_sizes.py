"""Sizes of memory as people write them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

_SIZE = re.compile(r"\s*(\d{1,12}(?:\.\d{1,6})?)\s*([kKMG]?)(i?)[bB]?\s*")
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3}


def parse_bytes(value: Any) -> Any:
    """``512 KiB`` → 524288; anything but text is left to validation.

    ``KiB`` and ``MiB`` are powers of 1024, ``kB`` and ``MB`` of 1000.

    Raises:
        ValueError: Text that is no size.
    """
    if not isinstance(value, str):
        return value
    found = _SIZE.fullmatch(value)
    if found is None:
        raise ValueError("must be a number of bytes, or a size such as 256KiB or 1MiB")
    number, letter, binary = found.groups()
    factor = (1024 if binary else 1000) ** _POWERS[letter.upper()]
    return round(float(number) * factor)


#: Bytes.
Size = Annotated[int, BeforeValidator(parse_bytes), Field(ge=0, le=1 << 40)]


def format_size(count: float) -> str:
    """``262144`` → ``256 KiB``; four digits."""
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            number = count / size
            return f"{number:.0f} {unit}" if number >= 1000 else f"{number:.4g} {unit}"
    return f"{count:.0f} B"
