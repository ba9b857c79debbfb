"""What ``zoo bench`` shows only where there is something: batches, energy, profiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import TYPE_CHECKING

from zoo.cli.tables import print_table
from zoo.common import terminal
from zoo.results.formatting import interval_ends

if TYPE_CHECKING:
    from zoo.results.measurements import Measurement

#: For a figure that a vendor's tool does not tell.
NOT_REPORTED = "not told"
Column = tuple[str, Callable[["Measurement"], str]]
#: Of a profile, so many operators are shown; JSON has them all.
_MOST = 12
_NAME = 60


def further_columns(found: Sequence[Measurement]) -> list[Column]:
    """Columns for what some of the measurements have: a heading, and what stands below it."""
    columns: list[Column] = []
    if any(m.shapes for m in found):
        columns.append(("shape", lambda m: m.shape))
    if any(m.batch > 1 for m in found):
        columns += [("batch", lambda m: str(m.batch)), ("per s", _throughput)]
    if any(m.energy for m in found):
        columns.append(("mJ", _energy))
    if any(m.summaries for m in found):
        columns += [("mean ms", _mean), ("p95 ms", _p95)]
    return columns


def figure_text(value: float | None, digits: int, sign: str = "") -> str:
    """A figure; words for one that a vendor's tool does not tell."""
    return NOT_REPORTED if value is None else f"{sign}{value:.{digits}f}"


def interval_of(m: Measurement) -> str:
    """Of the median; empty where there is none, as where no single times were kept."""
    ends = interval_ends(m.p50_low_ms, m.p50_high_ms)
    return "" if ends is None else "–".join(f"{end:.4f}" for end in ends)


def _mean(m: Measurement) -> str:
    """Median of the processes' means."""
    return f"{median(s.mean_ms for s in m.summaries):.4f}" if m.summaries else ""


def _p95(m: Measurement) -> str:
    """The greatest of the processes; nothing unless all of them tell it."""
    told = [s.p95_ms for s in m.summaries if s.p95_ms is not None]
    return figure_text(max(told) if told and len(told) == m.processes else None, 4)


def print_tools(found: Sequence[Measurement]) -> None:
    """Whose figures those of a vendor's tool are, and what they lack."""
    for name, version, count in dict.fromkeys(
        (m.runtime, m.runtime_version, m.processes) for m in found if m.summaries
    ):
        terminal.echo(
            f"\nThese are the figures of {name} {version}, medians over {count} of its processes. "
            "It keeps no single times, so they have no intervals, and no verdict compares them "
            "with others."
        )


def _throughput(m: Measurement) -> str:
    return "" if m.examples_per_second is None else f"{m.examples_per_second:,.0f}"


def _energy(m: Measurement) -> str:
    """Of one inference, by the meter that counted most."""
    return f"{m.energy[0].mj_per_inference:.3g}" if m.energy else ""


def print_profiles(found: Sequence[Measurement]) -> None:
    """What the operators take, the slowest first; and whose energy was counted."""
    for m in found:
        for energy in m.energy:
            terminal.echo(
                f"\n{m.file}: {energy.meter}: {energy.mj_per_inference:.3g} mJ for one inference, "
                f"{energy.watts:.3g} W, idle power included"
            )
    for m in found:
        if m.profile is None:
            continue
        slowest = m.profile.slowest()
        terminal.echo(f"\n{m.file}, operators ({m.profile.method}):")
        rows = [
            (f"{row.ms:.4f}", f"{share:.0%}", row.operator, row.executor, _short(row.name))
            for row, share in slowest[:_MOST]
        ]
        print_table(
            ("ms", "share", "operator", "ran on", "makes"), rows, "rrlll", prose=("ran on", "makes")
        )
        if len(slowest) > _MOST:
            left = sum(share for _, share in slowest[_MOST:])
            terminal.echo(f"and {len(slowest) - _MOST} more, {left:.0%} together")


def _short(name: str) -> str:
    """The end of a name, which tells more than its beginning."""
    return name if len(name) <= _NAME else "…" + name[-_NAME + 1 :]
