"""Whether the machine was quiet while it measured: a neighbour can cost half the speed."""

from __future__ import annotations

from statistics import median

from zoo.measurement.protocol import BenchRun

#: Change of the fixed piece of work from before the samples to after them.
DRIFT = 1.10
#: The same against its fastest time on this machine.
SLOWDOWN = 1.20
#: Share of the sampling during which a single-threaded agent had no processor.
WAITING = 0.03
#: Share of one core's time that a hypervisor gave to others.
STEAL = 0.02
#: Involuntary context switches per second: each one empties caches.
SWITCHES = 200.0


def disturbances(run: BenchRun, *, threads: int, baseline_ns: int | None = None) -> tuple[str, ...]:
    """What disturbed a run, in words; nothing when it was quiet.

    Args:
        run: As the agent measured it.
        threads: Of the runtime; with more than one, waiting cannot be told from sharing work.
        baseline_ns: The fastest that the fixed piece of work was ever seen on this machine.
    """
    before, after = median(run.spin_before_ns), median(run.spin_after_ns)
    fastest = min(*run.spin_before_ns, *run.spin_after_ns)
    if baseline_ns is not None:
        fastest = min(fastest, baseline_ns)
    drift = max(before, after) / min(before, after)
    slowdown = max(before, after) / fastest
    wall = max(run.wall_seconds, 1e-9)
    waiting = 1.0 - run.cpu_seconds / wall if threads == 1 else 0.0
    steal, switches = run.steal_seconds / wall, run.involuntary_switches / wall
    reasons = []
    if drift > DRIFT:
        reasons.append(f"a fixed piece of work changed by {drift - 1.0:.0%} while measuring")
    if slowdown > SLOWDOWN:
        reasons.append(f"a fixed piece of work took {slowdown - 1.0:.0%} longer than it can")
    if waiting > WAITING:
        reasons.append(f"the agent waited for a processor {waiting:.0%} of the time")
    if steal > STEAL:
        reasons.append(f"the hypervisor took {steal:.0%} of a core for others")
    if switches > SWITCHES:
        reasons.append(f"the kernel took the processor away {switches:.0f} times per second")
    if run.throttled_seconds > 0.0:
        reasons.append(f"a processor quota held the agent back for {run.throttled_seconds:.2g} s")
    return tuple(reasons)


def fastest_spin(run: BenchRun) -> int:
    """The fastest that the fixed piece of work was in this run."""
    return min(*run.spin_before_ns, *run.spin_after_ns)
