"""What is told of a child that is gone: the signal, the likely cause, what to do."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from zoo.common import crashes as deaths
from zoo.common.crashes import crash_error, oom_kills
from zoo.common.errors import KilledFromOutside, NativeCrash, ProcessFailed
from zoo.common.memory import machine_memory
from zoo.common.worker import WorkerLimits, call
from zoo.pipeline.conversion_limits import MEMORY_SHARE, conversion_limits
from zoo.pipeline.recipe import ConversionLimits

BAD_ALLOC = "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  no\n"


def died(number: int, words: str, folder: Path, **given: int | None) -> ProcessFailed:
    log = folder / "output.log"
    log.write_text(words)
    return crash_error(
        -number, log, "export", **{"memory": None, "killed_before": oom_kills(), **given}
    )


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGILL", "SIGBUS", "SIGFPE"])
def test_own_fault_of_native_code(tmp_path, name):
    found = died(getattr(signal, name), "tensor 7\n", tmp_path)
    assert type(found) is NativeCrash
    assert found.what == f"export was killed by {name}"
    assert "--retry" in found.fix


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SIGKILL", KilledFromOutside),
        ("SIGTERM", KilledFromOutside),
        ("SIGUSR1", ProcessFailed),
    ],
)
def test_ended_from_outside(tmp_path, name, kind):
    assert type(died(getattr(signal, name), "", tmp_path)) is kind


def test_out_of_memory_in_native_code(tmp_path):
    found = died(signal.SIGABRT, BAD_ALLOC, tmp_path, memory=2_000_000_000)
    assert "no more memory within the 2.0 GB that it was allowed" in found.why
    assert "--memory-limit" in found.fix
    assert "memory" not in died(signal.SIGABRT, "assertion failed\n", tmp_path).why


def test_ended_by_the_system_for_lack_of_memory(tmp_path, monkeypatch):
    events = tmp_path / "memory.events"
    events.write_text("low 0\nhigh 0\noom 1\noom_kill 3\n")
    monkeypatch.setattr(deaths, "_OOM_COUNTERS", (tmp_path / "none", events))
    assert oom_kills() == 3
    assert "the system ran out of memory" in died(signal.SIGKILL, "", tmp_path, killed_before=2).why
    assert "killed from outside" in died(signal.SIGKILL, "", tmp_path, killed_before=3).why
    monkeypatch.setattr(deaths, "_OOM_COUNTERS", (tmp_path / "none",))
    assert oom_kills() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux")
def test_native_code_that_meets_the_memory_limit():
    with pytest.raises(ProcessFailed) as caught:
        call("children:throw_bad_alloc", {}, limits=WorkerLimits(memory_bytes=1 << 28))
    assert "no more memory within the 0.3 GB" in caught.value.why


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux")
def test_addresses_that_are_only_reserved_do_not_count():
    """Thread pools reserve far more than they use."""
    limits = WorkerLimits(memory_bytes=1 << 28)
    assert call("children:reserve_addresses", {"size": 1 << 34}, limits=limits) == 1 << 34


def test_limits_of_a_conversion():
    asked = conversion_limits(ConversionLimits(seconds=60, memory_gb=1.5))
    assert (asked.seconds, asked.memory_bytes) == (60, 1_500_000_000)
    usual = conversion_limits(ConversionLimits())
    assert usual.seconds == 1800
    assert usual.memory_bytes == int(machine_memory() * MEMORY_SHARE)
    assert 0 < machine_memory() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
