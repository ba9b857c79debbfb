"""Whether a measurement keeps a budget: within, over, or can't tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zoo.artifacts.artifact import open_artifact
from zoo.benchmark.compare.budgets import UNITS, Budget, Dimension, parse_budgets
from zoo.benchmark.timing import Timing
from zoo.common.files import size_with_side_files
from zoo.registry import Registry, load_registry
from zoo.results.disturbances import worst_of_each
from zoo.results.measurements import Measurement

BudgetVerdict = Literal["within", "over", "can't tell"]

#: How an end of an interval is shown: from so much up, in this unit.
_SHOWN: dict[Dimension, tuple[str, ...]] = {
    "time": ("s", "ms", "µs"),
    "bytes": ("GB", "MB", "kB", "B"),
    "energy": ("J", "mJ", "µJ"),
}


@dataclass(frozen=True, kw_only=True)
class MeasuredFigure:
    """What was found of one quantity.

    Attributes:
        value: In milliseconds, bytes or millijoules.
        low: Lower end of its interval; the value itself where it is no estimate.
        timed: Whether a disturbance of the machine can have changed it.
    """

    value: float
    low: float
    high: float
    timed: bool = True


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A budget, and whether it was kept.

    Attributes:
        budget: ``p90<=20ms``.
        quantity: ``p90``.
        limit: In milliseconds, bytes or millijoules, like the next three.
        value: What was found; None when nothing was.
        verdict: ``within``, ``over`` or ``can't tell``.
        reason: In a sentence without a full stop.
    """

    budget: str
    quantity: str
    limit: float
    value: float | None
    low: float | None
    high: float | None
    verdict: BudgetVerdict
    reason: str


def judge(budget: Budget, measurement: Measurement, size: int | None) -> Judgement:
    """Judges one measurement by the interval of what was found.

    *within* when the whole interval keeps the limit; *over* when none of it does; *can't tell* when
    the limit lies inside. A disturbance can only add time, so a noisy measurement that keeps the
    limit all the same is within; one that does not is *can't tell*.

    Args:
        budget: The limit.
        measurement: Of one file on one device.
        size: Bytes of the file with its side files; None when it is not known.
    """
    figure = figure_of(budget.quantity, measurement, size)
    if isinstance(figure, str):
        return _judgement(budget, None, "can't tell", figure)
    found = f"{budget.quantity} is {_interval(figure, budget.dimension)}"
    if figure.high <= budget.limit:
        noisy = figure.timed and not measurement.quiet
        note = ", though the machine was disturbed" if noisy else ""
        return _judgement(budget, figure, "within", f"{found}{note}")
    if figure.timed and not measurement.quiet:
        why = "; ".join(worst_of_each(measurement.noise)) or "the machine was disturbed"
        return _judgement(
            budget, figure, "can't tell", f"{found}, but the machine was not quiet: {why}"
        )
    if figure.low > budget.limit:
        return _judgement(budget, figure, "over", found)
    return _judgement(budget, figure, "can't tell", f"{found}: the limit lies inside this interval")


def judge_all(
    budgets: Iterable[Budget], measurement: Measurement, size: int | None
) -> tuple[Judgement, ...]:
    """One judgement for each budget."""
    return tuple(judge(budget, measurement, size) for budget in budgets)


def worst(judgements: Iterable[Judgement]) -> BudgetVerdict:
    """What they come to: over when one is; else can't tell when one is; else within."""
    found = {judgement.verdict for judgement in judgements}
    return "over" if "over" in found else "can't tell" if "can't tell" in found else "within"


def reasons(judgements: Iterable[Judgement], device: str) -> str:
    """What a person must know of budgets that were not kept; empty when all were."""
    told = [
        f"{j.budget} on {device}: {j.verdict}: {j.reason}"
        for j in judgements
        if j.verdict != "within"
    ]
    return "; ".join(told)


def figure_of(quantity: str, m: Measurement, size: int | None) -> MeasuredFigure | str:
    """What a measurement found of a quantity; or why it found nothing, in words."""
    if quantity == "size":
        return "the size of the file is not known" if size is None else _exact(float(size))
    if quantity == "peak_memory":
        told = m.peak_memory_mb
        return f"{m.runtime} does not tell its memory" if told is None else _exact(told * 1e6)
    if quantity == "energy":
        return _energy(m)
    if m.clock != "real":
        return f"times of {m.device} are {m.clock}, and say nothing about the real one"
    if quantity in ("p90", "p99") and m.inferences_per_sample > 1:
        return (
            f"each sample is the mean of {m.inferences_per_sample} inferences, which hides the "
            "slow ones among them"
        )
    if quantity == "p50":
        return _interval_of(m, m.p50_ms, m.p50_low_ms, m.p50_high_ms)
    if quantity == "p90":
        return _interval_of(m, m.p90_ms, m.p90_low_ms, m.p90_high_ms)
    if quantity == "p99":
        return _p99(m)
    value = {"load": m.load_ms, "first": m.first_ms}[quantity]
    each = [
        p[f"{quantity}_ms"] for p in m.environment.get("processes", ()) if f"{quantity}_ms" in p
    ]
    return _interval_of(m, value, min(each, default=value), max(each, default=value))


def _interval_of(
    m: Measurement, value: float | None, low: float | None, high: float | None
) -> MeasuredFigure | str:
    """A figure; in words why it is none where a vendor's tool kept no samples."""
    if m.summaries or value is None or low is None or high is None:
        return f"{m.runtime} keeps no single times, so its figures have no intervals"
    return MeasuredFigure(value=value, low=low, high=high)


def _p99(m: Measurement) -> MeasuredFigure | str:
    if m.summaries:
        return _interval_of(m, None, None, None)
    if m.p99_ms is None:
        return f"{m.runs} inferences have no 99th percentile; it takes a hundred: a larger --tier"
    if m.p99_low_ms is None or m.p99_high_ms is None:
        return "the measurement is older than intervals of the 99th percentile; measure again"
    return MeasuredFigure(value=m.p99_ms, low=m.p99_low_ms, high=m.p99_high_ms)


def _energy(m: Measurement) -> MeasuredFigure | str:
    if not m.energy:
        return "the device does not measure energy"
    # The largest first; what it counts includes idle power, which a busy neighbour raises.
    value = m.energy[0].mj_per_inference
    return MeasuredFigure(value=value, low=value, high=value)


def _exact(value: float) -> MeasuredFigure:
    return MeasuredFigure(value=value, low=value, high=value, timed=False)


def _judgement(
    budget: Budget, figure: MeasuredFigure | None, verdict: BudgetVerdict, reason: str
) -> Judgement:
    return Judgement(
        budget=str(budget),
        quantity=budget.quantity,
        limit=budget.limit,
        value=None if figure is None else figure.value,
        low=None if figure is None else figure.low,
        high=None if figure is None else figure.high,
        verdict=verdict,
        reason=reason,
    )


def _interval(figure: MeasuredFigure, dimension: Dimension) -> str:
    text = amount(figure.value, dimension)
    if figure.low == figure.high:
        return text
    return f"{text} ({amount(figure.low, dimension)} to {amount(figure.high, dimension)})"


def amount(value: float, dimension: Dimension) -> str:
    """``12.3 ms``: a figure in a unit that reads well."""
    units = UNITS[dimension]
    unit = next((u for u in _SHOWN[dimension] if value >= float(units[u])), _SHOWN[dimension][-1])
    return f"{value / float(units[unit]):.4g} {unit}"


def judge_budgets(
    timings: Sequence[Timing],
    budgets: Iterable[str | Budget],
    *,
    registry: Registry | None = None,
) -> list[tuple[Judgement, ...]]:
    """Judges what `zoo.bench` returned.

    Args:
        timings: As they came.
        budgets: Such as ``p90<=20ms``, ``peak_memory<=30MB``; several with commas between.
        registry: Knows which other files belong to a file; None discovers plugins anew.

    Returns:
        For each timing one judgement per budget; none for a file that could not be timed, nor for
        a network before its export: budgets are of files.

    Raises:
        UsageError: A budget that is none.
    """
    asked = list(budgets)
    limits = (*parse_budgets(b for b in asked if isinstance(b, str)),)
    limits += tuple(b for b in asked if isinstance(b, Budget))
    sized = any(budget.quantity == "size" for budget in limits)
    found: list[tuple[Judgement, ...]] = []
    for timing in timings:
        if timing.measurement is None or timing.reference:
            found.append(())
            continue
        size = _size(registry or load_registry(), timing.file) if sized else None
        found.append(judge_all(limits, timing.measurement, size))
    return found


def exit_code(judged: Iterable[Iterable[Judgement]]) -> int:
    """0: all within; 1: one is over; 3: none is over, but one cannot be told."""
    return {"within": 0, "over": 1, "can't tell": 3}[worst(j for one in judged for j in one)]


def _size(registry: Registry, path: Path) -> int:
    return size_with_side_files(path, open_artifact(registry, path).contents.side_files)
