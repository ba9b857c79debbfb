"""A process that waits for a processor says so."""

from __future__ import annotations

from zoo.execution.waiting import ProcessorTime


def test_waiting_and_stolen_time_are_told_beyond_the_limits_of_bench() -> None:
    before = ProcessorTime(ran=1.0, waited=0.5, stolen=2.0, clock=10.0)
    quiet = ProcessorTime(ran=2.0, waited=0.53, stolen=2.01, clock=11.0)
    assert quiet.disturbances(before) == ()
    shared = ProcessorTime(ran=2.0, waited=1.0, stolen=2.1, clock=11.0)
    assert shared.disturbances(before) == (
        "it waited for a processor 33% of the time",
        "the hypervisor took 10% of a core for others",
    )
    assert before.disturbances(before) == ()


def test_the_kernel_s_counters_rise() -> None:
    before = ProcessorTime.now()
    sum(range(3_000_000))
    after = ProcessorTime.now()
    assert after.clock >= before.clock
    assert after.ran >= before.ran
    assert after.ran > 0 or before.ran == 0
