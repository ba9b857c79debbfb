"""A device that sends anything in place of figures: an error of its own, within limits."""

from __future__ import annotations

import base64
import json
import struct
import sys
import zlib
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock, patch

import pytest

from zoo.common.errors import ProcessFailed
from zoo.contracts import Condition, ToolSummary
from zoo.execution.agent_driver import AgentDriver
from zoo.execution.agent_process import PipeProcess
from zoo.execution.driver_guard import GuardedTransport
from zoo.execution.failures import AgentGarbled
from zoo.execution.figures import MOST_SAMPLES
from zoo.execution.plausibility import check_summary
from zoo.execution.protocol import bench_run, described, loaded_file, profile_of


def packed(*samples: int, count: int | None = None) -> dict[str, Any]:
    data = base64.b64encode(zlib.compress(struct.pack(f"<{len(samples)}q", *samples))).decode()
    return {"count": len(samples) if count is None else count, "data": data}


HONEST: dict[str, Any] = {
    "samples": packed(1000, 3000, 2000),
    "first_ns": 9000,
    "warmup": {"runs": 2, "seconds": 0.1, "stable": True},
    "inputs": {"source": "seeded"},
    "floors_met": True,
    "spin_before_ns": [100, 101],
    "spin_after_ns": [100, 101],
    "load_average": [0.5, 0.5],
    "peak_memory_bytes": 20_000_000,
    "wall_seconds": 1.0,
    "cpu_seconds": 1.0,
    "involuntary_switches": 1.0,
    "steal_seconds": 0.0,
    "throttled_seconds": 0.0,
}


def test_an_honest_answer() -> None:
    assert bench_run(HONEST).samples.tolist() == [1000, 3000, 2000]
    assert bench_run({**HONEST, "repeats": 1000}).repeats == 1000
    assert bench_run({**HONEST, "steal_seconds": None}).steal_seconds is None


@pytest.mark.parametrize(
    "lie",
    [
        {"load_average": ["<script>", "x"]},
        {"spin_before_ns": "abc"},
        {"spin_before_ns": []},
        {"spin_after_ns": [0]},
        {"spin_after_ns": [100] * 100_000},
        {"wall_seconds": float("nan")},
        {"wall_seconds": float("inf")},
        {"wall_seconds": -1},
        {"cpu_seconds": -5},
        {"cpu_seconds": True},
        {"steal_seconds": float("nan")},
        {"first_ns": 10**400},
        {"first_ns": 1.5},
        {"floors_met": None},
        {"peak_memory_bytes": "much"},
        {"warmup": {"a": {"b": {"c": {"d": {"e": 1}}}}}},
        {"warmup": {"seconds": float("nan")}},
        {"inputs": [1]},
        {"energy": [{"meter": "m", "joules": float("inf"), "readings": 2}]},
        {"energy": [{"meter": 3, "joules": 1.0, "readings": 2, "seconds": 1, "inferences": 1}]},
        {"energy": [{"meter": "m", "joules": 1.0, "readings": 2, "seconds": 0, "inferences": 0}]},
        {"busy_mhz": [None]},
        {"clock_gap_seconds": "late"},
        {"repeats": 0},
        {"repeats": -1},
        {"repeats": 1.5},
        {"repeats": True},
        {"repeats": "3"},
        {"repeats": None},
        {"repeats": 10**6},  # together longer than the sampling
        {"clock_resolution_ns": -1},
        {"clock_resolution_ns": "fine"},
        {"dispatch_ns": float("nan")},
        {"cpu_seconds": "none"},
        {"samples": packed()},
        {"samples": packed(1000, count=2)},
        {"samples": packed(1000, 1000, count=1)},
        {"samples": packed(-5)},
        {"samples": packed(2**62, 2**62, 2**62)},  # whose sum is negative in 64 bits
        {"samples": {"count": MOST_SAMPLES + 1, "data": ""}},
        {"samples": {"count": 10**30, "data": ""}},
        {"samples": {"count": 1, "data": "eJw="}},
        {"samples": {"count": 1, "data": 7}},
        {"samples": None},
        {"summary": {"runs": "many", "mean_ms": "fast"}},
        {"summary": {"runs": 1, "mean_ms": float("nan")}},
    ],
    ids=lambda lie: json.dumps(lie)[:60],
)
def test_a_lie_in_a_bench(lie: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError, zlib.error)):
        bench_run({**HONEST, **lie})


SUMMARY = ToolSummary(
    runs=100, mean_ms=2.0, min_ms=1.0, p5_ms=1.1, median_ms=1.9, p95_ms=3.0, max_ms=4.0
)


@pytest.mark.parametrize(
    "lie",
    [
        {"runs": 0},
        {"runs": 100_000},  # 200 s of inferences
        {"mean_ms": 0.0},
        {"mean_ms": 1e-6, "min_ms": 0.0},
        {"mean_ms": 0.5},
        {"mean_ms": 5.0},
        {"median_ms": 3.5},
        {"min_ms": 1.5},
        {"max_ms": 1e15},
        {"p5_ms": -1.0},
    ],
    ids=str,
)
def test_a_lie_in_the_summary_of_a_tool(lie: dict[str, float]) -> None:
    check_summary(SUMMARY, 10.0)
    check_summary(replace(SUMMARY, runs=100_000), None)
    check_summary(replace(SUMMARY, min_ms=0.0, p5_ms=None, median_ms=None), 10.0)
    with pytest.raises(ValueError, match=r"_ms|runs|inferences"):
        check_summary(replace(SUMMARY, **lie), 10.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lie", "accepted"),
    [
        ({}, True),
        ({"cpu": "a\x1b[31m\x00b"}, True),
        ({"cpu": "x" * 1_000_000}, False),
        ({"cores": "many"}, False),
        ({"cores": 10**9}, False),
        ({"mhz": float("nan")}, False),
        ({"fingerprint": 7}, False),
        ({"runtime_version": ["1"]}, False),
        ({"runtimes": {f"r{n}": "1" for n in range(1000)}}, False),
        ({"runtimes": {"litert": 1.0}}, False),
        ({"runtimes": ["litert"]}, False),
        ({"flags": [[[[[1]]]]]}, False),
        ({"memory_bytes": 10**400}, False),
        ({"memory_bytes": 10**25}, False),
    ],
    ids=lambda lie: json.dumps(lie)[:40] if isinstance(lie, dict) else None,
)
def test_a_lie_in_a_description(lie: dict[str, Any], accepted: bool) -> None:
    told = {"fingerprint": "f", "python": "3.11", "runtimes": {"litert": "2.3.0"}, "cores": 4}
    if accepted:
        assert described({**told, **lie}).get("cpu", "").isprintable()
        return
    with pytest.raises(ValueError, match=r"must be|is|runtimes"):
        described({**told, **lie})


def test_a_device_whose_description_lacks_its_fingerprint() -> None:
    """The error is of the agent, not of the driver."""

    class Driver(AgentDriver[Any]):
        asked = ("fake",)

        def connect(self) -> Any:
            raise AssertionError("not to be called")

    session = SimpleNamespace(describe=lambda: {"python": "3.9"}, __enter__=None)
    made = MagicMock()
    made.__enter__.return_value = session
    with (
        patch("zoo.execution.session.AgentSession", return_value=made),
        pytest.raises(AgentGarbled, match="has no fingerprint"),
    ):
        Driver(None).describe(MagicMock())


def test_a_condition_that_is_none() -> None:
    def told(**fields: Any) -> Condition:
        inner = SimpleNamespace(condition=lambda: Condition(**fields))
        return GuardedTransport(inner, "of kind 'x'").condition()  # type: ignore[arg-type]

    found = told(readings={"a": "\x1b[0m"}, faults=["\x07" * 9000] * 99, hints=[])
    assert dict(found.readings) == {"a": r"\x1b[0m"}
    assert len(found.faults) == 20
    assert all(len(fault) == 500 and fault.isprintable() for fault in found.faults)
    for lie in ({"readings": {"a": float("nan")}}, {"readings": {"a": b""}}, {"faults": [1]}):
        with pytest.raises(ProcessFailed, match="of its condition cannot be used"):
            told(**lie)


def test_a_bomb_is_not_unpacked() -> None:
    """What unpacks to 400 MB would be seen in the peak of the memory."""
    import resource

    packer = zlib.compressobj(1)
    parts = [packer.compress(b"\0" * 100_000_000) for _ in range(4)]
    data = base64.b64encode(b"".join(parts) + packer.flush()).decode()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match="1 or more samples came, 1 were sent"):
        bench_run({**HONEST, "samples": {"count": 1, "data": data}})
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 200_000  # kB


def test_a_lie_about_a_file_and_a_profile() -> None:
    told = {"runtime": "r", "runtime_version": "1", "api": "a", "inputs": [], "outputs": []}
    told |= {"threads": 1, "load_ns": 5, "memory_before_bytes": 5, "delegate": {}}
    assert loaded_file(told).load_ns == 5
    for lie in ({"load_ns": "x"}, {"threads": -1}, {"delegate": [1]}, {"load_ns": float("nan")}):
        with pytest.raises(ValueError, match="must be"):
            loaded_file({**told, **lie})
    row = {"name": "n", "operator": "o", "executor": "e", "ns": float("nan")}
    with pytest.raises(ValueError, match="ns is nan"):
        profile_of({"profile": {"method": "m", "operators": [row]}})


def test_a_line_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.execution.agent_process.LINE_BYTES", 1 << 22)
    code = "import sys\nwhile True: sys.stdout.write('a' * 1000000); sys.stdout.flush()"
    process = PipeProcess([sys.executable, "-I", "-S", "-c", code])
    with pytest.raises(AgentGarbled, match="did not end after 4 MiB"):
        process.receive(60.0)
    assert process.stop() is not None


def test_a_processor_lost_in_the_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """For longer than a window, right after the agent looked at the clock."""
    from types import SimpleNamespace

    from zoo.devices.agent.zoo_agent import timing

    now = 0

    def clock() -> int:
        nonlocal now
        now += 3_000_000
        return now

    monkeypatch.setattr(timing, "clock", clock)
    model: Any = SimpleNamespace(reset=lambda: None, invoke=lambda: None)
    assert timing.warm_up(model, 1.0)["runs"] > 0
