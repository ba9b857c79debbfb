"""Processes of an unfinished bench: written, found again, and only under the same circumstances."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.benchmark.journal import MOST_SECONDS, Journal, environment_of
from zoo.benchmark.process_result import ProcessResult, Window
from zoo.contracts import Condition, TensorInfo
from zoo.execution.protocol import BenchRun, LoadedFile
from zoo.results.measurements import Samples

ABOUT = {
    "fingerprint": "f" * 16,
    "python": "3.11.7",
    "runtime": "litert",
    "runtime_version": "2.3.0",
    "agent": {"sha256": "a" * 64},
    "os": "Linux",
}


def process(samples: list[int], windows: int = 0) -> ProcessResult:
    values = np.asarray(samples, np.int64)
    tensor = TensorInfo(name="x", shape=(1, 4), dtype="int8", scale=0.5, zero_point=3)
    parts = Samples(tuple(values for _ in range(windows)))
    return ProcessResult(
        about=ABOUT,
        loaded=LoadedFile(
            runtime="litert",
            runtime_version="2.3.0",
            api="call",
            inputs=(tensor,),
            outputs=(tensor,),
            threads=2,
            load_ns=5,
            memory_before_bytes=6,
            delegate={"name": "XNNPACK", "partitions": 1},
        ),
        run=BenchRun(
            samples=np.concatenate(parts.processes) if windows else values,
            first_ns=9,
            warmup={"stable": True},
            inputs={"source": "seeded"},
            floors_met=True,
            spin_before_ns=(1, 2),
            spin_after_ns=(3,),
            load_average=(0.5, 0.5),
            peak_memory_bytes=7,
            wall_seconds=1.5,
            cpu_seconds=1.25,
            involuntary_switches=0.0,
            steal_seconds=0.0,
            throttled_seconds=0.0,
            thermal_throttles=0.0,
            busy_mhz=(1800.0, 1790.0),
        ),
        noise=("busy",),
        attempts=2,
        conditions=(Condition(readings={"mhz": 1.0}), Condition(faults=("hot",))),
        created="2026-11-22T20:00:00+00:00",
        windows=tuple(
            Window(start_seconds=float(n), seconds=1.0, runs=9, p50_ns=1.0, p90_ns=2.0, every=3)
            for n in range(windows)
        ),
        parts=parts,
    )


def same(one: ProcessResult, other: ProcessResult) -> bool:
    plain = [
        replace(p, run=replace(p.run, samples=None), parts=None)  # type: ignore[arg-type]
        for p in (one, other)
    ]
    fields = [{k: v for k, v in vars(p).items() if k != "run"} for p in plain]
    runs = [vars(p.run) for p in plain]
    pairs = zip(one.samples.processes, other.samples.processes, strict=True)
    return (
        fields[0] == fields[1]
        and runs[0] == runs[1]
        and np.array_equal(one.run.samples, other.run.samples)
        and all(np.array_equal(a, b) for a, b in pairs)
    )


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=50), st.integers(0, 4))
def test_a_process_survives_the_disk(samples: list[int], windows: int) -> None:
    before = process(samples, windows)
    after = ProcessResult.decode(before.encode())
    assert same(before, after)
    assert not same(before, process([*samples, 1], windows)), "the comparison sees a difference"


@given(st.data())
def test_damage_is_never_read_as_another_process(data: st.DataObject) -> None:
    whole = process([5, 6, 7]).encode()
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match="not a measured process"):
        ProcessResult.decode(whole[:cut])
    flipped = bytearray(whole)
    place = data.draw(st.integers(0, len(whole) - 1))
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ValueError, match="not a measured process"):
        ProcessResult.decode(bytes(flipped))


@given(st.binary(max_size=300))
def test_foreign_bytes_are_no_process(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a measured process"):
        ProcessResult.decode(content)


def test_found_again_under_the_same_circumstances_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    here = environment_of(ABOUT, "boot-1")
    journal.keep("k" * 64, here, 1, process([1, 2]))
    found = journal.kept("k" * 64, here, 1)
    assert found is not None
    assert found.run.samples.tolist() == [1, 2]
    assert journal.kept("k" * 64, here, 0) is None
    assert journal.kept("l" * 64, here, 1) is None
    other = {**ABOUT, "runtime_version": "2.4.0"}
    for changed in (
        environment_of(ABOUT, "boot-2"),
        environment_of(other, "boot-1"),
        environment_of({**ABOUT, "agent": {"sha256": "b" * 64}}, "boot-1"),
        environment_of({**ABOUT, "fingerprint": "e" * 16}, "boot-1"),
    ):
        assert changed != here
        assert journal.kept("k" * 64, changed, 1) is None


def test_notes(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.note("k" * 64, "e" * 64, "answers", {"exact": True})
    assert journal.noted("k" * 64, "e" * 64, "answers") == {"exact": True}
    assert journal.noted("k" * 64, "f" * 64, "answers") is None
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"{torn")
    assert journal.noted("k" * 64, "e" * 64, "answers") is None


def test_damaged_and_old_ones_are_measured_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.keep("k" * 64, "e" * 64, 0, process([1]))
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    path.write_bytes(content[:-3])
    assert journal.kept("k" * 64, "e" * 64, 0) is None
    path.write_bytes(content)
    assert journal.kept("k" * 64, "e" * 64, 0) is not None
    yesterday = path.stat().st_mtime - MOST_SECONDS - 60
    os.utime(path, (yesterday, yesterday))
    assert journal.kept("k" * 64, "e" * 64, 0) is None
    journal.keep("l" * 64, "e" * 64, 0, process([1]))
    journal.forget([])
    assert [p.name[0] for p in tmp_path.iterdir()] == ["l"], "what is too old is swept up"
    journal.forget(["l" * 64])
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_forget_makes_no_folder(tmp_path: Path) -> None:
    Journal(tmp_path / "none").forget(["k" * 64])
    assert not (tmp_path / "none").exists()
