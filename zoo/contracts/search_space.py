"""What a search for hyper-parameters may vary: an interval of numbers, or choices."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from zoo.contracts.checks import check


@dataclass(frozen=True)
class Interval:
    """Numbers from `low` to `high`, both included; whole ones where both ends are `int`.

    Attributes:
        log: Whether numbers are drawn evenly by their logarithm.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        name = f"interval {self.low!r} to {self.high!r}"
        check(all(map(_is_number, self.ends)), name, "ends must be finite numbers")
        check(self.low < self.high, name, "the first end must be below the second")
        check(not self.log or self.low > 0, name, "only positive numbers have logarithms")

    @property
    def whole(self) -> bool:
        """Whether its numbers are whole."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values that are farthest apart: what takes them takes all between."""
        return (self.low, self.high)

    def holds(self, value: Any) -> bool:
        """Whether a value is one of it."""
        number = isinstance(value, int if self.whole else int | float)
        return number and not isinstance(value, bool) and self.low <= value <= self.high

    def __str__(self) -> str:
        """As it is typed: ``0.0001..0.1:log``."""
        return f"{choice_text(self.low)}..{choice_text(self.high)}" + ":log" * self.log

    @property
    def count(self) -> int | None:
        """How many values it holds; None for the uncountable ones of real intervals."""
        return int(self.high) - int(self.low) + 1 if self.whole else None


@dataclass(frozen=True)
class Choices:
    """Values of which one is taken: numbers, words, or lists of them."""

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        check(len(self.values) > 0, "choices", "there must be one at least")
        # A list holds values of its own.
        parts = [p for v in self.values for p in (v if isinstance(v, list | tuple) else [v])]
        finite = all(_is_number(p) for p in parts if isinstance(p, int | float))
        check(finite, "choices", "numbers must be finite")
        texts = [choice_text(value) for value in self.values]
        check(len({*texts}) == len(texts), "choices", f"named twice among {', '.join(texts)}")

    @property
    def ends(self) -> tuple[Any, ...]:
        """All of them."""
        return self.values

    def holds(self, value: Any) -> bool:
        """Whether a value is one of them."""
        return choice_text(value) in self.texts

    @property
    def texts(self) -> tuple[str, ...]:
        """Each as it is typed, in their order."""
        return tuple(choice_text(value) for value in self.values)

    @property
    def count(self) -> int:
        """How many values it holds."""
        return len(self.values)

    def __str__(self) -> str:
        """As they are typed: ``3,5,7``."""
        return ",".join(self.texts)


#: The values that a search may give a parameter.
SearchRange = Interval | Choices


def _is_number(value: object) -> bool:
    """Whether it is a finite one; whole ones beyond the real ones are as good as infinite."""
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max


def choice_text(value: Any) -> str:
    """A value as it is typed: ``0.5``, ``relu``, ``true``; a list ``16+32``, or ``none``."""
    if isinstance(value, list | tuple):
        return "+".join(choice_text(item) for item in value) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    # The shortest text that is read as the same number.
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)
