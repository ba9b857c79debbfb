"""Budgets: limits on what a measurement found, as people write them: ``p90<=20ms``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from zoo.common.errors import UnknownName, UsageError, nearest

Dimension = Literal["time", "bytes", "energy"]

#: Unit → how many of the dimension's own unit (ms, bytes, mJ) it is.
UNITS: Mapping[Dimension, Mapping[str, Decimal]] = {
    "time": {
        "ns": Decimal("1e-6"),
        "us": Decimal("1e-3"),
        "µs": Decimal("1e-3"),
        "ms": Decimal(1),
        "s": Decimal(1000),
    },
    "bytes": {
        "B": Decimal(1),
        "kB": Decimal(10**3),
        "MB": Decimal(10**6),
        "GB": Decimal(10**9),
        "KiB": Decimal(2**10),
        "MiB": Decimal(2**20),
        "GiB": Decimal(2**30),
    },
    "energy": {
        "uJ": Decimal("1e-3"),
        "µJ": Decimal("1e-3"),
        "mJ": Decimal(1),
        "J": Decimal(1000),
    },
}


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """Something that a budget may limit.

    Attributes:
        dimension: Whose units the limit may have.
    """

    name: str
    dimension: Dimension
    meaning: str
    example: str


QUANTITIES = {
    quantity.name: quantity
    for quantity in (
        Quantity(name="p50", dimension="time", meaning="median latency", example="10ms"),
        Quantity(name="p90", dimension="time", meaning="90th percentile", example="20ms"),
        Quantity(name="p99", dimension="time", meaning="99th percentile", example="40ms"),
        Quantity(name="load", dimension="time", meaning="loading the file", example="100ms"),
        Quantity(name="first", dimension="time", meaning="first inference", example="50ms"),
        Quantity(
            name="peak_memory",
            dimension="bytes",
            meaning="most memory of the whole agent process",
            example="30MB",
        ),
        Quantity(
            name="size", dimension="bytes", meaning="the file with its side files", example="100kB"
        ),
        Quantity(
            name="energy", dimension="energy", meaning="energy of one inference", example="5mJ"
        ),
    )
}

_BUDGET = re.compile(r"\s*([^<>=≤≥\s]*)\s*([<>=≤≥]*)\s*(.*?)\s*", re.DOTALL)
# Bounded, so that nobody's mile of digits is worked on; ASCII digits alone.
_LIMIT = re.compile(r"(\d{1,30}(?:\.\d{0,30})?(?:[eE][+-]?\d{1,2})?|\.\d{1,30})\s*(.*)", re.ASCII)
_MOST_TEXT = 200


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A limit on one quantity.

    Attributes:
        quantity: A name of `QUANTITIES`.
        limit: In milliseconds, bytes or millijoules.
        text: As a person wrote the limit: ``20ms``.
    """

    quantity: str
    limit: float
    text: str

    @property
    def dimension(self) -> Dimension:
        """What the limit is a number of."""
        return QUANTITIES[self.quantity].dimension

    def __str__(self) -> str:
        return f"{self.quantity}<={self.text}"


def parse_budget(text: str) -> Budget:
    """One budget.

    Args:
        text: ``QUANTITY<=LIMIT``, such as ``p90<=20ms`` or ``peak_memory <= 30 MB``; ``≤`` and
            ``<`` mean the same, since a time is never exactly anything.

    Raises:
        UsageError: Says which part is wrong and offers the nearest right one.
    """
    match = _BUDGET.fullmatch(text[:_MOST_TEXT])
    name, sign, limit = match.groups() if match is not None else (text, "", "")
    if len(text) > _MOST_TEXT or not name or not sign:
        raise UsageError(
            f"--budget {_shortened(text)} is not QUANTITY<=LIMIT",
            fix=f'for example: --budget "{_suggestion(name)}"',
        )
    if sign not in ("<=", "<", "≤", "=<"):
        raise UsageError(
            f"--budget {_shortened(text)} has {sign!r} where a budget has '<='",
            why="a budget is the most that something may take",
            fix=f'for example: --budget "{_suggestion(name)}"',
        )
    return budget_for(name, limit)


def parse_budgets(texts: Iterable[str]) -> tuple[Budget, ...]:
    """Budgets as options bring them, each text one or several with commas between.

    Raises:
        UsageError: As `parse_budget`; also for two limits on one quantity.
    """
    parts = [part for text in texts for part in text.split(",")]
    found: dict[str, Budget] = {}
    for budget in map(parse_budget, parts):
        if budget.quantity in found:
            raise UsageError(
                f"two budgets for {budget.quantity}: {found[budget.quantity]} and {budget}",
                fix="leave one out",
            )
        found[budget.quantity] = budget
    return tuple(found.values())


def budget_for(name: str, limit: str) -> Budget:
    """The budget of a quantity, as a recipe writes it: ``p90 = "20ms"``.

    Raises:
        UsageError: No such quantity, no such unit, or no positive number.
    """
    known = name.lower().replace("-", "_")
    if known not in QUANTITIES:
        raise UnknownName("quantity of a budget", name, QUANTITIES)
    quantity = QUANTITIES[known]
    return Budget(quantity=known, limit=_limit(quantity, limit.strip()), text=_plain(limit))


def budgets_of(table: Mapping[str, str]) -> tuple[Budget, ...]:
    """The budgets of a recipe's table for one device: ``p90 = "20ms"``."""
    return tuple(budget_for(name, limit) for name, limit in table.items())


def _limit(quantity: Quantity, text: str) -> float:
    units = UNITS[quantity.dimension]
    match = _LIMIT.fullmatch(text) if len(text) <= _MOST_TEXT else None
    if match is None:
        raise UsageError(
            f"the limit {_shortened(text)} of {quantity.name} is not a number with a unit",
            fix=f"for example: {quantity.name}<={quantity.example}",
        )
    number, unit = match.groups()
    if unit not in units:
        raise UsageError(
            f"the limit {_shortened(text)} of {quantity.name} "
            + (f"has no unit {_shortened(unit)}" if unit else "has no unit"),
            why=f"{quantity.name}, {quantity.meaning}, is in {', '.join(units)}",
            fix=f"write {number}{_unit(unit, units)}",
        )
    value = float(Decimal(number) * units[unit])
    if value == 0.0 or value == float("inf"):
        raise UsageError(
            f"the limit {_shortened(text)} of {quantity.name} is not a size that anything has",
            fix=f"for example: {quantity.name}<={quantity.example}",
        )
    return value


def _unit(typed: str, units: Mapping[str, Decimal]) -> str:
    """The unit that was meant, else one that most people mean."""
    same = [unit for unit in units if unit.lower() == typed.lower()]
    long = {"sec": "s", "second": "s", "msec": "ms", "milli": "ms", "micro": "us", "kilo": "kB"}
    close = nearest(typed, units, 1) if typed else []
    meant = [unit for word, unit in long.items() if typed.lower().startswith(word)]
    usual = [unit for unit in ("ms", "MB", "mJ") if unit in units]
    return next(unit for unit in (*same, *meant, *close, *usual) if unit in units)


def _suggestion(name: str) -> str:
    """An example of the quantity that was perhaps meant."""
    close = nearest(name, QUANTITIES, 1)
    quantity = QUANTITIES[close[0] if close else "p90"]
    return f"{quantity.name}<={quantity.example}"


def _plain(limit: str) -> str:
    return "".join(limit.split())


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "…")
