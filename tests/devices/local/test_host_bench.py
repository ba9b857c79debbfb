"""Measuring real files on this machine: what is recorded, never how long it took."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from measured import measure

from zoo.benchmark.candidate import Candidate
from zoo.benchmark.measure import measure_interleaved
from zoo.benchmark.tiers import TIERS, Tier
from zoo.common.files import sha256_of
from zoo.execution.device import Device
from zoo.execution.failures import AgentRefused
from zoo.execution.session import AgentSession
from zoo.registry import load_registry
from zoo.results.measurements import Samples
from zoo.results.records import as_plain

HOST = load_registry().devices.get("host")
DEVICE = Device(name="host", kind=HOST)


@pytest.fixture(autouse=True)
def short_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    tier = Tier(
        name="tiny", runs=40, seconds=0.04, processes=2, warmup_seconds=0.02, limit_seconds=20.0
    )
    monkeypatch.setitem(TIERS, "tiny", tier)


def test_measurement_of_a_tflite_file(files: dict[str, Path]) -> None:
    path, told = files["dense_int8"], []
    measurement, samples = measure(
        DEVICE,
        path,
        runtime="litert",
        threads=1,
        tier="tiny",
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 2), (2, 2)]
    assert (measurement.file, measurement.sha256) == (path.name, sha256_of(path))
    assert measurement.device_fingerprint == DEVICE.fingerprint()
    assert (measurement.runtime, measurement.delegate) == ("litert", "XNNPACK")
    assert measurement.placement["remaining"] == []
    assert (measurement.processes, measurement.threads, measurement.tier) == (2, 1, "tiny")
    assert measurement.inputs["source"] == "seeded"
    assert measurement.runs == sum(len(s) for s in samples.processes) >= 40
    assert measurement.floors_met
    assert 0 < measurement.p50_low_ms <= measurement.p50_ms <= measurement.p50_high_ms
    assert measurement.p50_ms <= measurement.p90_ms
    assert measurement.peak_memory_mb >= measurement.memory_before_mb > 0
    assert measurement.quiet == (not measurement.noise)
    assert len(measurement.environment["processes"]) == 2
    medians = [float(np.median(s)) for s in Samples.decode(samples.encode()).processes]
    assert min(medians) * 1e-6 <= measurement.p50_ms * 1.01
    assert as_plain(measurement)["p50_ms"] == measurement.p50_ms


def test_memory_is_the_agents_alone(litert: AgentSession, files: dict[str, Path]) -> None:
    ballast = np.ones(200_000_000, np.uint8)
    with AgentSession(DEVICE.connect(), "litert") as session:
        session.load(files["dense"], purpose="timing")
        run = session.bench(min_runs=1, min_seconds=0.0, max_seconds=20.0, warmup_seconds=0.01)
    assert run.peak_memory_bytes < len(ballast)


def test_supplied_inputs_are_used_and_named(litert: AgentSession, files: dict[str, Path]) -> None:
    litert.load(files["dense"], purpose="timing")
    short = {"min_runs": 3, "min_seconds": 0.0, "max_seconds": 20.0, "warmup_seconds": 0.01}
    assert litert.bench(**short, inputs=[np.ones((1, 4))]).inputs == {"source": "supplied"}
    seeded = litert.bench(**short, seed=5)
    assert seeded.inputs == {"source": "seeded", "seed": 5, "range": [0.0, 1.0]}
    assert litert.bench(**short, value_range=(0.0, 255.0)).inputs["range"] == [0.0, 255.0]
    assert len(seeded.samples) >= 3
    assert (seeded.samples > 0).all()
    with pytest.raises(AgentRefused, match="takes Nx4"):
        litert.bench(**short, inputs=[np.ones((1, 5))])


def test_limit_ends_it_below_the_floors(litert: AgentSession, files: dict[str, Path]) -> None:
    litert.load(files["dense"])
    run = litert.bench(min_runs=10**9, min_seconds=0.0, max_seconds=0.02, warmup_seconds=0.01)
    assert not run.floors_met
    assert 0 < len(run.samples) < 10**9


def test_state_of_a_recurrent_file_does_not_stop_the_bench(
    litert: AgentSession, files: dict[str, Path]
) -> None:
    litert.load(files["stateful"], purpose="timing")
    run = litert.bench(min_runs=10, min_seconds=0.0, max_seconds=20.0, warmup_seconds=0.01)
    assert run.floors_met


def test_candidates_take_turns_and_fail_alone(files: dict[str, Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing of use")
    results = measure_interleaved(
        DEVICE,
        [
            Candidate(path=files["dense"], runtime="litert"),
            Candidate(path=broken, runtime="onnxruntime"),
            Candidate(path=files["onnx_free"], runtime="onnxruntime", threads=2),
        ],
        tier="tiny",
    )
    assert not isinstance(results[0], Exception)
    assert not isinstance(results[2], Exception)
    assert isinstance(results[1], AgentRefused)
    assert (results[0][0].runtime, results[2][0].runtime) == ("litert", "onnxruntime")
    assert (results[2][0].delegate, results[2][0].threads) == ("CPUExecutionProvider", 2)
