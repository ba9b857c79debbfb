"""Whether what an agent reports can be true, beside what was asked and what this machine saw.

An agent that multiplies all its times by one number cannot be found out from here. What contradicts
itself, the request, or the time that really passed, is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from zoo.contracts import ToolSummary
from zoo.execution.figures import LEAST_NS
from zoo.execution.protocol import BenchRun

#: Clocks of two machines tick apart by less than this share, and are read by this late.
_DRIFT, _LATE = 0.02, 0.25
#: Readings of one clock, one after the other, are apart by this.
_BETWEEN = 1e-3
#: Least share of the time of sampling that the samples themselves take: between two of them the
#: agent reads its clock, starts the sequence anew, and now and then reads a power sensor.
LEAST_SHARE = 0.02
#: Seconds that it may take beside, to read what the kernel counts and to be without a processor.
_AROUND = 0.5
#: Milliseconds that no inference takes: a month.
_MOST_MS = 2.6e9


@dataclass(frozen=True, kw_only=True)
class BenchRequest:
    """What a timed run was asked for."""

    min_runs: int
    min_seconds: float
    max_seconds: float


def most_samples(seconds: float) -> int:
    """Of which more cannot have been taken in a time that passed here."""
    return 1 + int(_upper(seconds) * 1e9 / LEAST_NS)


def check_counts(run: BenchRun, asked: BenchRequest) -> None:
    """Refuses a run that did not end where it should have.

    Raises:
        ValueError: Names what contradicts what.
    """
    samples, wall = run.samples, run.wall_seconds
    before_last = float(samples[:-1].sum(dtype=np.float64)) * 1e-9 * run.repeats
    count = len(samples)
    if before_last > asked.max_seconds + _BETWEEN:
        raise ValueError(f"sampling went on after its limit of {asked.max_seconds:g} s")
    if count - 1 >= asked.min_runs and before_last > asked.min_seconds + _BETWEEN:
        raise ValueError(
            f"{count} samples of {before_last:.3g} s, where {asked.min_runs} of "
            f"{asked.min_seconds:g} s were asked for"
        )
    enough = count >= asked.min_runs and wall >= asked.min_seconds
    if run.floors_met and not enough:
        raise ValueError(
            f"{count} samples in {wall:.3g} s are reported as {asked.min_runs} in "
            f"{asked.min_seconds:g} s"
        )
    if not run.floors_met and wall < asked.max_seconds * (1 - _DRIFT):
        raise ValueError(
            f"sampling ended after {count} samples and {wall:.3g} s, before anything that was "
            "asked for was reached"
        )


def check_times(run: BenchRun, passed: float) -> None:
    """Refuses times that do not fit into the time that passed here meanwhile.

    Args:
        run: As the agent reports it.
        passed: Seconds from the request to the answer, by the clock of this machine.

    Raises:
        ValueError: Names what contradicts what.
    """
    warm_up = run.warmup.get("seconds", 0.0)
    reported = run.wall_seconds + run.first_ns * 1e-9
    reported += warm_up if isinstance(warm_up, int | float) else 0.0
    if reported > _upper(passed):
        raise ValueError(f"{reported:.3g} s of timing in {passed:.3g} s that passed here")
    sampled = float(run.samples.sum(dtype=np.float64)) * 1e-9 * run.repeats
    if sampled < LEAST_SHARE * (run.wall_seconds - _AROUND):
        raise ValueError(
            f"samples of {sampled:.3g} s together in {run.wall_seconds:.3g} s of sampling: what "
            "was timed is not what was run"
        )
    for meter in run.energy:
        seconds, runs = meter["seconds"], meter["inferences"]
        if runs != len(run.samples) * run.repeats or abs(seconds - run.wall_seconds) > _BETWEEN:
            raise ValueError(
                f"{meter['meter']} counted {runs:g} inferences in {seconds:.3g} s, where "
                f"{len(run.samples) * run.repeats} were timed in {run.wall_seconds:.3g} s"
            )


def check_summary(summary: ToolSummary, passed: float | None) -> None:
    """Refuses a summary whose figures contradict each other, or the time that passed here.

    Args:
        summary: Of a vendor's tool.
        passed: Seconds from the request to the answer; None where the tool's clock is another.

    Raises:
        ValueError: Names what contradicts what.
    """
    figures = {
        name: value
        for name in ("min_ms", "p5_ms", "median_ms", "p95_ms", "max_ms")
        if (value := getattr(summary, name)) is not None
    }
    # A tool may count in whole microseconds, in which single times can be none.
    for name, value, least in (
        *((name, value, 0.0) for name, value in figures.items()),
        ("mean_ms", summary.mean_ms, LEAST_NS * 1e-6),
    ):
        if not least <= value <= _MOST_MS:
            raise ValueError(f"{name} is {value:g}")
    for (name, value), (above, larger) in pairwise(figures.items()):
        if value > larger * (1 + _DRIFT):
            raise ValueError(f"{name} is {value:g}, and {above} {larger:g}")
    low, high = summary.min_ms, summary.max_ms
    low_enough = low is None or summary.mean_ms >= low * (1 - _DRIFT)
    if not low_enough or (high is not None and summary.mean_ms > high * (1 + _DRIFT)):
        raise ValueError(f"mean_ms is {summary.mean_ms:g}, outside of min_ms and max_ms")
    if summary.runs < 1:
        raise ValueError(f"{summary.runs} runs were timed")
    total = summary.runs * summary.mean_ms * 1e-3
    if passed is not None and total > _upper(passed):
        raise ValueError(f"{total:.3g} s of inferences in {passed:.3g} s that passed here")


def check_load(load_ns: int, passed: float) -> None:
    """Refuses a time of loading that is longer than the time that passed here.

    Raises:
        ValueError: It is.
    """
    if load_ns * 1e-9 > _upper(passed):
        raise ValueError(f"{load_ns * 1e-9:.3g} s of loading in {passed:.3g} s that passed here")


def _upper(seconds: float) -> float:
    return seconds * (1 + _DRIFT) + _LATE
