"""Files in a real Firefox without a window, where one is installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from browser_runtimes import fetch_runtimes

from zoo.devices.browser.driver import BrowserTransport
from zoo.devices.browser.options import BrowserOptions
from zoo.execution.failures import AgentRefused
from zoo.execution.probes import BIAS, PROBES, TOLERANCE, WEIGHTS
from zoo.execution.session import AgentSession

FIREFOX = shutil.which("firefox") or shutil.which("firefox-esr")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FIREFOX is None, reason="needs Firefox (Debian: firefox-esr)"),
    pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm"),
]


def test_firefox_has_threads_a_finer_clock_and_no_gpu_unseen() -> None:
    pytest.importorskip("uvicorn", reason="needs the extra serve")
    fetch_runtimes()
    inputs = np.random.default_rng(0).normal(size=(9, len(WEIGHTS[0]))).astype(np.float32)
    expected = inputs @ np.asarray(WEIGHTS, np.float32).T + np.asarray(BIAS, np.float32)
    transport = BrowserTransport(BrowserOptions(), Path(str(FIREFOX)))
    try:
        for runtime, name in (("litert-js", "dense.tflite"), ("onnxruntime-web", "dense.onnx")):
            with AgentSession(transport, runtime, 60.0) as session:
                loaded = session.load(PROBES / name, 2, purpose="timing")
                assert loaded.delegate["threads_there"] == 2
                assert np.abs(session.run(inputs) - expected).max() <= TOLERANCE
                run = session.bench(
                    min_runs=5, min_seconds=0.0, max_seconds=20.0, warmup_seconds=0.1
                )
                about = session.describe()
            assert about["browser"].startswith("Firefox ")
            assert (about["secure"], about["isolated"]) == (True, True)
            assert 0 < run.clock_resolution_ns < 100_000
            assert run.repeats > 1
        assert transport.condition().readings["battery_level"] == "unknown"
    finally:
        transport.close()
    other = BrowserTransport(BrowserOptions(backend="webgpu"), Path(str(FIREFOX)))
    try:
        with AgentSession(other, "litert-js", 60.0) as session:
            try:
                where = str(session.load(PROBES / "dense.tflite").delegate["name"])
            except AgentRefused as refusal:
                where = refusal.kind
    finally:
        other.close()
    assert where == "NotOnGpu" or where.startswith("WebGPU ")  # the latter where it has one
