"""The page of large networks: it is what its records give, and says what exceeds a limit."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
COST = {"seconds": 30.0, "processor": 20.0, "memory": 10**9}
FILE = {**COST, "bytes": 2_500_000, "same": 0.9, "decibels": 15.0}
RECORD = {
    "model": "mobilenet_v2", "processors": 2, "load": [1.0, 2.5], "ship": COST,
    "cells": [{"format": "onnx", "ours": FILE, "plain": FILE}],
}  # fmt: skip


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("large_page")


def test_the_page_is_what_its_records_give(made: Any) -> None:
    records = json.loads((ROOT / "docs" / "large-networks.json").read_text(encoding="utf-8"))
    written = (ROOT / "docs" / "large-networks.md").read_text(encoding="utf-8")
    assert made.page(records) == written, "run: python benchmarks/large.py --page"
    assert made.page([RECORD]) != written


@pytest.mark.parametrize(
    ("change", "misses"),
    [
        ({}, []),
        ({"memory": 2.5e9, "seconds": 60.0}, []),
        ({"memory": 2.6e9}, ["memory"]),
        ({"memory": 2.6e9, "seconds": 61.0}, ["time", "memory"]),
    ],
)
def test_limits_of_whole_commands(made: Any, change: dict[str, Any], misses: list[str]) -> None:
    record = {**RECORD, "ship": {**COST, **change}}
    assert made.ship_misses(record) == misses
    assert made.ship_row(record)[-1] == (", ".join(misses) or "–")
    assert made.ship_misses({**record, "model": "of no limit"}) == []


@pytest.mark.parametrize(
    ("change", "misses"),
    [
        ({}, []),
        ({"memory": 1.5e9, "same": 0.95}, []),
        ({"memory": 1.6e9}, ["memory"]),
        ({"same": 0.89}, ["answers"]),
    ],
)
def test_limits_of_conversions(made: Any, change: dict[str, Any], misses: list[str]) -> None:
    cell = {"format": "onnx", "ours": {**FILE, **change}, "plain": FILE}
    assert made.misses(cell) == misses
    assert made.row(RECORD, cell)[-1] == (", ".join(misses) or "–")


def test_a_row_has_the_figures_of_both(made: Any) -> None:
    ours = {**FILE, "memory": 1.2e9, "seconds": 33.0, "same": 0.953}
    row = made.row(RECORD, {"format": "onnx", "ours": ours, "plain": FILE})
    assert row[:4] == ["mobilenet_v2", "onnx int8", "30.0 s", "33.0 s"]
    assert row[6:] == [
        *("1.00 GB", "1.20 GB", "1.2 ×", "2.50 / 2.50", "90.0 % / 95.3 %", "15.0 / 15.0", "–")
    ]
