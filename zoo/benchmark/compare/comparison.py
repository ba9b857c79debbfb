"""Two measurements held against each other: faster, slower, same, can't tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.benchmark.compare.comparability import differences, drift
from zoo.benchmark.compare.ratio import (
    CONFIDENCE,
    MARGIN,
    RECORDED,
    Ratio,
    RatioVerdict,
    paired_ratio,
    processes_needed,
    turns_needed,
    unpaired_ratio,
    verdict,
)
from zoo.common.errors import UsageError
from zoo.contracts import Clock
from zoo.results.disturbances import worst_of_each
from zoo.results.measurements import Measurement, Samples


@dataclass(frozen=True, kw_only=True, eq=False)
class Side:
    """One of the two.

    Attributes:
        samples: Every inference; None where the store does not have them.
        origin: ``now``, or what recorded it: a run, a tag.
    """

    measurement: Measurement
    samples: Samples | None
    origin: str = "now"


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparedPair:
    """How the second compares with the first.

    Attributes:
        verdict: Of the second: ``faster``, ``slower``, ``same`` or ``can't tell``.
        ratio: How much longer the second takes; None where there is no interval.
        margin: Greatest difference that counted as none.
        reason: Why it cannot be told; empty where it can.
        differences: What differs beside the files, in words.
    """

    first: Side
    second: Side
    verdict: RatioVerdict
    ratio: Ratio | None
    margin: float
    reason: str
    differences: tuple[str, ...]


def compare_sides(
    first: Side, second: Side, *, together: bool, margin: float = MARGIN
) -> ComparedPair:
    """Holds two measurements against each other.

    Args:
        first: The baseline.
        second: What is judged.
        together: Whether their processes took turns; else they were recorded apart.
        margin: Greatest difference that counts as none.

    Raises:
        UsageError: Times of one are emulated or estimated: no number tells which is faster.
    """
    refuse_unreal(first.measurement.device, first.measurement.clock)
    refuse_unreal(second.measurement.device, second.measurement.clock)
    mine, theirs, disturbed = _undisturbed_medians(first, second, together=together)
    ratio = (
        paired_ratio(mine, theirs, CONFIDENCE)
        if together
        else unpaired_ratio(mine, theirs, RECORDED)
    )
    if ratio is None:
        word: RatioVerdict = "can't tell"
        reason = _too_few(first, second, len(mine), len(theirs), disturbed, together=together)
    elif moved := "" if together else drift(first.measurement, second.measurement):
        word, reason = "can't tell", moved
    else:
        word = verdict(ratio, margin)
        reason = _crosses_margin(ratio, margin) if word == "can't tell" else ""
    return ComparedPair(
        first=first,
        second=second,
        verdict=word,
        ratio=ratio,
        margin=margin,
        reason=reason,
        differences=differences(first.measurement, second.measurement),
    )


def refuse_unreal(device: str, clock: Clock) -> None:
    """Emulated and estimated times are ranked with nothing: not with real ones, nor each other.

    Raises:
        UsageError: The device's are.
    """
    if clock != "real":
        raise UsageError(
            f"times of {device!r} are {clock}: they cannot be compared",
            why="they say nothing about how fast the real device is, nor which file is the faster",
            fix="compare on a device that is there: `zoo devices list`",
        )


def _undisturbed_medians(
    first: Side, second: Side, *, together: bool
) -> tuple[list[float], list[float], int]:
    """Medians of the processes that count, and how many were left out as disturbed."""
    (mine, quiet), (theirs, calm) = _medians(first), _medians(second)
    if together:
        turns = list(zip(mine, quiet, theirs, calm, strict=False))
        kept = [(a, b) for a, fine, b, good in turns if fine and good]
        return [a for a, _ in kept], [b for _, b in kept], len(turns) - len(kept)
    left, right = quiet_medians(first), quiet_medians(second)
    return left, right, len(mine) + len(theirs) - len(left) - len(right)


def quiet_medians(side: Side) -> list[float]:
    """Medians of the processes that nothing disturbed, in nanoseconds."""
    return [median for median, quiet in zip(*_medians(side), strict=True) if quiet]


def _medians(side: Side) -> tuple[list[float], list[bool]]:
    """Median of each process in nanoseconds, and whether nothing disturbed it."""
    if side.samples is None:
        return [], []
    parts = [samples for samples in side.samples.processes if len(samples)]
    if side.measurement.processes == 1:
        parts = [np.concatenate(parts)]  # windows of one process are no processes
    medians = [float(np.median(samples)) for samples in parts]
    # A clock that did not move (a median of 0) says nothing about how long it did not.
    told = side.measurement.environment.get("processes", ())
    if len(told) == len(medians) and all("noise" in process for process in told):
        return medians, [not p["noise"] and m > 0.0 for p, m in zip(told, medians, strict=True)]
    return medians, [side.measurement.quiet and m > 0.0 for m in medians]


def _too_few(
    first: Side, second: Side, mine: int, theirs: int, disturbed: int, *, together: bool
) -> str:
    """Why there is no interval, and what would give one."""
    lost = [s.measurement.file for s in (first, second) if s.samples is None]
    if lost:
        return f"the results store has no samples of {' and '.join(dict.fromkeys(lost))}"
    noise = main_disturbances((*first.measurement.noise, *second.measurement.noise))
    why = f": {noise}" if noise else ""
    if together:
        whole = mine + disturbed
        if disturbed:
            return f"{disturbed} of {whole} turns were disturbed, {turns_needed()} must not be{why}"
        return f"{mine} turns cannot rule chance out; it takes {turns_needed()}: --turns"
    if disturbed and not (mine and theirs):
        which = "every process" if not mine and not theirs else "every process of one side"
        return f"{which} was disturbed{why}; measure again when nothing else runs there"
    were = "was" if disturbed == 1 else "were"
    left = f"; {disturbed} {were} left out as disturbed{why}" if disturbed else ""
    needed = processes_needed(mine) if mine else None
    more = f"{needed} would do" if needed is not None else "five each would do"
    return (
        f"{mine} quiet processes against {theirs} cannot rule chance out; {more}"
        f"{left}; compare the files themselves, or record them with --tier quick or full"
    )


def main_disturbances(noise: Sequence[str]) -> str:
    """Each kind of disturbance once, with its largest figure; three kinds at most."""
    return "; ".join(worst_of_each(noise)[:3])


def _crosses_margin(ratio: Ratio, margin: float) -> str:
    return (
        f"the interval holds 1, and more than the margin of {margin:.0%}: neither a difference "
        "nor that there is none is shown"
    )
