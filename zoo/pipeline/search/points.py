"""What a search finds: files with their figures, the limits they must keep, the Pareto front."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from zoo.common.brief import Brief
from zoo.contracts.task import Check, Metric
from zoo.pipeline.rows import Verdict


@dataclass(frozen=True, kw_only=True)
class SearchLimits:
    """What the chosen file must keep; None is no limit.

    Attributes:
        max_bytes: Size of the file with its manifest.
        max_download: Size of the file after gzip, as it travels to a phone or a browser.
        max_ms: Median latency on the device, milliseconds.
        max_drop: Points of the headline metric lost against the model, or per cent by which a
            distance may rise.
    """

    max_bytes: int | None = None
    max_download: int | None = None
    max_ms: float | None = None
    max_drop: float | None = None


@dataclass(frozen=True, kw_only=True)
class MissedLimit:
    """A limit that a point does not keep.

    Attributes:
        what: ``size``, ``download``, ``latency``, ``arena`` or ``drop``.
        value: In bytes, milliseconds or points; None when it was not measured.
        limit: In the same unit.
        share: By how much, as a share of the limit; of a drop, the points beyond it. Infinite
            when it was not measured.
    """

    what: str
    value: float | None
    limit: float
    share: float


@dataclass(frozen=True, kw_only=True, repr=False)
class SearchPoint(Brief):
    """One file that was tried, with everything that was measured of it.

    Attributes:
        name: Unique in the search: ``tflite int8``, ``onnx int8, width 0.5``.
        network: Whose weights: the model's own, or how they came about.
        verdict: How the gate ended, or the step before it.
        reason: Why it did not pass, or was not timed; empty when there is nothing to say.
        method: How ranges were calibrated, as asked; empty where nothing is calibrated.
        metric: Headline metric in the deployment runtime.
        drop: Points lost against the model, or per cent by which a distance rose.
        note: What else should be known: what pruning brought.
        source: The file in the cache; None when there is none.
        recipe: What makes this very file from `weights`.
        weights: Model id, or the weights file in the cache.
    """

    name: str
    stage: str
    network: str
    format: str
    precision: str
    verdict: Verdict
    reason: str = ""
    method: str = ""
    keep: tuple[str, ...] = ()
    bytes: int | None = None
    download_bytes: int | None = None
    metric: Metric | None = None
    drop: float | None = None
    p50_ms: float | None = None
    p50_low_ms: float | None = None
    p50_high_ms: float | None = None
    quiet: bool | None = None
    device: str | None = None
    runtime: str | None = None
    threads: int | None = None
    checks: tuple[Check, ...] = ()
    note: str = ""
    source: str | None = None
    recipe: dict[str, Any] = field(default_factory=dict)
    weights: str = ""

    @property
    def shippable(self) -> bool:
        """Whether it passed its gate and was timed."""
        return self.verdict == "passed" and self.p50_ms is not None


def missed_limits(point: SearchPoint, limits: SearchLimits) -> tuple[MissedLimit, ...]:
    """The limits that a point does not keep, the worst first."""
    figures = (
        ("size", point.bytes, limits.max_bytes),
        ("download", point.download_bytes, limits.max_download),
        ("latency", point.p50_ms, limits.max_ms),
        ("drop", point.drop, limits.max_drop),
    )
    return missed_of(figures)


def missed_of(
    figures: Iterable[tuple[str, float | None, float | None]],
) -> tuple[MissedLimit, ...]:
    """The limits that figures do not keep, the worst first.

    Args:
        figures: What each is, its value (None: not measured), and its limit (None: none).
    """
    found = [
        _miss(what, value, limit)
        for what, value, limit in figures
        if limit is not None and not (value is not None and value <= limit)
    ]
    return tuple(sorted(found, key=lambda miss: -miss.share))


def _miss(what: str, value: float | None, limit: float) -> MissedLimit:
    if value is None:
        share = float("inf")
    elif what == "drop":
        share = value - limit
    else:
        share = value / limit - 1.0
    return MissedLimit(what=what, value=value, limit=limit, share=share)


def keeps_limits(point: SearchPoint, limits: SearchLimits) -> bool:
    """Whether a point may be shipped and keeps every limit."""
    return point.shippable and not missed_limits(point, limits)


def dominates(one: SearchPoint, other: SearchPoint, *, download: bool) -> bool:
    """Whether `one` is nowhere worse than `other`, and better somewhere."""
    return _is_better(_figures(one, download), _figures(other, download))


def _is_better(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def _figures(point: SearchPoint, download: bool) -> tuple[float, ...]:
    """The smaller, the better."""
    named = [point.bytes, point.p50_ms, point.drop, *([point.download_bytes] if download else [])]
    return tuple(float("inf") if value is None else float(value) for value in named)


def pareto_front(
    points: Sequence[SearchPoint], *, download: bool = False
) -> tuple[SearchPoint, ...]:
    """The points that no other beats in size, latency and quality at once, the quickest first.

    Args:
        points: Of a search; those that may not be shipped are left out.
        download: Whether the size after gzip counts as a figure of its own.
    """
    good = [(_figures(point, download), point) for point in points if point.shippable]
    # What dominates a point comes before it in this order, and is on the front or dominated itself.
    good.sort(key=lambda one: one[0])
    kept: list[tuple[tuple[float, ...], SearchPoint]] = []
    for figures, point in good:
        if not any(_is_better(other, figures) for other, _ in kept):
            kept.append((figures, point))
    return tuple(point for _, point in sorted(kept, key=lambda one: one[0][1::-1]))


def quickest_point(points: Sequence[SearchPoint], limits: SearchLimits) -> SearchPoint | None:
    """The point to ship: of those that keep every limit, the quickest.

    Where the intervals of latencies overlap, nobody can tell which is quicker: among these, the
    smallest file; of equal ones, the more accurate.
    """
    good = [point for point in points if keeps_limits(point, limits)]
    if not good:
        return None
    quickest = min(good, key=lambda p: p.p50_ms or 0.0)
    bound = quickest.p50_high_ms or quickest.p50_ms or 0.0
    tied = [p for p in good if (p.p50_low_ms or p.p50_ms or 0.0) <= bound]
    return min(tied, key=lambda p: (p.bytes or 0, p.drop or 0.0, p.name))


def nearest_point(points: Sequence[SearchPoint], limits: SearchLimits) -> SearchPoint | None:
    """The shippable point whose worst miss is smallest; else the best of those that are not.

    A file that its gate rejected may be near too: it tells what stands in the way.
    """
    known = [p for p in points if p.bytes is not None and p.drop is not None]
    if not known:
        return None

    def distance(point: SearchPoint) -> tuple[bool, float]:
        worst = missed_limits(point, limits)
        return not point.shippable, worst[0].share if worst else 0.0

    return min(known, key=distance)


#: A gain below this is none: files differ by as much for other reasons.
_GAIN = 0.05


def describe_pruning_gain(pruned: SearchPoint, whole: SearchPoint) -> str:
    """How a pruned file compares with the file of the whole network, in a sentence.

    Args:
        pruned: Of the same format and precision as `whole`.
        whole: The file before pruning.
    """
    gains = {
        "the download": (pruned.download_bytes, whole.download_bytes),
        "the file": (pruned.bytes, whole.bytes),
        "the latency": (pruned.p50_ms, whole.p50_ms),
    }
    shares = {
        name: 1.0 - after / before for name, (after, before) in gains.items() if after and before
    }
    if not shares:
        return "not compared with the whole network: one of the two files was not made"
    told = [f"{name} is {share:.0%} smaller" for name, share in shares.items() if share >= _GAIN]
    same = [name for name, share in shares.items() if abs(share) < _GAIN]
    worse = [f"{name} is {-share:.0%} larger" for name, share in shares.items() if share <= -_GAIN]
    if same:
        told.append(f"{' and '.join(same)} {'is' if len(same) == 1 else 'are'} as before")
    pays = "pays" if any(share >= _GAIN for share in shares.values()) else "does not pay"
    return f"pruning {pays}: {', '.join([*told, *worse])}"
