"""Numbers of turns that can tell anything, refused before the work if they cannot."""

from __future__ import annotations

from zoo.benchmark.compare.ratio import CONFIDENCE, RECORDED, processes_needed, turns_needed
from zoo.common.errors import UsageError


def check_turns(turns: int) -> None:
    """Refuses turns of two files that could only end as *can't tell*.

    Raises:
        UsageError: There are too few.
    """
    _check(turns, turns_needed(), CONFIDENCE, "two files")


def check_turns_against(turns: int, others: int) -> None:
    """Refuses turns of a file that no record of so many processes can be told from.

    Raises:
        UsageError: There are too few, and more would do.
    """
    needed = processes_needed(others)
    if needed is not None:
        _check(turns, needed, RECORDED, f"a file and a record of {others} processes")


def _check(turns: int, needed: int, confidence: float, of: str) -> None:
    if turns < needed:
        raise UsageError(
            f"--turns {turns} can never tell which is faster",
            why=f"of {of}, it takes {needed} turns to rule chance out at {100 * confidence:g} %",
            fix=f"--turns {needed} or more",
        )
