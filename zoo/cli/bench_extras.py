"""What ``zoo bench`` shows only where there is something: batches, energy, profiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from zoo.cli.tables import print_table

if TYPE_CHECKING:
    from zoo.results.measurements import Measurement

Column = tuple[str, Callable[["Measurement"], str]]
#: Of a profile, so many operators are shown; JSON has them all.
_MOST = 12
_NAME = 60


def further_columns(found: Sequence[Measurement]) -> list[Column]:
    """Columns for what some of the measurements have: a heading, and what stands below it."""
    columns: list[Column] = []
    if any(m.batch > 1 for m in found):
        columns += [("batch", lambda m: str(m.batch)), ("per s", _throughput)]
    if any(m.energy for m in found):
        columns.append(("mJ", _energy))
    return columns


def _throughput(m: Measurement) -> str:
    return "" if m.examples_per_second is None else f"{m.examples_per_second:,.0f}"


def _energy(m: Measurement) -> str:
    """Of one inference, by the meter that counted most."""
    return f"{m.energy[0].mj_per_inference:.3g}" if m.energy else ""


def print_profiles(found: Sequence[Measurement]) -> None:
    """What the operators take, the slowest first; and whose energy was counted."""
    for m in found:
        for energy in m.energy:
            click.echo(
                f"\n{m.file}: {energy.meter}: {energy.mj_per_inference:.3g} mJ for one inference, "
                f"{energy.watts:.3g} W, idle power included"
            )
    for m in found:
        if m.profile is None:
            continue
        slowest = m.profile.slowest()
        click.echo(f"\n{m.file}, operators ({m.profile.method}):")
        rows = [
            (f"{row.ms:.4f}", f"{share:.0%}", row.operator, row.executor, _short(row.name))
            for row, share in slowest[:_MOST]
        ]
        print_table(("ms", "share", "operator", "ran on", "makes"), rows, "rrlll")
        if len(slowest) > _MOST:
            left = sum(share for _, share in slowest[_MOST:])
            click.echo(f"and {len(slowest) - _MOST} more, {left:.0%} together")


def _short(name: str) -> str:
    """The end of a name, which tells more than its beginning."""
    return name if len(name) <= _NAME else "…" + name[-_NAME + 1 :]
