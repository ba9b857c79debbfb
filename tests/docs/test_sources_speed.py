"""The page of networks from elsewhere against plain converters: what is worse is said to be."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TURN = {
    "plain_seconds": 10.0, "plain_peak": 5e8, "whole_seconds": 30.0, "same_seconds": 9.0,
    "peak": 4e8, "load": 1.5,
}  # fmt: skip
RECORD = {
    "name": "net.onnx → tflite float32", "tool": "onnx2tf", "version": "2.6.9", "reason": "",
    "turns": [TURN, {**TURN, "load": 2.5}, {**TURN, "same_seconds": 40.0}], "accuracy": 96.0,
    "plain_accuracy": 96.0, "p50_ms": 0.01, "plain_p50_ms": 0.01,
}  # fmt: skip


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("sources_speed_page")


def test_the_page_is_what_its_records_give(made: Any) -> None:
    records = json.loads((ROOT / "docs" / "sources-speed.json").read_text(encoding="utf-8"))
    written = (ROOT / "docs" / "sources-speed.md").read_text(encoding="utf-8")
    assert made.page(records) == written, "run: python benchmarks/sources.py --page"
    routes = importlib.import_module("plain_converters").ROUTES
    assert [one["name"] for one in records] == [route.name for route in routes]
    assert made.page([RECORD]) != written


@pytest.mark.parametrize(
    ("change", "better", "worse"),
    [
        ({}, "time, memory", ""),
        ({"turns": [{**TURN, "same_seconds": 12.1}]}, "memory", "time"),
        ({"turns": [{**TURN, "same_seconds": 11.9, "peak": 6e8}]}, "", ""),
        ({"accuracy": 95.8}, "time, memory", "accuracy"),
        ({"accuracy": 96.2, "p50_ms": 0.009}, "time, memory, accuracy, latency", ""),
        ({"p50_ms": 0.0106}, "time, memory", "latency"),
        ({"p50_ms": float("nan"), "accuracy": float("nan")}, "time, memory", "accuracy, latency"),
    ],
)
def test_limits(made: Any, change: dict[str, Any], better: str, worse: str) -> None:
    record = {**RECORD, **change}
    assert (", ".join(made.better(record)), ", ".join(made.worse(record))) == (better, worse)
    assert made.line(record).endswith(f"| {better or '–'} | {worse or '–'} |")


def test_a_line_has_medians_of_turns_the_load_and_why_there_is_none(made: Any) -> None:
    line = made.line(RECORD)
    assert line.startswith("| net.onnx → tflite float32 | onnx2tf 2.6.9 | 3 | 1.5–2.5 | 10.0 s | ")
    assert "| 0.90 × | 3.0 × | 500 MB | 0.80 × |" in line
    told = made.line({**RECORD, "reason": "onnx2tf is not here", "version": ""})
    assert told == "| net.onnx → tflite float32 | onnx2tf | not measured: onnx2tf is not here |"
