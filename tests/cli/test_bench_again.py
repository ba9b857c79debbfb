"""The command that times noisy files again, where they were timed."""

from __future__ import annotations

from dataclasses import replace

import measured_times
import pytest

from zoo.cli.bench_table import print_timings


@pytest.mark.parametrize("executor", [None, "dask://me:secret@host:8786"])
def test_noisy_times_are_measured_again_on_the_same_executor(capsys, executor: str | None) -> None:
    timing = measured_times.timing("real")
    noisy = replace(timing, measurement=replace(timing.measurement, quiet=False, noise=("busy",)))
    print_timings([noisy], executor)
    told = capsys.readouterr().out
    assert "again when nothing else runs there: zoo bench" in told
    assert ("--executor" in told) is (executor is not None)
    assert "secret" not in told
