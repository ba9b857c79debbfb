"""Whether the machine was quiet while it measured: a neighbour can cost half the speed."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from zoo.execution.protocol import BenchRun

#: Change of the fixed piece of work from before the samples to after them.
DRIFT = 1.10
#: The same against its fastest time on this machine.
SLOWDOWN = 1.20
#: Share of the sampling during which a single-threaded agent had no processor.
WAITING = 0.03
#: Share of one core's time that a hypervisor gave to others.
STEAL = 0.02
#: Share of its clock that a busy processor may lose from before the samples to after them.
CLOCK = 0.95
#: Load beyond the cores (or our own threads, if those are more).
LOAD = 0.5
#: Involuntary context switches per second: each one empties caches.
SWITCHES = 200.0


def disturbances(
    run: BenchRun,
    *,
    threads: int,
    baseline_ns: int | None = None,
    cores: int | None = None,
    heat_counts: bool = True,
) -> tuple[str, ...]:
    """What disturbed a run, in words; nothing when it was quiet.

    Args:
        run: As the agent measured it.
        threads: Of the runtime; with more than one, waiting cannot be told from sharing work.
        baseline_ns: The fastest that the fixed piece of work was ever seen on this machine.
        cores: Of the machine; None leaves its load out.
        heat_counts: Whether a processor that got slower is a disturbance; of a long run at full
            load it is what was asked.
    """
    reasons = [*_other_load(run, threads, cores)]
    if heat_counts:
        reasons = [*_slowdowns(run, baseline_ns), *reasons]
    return tuple(reasons)


def _slowdowns(run: BenchRun, baseline_ns: int | None) -> Iterator[str]:
    """Signs that the processor itself was slower than it can be."""
    before, after = median(run.spin_before_ns), median(run.spin_after_ns)
    fastest = fastest_spin(run) if baseline_ns is None else min(fastest_spin(run), baseline_ns)
    drift = max(before, after) / min(before, after)
    slowdown = max(before, after) / fastest
    if drift > DRIFT:
        yield f"a fixed piece of work changed by {drift - 1.0:.0%} while measuring"
    if slowdown > SLOWDOWN:
        yield f"a fixed piece of work took {slowdown - 1.0:.0%} longer than it can"
    if len(run.busy_mhz) == 2 and run.busy_mhz[1] < CLOCK * run.busy_mhz[0]:
        yield f"the clock fell from {run.busy_mhz[0]:.0f} to {run.busy_mhz[1]:.0f} MHz"
    if run.thermal_throttles > 0:
        yield f"heat held the processor back {run.thermal_throttles:.0f} times"


def _other_load(run: BenchRun, threads: int, cores: int | None) -> Iterator[str]:
    """Signs that somebody else used the machine."""
    wall = max(run.wall_seconds, 1e-9)
    # Who waits for an accelerator gives its processor away, and is not disturbed by that.
    several = threads > 1 or run.own_threads
    alone = not several and not run.accelerated and run.cpu_seconds is not None
    waiting = 1.0 - (run.cpu_seconds or 0.0) / wall if alone else 0.0
    steal, switches = (run.steal_seconds or 0.0) / wall, (run.involuntary_switches or 0.0) / wall
    if waiting > WAITING:
        yield f"the agent waited for a processor {waiting:.0%} of the time"
    if steal > STEAL:
        yield f"the hypervisor took {steal:.0%} of a core for others"
    if switches > SWITCHES and not run.accelerated and not run.own_threads:
        yield f"the kernel took the processor away {switches:.0f} times per second"
    if (run.throttled_seconds or 0.0) > 0.0:
        yield f"a processor quota held the agent back for {run.throttled_seconds:.2g} s"
    if run.clock_gap_seconds > 0.0:
        yield f"the machine slept, or its clock was set forward, {run.clock_gap_seconds:.1f} s"
    if run.clock_gap_seconds < 0.0:
        yield f"the machine's clock was set back by {-run.clock_gap_seconds:.1f} s"
    load = max(run.load_average, default=0.0)
    if several and cores is not None and load > max(cores, threads) + LOAD:
        yield f"the load was {load:.1f} on {cores} cores"


def fastest_spin(run: BenchRun) -> int:
    """The fastest that the fixed piece of work was in this run."""
    return min(*run.spin_before_ns, *run.spin_after_ns)
