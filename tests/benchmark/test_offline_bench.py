"""``zoo bench`` and recipes on devices that are never timed: analyses reach store and progress."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from zoo.benchmark.run import bench
from zoo.common.errors import UsageError
from zoo.execution.offline_analysis import OfflineAnalysis
from zoo.registry import PluginSettings, load_registry
from zoo.results.store import Store
from zoo.testing.offline_analysis import PROBES

REGISTRY = load_registry(PluginSettings(installed=False))


def test_each_analysis_is_recorded(tmp_path: Path) -> None:
    pytest.importorskip("tflite_micro", reason="needs the extra micro")
    good, cut = tmp_path / "good.tflite", tmp_path / "cut.tflite"
    shutil.copyfile(PROBES / "dense.tflite", good)
    cut.write_bytes(good.read_bytes()[:64])
    url = f"sqlite:///{tmp_path / 'store.db'}"
    steps: list[tuple[str, Any]] = []
    seen: list[str] = []
    timings = bench(
        [good, cut],
        device="pico",
        store=url,
        tag="mine",
        registry=REGISTRY,
        on_step=lambda step, event: steps.append((step, event.get("status", event["event"]))),
        on_timing=lambda timing: seen.append(timing.file.name),
    )
    assert seen == ["good.tflite", "cut.tflite"]
    assert [(t.examination is not None, t.error is not None) for t in timings] == [
        (True, False),
        (False, True),
    ]
    assert steps == [
        ("examine good.tflite pico", "start"),
        ("examine good.tflite pico", "passed"),
        ("examine cut.tflite pico", "start"),
        ("examine cut.tflite pico", "failed"),
    ]
    store = Store(url)
    try:
        rows = [row for row in store.records(kind="examine") if row.run == "bench:mine"]
    finally:
        store.close()
    kept = {row.record.step: row.record for row in rows}
    assert {record.status for record in kept.values()} == {"passed", "failed"}
    whole = kept["examine good.tflite pico"].result
    assert TypeAdapter(OfflineAnalysis).validate_python(whole) == timings[0].examination


def test_timing_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--threads means nothing for 'pico'"):
        bench([tmp_path / "net.tflite"], device="pico", threads=[2], registry=REGISTRY)
