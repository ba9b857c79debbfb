"""Figures of files and latencies as pages and programs get them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from zoo.contracts.task import Metric
from zoo.results import formatting as fmt
from zoo.server.file_entries import FileEntry, StoredTiming
from zoo.server.page import ENTRIES, file_path, record_path

#: The last part of the path of a further page of a list, whose first one has no number.
_NUMBERED = re.compile(r"p([2-9]|[1-9][0-9]{1,8})")


@dataclass(frozen=True, kw_only=True)
class TimingCells:
    """A latency as text.

    Attributes:
        mark: Why it may not be ranked: ``noisy``, ``emulated``; empty where it may.
        record: Path of its record's page.
    """

    timing: StoredTiming
    text: str
    interval: str
    where: str
    mark: str
    record: str


def size_of(entry: FileEntry) -> int | None:
    """Bytes of a file; None where only its latency is known."""
    if entry.gate is None:
        return None
    sizes = {file.sha256: file.bytes for file in entry.gate.result.files}
    return sizes.get(entry.sha256)


def place_text(timing: StoredTiming) -> str:
    """How it ran on its device: ``litert, 1 thread``."""
    m = timing.measurement
    place = [m.runtime, fmt.count(m.threads, "thread")]
    place += [f"batch {m.batch}"] if m.batch > 1 else []
    return ", ".join([*place, m.shape] if m.shape else place)


def timing_cells(timing: StoredTiming, unit: fmt.Unit | None = None) -> TimingCells:
    """A latency in a unit; None: in one that fits it."""
    m = timing.measurement
    unit = unit or fmt.time_unit([m.p50_ms])
    return TimingCells(
        timing=timing,
        text=unit.with_symbol(m.p50_ms),
        interval=fmt.time_interval(m.p50_low_ms, m.p50_high_ms, unit),
        where=f"{m.device}, {place_text(timing)}",
        mark="" if m.verdict == "good" else m.verdict,
        record=record_path(timing.number),
    )


def quickest(entries: Iterable[FileEntry]) -> StoredTiming | None:
    """The lowest latency that may be ranked."""
    known = [t for entry in entries for t in entry.newest() if t.ranked and t.measurement.p50_ms]
    return min(known, key=lambda t: t.measurement.p50_ms or 0.0, default=None)


def plain_metric(metric: Metric | None) -> dict[str, Any] | None:
    """For programs."""
    return None if metric is None else asdict(metric)


def plain_timing(timing: StoredTiming) -> dict[str, Any]:
    """For programs; `record` is the path of its record's page."""
    m = timing.measurement
    names = ("device", "runtime", "runtime_version", "threads", "batch", "delegate", "tier")
    times = ("p50_ms", "p50_low_ms", "p50_high_ms", "p90_ms", "load_ms", "first_ms", "runs")
    return {
        **{name: getattr(m, name) for name in (*names, *times)},
        "shape": m.shape,
        "clock": m.clock,
        "verdict": m.verdict,
        "ranked": timing.ranked,
        "created": m.created,
        "run": timing.run,
        "record": record_path(timing.number),
    }


def brief_timing(timing: StoredTiming) -> dict[str, Any]:
    """The same of a latency in a long list."""
    place, times = ("runtime", "threads", "batch", "shape"), ("p50_ms", "p50_low_ms", "p50_high_ms")
    told = plain_timing(timing)
    return {name: told[name] for name in (*place, *times, "verdict", "record")}


def plain_file(entry: FileEntry, *, latencies: bool = True) -> dict[str, Any]:
    """A file in a list, for programs; with its latencies unless its page alone has them."""
    gate = entry.gate
    timed = {"latencies": [plain_timing(timing) for timing in entry.newest()]}
    return {
        "file": entry.name,
        "sha256": entry.sha256,
        "page": file_path(entry.sha256),
        "verdict": entry.verdict,
        "weak": entry.weak,
        "format": None if gate is None else gate.result.format,
        "precision": None if gate is None else gate.result.precision,
        "bytes": size_of(entry),
        "quality": plain_metric(entry.metric),
        "created": entry.created,
        **(timed if latencies else {}),
    }


def numbered_part(path: str) -> tuple[str, int]:
    """``runs/p2/`` → ``runs/``, 2: pages of long lists have a number behind the first."""
    head, _, last = path.rstrip("/").rpartition("/")
    if _NUMBERED.fullmatch(last):
        return f"{head}/" if head else "", int(last[1:])
    return path, 1


def parts_of(path: str, entries: int, most: int = ENTRIES) -> list[str]:
    """Paths of the pages of a list with so many entries, each with at most `most`."""
    count = max(1, -(-entries // most))
    return [path, *(f"{path}p{number}/" for number in range(2, count + 1))]


def part(entries: Sequence[Any], number: int, most: int = ENTRIES) -> Sequence[Any]:
    """The entries of one of these pages, counted from 1."""
    return entries[(number - 1) * most : number * most]
