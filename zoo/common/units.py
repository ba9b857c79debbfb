"""Sizes and times as people write them: ``300kB``, ``64KiB``, ``5ms``, ``800us``."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal

from zoo.common.errors import UsageError, nearest

#: Bytes; decimal ones and binary ones (IEC 80000-13).
SIZES = {
    "B": 1,
    "KB": 10**3,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
#: Seconds.
TIMES = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "μs": Decimal("1e-6"),  # the Greek letter, which keyboards give
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "min": Decimal(60),
    "h": Decimal(3600),
}
_QUANTITY = re.compile(r" *([0-9]{1,18}(?:\.[0-9]{1,18})?) *([A-Za-zµμ]*) *")


def parse_size(text: str, option: str = "--max-size") -> int:
    """Bytes, at least 1.

    Args:
        text: Such as ``300kB``, ``1.5MB``, ``64KiB``.
        option: Where it was typed, for messages.

    Raises:
        UsageError: Not a figure with a unit of size, or nothing.
    """
    return max(int(_quantity(text, SIZES, option, "300kB, 1.5MB or 64KiB")), 1)


def parse_seconds(
    text: str, option: str = "--max-latency", example: str = "5ms, 800us or 1.5s"
) -> float:
    """Seconds, above 0.

    Args:
        text: Such as ``5ms``, ``800us``, ``1.5s``, ``30min``.
        option: Where it was typed, for messages.
        example: What the option usually is, for messages.

    Raises:
        UsageError: Not a figure with a unit of time, or nothing.
    """
    return float(_quantity(text, TIMES, option, example))


def seconds_of(given: str | float | None, option: str) -> float | None:
    """Seconds that work may take, above 0; None stays None.

    Args:
        given: A text like that of `parse_seconds`, or a number.
        option: Where it was typed, for messages.

    Raises:
        UsageError: It is neither, or not above 0, or has no end.
    """
    if given is None or isinstance(given, str):
        return None if given is None else parse_seconds(given, option, "90s, 30min or 1.5h")
    return _limit(given, f"{option} {given!r} is no time", 'give "30min", or seconds above 0')


def bytes_of(given: str | int | None, option: str) -> int | None:
    """A limit in bytes, at least 1; None stays None.

    Args:
        given: A text like that of `parse_size`, or a number.
        option: Where it was typed, for messages.

    Raises:
        UsageError: It is neither, or below 1.
    """
    if given is None or isinstance(given, str):
        return None if given is None else parse_size(given, option)
    fix = 'give "300kB", or bytes from 1 on'
    return int(_limit(given, f"{option} {given!r} is no size", fix, least=1))


def milliseconds_of(given: str | float | None, option: str) -> float | None:
    """A limit in milliseconds, above 0; None stays None.

    Args:
        given: A text like that of `parse_seconds`, or a number of milliseconds.
        option: Where it was typed, for messages.

    Raises:
        UsageError: It is neither, or not above 0, or has no end.
    """
    if given is None or isinstance(given, str):
        return None if given is None else 1000 * parse_seconds(given, option)
    return _limit(given, f"{option} {given!r} is no time", 'give "5ms", or milliseconds above 0')


def _limit(given: float, what: str, fix: str, *, least: float = 0.0) -> float:
    """A finite number above 0, at least `least`; `what` and `fix` tell of anything else."""
    number = isinstance(given, int | float) and not isinstance(given, bool)
    # Whole numbers have no end in Python, and not all of them are real ones.
    if not (number and 0 < given <= sys.float_info.max and given >= least):
        raise UsageError(what, fix=fix)
    return float(given)


def parse_shares(
    texts: Sequence[str], option: str, example: str, *, most: float = 1.0
) -> tuple[float, ...]:
    """Figures between 0 and `most`, neither included, in the order in which they were typed.

    Raises:
        UsageError: One is no such figure.
    """
    found = []
    for text in texts:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0.0 < value < most:
            raise UsageError(
                f"{option} {text!r} is not a figure between 0 and {most:g}",
                fix=f"for example: {option} {example}",
            )
        found.append(value)
    return tuple(dict.fromkeys(found))


def _quantity(text: str, units: Mapping[str, int | Decimal], option: str, example: str) -> Decimal:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise UsageError(f"{option} {text!r} is not a figure with a unit", fix=f"write {example}")
    figure, unit = match.groups()
    if unit not in units:
        close = nearest(unit, units, 1) if unit else []
        why = f"{unit!r} is not a unit here" if unit else "the unit is missing"
        hint = f"did you mean {figure}{close[0]}?" if close else f"write {example}"
        raise UsageError(f"{option} {text!r} cannot be read", why=why, fix=hint)
    value = Decimal(figure) * units[unit]
    if value <= 0:
        raise UsageError(f"{option} {text!r} leaves nothing", fix=f"write {example}")
    return value
