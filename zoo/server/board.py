"""Leaderboards: files judged on the same data and timed on the same device, and their front."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from zoo.contracts.task import Metric
from zoo.pipeline.search.points import SearchLimits, SearchPoint, pareto_front
from zoo.server.catalogue import Catalogue
from zoo.server.figures import size_of
from zoo.server.file_entries import FileEntry, StoredTiming

#: In the place of a device, for files that were timed nowhere.
NOWHERE = "not timed"


@dataclass(frozen=True, kw_only=True, order=True)
class BoardKey:
    """What makes figures comparable: the same task, data, metric and device."""

    task: str
    dataset: str
    split: str
    metric: str
    device: str


@dataclass(frozen=True, kw_only=True)
class BoardRow:
    """A file in one place.

    Attributes:
        timing: None for a file that was not timed on the device.
        unranked: Why it is not ranked; empty where it is.
    """

    file: FileEntry
    model: str
    metric: Metric
    timing: StoredTiming | None
    unranked: str

    @property
    def runtime(self) -> str:
        """What it was timed with; empty where it was not."""
        return "" if self.timing is None else self.timing.measurement.runtime

    @property
    def format(self) -> str:
        """Of the file."""
        return "" if self.file.gate is None else self.file.gate.result.format

    @property
    def precision(self) -> str:
        """Of the file."""
        return "" if self.file.gate is None else self.file.gate.result.precision

    @property
    def bytes(self) -> int:
        """Size of the file."""
        return size_of(self.file) or 0

    @property
    def p50_ms(self) -> float | None:
        """Median latency."""
        return None if self.timing is None else self.timing.measurement.p50_ms

    @property
    def name(self) -> str:
        """Unique on its board."""
        place = () if self.timing is None else self.timing.place[1:3]
        return " ".join([self.file.name, self.file.sha256[:8], *map(str, place)])


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Filters of a board; empty and None leave all in.

    Attributes:
        max_bytes: Largest size.
        max_ms: Longest median latency, milliseconds.
        least: Least quality, in the metric's own unit: a share for accuracy.
    """

    runtime: str = ""
    format: str = ""
    precision: str = ""
    max_bytes: int | None = None
    max_ms: float | None = None
    least: float | None = None

    def takes(self, row: BoardRow) -> bool:
        """Whether a row is left in."""
        named = all(
            not wanted or wanted == own
            for wanted, own in (
                (self.runtime, row.runtime),
                (self.format, row.format),
                (self.precision, row.precision),
            )
        )
        return (
            named
            and (self.max_bytes is None or row.bytes <= self.max_bytes)
            and (self.max_ms is None or (row.p50_ms is not None and row.p50_ms <= self.max_ms))
            and (self.least is None or self._good(row.metric, self.least))
        )

    @staticmethod
    def _good(metric: Metric, least: float) -> bool:
        return metric.value >= least if metric.higher_is_better else metric.value <= least


#: What rows can be ordered by.
ORDERS: Mapping[str, Callable[[BoardRow], Any]] = {
    "quality": lambda row: (
        -row.metric.value if row.metric.higher_is_better else row.metric.value,
        row.p50_ms or 0.0,
    ),
    "latency": lambda row: (row.p50_ms is None, row.p50_ms or 0.0),
    "size": lambda row: row.bytes,
}


@dataclass(frozen=True, kw_only=True)
class Board:
    """Files that can be compared with each other.

    Attributes:
        rows: Those that may be ranked, in the order asked for.
        unranked: The others.
    """

    key: BoardKey
    rows: tuple[BoardRow, ...]
    unranked: tuple[BoardRow, ...]
    limits: SearchLimits = field(default_factory=SearchLimits)
    best: None = None

    @cached_property
    def reference(self) -> Metric | None:
        """The best quality of those that are ranked."""
        return min(self.rows, key=ORDERS["quality"]).metric if self.rows else None

    @cached_property
    def points(self) -> tuple[SearchPoint, ...]:
        """The ranked files, as a search has them."""
        return tuple(self._point(row) for row in self.rows)

    @cached_property
    def front(self) -> tuple[SearchPoint, ...]:
        """Those that no other beats in size, latency and quality at once."""
        return pareto_front(self.points)

    @cached_property
    def on_front(self) -> frozenset[str]:
        """Names of the rows that are on it."""
        return frozenset(point.name for point in self.front)

    def _point(self, row: BoardRow) -> SearchPoint:
        best, m = self.reference, row.timing.measurement if row.timing else None
        assert best is not None
        return SearchPoint(
            name=row.name,
            stage="",
            network=row.model,
            format=row.format,
            precision=row.precision,
            verdict="passed",
            bytes=row.bytes,
            metric=row.metric,
            drop=best.lost_by(row.metric),
            p50_ms=row.p50_ms,
            p50_low_ms=None if m is None else m.p50_low_ms,
            p50_high_ms=None if m is None else m.p50_high_ms,
        )

    def shown(self, most: int) -> Board:
        """The same with fewer rows, for a drawing: the front stays, the first others beside it."""
        if len(self.rows) <= most:
            return self
        front = [row for row in self.rows if row.name in self.on_front]
        rest = [row for row in self.rows if row.name not in self.on_front]
        kept = {row.name for row in [*front, *rest][:most]}
        return replace(self, rows=tuple(row for row in self.rows if row.name in kept))


def board_rows(
    catalogue: Catalogue, task_of: Callable[[str], str]
) -> Iterator[tuple[BoardKey, BoardRow]]:
    """Every judged file in every place where it was timed."""
    for entry in catalogue.files.values():
        gate, metric = entry.gate, entry.metric
        if gate is None or metric is None:
            continue
        model = catalogue.model_of_file(entry.sha256)
        told = gate.result.evaluation
        key = BoardKey(
            task=task_of(model),
            dataset=told.dataset,
            split=told.split,
            metric=metric.name,
            device=NOWHERE,
        )
        timings: list[StoredTiming | None] = [*entry.newest()]
        for timing in timings or [None]:
            device = NOWHERE if timing is None else timing.measurement.device
            row = BoardRow(
                file=entry,
                model=model,
                metric=metric,
                timing=timing,
                unranked=_unranked(entry, timing),
            )
            yield replace(key, device=device), row


def _unranked(entry: FileEntry, timing: StoredTiming | None) -> str:
    if entry.verdict != "passed":
        return "its gate rejected it"
    if entry.weak:
        return "its network is weak"
    if entry.gate is not None and entry.gate.result.parts:
        return "one of several files"
    if timing is None:
        return "not timed"
    m = timing.measurement
    if m.verdict != "good":
        return m.verdict
    if timing.summarized:
        return "a vendor’s tool: no interval"
    return "" if timing.ranked else f"of {m.batch} examples" if m.batch > 1 else f"at {m.shape}"


def make_board(
    key: BoardKey, rows: Sequence[BoardRow], asked: Asked | None = None, order: str = "quality"
) -> Board:
    """A board of rows of one key."""
    kept = sorted((row for row in rows if asked is None or asked.takes(row)), key=ORDERS[order])
    return Board(
        key=key,
        rows=tuple(row for row in kept if not row.unranked),
        unranked=tuple(row for row in kept if row.unranked),
    )
