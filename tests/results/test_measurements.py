"""Raw samples survive the store; tiers mean what they say."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from zoo.benchmark.sustained import windows_of
from zoo.benchmark.tiers import TIERS, tier_named
from zoo.common.errors import BadFile, UnknownName
from zoo.results.measurements import Measurement, OutputCheck, Samples
from zoo.results.records import as_plain

PROCESSES = st.lists(
    st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=20), min_size=1, max_size=4
)


@given(PROCESSES)
def test_samples_round_trip(processes: list[list[int]]) -> None:
    samples = Samples(tuple(np.array(p, np.int64) for p in processes))
    back = Samples.decode(samples.encode())
    assert [p.tolist() for p in back.processes] == processes
    assert all(p.dtype == np.int64 for p in back.processes)


def test_samples_are_compressed() -> None:
    durations = np.random.default_rng(0).normal(20_000, 300, 50_000).astype(np.int64)
    assert len(Samples((durations,)).encode()) < durations.nbytes / 3


@pytest.mark.parametrize("damage", ["cut", "other", "bit", "empty"])
def test_damaged_samples_are_refused(damage: str) -> None:
    packed = Samples((np.arange(100),)).encode()
    broken = {
        "cut": packed[:-7],
        "other": b"\x89PNG" + packed,
        "bit": packed[:20] + bytes([packed[20] ^ 4]) + packed[21:],
        "empty": b"",
    }[damage]
    with pytest.raises(BadFile, match="no samples"):
        Samples.decode(broken)


def test_tiers_are_graded() -> None:
    names = ["brief", "smoke", "quick", "full"]
    assert list(TIERS) == [*names, "sustained"]
    grades = [TIERS[name] for name in names]
    for one, next_one in pairwise(grades):
        assert (one.runs, one.seconds) < (next_one.runs, next_one.seconds)
        assert one.limit_seconds < next_one.limit_seconds
    for tier in grades[1:]:
        assert tier.processes >= 3
    for tier in grades:
        assert tier.runs_each * tier.processes >= tier.runs
        assert tier.seconds_each * tier.processes == pytest.approx(tier.seconds)
        assert tier.limit_seconds > 5 * tier.seconds_each


def test_mobile_floors() -> None:
    assert [(TIERS[n].runs, TIERS[n].seconds) for n in ("smoke", "quick", "full")] == [
        (64, 6.0),
        (128, 10.0),
        (1024, 60.0),
    ]


def test_a_sustained_run_is_half_an_hour_in_one_process() -> None:
    tier = TIERS["sustained"]
    assert (tier.seconds, tier.processes) == (1800.0, 1)
    assert (tier.first_seconds, tier.steady_seconds) == (60.0, 600.0)
    assert windows_of(tier) == 180


def test_unknown_tier_suggests() -> None:
    with pytest.raises(UnknownName, match="quik") as unknown:
        tier_named("quik")
    assert unknown.value.suggestions == ["quick"]


#: A record as it was written before answers, long runs and early stopping were part of it.
OLD = {
    **dict.fromkeys(("load_ms", "first_ms", "p50_ms", "p50_low_ms", "p50_high_ms"), 1.0),
    **dict.fromkeys(("p90_ms", "p90_low_ms", "p90_high_ms", "seconds"), 1.0),
    **dict.fromkeys(("peak_memory_mb", "memory_before_mb"), 1.0),
    **dict.fromkeys(("file", "sha256", "device", "device_fingerprint", "runtime"), "x"),
    **dict.fromkeys(("api", "delegate", "tier", "interval", "created"), "x"),
    **{key: {} for key in ("placement", "inputs", "environment")},
    **dict.fromkeys(("threads", "processes", "runs"), 1),
    **dict.fromkeys(("runtime_version", "p99_ms")),
    **dict.fromkeys(("quiet", "floors_met"), True),
    "noise": (),
}
MEASUREMENT = TypeAdapter(Measurement)


def test_records_of_older_versions_can_be_read() -> None:
    read = MEASUREMENT.validate_python(OLD)
    assert (read.answers, read.sustained, read.p90_stopping_ms) == (None, None, None)
    assert read.verdict == "good"


@given(st.booleans(), st.booleans(), st.floats(0, 1e6), st.builds(OutputCheck, exact=st.booleans()))
def test_records_survive_json(quiet: bool, met: bool, p90: float, answers: OutputCheck) -> None:
    changes = {"quiet": quiet, "floors_met": met, "p90_stopping_ms": p90, "answers": answers}
    record = replace(MEASUREMENT.validate_python(OLD), **changes)  # type: ignore[arg-type]
    back = MEASUREMENT.validate_python(json.loads(json.dumps(as_plain(record))))
    assert back == record
    assert back.verdict == ("noisy" if not quiet else "good" if met else "short")
