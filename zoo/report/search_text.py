"""What a search found, in words: rows, standings, the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from zoo.contracts import Metric
from zoo.pipeline.search.points import (
    MissedLimit,
    SearchLimits,
    SearchPoint,
    missed_limits,
)
from zoo.report.columns import change_head
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from zoo.pipeline.search.optimize import SearchResult

#: What a point is, for people.
CHOSEN, FRONT, DOMINATED = "chosen", "Pareto", "dominated"


class FilesOfSearch(Protocol):
    """What any search for files has found."""

    @property
    def points(self) -> tuple[SearchPoint, ...]:
        """All files."""

    @property
    def front(self) -> tuple[SearchPoint, ...]:
        """What no other file beats in size, latency and quality at once."""

    @property
    def best(self) -> SearchPoint | None:
        """The chosen file."""

    @property
    def limits(self) -> SearchLimits:
        """What it must keep."""

    @property
    def reference(self) -> Metric | None:
        """Quality of the network, or of the best of several, before export."""


@dataclass(frozen=True, kw_only=True)
class SearchCells:
    """One point; every field is text ready to show."""

    point: SearchPoint
    standing: str
    name: str
    size: str
    download: str
    quality: str
    change: str
    latency: str
    interval: str
    missed: str


@dataclass(frozen=True, kw_only=True)
class SearchColumns:
    """All points of a search, the chosen one first, then the front, then the rest."""

    size_unit: fmt.Unit
    time_unit: fmt.Unit
    metric: str
    points: bool
    change_head: str
    cells: tuple[SearchCells, ...]


def search_columns(found: SearchResult) -> SearchColumns:
    """Turns points into text, one unit per column."""
    sizes = fmt.size_unit(point.bytes for point in found.points)
    times = fmt.time_unit(point.p50_ms for point in found.points)
    return SearchColumns(
        size_unit=sizes,
        time_unit=times,
        metric=fmt.plain(found.reference.name),
        points=fmt.is_share(found.reference),
        change_head=change_head(found.reference.loss_unit),
        cells=tuple(_search_cells(p, found, sizes, times) for p in ordered(found)),
    )


def ordered(found: SearchResult) -> tuple[SearchPoint, ...]:
    """The chosen point, the rest of the front, dominated ones, what may not be shipped."""
    first = [] if found.best is None else [found.best]
    on_front = [p for p in found.front if p is not found.best]
    known = {p.name for p in (*first, *on_front)}
    rest = [p for p in found.points if p.name not in known]
    rest.sort(key=lambda p: (not p.shippable, p.p50_ms or 0.0))
    return (*first, *on_front, *rest)


def standing(point: SearchPoint, found: FilesOfSearch) -> str:
    """Of a point in its search: chosen, Pareto-optimal, dominated by others, or its verdict."""
    if found.best is not None and point.name == found.best.name:
        return CHOSEN
    if point.verdict != "passed":
        return point.verdict
    if any(point.name == other.name for other in found.front):
        return FRONT
    return DOMINATED if point.shippable else "not timed"


def _search_cells(
    point: SearchPoint, found: SearchResult, sizes: fmt.Unit, times: fmt.Unit
) -> SearchCells:
    noisy = "~" if point.quiet is False and point.p50_ms is not None else ""
    rises = not found.reference.higher_is_better
    drop = -point.drop if rises and point.drop is not None else point.drop
    return SearchCells(
        point=point,
        standing=standing(point, found),
        name=fmt.plain(point.name),
        size=sizes.text(point.bytes),
        download=sizes.text(point.download_bytes),
        quality=fmt.metric_short(point.metric),
        change=fmt.change(drop),
        latency=noisy + times.text(point.p50_ms),
        interval=fmt.time_interval(point.p50_low_ms, point.p50_high_ms, times),
        missed=", ".join(m.what for m in missed_limits(point, found.limits) if m.value is not None),
    )


def format_limits(found: SearchResult) -> str:
    """``at most 60 kB, at most 5 ms``; what was asked, in the order of the options."""
    limits, parts = found.limits, []
    if limits.max_bytes is not None:
        parts.append(f"file ≤ {fmt.size_text(limits.max_bytes)}")
    if limits.max_download is not None:
        parts.append(f"download ≤ {fmt.size_text(limits.max_download)}")
    if limits.max_ms is not None:
        parts.append(f"median ≤ {time_text(limits.max_ms)}")
    if limits.max_drop is not None:
        unit = found.reference.loss_unit
        rises = unit == "%"
        parts.append(_rise(limits.max_drop) if rises else f"drop ≤ {limits.max_drop:g} {unit}")
    return ", ".join(parts) or "no limits were given"


def answer(found: SearchResult) -> str:
    """The search's answer in one sentence or two."""
    tried = f"{fmt.count(len(found.points), 'file')} tried"
    if found.best is not None:
        best = found.best
        return (
            f"{best.name} keeps every limit: {fmt.size_text(best.bytes)}, "
            f"{time_text(best.p50_ms)}, {fmt.metric_value(best.metric)} "
            f"({fmt.change(best.drop)} against the model). {tried}."
        )
    if found.nearest is None:
        return f"No file could be made and judged. {tried}."
    missed = missed_limits(found.nearest, found.limits)
    words = f"its gate ended as {found.nearest.verdict}"
    if missed:
        unit = found.reference.loss_unit
        words = fmt.listed(format_miss(miss, unit) for miss in missed)
    return f"No file keeps every limit. The nearest, {found.nearest.name}: {words}. {tried}."


def _rise(share: float) -> str:
    """A limit of an error or a distance, which rises by per cent of itself."""
    return f"rise ≤ {share:g} %"


def format_miss(miss: MissedLimit, unit: str) -> str:
    """By how much a limit is exceeded: ``its median of 6 ms is 1 ms (20 %) over the limit``.

    Args:
        miss: The limit.
        unit: Of a drop, see `zoo.contracts.Metric.loss_unit`.
    """
    if miss.value is None:
        return f"its {miss.what} was not measured"
    if miss.what == "drop":
        over = fmt.number(miss.value - miss.limit, 2)
        if unit == "%":
            return f"it is {fmt.number(miss.value)} % further off, {over} % more than allowed"
        return f"it loses {fmt.number(miss.value)} {unit}, {over} more than allowed"
    shown = time_text if miss.what == "latency" else fmt.size_text
    name = {"latency": "median", "size": "file"}.get(miss.what, miss.what)
    return (
        f"its {name} of {shown(miss.value)} is {shown(miss.value - miss.limit)} "
        f"({_per_cent(miss.share)} %) over the limit"
    )


def _per_cent(share: float) -> str:
    """Of what is exceeded; never 0."""
    return f"{100 * share:,.0f}" if share >= 0.005 else fmt.number(100 * share, 1)


def time_text(value: float | None) -> str:
    """Milliseconds with the unit that suits them."""
    return fmt.time_unit([value]).with_symbol(value)


def rejected_points(found: SearchResult) -> tuple[tuple[SearchPoint, str], ...]:
    """Points that may not be shipped, each with its reason in one line."""
    return tuple(
        (p, fmt.plain(p.reason) or "no reason was recorded")
        for p in ordered(found)
        if not p.shippable
    )
